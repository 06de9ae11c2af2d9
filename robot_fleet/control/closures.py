"""Floor that a person closes for a while, in mid-run too: wet paint, a spill, a delivery.

Closed floor is held like that of a robot which never moves, so that no robot is granted any of it, ways lead round it and plans
leave it out. A robot on which it is drawn stops, and gets out of it with the head off by its way home.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import shapely
from shapely import Polygon, union_all

from robot_fleet.control import orders
from robot_fleet.control.snapshot import ClosureView
from robot_fleet.control.state import FleetState
from robot_fleet.control.ways import SEEMS_M, stands_in
from robot_fleet.fleet.entities import Robot
from robot_fleet.fleet.errors import InvalidInput, NotFound
from robot_fleet.fleet.itinerary import Piece, Place
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.floor.faults import Fault

MOST_CLOSURES = 100
"""So much of a floor may be closed at a time; more is a map that is to be drawn anew."""

LONGEST_NAME, MOST_CORNERS, LONGEST_S = 40, 500, 7 * 86400.0
"""What a closure may have: characters of its name, corners, seconds."""

# Farther away, cells cannot be counted any more.
_FARTHEST_M = 1e7
# A way along the edge of closed floor comes nearer to it by so much, by how finely it is drawn.
_DRAWN_M = 0.02
# The floor under a robot does not reach so far beyond it.
_SURELY_BEYOND_M = 2 * MARGIN_M
# The wall's clock was set when it is off by more; and so often it is written down how long closed floor is still to last.
_SET_S, _KEEP_S = 1.0, 60.0


def check_closure(state: FleetState, name: str, polygon: Polygon, lasts_s: float | None) -> None:
    """InvalidInput lists all that is wrong with a closure that somebody asks for."""
    faults = []
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        what, remedy = f"it must have 1 to {LONGEST_NAME} printable characters", "Name it after its cause"
        faults.append(Fault("name", "", what, remedy, "BAD_CHARACTERS"))
    if lasts_s is not None and not 0.0 < lasts_s <= LONGEST_S:
        what, remedy = f"{lasts_s:g} s is not within a week from now", "Leave it out to open it by hand"
        faults.append(Fault("lasts", "", what, remedy, "OUT_OF_RANGE"))
    if name not in state.closures and len(state.closures) >= MOST_CLOSURES:
        what = f"{MOST_CLOSURES} closures are there already"
        faults.append(Fault("name", "", what, "Open some of them first", "TOO_MANY"))
    faults += _polygon_faults(state, polygon)
    if faults:
        raise InvalidInput("INVALID_CLOSURE", tuple(faults))


def _polygon_faults(state: FleetState, polygon: Polygon) -> list[Fault]:
    # A ring's last corner is its first one.
    if len(polygon.exterior.coords) > MOST_CORNERS + 1 or len(polygon.interiors):
        what = f"it has holes or over {MOST_CORNERS} corners"
        return [Fault("polygon", "", what, "Draw a plain outline", "BAD_OUTLINE")]
    near = bool((np.abs(shapely.get_coordinates(polygon)) <= _FARTHEST_M).all())
    if not near or not polygon.is_valid or not polygon.area > 0.0:
        what = "its outline is empty, not finite, far away, or crosses itself"
        return [Fault("polygon", "", what, "Draw its corners in order", "BAD_OUTLINE")]
    grid = state.store.floor.grid
    covered = np.zeros(grid.shape, dtype=bool)
    grid.mark(covered, polygon)
    if not covered.any():
        what, remedy = "it covers nothing of the map", "Give its corners in metres of the map frame"
        return [Fault("polygon", "", what, remedy, "OFF_THE_MAP")]
    return []


def close(state: FleetState, view: ClosureView, lasts_s: float | None = None) -> None:
    """Closes floor from now on, or draws it anew; robots on their way into it stop, those in it are to get out."""
    open_again(state, view.name)
    state.put_closure(view, lasts_s)
    if state.active is not None:
        state.active.closed.append(view.polygon)
    state.touch("closure", view.name)
    state.note("floor closed", name=view.name, square_metres=round(view.polygon.area, 2))
    look_who_is_inside(state)
    for robot in state.robots.values():
        _stop_before(state, robot, view)
    _plan_anew(state)


def open_floor(state: FleetState, name: str) -> None:
    """Opens closed floor again; what of it is still wanted is planned anew."""
    if name not in state.closures:
        names = ", ".join(sorted(state.closures)) or "none"
        raise NotFound("CLOSURE_NOT_FOUND", f"There is no closed floor named '{name[:80]}'; there is: {names}")
    open_again(state, name)
    state.note("floor opened", name=name)
    _plan_anew(state)


def open_again(state: FleetState, name: str) -> None:
    """Takes a closure away, if it is there."""
    if name in state.closures:
        state.drop_closure(name)
        state.touch("closure", name)
        for robot in state.robots.values():
            robot.home_tries = robot.give_ups = 0


def look_after_closures(state: FleetState) -> None:
    """Opens what was closed for a time that is over, and sees who has got out of closed floor."""
    if state.opens_s:
        _look_at_the_time(state)
    if state.closures or state.in_closed:
        look_who_is_inside(state)


def _look_at_the_time(state: FleetState) -> None:
    """Closed floor lasts by a clock that nobody sets; its end as it is told, and kept for the next process, follows the wall's."""
    now_s, wall_s = state.clock.steady_s(), state.clock.wall_s()
    keeps = now_s - state.opens_kept_s >= _KEEP_S
    state.opens_kept_s = now_s if keeps else state.opens_kept_s
    for name, opens_s in list(state.opens_s.items()):
        view, ends_at_s = state.closures[name], wall_s + opens_s - now_s
        if now_s >= opens_s:
            open_floor(state, name)
            continue
        off_s = ends_at_s - (view.ends_at_s or 0.0)
        if abs(off_s) > _SET_S:
            state.closures[name] = replace(view, ends_at_s=ends_at_s)
            state.note("the clock was set", closed=name, by_s=round(off_s, 1))
        if keeps or abs(off_s) > _SET_S:
            state.touch("closure", name)


def look_who_is_inside(state: FleetState) -> None:
    """Robots that touch closed floor may drive out of it; when one has got out, what is left is planned for it as well."""
    for robot in state.robots.values():
        near = [
            view for view in state.closures.values() if robot.is_near(state.traffic.box(view.key), _SURELY_BEYOND_M)
        ]
        touched = [view for view in near if view.polygon.intersects(state.under(robot))]
        if touched or state.traffic.let_out_of(robot.name):
            state.traffic.let_out(robot.name, frozenset(view.key for view in touched))
        if any(stands_in(robot, view.polygon) for view in touched):
            state.in_closed.add(robot.name)
        elif not touched and is_inside(state, robot):
            state.in_closed.discard(robot.name)
            robot.came_back, robot.turned_away = True, False
            _plan_anew(state)


def with_inside(state: FleetState, view: ClosureView) -> ClosureView:
    """The closure with the robots that have not wholly got out of it."""
    inside = sorted(name for name in state.in_closed if view.key in state.traffic.let_out_of(name))
    return replace(view, inside=tuple(inside)) if inside else view


def is_inside(state: FleetState, robot: Robot) -> bool:
    """Whether the robot stands in closed floor, or has not wholly got out of it."""
    return robot.name in state.in_closed


def leads_on_into(state: FleetState, robot: Robot, piece: Piece) -> frozenset[str]:
    """The closed floor into which a piece leads a robot that stands in it or beside it; the bare way home may, out of it."""
    inside = state.traffic.let_out_of(robot.name)
    if not inside:
        return frozenset()
    floors = {name: state.traffic.held(name) for name in inside}
    if is_inside(state, robot) and not robot.cleans:
        # To make room for others is no reason to go back in.
        turned_away = robot.turned_away and not robot.yields_to
        if turned_away or any(stands_in(robot, floor) for floor in floors.values()):
            return frozenset()
        # What it only touches any more it may drive away from, along the edge; it is not led back across.
        deep_m = robot.radius_m - SEEMS_M - _DRAWN_M
        return frozenset(name for name, floor in floors.items() if piece.line.distance(floor) < deep_m)
    # One beside it that only seems to touch it, before its dock say, would drive across it.
    beyond = robot.floor_of(piece).difference(state.under(robot).buffer(SEEMS_M))
    return frozenset(name for name, floor in floors.items() if beyond.intersects(floor))


def turns_away(state: FleetState, robot: Robot, piece: Piece) -> bool:
    """Has another way home looked for, for a robot that just got out of closed floor and would be led back into it.

    Once: the next way is the best that there is, and it has to get away from there.
    """
    if robot.cleans or not is_inside(state, robot) or not leads_on_into(state, robot, piece):
        return False
    robot.itinerary, robot.place, robot.turned_away = None, Place(), True
    robot.home_tries = max(0, robot.home_tries - 1)
    state.traffic.stop_waiting(robot.name)
    state.touch("itinerary", robot.name)
    state.note("turns away from closed floor", robot=robot.name)
    return True


def how_to_clear(state: FleetState, names: Iterable[str]) -> str:
    """What a person can do about robots and closures that are in the way."""
    closed = [view.name for view in state.closures.values() if view.key in names]
    robots = sorted(name for name in names if name in state.robots)
    advice = [f"move {' and '.join(robots)} out of the way by hand"] if robots else []
    advice += [f"open the floor: robot-fleet open-floor '{name}'" for name in closed]
    return ", or ".join(advice) or "look at what is there"


def floor_shut(state: FleetState, grown_m: float) -> tuple[Polygon, ...]:
    """All closed floor, grown, for plans."""
    grown = union_all([view.polygon.buffer(grown_m) for view in state.closures.values()])
    return tuple(part for part in getattr(grown, "geoms", [grown]) if not part.is_empty)


def _stop_before(state: FleetState, robot: Robot, view: ClosureView) -> None:
    inside = stands_in(robot, view.polygon)
    if inside and robot.has_work:
        robot.itinerary, robot.place, robot.home_tries = None, Place(), 0
        state.traffic.stop_waiting(robot.name)
        state.touch("itinerary", robot.name)
        state.note("gets out of closed floor", robot=robot.name)
    if robot.order is not None and (inside or state.traffic.held(robot.name).intersects(view.polygon)):
        orders.cancel(state, robot)


def _plan_anew(state: FleetState) -> None:
    """Has what is left planned; what is just being planned is planned once more."""
    if state.active is not None:
        state.active.rest_wanted = True
        state.touch("run", state.active.run_id)
