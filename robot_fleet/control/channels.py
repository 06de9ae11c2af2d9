"""Solution and vacuum of robots that have a service for each: when the plan would have them on, by where the robot is.

The solution flows while the robot drives a lane with its deck down, and stops `solution_off_m` before the deck is lifted, so
that no water is left where the squeegee does not come. The vacuum runs with the deck down and for `vacuum_on_m` after it.
A robot that stands still gets no solution. Floor is credited by the deck alone.
"""

from __future__ import annotations

from robot_fleet.control.state import FleetState
from robot_fleet.fleet.commands import Channel, SwitchChannel
from robot_fleet.fleet.entities import Robot
from robot_fleet.planning.plan import LegKind

AGAIN_S = 5.0
"""How often a wish is said again while the deck is down: no robot reports whether a channel obeyed."""

LONGEST_S = 60.0
"""A vacuum goes off after so long with the deck up, however little the robot has driven."""


def look_after_channels(state: FleetState, robot: Robot) -> None:
    """Switches what is not as it should be; call at every tick."""
    names = robot.spec.profile.interface
    if robot.head_on and robot.pose is not None:
        robot.deck_down_at = state.now_s, robot.pose
    if names.solution_service:
        _switch(state, robot, Channel.SOLUTION, _needs_solution(robot))
    if names.vacuum_service:
        _switch(state, robot, Channel.VACUUM, _needs_vacuum(state, robot))


def _needs_solution(robot: Robot) -> bool:
    order = robot.order
    if order is None or order.cancel_asked_s is not None or order.piece.kind is not LegKind.CLEAN:
        return False
    down = robot.head_on and robot.head_wanted
    return down and _metres_to_lift(robot) > robot.spec.profile.channels.solution_off_m


def _metres_to_lift(robot: Robot) -> float:
    """How far the robot still drives before its deck goes up, by its itinerary; by its piece where that is no longer part of it."""
    assert robot.order is not None
    piece, done_m = robot.order.piece, robot.order.progress_m
    driven_m = piece.start.offset_m + done_m
    stretches = robot.itinerary.stretches if robot.itinerary and not robot.order.superseded else ()
    if not piece.start.stretch < len(stretches) or stretches[piece.start.stretch].kind is not LegKind.CLEAN:
        return piece.end_m - driven_m
    left_m = stretches[piece.start.stretch].length_m - driven_m
    for stretch in stretches[piece.start.stretch + 1 :]:
        if stretch.kind is not LegKind.CLEAN:
            break
        left_m += stretch.length_m
    return left_m


def _needs_vacuum(state: FleetState, robot: Robot) -> bool:
    if robot.head_on:
        return True
    if robot.deck_down_at is None or robot.pose is None:
        return False
    at_s, place = robot.deck_down_at
    near = place.distance_m(robot.pose) < robot.spec.profile.channels.vacuum_on_m
    return near and state.now_s - at_s < LONGEST_S


def _switch(state: FleetState, robot: Robot, channel: Channel, on: bool) -> None:
    said = robot.channels.get(channel)
    # What a robot does that a controller left behind is not known: it is told once.
    if said is not None and said[0] == on and not (robot.head_on and state.now_s - said[1] >= AGAIN_S):
        return
    if robot.is_silent or robot.pose is None:
        return
    robot.channels[channel] = (on, state.now_s)
    state.send(SwitchChannel(robot.name, channel, on))
