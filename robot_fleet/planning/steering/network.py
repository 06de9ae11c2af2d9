"""The passes of long robots and the ways between them: what tours are made of. Everything is in the grid frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from robot_fleet.planning.assignment import Work, evened_out, shared_out
from robot_fleet.planning.at_once import Heard, at_once
from robot_fleet.planning.directions import ANY_WAY, are_any
from robot_fleet.planning.steering.body import Body, distance_at, goes_free
from robot_fleet.planning.steering.leads import curves
from robot_fleet.planning.steering.parts import Part, is_safe, merged
from robot_fleet.planning.steering.passes import Pass
from robot_fleet.planning.steering.searches import Search, Searches
from robot_fleet.planning.steering.turns import Drive, all_turned, turned, written
from robot_fleet.planning.steering.wayfinding import SQUARE_M, metres_to
from robot_fleet.planning.terrain import Bools, Floats, Ints

# From each end so many of the cheapest ways are looked at; a way takes no longer than so many times the guess, and more.
_NEAR, _TIMES, _MORE_S = 24, 1.5, 12.0
# What a way is thought to take where none was looked at, and where no simple one was found.
_GUESS, _GUESS_S, _HARD_S, _NEVER_S = 1.2, 4.0, 15.0, 2000.0
# Passes in corners are made so many times shorter by so many metres at most.
_SHORTENED, _SHORTER_M, _LEAST_M = 5, 0.8, 0.3
# Before that a pass is moved away from its wall by so much, and an end is of use if so many of its ways were found.
_ASIDE_M, _USEFUL = 0.03, 2
# Where there is no room for that, so large a part of it may be enough.
_ASIDE_SHARES = (1.0, 0.7, 0.4)
# Where a one-way lets nobody back in along the wall, a nose that comes in ahead swings out further than a tail that leaves.
_ASIDE_ONE_WAY_M = 0.1
# So often tours are corrected by the ways that they take.
_ROUNDS = 8
# Tours are looked for from so many starts at once, each with so many times the usual trials, and evened out by so high a
# norm of the robots' times.
_STARTS, _THOROUGH, _EVEN = 2, 5.0, 40
_LONGEST_S = 120.0
# So many ways at most are searched for, or one for so many ends; a pass that leads nowhere is tried in so many places.
_SEARCHES, _ENDS, _PUT = 20, 20, 60
# From an end at which a pass was made shorter in vain ways to so many others are searched.
_SOUGHT = 3
# With one-ways more, since what leads back another way is no simple turn; and ways are guessed around them, unless that
# takes a look at too many squares.
_ENDS_ONE_WAY, _MOST_SQUARES = 2, 40_000_000


@dataclass(eq=False)
class Links:
    """Ways between poses: `cost` (n, n) seconds from leaving at one end to entering at another, exact for those `known`.

    `leaves` and `enters` (n, 3) are the poses at the ends, those of the robots' starts and homes behind those of the passes.
    A pass is not entered at its `wrong` ends, and so not left at their other ends. `whole` has the poses of ends at which passes
    were longer at first, when they are entered there (True) or left.
    """

    body: Body
    drive: Drive
    leaves: Floats
    enters: Floats
    cost: Floats
    known: dict[tuple[int, int], Floats | None] = field(default_factory=dict)
    searches: dict[tuple[int, int], Search | None] = field(default_factory=dict)
    settled: set[tuple[int, int]] = field(default_factory=set)
    ways_in: dict[int, list[Part]] = field(default_factory=dict)
    ways_out: dict[int, list[Part]] = field(default_factory=dict)
    aside: set[int] = field(default_factory=set)
    whole: dict[tuple[int, bool], Floats] = field(default_factory=dict)
    remembered: Searches = field(default_factory=Searches)
    wrong: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @classmethod
    def of(
        cls, body: Body, drive: Drive, leaves: Floats, enters: Floats, passes: int, wrong: Ints,
        remembered: Searches,
    ) -> Links:  # fmt: skip
        """The ways between all ends, those that look shortest found, the rest guessed; the first ends are those of passes.

        What was found on the same floor for the same kind of machine is `remembered`.
        """
        key = leaves.tobytes(), enters.tobytes(), passes
        if key not in remembered.links:
            remembered.links[key] = cls._found(body, drive, leaves, enters, passes, wrong, remembered)
        return remembered.links[key]._copied()

    @classmethod
    def _found(
        cls, body: Body, drive: Drive, leaves: Floats, enters: Floats, passes: int, wrong: Ints, remembered: Searches
    ) -> Links:
        guess = _guessed_s(leaves, enters, drive)
        if len(wrong):
            guess = np.maximum(guess, _around_s(body, drive, leaves, enters))
        found = cls(body, drive, leaves, enters, _GUESS * guess + _GUESS_S, wrong=wrong, remembered=remembered)
        ends = np.arange(len(leaves))
        guess[ends, ends] = guess[ends, ends ^ 1] = math.inf
        guess[:, wrong] = guess[wrong ^ 1] = math.inf
        near = np.argsort(guess, axis=1)[:, : min(_NEAR, len(ends) - 2)]
        pairs = np.column_stack((np.repeat(ends, near.shape[1]), near.ravel()))
        pairs = pairs[np.isfinite(guess[pairs[:, 0], pairs[:, 1]])] if len(wrong) else pairs
        found._look(pairs, guess)
        found._look(pairs[found._stranded(pairs, passes)[2]], guess, far=True)
        for _ in range(_SHORTENED):
            if not len(again := found._led(pairs, passes)):
                break
            found._look(again, guess)
        found._seek_rest(pairs, passes)
        for end, parts in (*found.ways_in.items(), *found.ways_out.items()):
            seconds = (
                sum(math.hypot(*step) for points, _ in parts for step in np.diff(points, axis=0)) / drive.speed_mps
            )
            if end in found.ways_in and parts is found.ways_in[end]:
                found.cost[:, end] += seconds + 2.0 * drive.stop_s * parts[0][1]
            else:
                found.cost[end] += seconds + 2.0 * drive.stop_s * parts[0][1]
        found.cost[ends, ends] = _NEVER_S
        found.cost[:, wrong] = found.cost[wrong ^ 1] = _NEVER_S
        return found

    def _copied(self) -> Links:
        """The same to be settled on its own; its ends stay where they are from now on."""
        return replace(
            self, cost=self.cost.copy(), known=dict(self.known), searches=dict(self.searches), settled=set(self.settled)
        )

    def _led(self, pairs: Ints, passes: int) -> Ints:
        """The pairs of ends from which nothing leads on, or to which nothing leads, such as beside walls: they get a curve in or
        out or, where there is no room for one, begin later or end sooner from now on.
        """
        out, into, bad = self._stranded(pairs, passes)
        for poses, fine, way, step in (
            (self.leaves, out, self.ways_out, -_SHORTER_M),
            (self.enters, into, self.ways_in, _SHORTER_M),
        ):
            for end in np.flatnonzero(~fine).tolist():
                if end not in way:
                    self._lead(poses, end, way, step)
        # A way that was found from or to an end that has moved is looked at when it is settled, and kept where it leads there.
        return np.asarray(pairs[bad])

    def _stranded(self, pairs: Ints, passes: int) -> tuple[Bools, Bools, Bools]:
        """Whether ways lead on from each end of a pass, and to it; and which pairs without a way have an end where none does."""
        led = np.array([tuple(pair) in self.known for pair in pairs.tolist()], dtype=bool)
        ends = np.arange(2 * passes)
        out, into = (np.bincount(pairs[led, side], minlength=len(ends))[ends] >= _USEFUL for side in (0, 1))
        out[self.wrong ^ 1] = into[self.wrong] = True
        bad = np.isin(pairs[:, 0], ends[~out]) | np.isin(pairs[:, 1], ends[~into])
        return out, into, np.asarray(bad & ~led)

    def _lead(self, poses: Floats, end: int, ways: dict[int, list[Part]], step_m: float) -> None:
        """Gives an end a curve, or moves it by a step."""
        into = ways is self.ways_in
        # In from behind or out to what lies ahead, else backing.
        for place, points, backs in curves(self.body, self.drive, poses[end], into):
            ways[end] = [(points, backs)]
            poses[end] = place
            return
        if end // 2 not in self.aside:
            self.aside.add(end // 2)
            if self._move_aside(2 * (end // 2)):
                return
        begin, stop = (poses[end, :2], self.stops(end ^ 1)) if into else (self.begins(end ^ 1), poses[end, :2])
        ahead_m = float((stop - begin) @ [math.cos(poses[end, 2]), math.sin(poses[end, 2])])
        # A pass that is hardly longer than a step stays as it is: its ends must not change places.
        if ahead_m >= abs(step_m) + _LEAST_M:
            self.whole.setdefault((end, into), poses[end].copy())
            poses[end, 0] += step_m * math.cos(poses[end, 2])
            poses[end, 1] += step_m * math.sin(poses[end, 2])

    def _seek_rest(self, pairs: Ints, passes: int) -> None:
        """Searches for ways from and to the ends at which passes were made shorter in vain, as long as they were at first."""
        out, into, _ = self._stranded(pairs, passes)
        for (end, enters), pose in list(self.whole.items())[: self._most_searches]:
            poses, fine, ways = (self.enters, into, self.ways_in) if enters else (self.leaves, out, self.ways_out)
            if not fine[end] and end not in ways:
                shorter, poses[end] = poses[end].copy(), pose
                if not self._seek(end, enters):
                    poses[end] = shorter

    def _seek(self, end: int, into: bool) -> bool:
        """Searches for ways out of an end, or in, from or to those that look nearest; whether there are any."""
        costs = (self.cost[:, end] if into else self.cost[end]).copy()
        costs[[end, end ^ 1]] = costs[self.wrong ^ 1 if into else self.wrong] = math.inf
        for k, other in enumerate(np.argsort(costs)[:_SOUGHT].tolist()):
            pair = (other, end) if into else (end, other)
            if not math.isfinite(seconds := self._search(*pair)):
                # Where a long search finds nothing there are seldom ways to others.
                return k > 0
            self.cost[pair] = seconds
        return True

    @property
    def _most_searches(self) -> int:
        return max(_SEARCHES, len(self.leaves) // (_ENDS_ONE_WAY if are_any(self.body.directions) else _ENDS))

    def _move_aside(self, end: int) -> bool:
        """Moves the pass with this end and the next a little away from the wall beside it; whether there is room for that.

        Curves at its ends have led to where it lay, and are forgotten.
        """
        ends = end, end + 1
        begins, stops = [self.begins(one) for one in ends], [self.stops(one) for one in ends]
        yaw = math.atan2(*(stops[1] - begins[0])[::-1])
        left = np.array([-math.sin(yaw), math.cos(yaw)])
        right_m, left_m = (_beside_m(self.body, begins[0][0], begins[0][1], yaw, side) for side in (-1.0, 1.0))
        most_m = _ASIDE_ONE_WAY_M if np.isin(ends, self.wrong).any() else _ASIDE_M
        for share in _ASIDE_SHARES:
            move = share * most_m * (left if right_m < left_m else -left)
            ways = ((begins[0] + move, stops[1] + move, yaw), (begins[1] + move, stops[0] + move, yaw + math.pi))
            if all(goes_free(self.body.along(ANY_WAY), a[0], a[1], b[0], b[1], facing) for a, b, facing in ways):
                for one, facing in zip(ends, (yaw, yaw + math.pi), strict=True):
                    self.whole.pop((one, True), None)
                    self.whole.pop((one, False), None)
                    self.enters[one] = *(begins[one - end] + move), facing
                    self.leaves[one] = *(stops[one - end] + move), facing + math.pi
                    self.ways_in.pop(one, None)
                    self.ways_out.pop(one, None)
                self.known = {
                    pair: way for pair, way in self.known.items() if not {pair[0] // 2, pair[1] // 2} & {end // 2}
                }
                return True
        return False

    def _look(self, pairs: Ints, guess: Floats, far: bool = False) -> None:
        """Finds the ways of pairs of ends; `far`: backing as far as it takes, for ends from which else none leads on."""
        limits = guess[pairs[:, 0], pairs[:, 1]] * _TIMES + _MORE_S
        ways = np.zeros((len(pairs), 5))
        all_turned(self.body, self.drive, self.leaves, self.enters, pairs, limits, far, ways)
        for (leave, enter), way in zip(pairs.tolist(), ways, strict=True):
            if math.isfinite(way[4]):
                self.known[leave, enter] = way
                self.cost[leave, enter] = way[4]
            elif self.cost[leave, enter] < guess[leave, enter] + _HARD_S:
                self.cost[leave, enter] += _HARD_S

    def settle(self, leave: int, enter: int) -> bool:
        """Finds the way from an end to another; returns whether its cost has changed."""
        if (leave, enter) in self.settled:
            return False
        self.settled.add((leave, enter))
        if enter in self.wrong or leave ^ 1 in self.wrong:
            return False
        before, way = self.cost[leave, enter], self.known.get((leave, enter))
        # What was searched when the end of another pass lay elsewhere does not lead there any more.
        searched = self.searches.pop((leave, enter), None) is not None
        if way is None:
            way = np.zeros(5)
            way[4] = turned(self.body, self.drive, self.leaves[leave], self.enters[enter], _LONGEST_S, way)
            self.cost[leave, enter] = min(way[4], _NEVER_S)
        self.known[leave, enter] = way if math.isfinite(way[4]) and self._is_safe(leave, enter, way) else None
        if self.known[leave, enter] is None:
            most = self._most_searches + _SOUGHT * len(self.whole)
            seconds = self._search(leave, enter) if searched or len(self.searches) < most else math.inf
            self.cost[leave, enter] = min(seconds, _NEVER_S)
        return bool(abs(self.cost[leave, enter] - before) > 1.0)

    def _is_safe(self, leave: int, enter: int, way: Floats) -> bool:
        """Whether a way is safe as it will be driven, without the smallest of its moves."""
        parts = self._parts(leave, enter, written(self.leaves[leave], self.enters[enter], way))
        begin, end = (np.array([*place, poses[number, 2]]) for place, poses, number in (
            (self.stops(leave), self.leaves, leave), (self.begins(enter), self.enters, enter)
        ))  # fmt: skip
        return is_safe(self.body, begin, parts, end)

    def _parts(self, leave: int, enter: int, between: Sequence[Part]) -> list[Part]:
        return merged([*self.ways_out.get(leave, []), *between, *self.ways_in.get(enter, [])])

    def _search(self, leave: int, enter: int) -> float:
        found = self.searches[leave, enter] = self.remembered.between(
            self.body, self.drive, self.leaves[leave], self.enters[enter]
        )
        return found.seconds if found else math.inf

    def has_way(self, leave: int, enter: int) -> bool:
        """Whether a way is known from an end to another."""
        return self.known.get((leave, enter)) is not None or self.searches.get((leave, enter)) is not None

    def way(self, leave: int, enter: int) -> list[Part]:
        """The parts of the way from a pass's end to another's that `settle` has found, curves out and in with it."""
        b = self.enters[enter]
        if (search := self.searches.get((leave, enter))) is not None:
            parts = search.parts_to(b)
        else:
            known = self.known[leave, enter]
            assert known is not None
            parts = written(self.leaves[leave], b, known)
        return self._parts(leave, enter, parts)

    def begins(self, enter: int) -> Floats:
        """(2,) where a pass begins when it is entered at an end."""
        way = self.ways_in.get(enter)
        return np.asarray(way[-1][0][-1] if way else self.enters[enter, :2])

    def length_m(self, number: int) -> float:
        """The metres of a pass, of the longer way along it."""
        ends = 2 * number, 2 * number + 1
        return max(math.hypot(*(self.stops(end ^ 1) - self.begins(end))) for end in ends)

    def stops(self, leave: int) -> Floats:
        """(2,) where a pass stops when it is left at an end."""
        way = self.ways_out.get(leave)
        return np.asarray(way[0][0][0] if way else self.leaves[leave, :2])


def _beside_m(body: Body, x: float, y: float, yaw: float, side: float) -> float:
    """How much room there is half a metre to the left (1) or the right (-1) of a pose."""
    return float(distance_at(body.fine_m, body.side_m, x - 0.5 * side * math.sin(yaw), y + 0.5 * side * math.cos(yaw)))


def _guessed_s(leaves: Floats, enters: Floats, drive: Drive) -> Floats:
    """(n, n) about the seconds between poses if nothing is in the way."""
    way = enters[None, :, :2] - leaves[:, None, :2]
    metres, yaw = np.hypot(way[..., 0], way[..., 1]), np.arctan2(way[..., 1], way[..., 0])
    out, back = _angle(yaw - leaves[:, None, 2]), _angle(enters[None, :, 2] - yaw)
    round_ = _angle(enters[None, :, 2] - leaves[:, None, 2])
    turns = np.where(metres < 1.5 * drive.radii_m.min(), round_, out + back)
    return np.asarray(np.maximum(metres / drive.speed_mps, turns / drive.yaw_rate_rps) + 1.0)


def _around_s(body: Body, drive: Drive, leaves: Floats, enters: Floats) -> Floats:
    """(n, n) about the seconds between poses around one-ways for a machine that turns anywhere; 0 on floors so large that it takes
    long to find out.
    """
    found = np.zeros((len(leaves), len(enters)))
    for k, (x, y, _) in enumerate(enters.tolist()):
        away_m = metres_to(body, x, y)
        if away_m.size * len(enters) > _MOST_SQUARES:
            break
        rows, cols = (np.clip(leaves[:, j] / SQUARE_M, 0, away_m.shape[1 - j] - 1).astype(np.int64) for j in (1, 0))
        found[:, k] = np.minimum(away_m[rows, cols] / drive.speed_mps, _NEVER_S)
    return found


def _angle(turn: Floats) -> Floats:
    return np.asarray(np.abs(np.remainder(turn + math.pi, math.tau) - math.pi))


@dataclass(frozen=True, eq=False)
class Tours:
    """The order of the ends through which each robot enters its passes, and the ways between them."""

    orders: list[Ints]
    links: Links
    work: Work

    def steps(self, robot: int) -> list[tuple[int, int]]:
        """The ways (leave, enter) of a robot's tour, out of its start and home."""
        order = self.orders[robot].tolist()
        leaves = [int(self.work.starts[robot]), *(end ^ 1 for end in order)]
        enters = [*order, int(self.work.homes[robot])]
        return [pair for pair in zip(leaves, enters, strict=True) if pair[1] >= 0]


def toured(
    links: Links, work: Work, seed: int, effort: float, tell: Callable[[float], None] = lambda _share: None,
    begun: list[Ints] | None = None,
) -> Tours:  # fmt: skip
    """Tours over passes that only take ways that were found; a pass that none leads to, or none from, is left out.

    Tours that are `begun` are evened out.
    """
    if begun is None:
        starts = [partial(_shared, work, _STARTS * seed + k, _THOROUGH * effort) for k in range(_STARTS)]
        found = at_once(starts, lambda share: tell(0.4 * share))
        orders = min(found, key=lambda made: max(work.time_s(robot, order) for robot, order in enumerate(made)))
    else:
        orders = evened_out(work, begun, lambda share: tell(0.4 * share), seed, effort, _EVEN)
    for k in range(_ROUNDS):
        tours = Tours(orders, links, work)
        steps = [pair for robot in range(len(orders)) if len(orders[robot]) for pair in tours.steps(robot)]
        tell(0.4 + 0.6 * (k + 1) / _ROUNDS)
        # All are settled, whether or not one has changed.
        if not sum([links.settle(*pair) for pair in steps]):
            break
        orders = evened_out(work, orders, lambda _share: None, seed + k, effort, _EVEN)
    return Tours(_Mending(links, work).mended(orders), links, work)


@dataclass(frozen=True, eq=False)
class _Mending:
    """Makes tours of ways that are known to lead on."""

    links: Links
    work: Work

    def mended(self, orders: list[Ints]) -> list[Ints]:
        """The orders, the passes that they find no way to or from put where there are ways, and else left out."""
        tours, loose = [], list[int]()
        for robot, order in enumerate(orders):
            kept = order.tolist()
            while (bad := self._bad(robot, kept)) is not None:
                loose.append(kept.pop(bad))
            tours.append(kept)
        for end in loose:
            self._put(tours, end)
        return [np.array(kept, dtype=np.int64) for kept in tours]

    def _bad(self, robot: int, order: list[int]) -> int | None:
        """The place of a pass to which, or from which, no way leads."""
        for k in range(len(order) + 1):
            leave, enter = self._ends(robot, order, k)
            if order and enter >= 0 and not self._leads(leave, enter):
                return min(k, len(order) - 1)
        return None

    def _ends(self, robot: int, order: list[int], k: int) -> tuple[int, int]:
        """The end that is left before, and the one that is entered at, a place of an order."""
        leave = order[k - 1] ^ 1 if k else int(self.work.starts[robot])
        return leave, order[k] if k < len(order) else int(self.work.homes[robot])

    def _leads(self, leave: int, enter: int) -> bool:
        self.links.settle(leave, enter)
        return self.links.has_way(leave, enter)

    def _put(self, tours: list[list[int]], end: int) -> None:
        """Puts a pass, either way round, where it costs least among places to which ways lead."""
        cost = self.work.cost
        choices = []
        for robot, order in enumerate(tours):
            for k in range(len(order) + 1):
                leave, enter = self._ends(robot, order, k)
                before = cost[leave, enter] if enter >= 0 and order else 0.0
                for one in (end, end ^ 1):
                    after = cost[one ^ 1, enter] if enter >= 0 else 0.0
                    choices.append((cost[leave, one] + after - before, robot, k, one))
        for _, robot, k, one in sorted(choices)[:_PUT]:
            leave, enter = self._ends(robot, tours[robot], k)
            if self._leads(leave, one) and (enter < 0 or self._leads(one ^ 1, enter)):
                tours[robot].insert(k, one)
                return


def _shared(work: Work, seed: int, effort: float, heard: Heard) -> list[Ints]:
    return shared_out(work, heard, seed, effort)


def ends_of(passes: Sequence[Pass]) -> tuple[Floats, Floats]:
    """(2 n, 3) the poses in which robots leave passes at their ends, and those in which they enter there."""
    leaves = [one.left(end) for one in passes for end in (0, 1)]
    enters = [one.entered(end) for one in passes for end in (0, 1)]
    return np.array(leaves).reshape(-1, 3), np.array(enters).reshape(-1, 3)
