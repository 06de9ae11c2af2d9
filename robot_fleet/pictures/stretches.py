"""What a robot does along its way, as lines: scrubbing, brushing without water, picking water up, and driving."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.judging.strokes import Strokes, strokes_of
from robot_fleet.planning.judging.track import track_of
from robot_fleet.planning.plan import CoveragePath, LegKind

Line = NDArray[np.float64]


class Work(enum.Enum):
    """What of the head works along a stretch."""

    SCRUB = "lane, head on"
    BRUSH = "lane, solution off"
    PICK_UP = "head up, vacuum on"
    DRIVE = "transit, head off"


def stretches_of(way: CoveragePath, profile: RobotProfile) -> list[tuple[Work, Line]]:
    """The way in order, as lines (n, 2) in the map frame along which the robot does the same."""
    if not any(leg.switches for leg in way.legs):
        return [(Work.SCRUB if leg.kind is LegKind.CLEAN else Work.DRIVE, leg.points) for leg in way.legs]
    strokes = strokes_of(track_of(way, profile))
    leg = strokes.track.leg[strokes.move]
    edges = np.searchsorted(leg, np.arange(len(way.legs) + 1))
    return [one for first, last in itertools.pairwise(edges.tolist()) for one in _cut(strokes, range(first, last))]


def _cut(strokes: Strokes, mine: range) -> Iterator[tuple[Work, Line]]:
    drives = strokes.drives
    for work, group in itertools.groupby((k for k in mine if drives[k]), lambda k: _work(strokes, k)):
        rows = list(group)
        yield work, np.concatenate((strokes.a[rows[:1]], strokes.b[rows]))


def _work(strokes: Strokes, k: int) -> Work:
    if strokes.deck[k]:
        return Work.SCRUB if strokes.solution[k] else Work.BRUSH
    return Work.PICK_UP if strokes.vacuum[k] else Work.DRIVE


def length_m(line: Line) -> float:
    """Metres along a line."""
    return float(np.hypot(*np.diff(line, axis=0).T).sum())
