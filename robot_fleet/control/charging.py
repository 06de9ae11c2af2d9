"""A robot whose battery runs low goes home, the others take its lanes, and once charged it takes part again."""

from __future__ import annotations

from robot_fleet.control.homing import on_dock, way_home
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import MOST_DROPS, CleaningRun, Robot
from robot_fleet.fleet.itinerary import Place
from robot_fleet.fleet.states import RobotState
from robot_fleet.floor.store import CHARGE

CHARGED = 0.8
"""Level (0..1) from which a robot that went home to charge works again."""

ENOUGH = 0.45
"""From this level (0..1) it leaves its dock for a make-up pass, which is short: else nobody would clean the floor under it."""

BATTERY_SILENT_S = 60.0
"""A robot that is heard, but not of its battery for so long, is told of."""

UNCHARGED_S = 1800.0
"""A robot that has rested on its dock for so long, and whose battery has not risen, is told of."""

# Some chargers stop short of a full battery, or let it fall so far before they go on. One that wavers by a percent has not risen.
_CHARGED_ENOUGH, _RISEN = 0.75, 0.015
# What is left when it arrives; and what is kept at most, lest a robot with a bad battery does nothing at all.
_EMPTY, _MOST_KEPT = 0.03, 0.7
# A make-up pass is to use so much of it at most.
_FOR_A_PASS = 0.1
# A battery that falls so much faster than its profile says falls not as planned.
_FASTER = 1.3
# Reports come once a second; so much later they are missing.
_EVERY_S = 5.0
_PIECE_S, _WAITS_S, _ROUNDABOUT = 30.0, 20.0, 1.5


def look_after_charge(state: FleetState, robot: Robot) -> None:
    """Lets a robot that went home to charge work again when it is charged, also between runs."""
    if robot.needs_charge and robot.battery is not None and robot.battery >= CHARGED:
        _let_work(state, robot)


def let_join(state: FleetState, run: CleaningRun) -> None:
    """Lets robots of the run that charge work again for a make-up pass when they have enough for that.

    One that was sent home as it could not carry out its orders is tried once more with each pass: its tank, say, has been emptied.
    """
    for robot in state.members(run):
        if robot.state is RobotState.CHARGING and robot.drops >= MOST_DROPS:
            robot.drops = MOST_DROPS - 1
            state.touch("robot", robot.name)
        charges = robot.needs_charge and robot.state is RobotState.CHARGING
        if charges and (robot.battery or 0.0) >= max(ENOUGH, _least(state, robot) + _FOR_A_PASS):
            _let_work(state, robot)


def _let_work(state: FleetState, robot: Robot) -> None:
    robot.needs_charge, robot.came_back = False, True
    state.settle(f"battery-{robot.name}")
    state.touch("robot", robot.name)


def look_after_battery(state: FleetState, run: CleaningRun, robot: Robot) -> None:
    """Sends the robot home when its battery reaches its reserve, or before: as long as it gets home by what it was seen to use."""
    if robot.battery is None or not robot.is_here or robot.needs_charge or robot.order is not None:
        return
    if level_now(state, robot) <= _least(state, robot) and not _is_seen_to(state, robot):
        _send_home(state, run, robot)


def _least(state: FleetState, robot: Robot) -> float:
    """The level at which the robot goes home."""
    return max(robot.spec.profile.battery.reserve, min(_MOST_KEPT, _used_on_the_way_home(state, robot)))


def level_now(state: FleetState, robot: Robot) -> float:
    """How full the battery is, by the last report and by how fast it fell before; 1 where it was never heard."""
    if robot.battery is None:
        return 1.0
    unheard_s = 0.0 if robot.battery_at_s is None else state.now_s - robot.battery_at_s
    if robot.charging or unheard_s < _EVERY_S:
        return robot.battery
    return max(0.0, robot.battery - robot.drain.per_s * unheard_s)


def look_for_word_of_battery(state: FleetState, robot: Robot) -> None:
    """Tells of a robot that says everything but how full its battery is."""
    key = f"battery-silent-{robot.name}"
    if robot.is_silent or robot.heard_at_s is None or robot.battery_at_s is None:
        robot.battery_at_s = state.now_s
    unheard_s = state.now_s - robot.battery_at_s
    if unheard_s < BATTERY_SILENT_S:
        if unheard_s < _EVERY_S:
            state.settle(key)
        return
    known = "it counts as full" if robot.battery is None else "it counts as falling as it did before"
    text = f"{robot.name} has said nothing of its battery for {BATTERY_SILENT_S:.0f} s: {known}"
    state.alert(key, "WARNING", text, "Look at what publishes its battery; `robot-fleet doctor` tells more", robot.name)


def look_whether_it_is_charged(state: FleetState, robot: Robot) -> None:
    """Tells of a robot that rests on its dock and is not charged: its contacts may not touch, or the dock has no power.

    Many say nothing of whether they are charged: then it is seen by the battery, which rises or does not.
    """
    key, level = f"uncharged-{robot.name}", robot.battery
    heard = robot.battery_at_s is not None and state.now_s - robot.battery_at_s < _EVERY_S
    if level is None or robot.pose is None or not heard:
        robot.uncharged_since = None
        return
    if robot.charging or level >= _CHARGED_ENOUGH or not _rests_where_it_is_charged(state, robot):
        robot.uncharged_since = None
        state.settle(key)
        return
    since_s, least = robot.uncharged_since or (state.now_s, level)
    if level > least + _RISEN:
        since_s, least = state.now_s, level
        state.settle(key)
    robot.uncharged_since = since_s, min(least, level)
    if state.now_s - since_s >= UNCHARGED_S:
        text = f"{robot.name} stands on its dock and has not been charged for {UNCHARGED_S / 60:.0f} minutes"
        remedy = "Look at the dock's power and its contacts; push the robot home if it stands short of them"
        state.alert(key, "WARNING", text, remedy, robot.name)


def _rests_where_it_is_charged(state: FleetState, robot: Robot) -> bool:
    """Whether it rests on a dock of its own that charges; one that stands a little short of it wavers."""
    if robot.order is not None or not on_dock(state, robot, loosely=robot.uncharged_since is not None):
        return False
    return CHARGE in state.store.floor.dock(robot.spec.dock).offers


def _used_on_the_way_home(state: FleetState, robot: Robot) -> float:
    """How much of its battery the robot would use if it drove one more piece, waited a while, and went home."""
    battery = robot.spec.profile.battery
    as_planned = battery.planned and robot.drain.per_s * battery.cleaning_h * 3600.0 < _FASTER
    if robot.pose is None or as_planned:
        return 0.0
    escape, dock = state.escapes.of(robot.name), state.store.floor.dock(robot.spec.dock)
    home_m = _ROUNDABOUT * robot.pose.distance_m(dock.pose)
    if escape is not None:
        home_m = max(home_m, escape.length_m)
    return _EMPTY + robot.drain.per_s * (_PIECE_S + _WAITS_S + home_m / robot.spec.profile.speed_mps)


def _is_seen_to(state: FleetState, robot: Robot) -> bool:
    """Whether plans look after the robot's battery, and it is on its way to a dock, or in its own."""
    if not robot.spec.profile.battery.planned or robot.itinerary is None:
        return False
    return robot.itinerary.docks_before_cleaning(robot.place) or on_dock(state, robot)


def _send_home(state: FleetState, run: CleaningRun, robot: Robot) -> None:
    run.rest_wanted |= robot.cleans
    robot.needs_charge = True
    robot.itinerary, robot.place = way_home(state, robot), Place()
    state.touch("itinerary", robot.name)
    state.note("goes home to charge", robot=robot.name, level=robot.battery)
    text = f"The battery of {robot.name} is at {100 * (robot.battery or 0):.0f} %; it goes home to charge"
    state.alert(f"battery-{robot.name}", "WARNING", text, "Nothing to do, unless it does not arrive", robot.name)
