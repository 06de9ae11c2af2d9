"""How far each zone of a run is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from control_site import by_hand, hall, run_of
from shapely import box

from robot_fleet.planning.plan import MissedArea, MissedReason, Plan, PlanRequest
from robot_fleet.sim.site import VirtualSite


def leaving_out(request: PlanRequest) -> Plan:
    """A plan that leaves out 2 m² in the west: one that nobody can reach, and one that it thinks too little worth."""
    corner = MissedArea("west", MissedReason.TOO_NARROW, box(3, 3, 4, 4), 1.0)
    patch = MissedArea("west", MissedReason.NOT_CLEANED, box(4, 4, 5, 5), 1.0)
    plan = by_hand(request)
    return replace(
        plan, missed=(corner, patch), coverable_m2=plan.requested_m2 - 1.0, planned_m2=plan.requested_m2 - 2.0
    )


def test_floor_that_a_plan_leaves_out_although_it_could_be_cleaned_is_still_reachable_floor_of_its_zone() -> None:
    made = VirtualSite(hall(), leaving_out)
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(10.0)
    west, east = run_of(made).zone_progress
    assert (west.zone, west.requested_m2 - west.coverable_m2) == ("west", pytest.approx(1.0))
    assert (east.zone, east.requested_m2 - east.coverable_m2) == ("east", pytest.approx(0.0))
    assert west.coverable_m2 + east.coverable_m2 == pytest.approx(run_of(made).coverable_m2)
