"""A controller's process that ends in order: nothing runs on behind it, and it does not wait for ever."""

from __future__ import annotations

from control_site import site, until

from robot_fleet.fleet.commands import Channel
from robot_fleet.fleet.events import Event, HoldReported, Tick
from robot_fleet.fleet.states import RobotState
from robot_fleet.main.last_pieces import AFTER_S, LONGEST_S, LastPieces
from robot_fleet.sim.site import VirtualSite


class Ending:
    """A site whose process has been told to end; its robots turn nothing off by themselves."""

    def __init__(self, made: VirtualSite) -> None:
        self.made, self.over_at_s = made, 0.0
        self._last = LastPieces(
            made.driver, list(made.world.robots), lambda: made.controller.snapshot, lambda: made.world.now_s
        )
        for robot in made.world.robots.values():
            robot._look_after_tools = lambda now_s: None  # type: ignore[method-assign]
            robot.channels[Channel.SOLUTION] = True
        self._handle = made.controller.handle
        made.controller.handle = self._take  # type: ignore[method-assign]
        self._last.begin()
        made.controller.wind_up()
        self.begun_s = made.world.now_s

    def _take(self, event: Event) -> None:
        if self.over_at_s:
            return
        self._handle(event)
        if self._last.are_over(event):
            self.over_at_s = self.made.world.now_s

    def tell_again(self) -> None:
        """Another signal, or a lifecycle manager, wants it to end, too: that gives nobody more time."""
        self._last.begin()

    def assert_all_rest_with_everything_off(self) -> None:
        self.made.advance(3.0)
        for robot in self.made.world.robots.values():
            assert robot.motion.at_rest and not robot.head_on
            assert not any(robot.channels.values())


def test_it_ends_at_once_when_nobody_drives() -> None:
    ending = Ending(site())
    ending.made.advance(AFTER_S + 0.5)
    assert 0.0 < ending.over_at_s <= ending.begun_s + AFTER_S + 0.5
    ending.assert_all_rest_with_everything_off()


def test_robots_finish_their_pieces_and_who_does_not_is_told_to_rest_in_time() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(5.0)
    motion = made.world.robots["r1"].motion
    step = motion.step
    motion.step = lambda dt_s: step(0.05 * dt_s)  # type: ignore[method-assign]
    ending = Ending(made)
    made.advance(LONGEST_S + 0.5)
    motion.step = step  # type: ignore[method-assign]
    ending.tell_again()
    made.advance(AFTER_S)
    assert ending.begun_s < ending.over_at_s <= ending.begun_s + LONGEST_S + AFTER_S + 0.5
    ending.assert_all_rest_with_everything_off()


def test_it_ends_as_soon_as_the_last_piece_is_done() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.controller.handle(HoldReported("r2", made.world.now_s, "contact"))
    until(made, "r1", RobotState.DOCKING)
    made.advance(8.0)
    assert any(view.leg_id for view in made.controller.snapshot.robots)
    ending = Ending(made)
    made.advance(LONGEST_S)
    assert 0.0 < ending.over_at_s < ending.begun_s + LONGEST_S
    assert not any(view.leg_id for view in made.controller.snapshot.robots)


def test_robots_that_are_not_heard_are_not_waited_for() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    for name in ("r1", "r2"):
        made.world.kill(name)
    made.advance(12.0)
    views = {view.name: view for view in made.controller.snapshot.robots}
    assert views["r1"].leg_id and {view.state for view in views.values()} == {RobotState.OFFLINE}
    ending = Ending(made)
    made.advance(AFTER_S + 1.0)
    assert ending.over_at_s


def test_before_it_has_begun_nothing_ends() -> None:
    made = site()
    last = LastPieces(made.driver, ["r1"], lambda: made.controller.snapshot, lambda: made.world.now_s)
    assert not last.are_over(Tick(made.world.now_s))
