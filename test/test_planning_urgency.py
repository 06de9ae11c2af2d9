"""Zones with a priority or a time come first, in that order."""

from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
from shapely import box
from test_planning_planner import room

from robot_fleet.floor.store import Zone
from robot_fleet.planning.urgency import cell_ranks, due_s, zone_ranks

SIX, SEVEN = datetime.time(6), datetime.time(7, 30)


def test_zones_are_ranked_by_priority_then_by_time() -> None:
    shapes = [box(k, 0, k + 2, 9) for k in range(5)]
    zones = (
        Zone("any", shapes[0]),
        Zone("late", shapes[1], clean_before=SEVEN),
        Zone("early", shapes[2], clean_before=SIX),
        Zone("first", shapes[3], priority=-1),
        Zone("other", shapes[4]),
    )
    floor = replace(room(), zones=zones)
    names = tuple(zone.name for zone in zones)
    assert zone_ranks(floor, names) == {"first": 0, "early": 1, "late": 2, "any": 3, "other": 3}
    assert zone_ranks(floor, ("late", "any")) == {"late": 0, "any": 1}
    ranks = cell_ranks(floor, names)
    at = floor.grid.cells_at([(0.5, 4), (1.5, 4), (2.5, 4), (3.5, 4), (4.5, 4), (5.5, 4), (7, 4)])
    assert ranks[at[:, 0], at[:, 1]].tolist() == [3, 2, 1, 0, 0, 3, -1]
    assert np.array_equal(cell_ranks(floor, ()), np.full(floor.grid.shape, -1))


def test_a_zone_is_due_before_its_next_time_of_day() -> None:
    zone = Zone("early", box(0, 0, 1, 1), clean_before=SIX)
    assert due_s(zone, datetime.time(5, 30)) == 1800.0
    assert due_s(zone, datetime.time(22)) == 8 * 3600.0
    assert due_s(Zone("any", zone.polygon), SIX) is None
