"""How tight a path turns with the head down and with it up, and where it is driven backwards.

A path is a polyline, so a radius is that of the circle through a vertex and the path some way before and behind it. A
corner of more than 10 degrees at one vertex is a pivot: its radius is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robot_fleet.planning.judging.strokes import STRAIGHT_RAD, Strokes
from robot_fleet.planning.judging.track import CORNER_RAD, Bools, Floats, Ints
from robot_fleet.planning.judging.verdict import Violation, ViolationKind
from robot_fleet.planning.plan import LegKind

# A window of a third of the least radius on each side sees an arc of 40 degrees; a bend of 10 degrees at one vertex
# passes.
WINDOW = 0.35
SLACK = 0.03
# So much of a pivot may go by while the head is lifted or lowered.
LATE_RAD = 0.01
AT_DOCK = (LegKind.UNDOCK, LegKind.DOCK)


def turning_violations(strokes: Strokes) -> Iterator[Violation]:
    """Turns that are tighter than the head allows as it is, one for each stretch, and driving backwards."""
    yield from _tight(strokes)
    yield from _backwards(strokes)


def _tight(strokes: Strokes) -> Iterator[Violation]:
    profile, path = strokes.track.profile, _Path.of(strokes)
    down_m, up_m = profile.least_radius_m, profile.lifted_radius_m
    # Where the head goes up or down no more is asked than both ask.
    between = path.goes_on & ~path.goes_down & ~path.goes_up & ~path.corner
    for least, joined, asked, pivots, how in (
        (down_m, path.goes_down, path.goes_down, path.down_rad, " with the head down"),
        (up_m, path.goes_up, path.goes_up, path.up_rad, " with the head up"),
        (min(down_m, up_m), path.goes_on, between, np.zeros(len(path.a)), ""),
    ):
        if least:
            radius = _radii(path, joined, asked, least)
            radius[path.corner & (pivots > LATE_RAD)] = 0.0
            for first, last in _stretches(radius < least * (1.0 - SLACK)):
                k = first + int(radius[first:last].argmin())
                what = f"the path turns tighter than {least:.2f} m{how}"
                yield _violation(strokes, int(path.stroke[k]), ViolationKind.RADIUS, float(radius[k]), what)


def _backwards(strokes: Strokes) -> Iterator[Violation]:
    """Driving backwards with something down, and by a robot that cannot; into and out of docks every robot may."""
    backwards = strokes.reverse & strokes.drives
    down = strokes.deck | strokes.picks_up
    docking = np.array([leg.kind in AT_DOCK for leg in strokes.track.legs], dtype=bool)[strokes.track.leg[strokes.move]]
    never = backwards & ~down & ~docking & (not strokes.track.profile.reverses)
    for mask, what in (
        (backwards & strokes.deck, "drives backwards with the head down"),
        (backwards & down & ~strokes.deck, "drives backwards with the squeegee down"),
        (never, "drives backwards, which it cannot"),
    ):
        for first, last in _stretches(mask):
            yield _violation(strokes, first, ViolationKind.REVERSING, float(strokes.length_m[first:last].sum()), what)


@dataclass(frozen=True, eq=False)
class _Path:
    """The drives of a robot, m of them, with what happens at the start of each.

    `down_rad` and `up_rad` are how far the robot turns there with the head down and up. `goes_on` tells whether the path
    goes on there in the same direction, `goes_down` and `goes_up` whether it does so with the head like that all along.
    """

    stroke: Ints
    a: Floats
    b: Floats
    length_m: Floats
    down_rad: Floats
    up_rad: Floats
    goes_on: Bools
    goes_down: Bools
    goes_up: Bools

    @staticmethod
    def of(strokes: Strokes) -> _Path:
        stroke = np.flatnonzero(strokes.drives)
        down, up = (_turned_rad(strokes, stroke, state) for state in (strokes.deck, ~strokes.deck))
        deck, reverse = strokes.deck[stroke], strokes.reverse[stroke]
        goes_on = strokes.joined[stroke]
        goes_on[1:] &= reverse[1:] == reverse[:-1]
        goes_on[:1] = False
        before = np.concatenate((deck[:1], deck[:-1]))
        return _Path(
            stroke, strokes.a[stroke], strokes.b[stroke], strokes.length_m[stroke], down, up, goes_on,
            goes_on & deck & before & (up <= STRAIGHT_RAD), goes_on & ~deck & ~before & (down <= STRAIGHT_RAD),
        )  # fmt: skip

    @property
    def corner(self) -> Bools:
        """(m,) whether the robot pivots before the drive."""
        corner: Bools = self.down_rad + self.up_rad > CORNER_RAD
        return corner


def _turned_rad(strokes: Strokes, stroke: Ints, state: Bools) -> Floats:
    """(m,) how far the robot turns right before each drive, in the turns that are marked."""
    turned = np.concatenate(([0.0], np.cumsum(np.where(state, np.abs(strokes.turn), 0.0))))
    before: Floats = turned[stroke] - turned[np.concatenate(([0], stroke[:-1]))] if len(stroke) else turned[:0]
    return before


def _radii(path: _Path, joined: Bools, asked: Bools, least: float) -> Floats:
    """(m,) radius of the path at the start of each drive that is asked for, seen as far as drives are joined; else inf."""
    radii = np.full(len(path.a), np.inf)
    for first, last in _stretches(joined):
        # The drives first - 1 .. last - 1 are joined: inner vertices are the starts of first .. last - 1.
        points = np.concatenate((path.a[first - 1 : last], path.b[last - 1 : last]))
        way = np.concatenate(([0.0], np.cumsum(path.length_m[first - 1 : last])))
        for k in (first + np.flatnonzero(asked[first:last])).tolist():
            radii[k] = 0.0 if path.corner[k] else _radius(points, way, k - first + 1, WINDOW * least)
    return radii


def _radius(points: Floats, way: Floats, i: int, window: float) -> float:
    before = _neighbour(points, way, i, -window)
    after = _neighbour(points, way, i, window)
    a, b = points[i] - before, after - points[i]
    chord = after - before
    doubled_area = abs(float(a[0] * b[1] - a[1] * b[0]))
    if np.arctan2(doubled_area, float(a @ b)) <= CORNER_RAD:
        return float("inf")
    return float(np.hypot(*a) * np.hypot(*b) * np.hypot(*chord)) / (2.0 * doubled_area)


def _neighbour(points: Floats, way: Floats, i: int, window: float) -> Floats:
    """The nearest vertex at least a window away, because vertices lie on the arc; where it is far, the path at a window."""
    goal = way[i] + window
    j = int(np.searchsorted(way, goal - 1e-9)) if window > 0 else int(np.searchsorted(way, goal + 1e-9)) - 1
    j = min(max(j, 0), len(way) - 1)
    if abs(way[j] - way[i]) <= 1.5 * abs(window):
        return np.asarray(points[j], dtype=np.float64)
    return np.array([np.interp(goal, way, points[:, 0]), np.interp(goal, way, points[:, 1])])


def _stretches(mask: Bools) -> Iterator[tuple[int, int]]:
    """The runs of True in a mask, as (first, one behind the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


def _violation(strokes: Strokes, stroke: int, kind: ViolationKind, amount: float, what: str) -> Violation:
    track, k = strokes.track, int(strokes.move[stroke])
    at = (float(strokes.a[stroke, 0]), float(strokes.a[stroke, 1]))
    return Violation(kind, amount, what, track.robot, track.leg_id(k), int(track.index[k]), at)
