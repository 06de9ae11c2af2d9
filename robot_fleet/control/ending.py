"""When a run comes to rest or to its end, and what is written down then."""

from __future__ import annotations

from robot_fleet.control import views
from robot_fleet.control.records import Rows
from robot_fleet.control.rest import all_work_ended
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import MOST_DROPS, CleaningRun, Robot
from robot_fleet.fleet.itinerary import Place
from robot_fleet.fleet.states import RobotEvent, RobotState, RunEvent, RunState

STOP_LIMIT_S = 30.0
"""How long a stopped run waits for robots to confirm before it ends and names those that did not."""

NOBODY_S = 900.0
"""How long a run waits when no robot takes orders, before it fails."""


class Endings:
    """Looks at the active run after every tick; brings it to PAUSED or to its end when the time has come."""

    def __init__(self, state: FleetState, rows: Rows) -> None:
        self._state = state
        self._rows = rows

    def end_if_done(self, run: CleaningRun) -> None:
        """Completes a running run when no robot has anything left to do."""
        if all_work_ended(self._state, run):
            run.happen(RunEvent.WORK_ENDED)
            self.end(run, "")
        else:
            self.fail_if_nobody(run)

    def fail_if_nobody(self, run: CleaningRun) -> None:
        """Fails a run for which no robot has taken orders for long; one that gets no more work may still do what it has."""
        members = self._state.members(run)
        fit = any(one.is_fit or (one.is_here and one.has_work and one.drops < MOST_DROPS) for one in members)
        run.nobody_since_s = None if fit else (run.nobody_since_s or self._state.now_s)
        if run.nobody_since_s is not None and self._state.now_s - run.nobody_since_s > NOBODY_S:
            run.happen(RunEvent.NO_ROBOT_LEFT)
            self.end(run, "No robot of the run takes orders any more")

    def rest_if_at_rest(self, run: CleaningRun) -> None:
        """Pauses or ends a run that was asked to, once its robots rest; after a limit a stop ends without the silent ones."""
        state = self._state
        moving = [robot.name for robot in state.members(run) if not self._at_rest(robot)]
        if run.state is RunState.PAUSING:
            if all(_is_away(state.robots[name]) for name in moving):
                self._come_to_rest(run)
            return
        if run.state is not RunState.STOPPING:
            return
        run.unconfirmed = tuple(moving)
        late = run.stop_asked_s is not None and state.now_s - run.stop_asked_s > STOP_LIMIT_S
        if late or not moving:
            self._come_to_rest(run)
            names = ", ".join(moving)
            self.end(run, f"Stopped on request; not confirmed by {names}" if moving else "Stopped on request")

    def end(self, run: CleaningRun, reason: str) -> None:
        """Writes down what the ended run came to, and lets its robots go."""
        state = self._state
        run.reason, run.ended_at_s = reason, state.clock.wall_s()
        run.missed = views.missed_areas(state, run)
        self.checkpoint()
        for robot in state.members(run):
            robot.itinerary, robot.place, robot.waiting_since_s = None, Place(), None
            state.traffic.stop_waiting(robot.name)
            state.touch("itinerary", robot.name)
            if robot.is_here and robot.state is not RobotState.CHARGING:
                robot.happen(RobotEvent.RELEASED)
        state.touch("run", run.run_id)
        state.note("run ended", run=run.run_id, state=run.state.value, reason=reason)
        state.active = None

    def checkpoint(self) -> None:
        """Marks for writing how far the active run is."""
        if self._state.active:
            views.count_zones(self._state, self._state.active)
        self._rows.checkpoint()

    def _come_to_rest(self, run: CleaningRun) -> None:
        run.happen(RunEvent.ALL_AT_REST)
        self._state.touch("run", run.run_id)
        for robot in self._state.members(run):
            if robot.is_here and robot.state is not RobotState.CHARGING:
                robot.happen(RobotEvent.MUST_WAIT)

    def _at_rest(self, robot: Robot) -> bool:
        return robot.order is None and not robot.cancel_due and self._state.now_s >= robot.rest_after_s


def _is_away(robot: Robot) -> bool:
    return robot.state is RobotState.OFFLINE or robot.is_silent or robot.heard_at_s is None
