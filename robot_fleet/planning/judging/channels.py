"""Whether solution and vacuum work where the profile says: wet floor where the deck is down, none left behind a lifted one.

Along a pass, driven straight on with the deck down, the solution is on but for the last `solution_off_m` before the deck is
lifted or the robot turns on the spot; before a lift it is off for so long, or for all of a pass that is shorter. After a lift the
vacuum goes on for `vacuum_on_m` as long as the robot drives straight on: where it turns, backs or docks its squeegee is up.
Robots without a squeegee use no water that would have to be seen to.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robot_fleet.planning.judging.strokes import STRAIGHT_RAD, Strokes
from robot_fleet.planning.judging.track import CORNER_RAD, Bools, Floats, Ints
from robot_fleet.planning.judging.verdict import Violation, ViolationKind
from robot_fleet.planning.plan import LegKind

# So far a switch may be from its place.
SLACK_M = 0.05
# A corner of almost 10 degrees may be one: coordinates in files are rounded.
ABOUT_CORNER_RAD = 0.99 * CORNER_RAD
AT_DOCK = (LegKind.UNDOCK, LegKind.DOCK, LegKind.SERVICE)


def channel_violations(strokes: Strokes) -> Iterator[Violation]:
    """Each stretch that is swept dry, and each lift before which the solution, or after which the vacuum, is wrong."""
    if strokes.track.profile.squeegee is None or _says_nothing(strokes):
        return
    drives = _Drives.of(strokes)
    yield from _dry(strokes, drives)
    for first, last in drives.passes():
        if drives.lifts_after(last - 1):
            yield from _late(strokes, drives, first, last)
            if drives.wet[first:last].any():
                yield from _not_dried(strokes, drives, last)


def _says_nothing(strokes: Strokes) -> bool:
    """Whether all of the path is driven with all of the head on: such paths have no words for its parts."""
    return all(leg.kind is LegKind.CLEAN and not leg.switches for leg in strokes.track.legs)


@dataclass(frozen=True, eq=False)
class _Drives:
    """The drives of a robot, m of them, and what works in each.

    `goes_on` tells whether the robot drives straight on from the one before, `turned_up` whether it turns before it with
    the deck up.
    """

    stroke: Ints
    length_m: Floats
    deck: Bools
    wet: Bools
    picks_up: Bools
    away: Bools
    goes_on: Bools
    turned_up: Bools
    reverse: Bools

    @staticmethod
    def of(strokes: Strokes) -> _Drives:
        at = np.flatnonzero(strokes.drives)
        turned = _turned_rad(strokes, at, np.ones(len(strokes.deck), dtype=bool))
        reverse = strokes.reverse[at]
        goes_on = strokes.joined[at] & (turned <= ABOUT_CORNER_RAD)
        goes_on[1:] &= reverse[1:] == reverse[:-1]
        goes_on[:1] = False
        docking = np.array([leg.kind in AT_DOCK for leg in strokes.track.legs], dtype=bool)
        return _Drives(
            at, strokes.length_m[at], strokes.deck[at], (strokes.deck & strokes.solution)[at], strokes.picks_up[at],
            ~docking[strokes.track.leg[strokes.move[at]]], goes_on,
            _turned_rad(strokes, at, ~strokes.deck) > STRAIGHT_RAD, reverse,
        )  # fmt: skip

    def runs(self, mask: Bools) -> Iterator[tuple[int, int]]:
        """The runs of marked drives that go on into one another, as (first, one behind the last)."""
        goes_on = mask[1:] & mask[:-1] & self.goes_on[1:]
        edges = [0, *(np.flatnonzero(~goes_on) + 1).tolist(), len(mask)]
        yield from ((first, last) for first, last in itertools.pairwise(edges) if first < last and mask[first])

    def passes(self) -> Iterator[tuple[int, int]]:
        """What is driven straight on with the deck down."""
        return self.runs(self.deck)

    def lifts_after(self, k: int) -> bool:
        """Whether the deck is lifted after a drive, or nothing follows."""
        if k + 1 == len(self.deck):
            return True
        return bool(not self.deck[k + 1] or self.turned_up[k + 1] or self.reverse[k + 1] != self.reverse[k])


def _turned_rad(strokes: Strokes, drives: Ints, state: Bools) -> Floats:
    """(m,) how far the robot turns on the spot right before each drive, in the turns that are marked."""
    turned = np.concatenate(([0.0], np.cumsum(np.where(state, np.abs(strokes.turn), 0.0))))
    before: Floats = turned[drives] - turned[np.concatenate(([0], drives[:-1]))] if len(drives) else turned[:0]
    return before


def _dry(strokes: Strokes, drives: _Drives) -> Iterator[Violation]:
    """Stretches with the deck down and the solution off that are longer than before a lift, or not before one."""
    off_m = strokes.track.profile.channels.solution_off_m
    for first, last in drives.runs(drives.deck & ~drives.wet):
        ends = last == len(drives.deck) or not (drives.deck[last] and drives.goes_on[last])
        dry_m = float(drives.length_m[first:last].sum())
        if dry_m > (off_m if ends else 0.0) + SLACK_M:
            what = f"{dry_m:.2f} m are swept without solution" + (f", {off_m:.2f} m may be" if ends else "")
            yield _violation(strokes, drives, first, dry_m - (off_m if ends else 0.0), what)


def _late(strokes: Strokes, drives: _Drives, first: int, last: int) -> Iterator[Violation]:
    """A pass at whose end the solution is on for longer than it may."""
    wanted = min(strokes.track.profile.channels.solution_off_m, float(drives.length_m[first:last].sum()))
    dry_m = _until(drives.length_m[first:last][::-1], drives.wet[first:last][::-1])
    if wanted - dry_m > SLACK_M:
        what = f"the solution is off {dry_m:.2f} m before the head is lifted, not {wanted:.2f} m"
        yield _violation(strokes, drives, last - 1, wanted - dry_m, what)


def _not_dried(strokes: Strokes, drives: _Drives, first: int) -> Iterator[Violation]:
    """A lift after which the vacuum goes off too soon; `first` is the drive that follows it."""
    ahead = drives.goes_on & drives.away & ~drives.deck & ~drives.reverse
    last = first + int(np.argmin(np.append(ahead[first:], False)))
    length_m = drives.length_m[first:last]
    wanted = min(strokes.track.profile.channels.vacuum_on_m, float(length_m.sum()))
    dried_m = _until(length_m, ~drives.picks_up[first:last])
    if wanted - dried_m > SLACK_M:
        what = f"the vacuum goes on for {dried_m:.2f} m after the head is lifted, not for {wanted:.2f} m"
        yield _violation(strokes, drives, first, wanted - dried_m, what)


def _until(length_m: Floats, mask: Bools) -> float:
    """The metres before the first marked one of a row of drives."""
    return float(length_m[: int(np.argmax(np.append(mask, True)))].sum())


def _violation(strokes: Strokes, drives: _Drives, drive: int, amount: float, what: str) -> Violation:
    track, stroke = strokes.track, int(drives.stroke[drive])
    k = int(strokes.move[stroke])
    at = (float(strokes.a[stroke, 0]), float(strokes.a[stroke, 1]))
    return Violation(ViolationKind.CHANNELS, amount, what, track.robot, track.leg_id(k), int(track.index[k]), at)
