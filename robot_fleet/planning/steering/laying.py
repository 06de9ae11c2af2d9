"""Straight passes over the floor of long robots: few, and such that they can turn where these end."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.facing import faced
from robot_fleet.planning.joining import joined
from robot_fleet.planning.lanes import Spread, straight_lanes
from robot_fleet.planning.steering.body import Body
from robot_fleet.planning.steering.fitting import Fitting
from robot_fleet.planning.steering.leads import EASED_M
from robot_fleet.planning.steering.passes import STRAY_M, Pass, cells_of, passes_of, swept_by, wrong_ends
from robot_fleet.planning.terrain import Bools, Terrain

# What a pass costs besides its length, in seconds, and what it must clean in a second, as a share of a full head's: alone, and
# where others can clean what is left.
_TURN_S, _WORTH, _WORTH_SHARED = 7.0, 0.1, 0.4
# Curves are driven in small steps: their tails swing out a little more than those of arcs.
_SPARE_M = 0.01
# Passes that sweep so large a share of the floor are not laid nearer to walls.
_ENOUGH = 0.98


@dataclass(frozen=True, eq=False)
class Laying:
    """Lays passes for one profile over the cells (rows, cols) that are `wanted`; `shared` if others can clean what is left."""

    terrain: Terrain
    body: Body
    wanted: Bools
    profile: RobotProfile
    shared: bool = False

    @property
    def _worth(self) -> float:
        return _WORTH_SHARED if self.shared else _WORTH

    def passes(self) -> list[Pass]:
        """The passes, those along walls far enough away that the tail does not swing into them when a robot turns away.

        Where that leaves too much along walls, so near to them that it leaves them on a wide arc first.
        """
        found: list[Pass] = []
        for radius_m in (2.0 * self.profile.speed_mps / self.profile.yaw_rate_rps, EASED_M):
            found = self._passes(self._swing_m(radius_m))
            swept = swept_by(found, self.profile.head, self.wanted.shape, self.terrain.side_m)
            if (swept & self.wanted).sum() >= _ENOUGH * self.wanted.sum():
                break
        return found

    def _passes(self, swing_m: float) -> list[Pass]:
        head, side_m = self.profile.head, self.terrain.side_m
        fitting = Fitting(self.body, self.wanted, head, side_m)
        found = self._laid(self.wanted, swing_m, self._deep_m)
        swept = swept_by(found, head, self.wanted.shape, side_m)
        found = fitting.extended(found, swept)
        for near_m in (swing_m, 0.0):
            rest = self.wanted & ~swept
            found += fitting.extended(self._worthy(self._laid(rest, near_m, 0.0), rest, swept), swept)
        found = self._needed(found)
        found = fitting.extended(found, swept_by(found, head, self.wanted.shape, side_m))
        return self._lawful(fitting.cut(found, self.profile.overlap_m))

    def _laid(self, wanted: Bools, swing_m: float, deep_m: float) -> list[Pass]:
        """Passes as if the robot were as short as it is wide, cut to where it fits."""
        profile = self.profile
        keep_m = self.profile.half_width_m + profile.clearance_m + swing_m
        narrow = replace(self.terrain, keep_m=keep_m, _reached=[])
        reach = np.asarray(narrow.distance_m >= np.float32(keep_m))
        spread = Spread(profile.head.width_m, profile.head.width_m - profile.overlap_m)
        lanes = straight_lanes(narrow, reach, wanted, spread, deep_m)
        # Lanes at just the room that is kept are no nearer to each other for it: whether the body fits is looked at later.
        nearly = replace(narrow, keep_m=keep_m - STRAY_M)
        return self._lawful(passes_of(self.body, profile, faced(self.terrain.directions, joined(nearly, lanes))))

    def _lawful(self, passes: list[Pass]) -> list[Pass]:
        """Those of the passes that may be driven one way at least: the turning centre begins behind the head's lane."""
        wrong = np.bincount(wrong_ends(passes, self.terrain.directions) // 2, minlength=len(passes))
        return [one for one, ways in zip(passes, wrong.tolist(), strict=True) if ways < 2]

    def _worthy(self, passes: list[Pass], rest: Bools, swept: Bools) -> list[Pass]:
        """Those of the passes, the best ones first, that clean enough of the rest; marks what they sweep."""
        found, left, area = list[Pass](), rest.ravel().copy(), self.terrain.side_m**2
        cells = cells_of(passes, self.profile.head, rest.shape, self.terrain.side_m)
        rate = self.profile.head.width_m * self.profile.speed_mps
        least = [self._worth * rate * (one.length_m / self.profile.speed_mps + _TURN_S) / area for one in passes]
        worth = [left[own].sum() / need for own, need in zip(cells, least, strict=True)]
        for k in np.argsort(-np.array(worth), kind="stable").tolist() if passes else []:
            if left[cells[k]].sum() >= least[k]:
                found.append(passes[k])
                left[cells[k]] = False
                swept.ravel()[cells[k]] = True
        return found

    def _needed(self, passes: list[Pass]) -> list[Pass]:
        """The passes without those that clean too little that no other one does, the least useful first."""
        area, rate = self.terrain.side_m**2, self.profile.head.width_m * self.profile.speed_mps
        cells = [
            own[self.wanted.ravel()[own]]
            for own in cells_of(passes, self.profile.head, self.wanted.shape, self.terrain.side_m)
        ]
        times = np.zeros(self.wanted.size, dtype=np.int32)
        for own in cells:
            times[own] += 1
        alone = [float((times[own] == 1).sum()) * area for own in cells]
        least = [self._worth * rate * (one.length_m / self.profile.speed_mps + _TURN_S) for one in passes]
        kept = np.ones(len(passes), dtype=bool)
        for k in np.argsort(np.array(alone) - np.array(least), kind="stable").tolist():
            if (times[cells[k]] == 1).sum() * area < least[k]:
                kept[k] = False
                times[cells[k]] -= 1
        return [one for one, keep in zip(passes, kept, strict=True) if keep]

    def _swing_m(self, radius_m: float) -> float:
        """How far the tail swings out when the robot turns away from a wall on an arc."""
        profile = self.profile
        radius = radius_m + profile.half_width_m
        tail = max(0.0, -float(profile.footprint.corners()[:, 0].min()))
        return math.hypot(radius, tail) - radius + _SPARE_M

    @property
    def _deep_m(self) -> float:
        """How far from a wall ahead the head is where a robot can just turn round."""
        profile = self.profile
        return (
            profile.footprint.circumscribed_m
            + profile.clearance_m
            + self.profile.half_width_m
            + max(0.0, profile.head.offset_m)
        )
