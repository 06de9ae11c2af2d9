"""Plans in mid-run: what a planner is asked, what becomes of its answer, and when the rest is planned anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.blocked import places, sure_places
from robot_fleet.control.charging import CHARGED, let_join, level_now
from robot_fleet.control.closures import floor_shut, is_inside
from robot_fleet.control.homing import dock_near, guest_of, on_dock, out_of
from robot_fleet.control.missed import (
    MAKEUP_PASSES,
    begin_pass,
    least_patch_m2,
    may_pass_again,
    worth_a_pass,
)
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.coverage import CoverageRecord
from robot_fleet.fleet.entities import CleaningRun, Order, Robot
from robot_fleet.fleet.itinerary import Itinerary, Place
from robot_fleet.fleet.states import RobotState, RunEvent, RunState
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import Dock
from robot_fleet.planning.checking import overlapping
from robot_fleet.planning.plan import LegKind, MissedReason, Plan, PlanRequest, Starter

SPARE = 0.05
"""So much of a battery more than its reserve is to be left by plans of runs: at the reserve a robot is sent home at once."""

HAND_ON_S = 15.0
"""After how long the work of a robot that takes no orders goes to the others: 30 s after it was last heard they have it."""

PLAN_TRIES = 3
"""How often in a row a plan of the rest may fail before what is left is given up."""

_REPLAN_S = 10.0

EXPECTED_S = 5.0
"""How long a plan waits for robots that have not yet confirmed that they drive nowhere."""

CREDITED_S = 1.0
"""So long after a robot has come to rest, late poses may still tell of floor that is clean."""

# Robots may stand idle while the rest of a run is planned.
_SOON_S = 2.0


def ask_for_plan(state: FleetState, run: CleaningRun, only: NDArray[np.bool_] | None = None) -> None:
    """Has the rest of the run planned for the robots that are here; of a mask (rows, cols), if there is one, that alone."""
    # At the far side of a place where others do not get on it may be the only one to clean.
    hemmed_in = run.makeup_passes >= MAKEUP_PASSES and run.makeup_passes % 2 == 0
    members = _able(state, state.members(run), hemmed_in)
    if not members:
        run.rest_wanted = True
        return
    run.epoch += 1
    run.planning, run.rest_wanted, run.planned = True, False, (0.0, "the planner is told")
    _tell_of_misplaced(state, run, members)
    request = PlanRequest(
        floor=state.store.floor,
        robots=tuple(_starter(state, robot) for robot in members),
        zones=run.zones,
        cleaned=_done(state, run, members) if only is None else ~only,
        closed=(*_closed(state, members), *_barred(state, run, members)),
        leg_prefix=f"{run.run_id}-{run.epoch}-",
        least_patch_m2=0.0 if run.state is RunState.PLANNING else least_patch_m2(state, run),
        deadline_s=state.plan_within_s if run.state is RunState.PLANNING else _SOON_S,
        begins=state.store.time_of_day(state.clock.wall_s()) if only is None else None,
        underway_s=max(0.0, state.clock.wall_s() - run.created_at_s),
    )
    state.touch("run", run.run_id)
    state.note("plan asked", run=run.run_id, epoch=run.epoch, robots=[robot.name for robot in members])
    state.effects.plans.append((run.run_id, run.epoch, request))


def _able(state: FleetState, robots: list[Robot], hemmed_in: bool = False) -> list[Robot]:
    """Those to plan for. One that is hemmed in would keep lanes from the others that it never gets to, unless there are none."""
    fit = [robot for robot in robots if robot.is_fit and not robot.needs_charge]
    misplaced = _misplaced(state, fit)
    fit = [robot for robot in fit if robot.name not in misplaced and _has_place(state, robot)] or fit
    free = [robot for robot in fit if hemmed_in or not robot.is_hemmed_in] or fit
    return [robot for robot in free if not is_inside(state, robot)] or free


def _has_place(state: FleetState, robot: Robot) -> bool:
    """Whether a plan can begin where the robot is; in a gap as wide as itself it may stand where none does."""
    starter = _starter(state, robot)
    return starter.docked or robot.spec.profile.is_steered or state.router(robot).has_place_near(starter.pose)


def _misplaced(state: FleetState, robots: list[Robot]) -> frozenset[str]:
    """Those of whom one does not know where it is, as they say that they stand at one place: no plan can be made for them."""
    starters = [_starter(state, robot) for robot in robots]
    return frozenset(starter.name for pair in overlapping(starters) for starter in pair)


def _tell_of_misplaced(state: FleetState, run: CleaningRun, members: list[Robot]) -> None:
    """Has robots that are planned for go on, and those left out for their places come in once these can be."""
    for robot in members:
        robot.came_back = False
        state.settle(f"place-{robot.name}")
    fit = [robot for robot in state.members(run) if robot.is_fit]
    for robot in fit:
        # One that is planned for all the same, for want of others, must not have that tried for ever.
        robot.came_back |= robot not in members and not _has_place(state, robot)
    for name in sorted(_misplaced(state, fit) - {robot.name for robot in members}):
        state.robots[name].came_back = True
        text = f"{name} says that it stands where another robot stands: the run goes on without both until one is elsewhere"
        state.alert(f"place-{name}", "WARNING", text, "Check where both robots are, and localise them again", name)


def install(state: FleetState, run: CleaningRun, plan: Plan) -> None:
    """Puts every robot of the plan on its new way; what they drive just now they finish first."""
    run.planning, run.plan_failures = False, 0
    if run.state is RunState.PLANNING:
        run.requested_m2, run.coverable_m2, run.unplanned = plan.requested_m2, plan.coverable_m2, plan.missed
        state.touch("unplanned", run.run_id)
        _settle_what_earlier_runs_met(state)
    else:
        run.shut = tuple(area for area in plan.missed if area.reason is MissedReason.BLOCKED)
        if run.makeup_passes and not any(leg.kind is LegKind.CLEAN for path in plan.paths for leg in path.legs):
            # No way is left past the places where robots did not get on: but for the last pass all others would find none.
            run.makeup_passes, run.empty_passes = max(run.makeup_passes, MAKEUP_PASSES - 1), run.empty_passes + 1
    for robot in state.members(run):
        if robot.needs_charge and robot.is_here:
            continue
        robot.itinerary, robot.place = Itinerary.of(plan.path(robot.name)), Place()
        robot.served_s, robot.served_until_s = 0.0, None
        if (guest := _guest(state, robot)) is not None and robot.has_work:
            robot.itinerary = robot.itinerary.after(out_of(guest))
        robot.failures, robot.home_tries, robot.waiting_since_s = 0, 0, None
        if robot.has_work:
            robot.give_ups = 0
        if robot.order:
            robot.order.superseded = True
        state.touch("itinerary", robot.name)
        state.touch("robot", robot.name)
    _tell_of_late_zones(state, run, plan)
    _tell_of_unserved(state, run, plan)
    run.happen(RunEvent.PLANNED)
    run.started_at_s = run.started_at_s or state.clock.wall_s()
    state.touch("run", run.run_id)
    state.note("planned", run=run.run_id, epoch=run.epoch, makespan_s=round(plan.makespan_s, 1))


def _settle_what_earlier_runs_met(state: FleetState) -> None:
    """A new run finds out for itself; while the old alert holds, nobody would be told that it happens again."""
    for key in [key for key in state.alerts if key.startswith(("blocked-", "waits-", "plan-", "unserved-"))]:
        state.settle(key)


def _tell_of_late_zones(state: FleetState, run: CleaningRun, plan: Plan) -> None:
    if run.makeup_passes:
        return  # plans for patches that were missed look at no times: what was late stays late
    late = {zone.zone: zone for zone in plan.late}
    for name in run.zones:
        if name not in late:
            state.settle(f"late-{name}")
            continue
        text = late[name].told(state.store.floor, state.store.time_of_day(state.clock.wall_s()))
        state.alert(f"late-{name}", "WARNING", text, "Start the run earlier, or with more robots")


def _tell_of_unserved(state: FleetState, run: CleaningRun, plan: Plan) -> None:
    """Tells of robots that are left out for their tanks or batteries; one whose battery is not full is tried again when it is."""
    unserved = dict(plan.unserved)
    for robot in state.members(run):
        fault = unserved.get(robot.name)
        if fault is None:
            if plan.path(robot.name).legs:
                state.settle(f"unserved-{robot.name}")
            continue
        robot.needs_charge = robot.battery is not None and robot.battery < CHARGED
        text = f"{robot.name} cleans nothing for now, and the others go on without it: {fault.what}"
        state.alert(f"unserved-{robot.name}", "WARNING", text, fault.remedy, robot.name)


def plan_failed(state: FleetState, run: CleaningRun, reason: str) -> None:
    """Has the rest planned again a little later: robots have moved on by then, or a process has been replaced."""
    run.plan_failures += 1
    if run.plan_failures < PLAN_TRIES:
        run.rest_wanted, run.replan_at_s = True, state.now_s + _REPLAN_S * run.plan_failures
        return
    run.plan_failures = 0
    text = f"What is left of run {run.run_id} could not be planned: {reason}"
    state.alert(f"plan-{run.run_id}", "WARNING", text, "Start another run when the cause is gone")


def look_after_first_plan(state: FleetState, run: CleaningRun) -> None:
    """Asks for the first plan when nobody is making it: no robot took orders before, or the controller was restarted."""
    if not run.planning and not _expected(state, run):
        ask_for_plan(state, run)


def look_after_rest(state: FleetState, run: CleaningRun) -> None:
    """Plans the rest anew when a robot is lost, gave up or came back, and once all lanes are driven but floor was missed."""
    if run.state is not RunState.RUNNING or run.planning:
        return
    _hand_on(state, run)
    if state.now_s < run.replan_at_s:
        return
    members = state.members(run)
    run.rest_wanted |= _may_join(state, members)
    if run.rest_wanted:
        if not _expected(state, run):
            ask_for_plan(state, run)
    elif may_pass_again(state, run) and not any(_may_clean_more(state, robot) for robot in members):
        begin_pass(state, run)
        again = worth_a_pass(state, run)
        if again.any():
            let_join(state, run)
            ask_for_plan(state, run, again)


def all_work_ended(state: FleetState, run: CleaningRun) -> bool:
    """Whether nothing is left that any robot of the run could do."""
    if run.planning or run.rest_wanted or may_pass_again(state, run):
        return False
    return not any(robot.cleans or _is_busy(state, robot) for robot in state.members(run))


def _hand_on(state: FleetState, run: CleaningRun) -> None:
    for robot in state.members(run):
        if _is_gone(state, robot) and robot.cleans and any(other.is_here for other in state.members(run)):
            robot.itinerary, robot.place = None, Place()
            run.rest_wanted = True
            state.touch("itinerary", robot.name)
            state.note("work handed on", run=run.run_id, robot=robot.name)


def _may_join(state: FleetState, members: list[Robot]) -> bool:
    """Whether a robot came back that could do a part of what is left."""
    back = [
        robot for robot in members if robot.is_fit and robot.came_back and not robot.has_work and not robot.needs_charge
    ]
    if not back:
        return False
    # One for which no plan would be made must not have plans made for the others, one after the other.
    able = _able(state, members)
    return any(robot in able for robot in back)


def _absent_s(state: FleetState, robot: Robot) -> float:
    return 0.0 if robot.absent_since_s is None else state.now_s - robot.absent_since_s


def _is_gone(state: FleetState, robot: Robot) -> bool:
    return robot.absent_since_s is not None and _absent_s(state, robot) >= HAND_ON_S


def _is_busy(state: FleetState, robot: Robot) -> bool:
    """Whether the robot drives or is to drive; one that takes no orders just now may, for all we know, be on its way home.

    One that stands where its dock is has not docked before it says so: it may have braked short of what charges it.
    """
    if not robot.is_here and _is_gone(state, robot):
        return False
    return robot.order is not None or robot.has_work or not (robot.is_here or on_dock(state, robot))


def _expected(state: FleetState, run: CleaningRun) -> bool:
    """Whether a robot will take orders in a moment, after a restart say: a plan without it would leave it idle."""
    members = state.members(run)
    inside = [robot for robot in members if robot.is_fit and is_inside(state, robot)]
    leaves = len(inside) == sum(robot.is_fit for robot in members) and any(_is_busy(state, robot) for robot in inside)
    return leaves or any(
        not robot.is_here and robot.state is not RobotState.HELD and not robot.is_silent
        and _absent_s(state, robot) < EXPECTED_S
        for robot in members
    )  # fmt: skip


def _may_clean_more(state: FleetState, robot: Robot) -> bool:
    """Whether more floor will be credited to the robot on its present way."""
    return robot.cleans or _cleans_now(state, robot) or state.now_s < robot.rest_after_s + CREDITED_S


def _cleans_now(state: FleetState, robot: Robot) -> bool:
    # The order of a robot that has gone silent, or confirms no cancel, may never end; the run must not wait for it.
    lost = robot.is_silent or _is_gone(state, robot)
    return robot.order is not None and not lost and robot.order.piece.kind is LegKind.CLEAN


def _starter(state: FleetState, robot: Robot) -> Starter:
    dock, guest = state.store.floor.dock(robot.spec.dock), _guest(state, robot)
    pose, order = robot.pose, robot.order
    assert pose is not None
    if guest is not None:
        pose = guest.staging
    elif order and order.piece.kind is LegKind.UNDOCK:
        pose = dock_near(state, order.piece.points[0]).staging
    elif order and order.piece.kind is LegKind.DOCK:
        pose = dock.pose
    elif order:
        pose = order.piece.end_pose
    elif not robot.spec.profile.is_steered:
        pose = state.router(robot).place_near(pose)
    docked = pose is dock.pose or (robot.order is None and on_dock(state, robot))
    start = dock.pose if docked else pose
    return Starter(robot.name, _cautious(robot.spec.profile), start, docked, dock, level_now(state, robot))


def _cautious(profile: RobotProfile) -> RobotProfile:
    """The profile with a larger reserve where plans look after the battery: runs take longer than plans, by traffic and stops."""
    battery = profile.battery
    if not battery.planned:
        return profile
    return replace(profile, battery=replace(battery, reserve=min(battery.reserve + SPARE, (1.0 + battery.reserve) / 2)))


def _guest(state: FleetState, robot: Robot) -> Dock | None:
    """The dock of another robot, or of none, in which the robot stands when its present order is done; plans begin before it."""
    if robot.order is None:
        return guest_of(state, robot)
    dock = dock_near(state, robot.order.piece.points[-1])
    return dock if robot.order.piece.kind is LegKind.DOCK and dock.name != robot.spec.dock else None


def _done(state: FleetState, run: CleaningRun, members: list[Robot]) -> NDArray[np.bool_] | None:
    """The cells that need nothing more; what robots are cleaning just now counts, as they finish their piece first."""
    if run.state is RunState.PLANNING or state.coverage is None:
        return None
    soon = CoverageRecord(state.store.floor.grid, state.coverage.requested)
    soon.cleaned = state.coverage.cleaned.copy()
    for robot in members:
        if robot.order and robot.order.piece.kind is LegKind.CLEAN:
            _credit_ahead(soon, robot, robot.order)
    return soon.cleaned


def _credit_ahead(soon: CoverageRecord, robot: Robot, order: Order) -> None:
    for (x0, y0), (x1, y1) in zip(order.piece.points[:-1], order.piece.points[1:], strict=True):
        yaw = float(np.arctan2(y1 - y0, x1 - x0))
        soon.credit(robot.name, robot.spec.profile.head, Pose(x0, y0, yaw), Pose(x1, y1, yaw))


def _closed(state: FleetState, members: list[Robot]) -> tuple[Polygon, ...]:
    """The floor of robots that are not planned for, grown by what a planned robot must keep from it beyond its clearance.

    Nearer to it lanes would never be granted.
    """
    grown_m = max(0.0, MARGIN_M - min(robot.spec.profile.clearance_m for robot in members))
    away = [robot for robot in state.robots.values() if robot not in members]
    grown = [_floor_to_come(state, robot).buffer(grown_m) for robot in away]
    parts = tuple(part for floor in grown for part in getattr(floor, "geoms", [floor]) if not part.is_empty)
    return (*parts, *floor_shut(state, grown_m))


def _floor_to_come(state: FleetState, robot: Robot) -> BaseGeometry:
    """What the robot will hold: its dock when it is on its way there, or what it holds now."""
    if robot.is_here and robot.is_hemmed_in:
        # The way that it tries leads nowhere, and is free again soon: others must not leave it out.
        return state.under(robot)
    if robot.is_here and robot.has_work:
        return state.under(robot, state.store.floor.dock(robot.spec.dock).pose)
    return state.traffic.held(robot.name)


def _barred(state: FleetState, run: CleaningRun, members: list[Robot]) -> tuple[Polygon, ...]:
    """Where robots did not get on twice; a plan that fails is made without."""
    if run.plan_failures:
        return ()
    return sure_places(state, run, members) if run.makeup_passes >= MAKEUP_PASSES else places(state, run, members, 2)


def missed_reason(run: CleaningRun) -> MissedReason:
    """Why floor that was planned is not clean, as far as the run's end tells."""
    if run.state is RunState.FAILED and run.started_at_s is not None:
        return MissedReason.ROBOT_FAILED
    return MissedReason.STOPPED if run.state is RunState.CANCELLED else MissedReason.NOT_CLEANED
