"""From the controller's state to what can be seen of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from shapely import Point

from robot_fleet.control.blocked import NEAR_M
from robot_fleet.control.closures import with_inside
from robot_fleet.control.rest import missed_reason
from robot_fleet.control.snapshot import PlanningProgress, RobotShare, RobotView, RunView, Snapshot, ZoneProgress
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.planning.plan import MissedArea, MissedReason

NOT_CLEARED = "has not confirmed yet that it drives nowhere"


def snapshot_of(state: FleetState) -> Snapshot:
    """All that can be seen from outside, at this moment."""
    return Snapshot(
        version=state.version,
        clock_s=state.now_s,
        runs=tuple(run_view(state, run) for run in state.runs.values()),
        robots=tuple(robot_view(state, robot) for robot in state.robots.values()),
        alerts=tuple(state.alerts.values()),
        closures=tuple(with_inside(state, view) for view in state.closures.values()),
    )


def robot_view(state: FleetState, robot: Robot) -> RobotView:
    """One robot as it is seen from outside."""
    run = state.active
    return RobotView(
        name=robot.name,
        state=robot.state,
        version=state.version,
        pose=robot.pose,
        battery=robot.battery,
        charging=robot.charging,
        head_on=robot.head_on,
        run_id=run.run_id if run and robot.name in run.robots else "",
        leg_id=robot.order.leg_id if robot.order else "",
        hold=robot.hold,
        heard_at_s=robot.heard_at_s,
        detail=robot.pose_refused or robot.missing or robot.detail or (NOT_CLEARED if robot.cancel_due else ""),
    )


def run_view(state: FleetState, run: CleaningRun) -> RunView:
    """One run as it is seen from outside; a run that has ended never changes, so its view is made once."""
    seen = state.ended_views.get(run.run_id)
    if seen is not None and seen.version == run.version:
        return seen
    view = _run_view(state, run)
    if run.ended_at_s is not None:
        state.ended_views[run.run_id] = view
    return view


def missed_areas(state: FleetState, run: CleaningRun) -> tuple[MissedArea, ...]:
    """All requested floor that is not clean, each part once, with its zone and reason: with the cleaned floor, all of it."""
    if state.coverage is None:
        return ()
    grid = state.store.floor.grid
    left = state.coverage.requested & ~state.coverage.cleaned
    found: list[MissedArea] = []
    for reason, mask in _by_reason(state, run, left):
        for zone in run.zones:
            part = mask & left & state.zone_mask(zone)
            left &= ~part
            found += [MissedArea(zone, reason, shape, shape.area) for shape in grid.polygons(part)]
    return tuple(found)


def _by_reason(
    state: FleetState, run: CleaningRun, left: NDArray[np.bool_]
) -> list[tuple[MissedReason, NDArray[np.bool_]]]:
    grid = state.store.floor.grid
    # Plans take floor that a person closed for blocked, as all that they are told to leave out.
    masks = {MissedReason.KEEPOUT: np.zeros(grid.shape, dtype=bool)}
    for closed in run.closed:
        grid.mark(masks[MissedReason.KEEPOUT], closed.buffer(_beside_m(state)))
    for area in run.unplanned:
        mask = masks.setdefault(area.reason, np.zeros(grid.shape, dtype=bool))
        grid.mark(mask, area.polygon)
    blocked = masks.setdefault(MissedReason.BLOCKED, np.zeros(grid.shape, dtype=bool))
    for shape in (*(area.polygon for area in run.shut), *(Point(place[:2]).buffer(NEAR_M) for place in run.blocked)):
        grid.mark(blocked, shape)
    return [*masks.items(), (missed_reason(run), np.ones(grid.shape, dtype=bool))]


def _beside_m(state: FleetState) -> float:
    """So near to closed floor none of the robots cleans."""
    return min(robot.radius_m + robot.spec.profile.clearance_m for robot in state.robots.values()) + MARGIN_M


def _run_view(state: FleetState, run: CleaningRun) -> RunView:
    coverage = state.coverage if run is state.active else None
    cleaned_m2 = coverage.cleaned_m2 if coverage else run.cleaned_m2
    run.cleaned_m2 = cleaned_m2
    return RunView(
        run_id=run.run_id,
        request_id=run.request_id,
        store=state.store.floor.name,
        zones=run.zones,
        state=run.state,
        reason=run.reason,
        version=run.version,
        created_at_s=run.created_at_s,
        started_at_s=run.started_at_s,
        ended_at_s=run.ended_at_s,
        elapsed_s=run.elapsed_s,
        time_to_go_s=_time_to_go_s(state, run),
        requested_m2=run.requested_m2,
        coverable_m2=run.coverable_m2,
        cleaned_m2=cleaned_m2,
        zone_progress=tuple(ZoneProgress(*row) for row in run.zone_rows),
        shares=tuple(RobotShare(name, **vars(share)) for name, share in run.shares.items()),
        missed=run.missed or run.unplanned,
        unconfirmed=run.unconfirmed,
        planning=PlanningProgress(*run.planned) if run.planning else None,
    )


def count_zones(state: FleetState, run: CleaningRun) -> None:
    """Counts how much of each zone is requested, coverable and cleaned: (zone, m2, m2, m2)."""
    coverage = state.coverage
    if coverage is None:
        return
    # What a plan leaves out for the sake of time could be cleaned all the same.
    lost = [area for area in run.unplanned if area.reason is not MissedReason.NOT_CLEANED]
    lost_m2 = {name: sum(area.area_m2 for area in lost if area.zone == name) for name in run.zones}
    run.zone_rows = []
    for name in run.zones:
        asked_m2, cleaned_m2 = state.zone_m2(name), coverage.cleaned_in_m2(*state.zone_window(name))
        run.zone_rows.append((name, asked_m2, max(0.0, asked_m2 - lost_m2[name]), cleaned_m2))


def _time_to_go_s(state: FleetState, run: CleaningRun) -> float | None:
    if run.state.is_terminal:
        return 0.0
    if run.started_at_s is None or run.planning:
        return None
    return max((_remaining_s(robot) for robot in state.members(run)), default=0.0)


def _remaining_s(robot: Robot) -> float:
    if robot.itinerary is None:
        return 0.0
    place, order = robot.place, robot.order
    if order and not order.superseded and order.piece.start.stretch == place.stretch:
        place = robot.itinerary.advanced(order.piece, order.progress_m)
    return robot.itinerary.remaining_s(place)
