"""Solution and vacuum of robots that have services for them: on over lanes, off where water would be left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from control_site import by_hand, hall, run_of

from robot_fleet.fleet.commands import Channel, SwitchChannel
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
