"""Solution and vacuum of robots that have services for them: on over lanes, off where water would be left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from control_site import Disk, by_hand, hall, lasting, run_of

from robot_fleet.fleet.commands import Channel, SwitchChannel
from robot_fleet.fleet.errors import Unavailable
from robot_fleet.fleet.events import HoldReported, PoseRefused, PoseReported
from robot_fleet.fleet.states import RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import Channels, Interface
from robot_fleet.sim.site import VirtualSite

OFF_M, ON_M = 0.8, 1.0


def wet_site() -> VirtualSite:
    """The hall, whose first robot has a service for its solution and one for its vacuum; the other has neither."""
    store = hall()
    interface = Interface(solution_service="solution/set", vacuum_service="vacuum/set")
    wet = replace(store.robots[0].profile, name="wet", interface=interface, channels=Channels(OFF_M, ON_M))
    made = VirtualSite(replace(store, robots=(replace(store.robots[0], profile=wet), store.robots[1])), by_hand)
    made.advance(3.0)
    return made


@dataclass
class Watched:
    """What the first robot truly did, tick by tick."""

    made: VirtualSite
    seen: list[tuple[Pose, bool, bool, bool]] = field(default_factory=list)

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.made.advance(0.1)
            robot = self.made.world.robots["r1"]
            channels = robot.channels
            self.seen.append((robot.pose, robot.head_on, channels[Channel.SOLUTION], channels[Channel.VACUUM]))

    def until_ended(self) -> None:
        while not run_of(self.made).state.is_terminal and self.made.world.now_s < 4000.0:
            self.advance(1.0)

    def metres(self, first: int, last: int) -> float:
        poses = [pose for pose, *_ in self.seen[first : last + 1]]
        return sum(a.distance_m(b) for a, b in pairwise(poses))


def test_solution_stops_before_the_deck_is_lifted_and_the_vacuum_goes_on_after_it() -> None:
    watched = Watched(wet_site())
    watched.made.controller.start_run((), "")
    watched.until_ended()
    assert run_of(watched.made).state is RunState.COMPLETED
    seen = watched.seen
    lifts = [k for k in range(1, len(seen)) if seen[k - 1][1] and not seen[k][1]]
    assert lifts
    for lift in lifts:
        wet = max(k for k in range(lift) if seen[k][2])
        assert watched.metres(wet, lift) >= OFF_M - 0.4
        dry = next(k for k in range(lift, len(seen)) if not seen[k][3])
        assert ON_M - 0.1 <= watched.metres(lift, dry) <= ON_M + 2.0
    on = sum(deck for _, deck, _, _ in seen)
    assert sum(deck and solution for _, deck, solution, _ in seen) > 0.6 * on
    assert all(deck for _, deck, solution, _ in seen if solution)
    assert seen[-1][1:] == (False, False, False)


@pytest.mark.parametrize("what", ["stop", "pause"])
def test_a_robot_that_is_told_to_rest_gets_no_more_solution(what: str) -> None:
    watched = Watched(wet_site())
    run = watched.made.controller.start_run((), "")
    while not watched.made.world.robots["r1"].channels[Channel.SOLUTION]:
        watched.advance(1.0)
    if what == "stop":
        watched.made.controller.stop_run(run.run_id)
    else:
        watched.made.controller.pause_run(run.run_id)
    watched.advance(0.3)
    assert not watched.made.world.robots["r1"].channels[Channel.SOLUTION]
    watched.advance(70.0)
    assert not watched.made.world.robots["r1"].channels[Channel.VACUUM]


def test_robots_without_such_services_are_told_nothing() -> None:
    made = wet_site()
    other = made.world.robots["r2"]
    told = []
    obey = other.command
    other.command = lambda command, now_s: (told.append(command), obey(command, now_s))[1]  # type: ignore[method-assign]
    made.controller.start_run((), "")
    made.advance(60.0)
    assert told and not any(isinstance(command, SwitchChannel) for command in told)


def test_what_a_controller_left_on_is_turned_off_by_the_next() -> None:
    made = wet_site()
    made.controller.start_run((), "")
    robot = made.world.robots["r1"]
    while not robot.channels[Channel.SOLUTION]:
        made.advance(1.0)
    made.restart_controller()
    made.advance(0.3)
    assert not robot.channels[Channel.SOLUTION]


def wet_and_left_alone(disk: Disk) -> VirtualSite:
    """A run whose first robot loses water just now, and turns nothing off by itself, however long it stands."""
    made = lasting(disk, wet_site())
    robot = made.world.robots["r1"]
    robot._look_after_tools = lambda now_s: None  # type: ignore[method-assign]
    made.controller.ask(lambda controller: controller.start_run((), "night"))
    while not robot.channels[Channel.SOLUTION]:
        made.advance(1.0)
    return made


@pytest.mark.parametrize("request_first", ["", "pause_run", "stop_run"])
def test_a_robot_gets_no_water_any_more_once_it_rests_while_nothing_can_be_stored(request_first: str) -> None:
    disk = Disk()
    made = wet_and_left_alone(disk)
    disk.full = True
    if request_first:
        with pytest.raises(Unavailable):
            made.controller.ask(lambda controller: getattr(controller, request_first)(run_of(made).run_id))
    made.advance(70.0)
    robot = made.world.robots["r1"]
    assert robot.motion.at_rest and not robot.head_on
    assert not any(robot.channels.values())


def test_a_vacuum_that_runs_on_at_rest_is_turned_off_when_nothing_can_be_stored_any_more() -> None:
    disk = Disk()
    made = wet_and_left_alone(disk)
    robot = made.world.robots["r1"]
    made.controller.stop_run(run_of(made).run_id)
    made.advance(2.0)
    assert robot.motion.at_rest and robot.channels[Channel.VACUUM]
    disk.full = True
    made.controller.handle(HoldReported("r2", made.world.now_s, "contact"))
    made.advance(0.3)
    assert not any(robot.channels.values())


def test_a_robot_that_is_stopped_while_nothing_can_be_stored_gets_no_more_water_at_once() -> None:
    disk = Disk()
    made = wet_and_left_alone(disk)
    disk.full = True
    made.advance(1.0)
    with pytest.raises(Unavailable):
        made.controller.stop_run(run_of(made).run_id)
    made.advance(0.3)
    assert not any(made.world.robots["r1"].channels.values())


def test_a_robot_whose_place_is_not_believed_gets_no_more_water() -> None:
    made = wet_and_left_alone(Disk())
    robot = made.world.robots["r1"]
    robot._seen_pose = lambda now_s: PoseReported("r1", now_s, Pose(900.0, 2.0))  # type: ignore[method-assign]
    made.controller.handle(PoseRefused("r1", made.world.now_s, "its clock is wrong", "Set it"))
    made.advance(0.3)
    assert not any(robot.channels.values())
