"""All lanes over the wanted floor: aisles, laps along walls and single stretches in the mixture that takes least time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.frame import Frame
from robot_fleet.planning.gaps import Leftover, gap_lanes
from robot_fleet.planning.lanes import Spread, straight_lanes
from robot_fleet.planning.laps import laps, outlines
from robot_fleet.planning.orientation import wall_direction
from robot_fleet.planning.picking import picked_lanes
from robot_fleet.planning.polyline import TURNS_M
from robot_fleet.planning.sweeping import mark_all_swept
from robot_fleet.planning.terrain import Bools, Floats, Terrain
from robot_fleet.planning.timing import path_s
from robot_fleet.planning.trimming import trimmed

# Shares of a full head's width that a metre of lap must clean: when laps come first, later, and last.
_LAP_FIRST, _LAP_LATER, _LAP_LAST = 0.45, 0.25, 0.12
# A lane of an aisle is kept if it alone cleans so much of what it could.
_WORTHY, _WORTHY_LATER = 0.3, 0.15
# Aisles that take less than so many times the bound are not worth a second try.
_GOOD = 1.3
# Floor that is left over takes so many times its bound.
_POOR = 4.0
# Shares of the wanted floor that may stay: always, and when only crumbs are left; in haste nothing better is tried.
_LEFT, _LEFT_IN_HASTE = (0.003, 0.007), (0.005, 0.009)


@dataclass(frozen=True, eq=False)
class _Draft:
    """Lanes, what they sweep (rows, cols), and seconds for them and, at a poor rate, for the floor that they leave."""

    lanes: list[Floats]
    swept: Bools
    guess_s: float


@dataclass(frozen=True, eq=False)
class Laying:
    """Lays lanes for one profile on one piece of floor; in `haste` without laps along walls where aisles do well."""

    terrain: Terrain
    reach: Bools
    wanted: Bools
    profile: RobotProfile
    spacing_m: float
    haste: bool = False

    def lanes(self) -> list[Floats]:
        """The lanes (n, 2) in the grid frame, of the mixture that takes the least time."""
        by_aisles = self._drafted(self._aisles(self.wanted))
        good = by_aisles.guess_s <= _GOOD * self._bound_s()
        if good and self.haste:
            return by_aisles.lanes + self._gaps(by_aisles.swept.copy(), _LEFT_IN_HASTE)
        rings = outlines(self.terrain, self.reach)
        if good or self.haste:
            return self._completed(by_aisles, rings)
        by_laps = self._drafted(self._laps_first(rings))
        return self._completed(min(by_aisles, by_laps, key=lambda draft: draft.guess_s), rings)

    def _drafted(self, lanes: list[Floats]) -> _Draft:
        swept = self._swept(lanes)
        rest = (self.wanted & ~swept).sum() / self.wanted.sum()
        return _Draft(lanes, swept, self._time_s(lanes) + _POOR * float(rest) * self._bound_s())

    def _bound_s(self) -> float:
        cells_m2 = float(self.wanted.sum()) * self.terrain.side_m**2
        return cells_m2 / (self.profile.head.width_m * self.profile.speed_mps)

    def _aisles(self, wanted: Bools, worth: float = _WORTHY) -> list[Floats]:
        spread = Spread(self.profile.head.width_m, self.spacing_m)
        return self._trimmed(straight_lanes(self.terrain, self.reach, wanted, spread), worth, wanted)

    def _laps_first(self, rings: list[Floats]) -> list[Floats]:
        swept = np.zeros_like(self.wanted)
        first = laps(self.terrain, rings, self.wanted, swept, self.profile.head, _LAP_FIRST)
        return first + self._aisles(self.wanted & ~swept, _WORTHY_LATER)

    def _completed(self, draft: _Draft, rings: list[Floats]) -> list[Floats]:
        """The lanes with all that is missing: laps where they are worth it, stretches, laps, gaps."""
        head, swept = self.profile.head, draft.swept.copy()
        lanes = draft.lanes + laps(self.terrain, rings, self.wanted, swept, head, _LAP_LATER)
        angle = wall_direction(self.reach)
        frame = Frame.of(self.terrain, angle if abs(angle) > 1e-3 else 0.0)
        picked = picked_lanes(self.terrain, frame, self.reach, self.wanted & ~swept, head.width_m)
        lanes = self._trimmed(lanes + picked, 0.1, self.wanted)
        swept = self._swept(lanes)
        lanes = lanes + laps(self.terrain, rings, self.wanted, swept, head, _LAP_LAST)
        return lanes + self._gaps(swept, _LEFT)

    def _gaps(self, swept: Bools, left: tuple[float, float]) -> list[Floats]:
        """Short lanes until no more than the shares `left` of the wanted floor is left."""
        leftover = Leftover(*(int(self.wanted.sum() * share) for share in left))
        angle = wall_direction(self.reach)
        axes = (angle, angle + math.pi / 2)
        return gap_lanes(self.terrain, self.wanted, swept, self.profile.head, leftover, axes)

    def _trimmed(self, lanes: list[Floats], worth: float, wanted: Bools) -> list[Floats]:
        return trimmed(lanes, wanted, self.profile.head, self.terrain.side_m, worth)

    def _swept(self, lanes: list[Floats]) -> Bools:
        mask = np.zeros_like(self.wanted)
        mark_all_swept(mask, lanes, self.profile.head, self.terrain.side_m)
        return mask

    def _time_s(self, lanes: list[Floats]) -> float:
        return sum(path_s(lane, self.profile) + TURNS_M / self.profile.speed_mps for lane in lanes)
