"""A HELD robot does not move and is not told to, until it is acknowledged; after a confirmed stop or pause nothing moves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from robot_fleet.control.snapshot import RunView
from robot_fleet.floor.pose import Pose
from robot_fleet.nights.checks.violation import Findings

STILL_M = 0.02
"""Less is no motion."""

BRAKES_WITHIN_S = 3.0
"""How long after it was shown HELD a robot may still brake: it does so by itself when something holds it."""

CANCELLED_WITHIN_S = 10.0
"""How long it may drive when what held it is over by then: an order that was under way comes, then its cancel."""


@dataclass
class _Shown:
    """Since when a robot is HELD before everybody's eyes, when it last could take an order, and where it was when it might move."""

    since_s: float
    free_s: float
    pose: Pose
    must_rest: bool = False

    def look(self, now_s: float, is_truly_held: bool, pose: Pose) -> None:
        """A moment in which it may still move, or from which on it can have nothing more to drive."""
        self.pose = pose
        if not is_truly_held:
            self.free_s = now_s
        self.must_rest = now_s - self.free_s >= BRAKES_WITHIN_S or now_s - self.since_s >= CANCELLED_WITHIN_S


class HeldCheck:
    """Takes in which robots are shown HELD, which truly are held, where they are, which drive orders leave, and people's words.

    Who was shown HELD once stays so until a person has acknowledged it, whatever the controller, or the next one, says of it.
    """

    def __init__(self) -> None:
        self.findings = Findings("held")
        self._shown: dict[str, _Shown] = {}
        self._asked: set[str] = set()

    def acknowledging(self, robot: str) -> None:
        """A person is about to acknowledge the robot: it may leave HELD by that, also when the answer is lost."""
        self._asked.add(robot)

    def look(
        self, now_s: float, held: Iterable[str] | None, truly: Collection[str], poses: Mapping[str, Pose],
        is_stored: bool = True,
    ) -> None:  # fmt: skip
        """A moment; `held` None while there is no controller, which changes nothing for those that it held.

        Without `is_stored` what is shown may be gone after a crash, and everybody was told so.
        """
        if held is not None:
            self._look_at_states(now_s, frozenset(held), poses, is_stored)
        for name, shown in self._shown.items():
            if not shown.must_rest:
                shown.look(now_s, name in truly, poses[name])
            elif shown.pose.distance_m(poses[name]) > STILL_M:
                self.findings.add(name, now_s, f"{name} is HELD and moves", name)

    def ordered(self, now_s: float, robot: str, is_held: bool) -> None:
        """A drive order leaves; `is_held`: by what the controller shows."""
        if is_held or (robot in self._shown and robot not in self._asked):
            self.findings.add((robot, "order"), now_s, f"{robot} is HELD and is told to drive", robot)

    def _look_at_states(self, now_s: float, held: frozenset[str], poses: Mapping[str, Pose], is_stored: bool) -> None:
        for name in sorted(self._shown.keys() - held):
            if name not in self._asked:
                self.findings.add((name, "left"), now_s, f"{name} is HELD no more, and nobody acknowledged it", name)
            del self._shown[name]
        # Whoever was asked for and is still HELD: the word has come to nothing.
        self._asked.clear()
        for name in held if is_stored else ():
            self._shown.setdefault(name, _Shown(now_s, now_s, poses[name]))


class StopCheck:
    """Takes in runs and poses; a stop is confirmed by CANCELLED for every robot that is not named as unconfirmed."""

    def __init__(self) -> None:
        self.findings = Findings("stop")
        self._rests: dict[str, Pose] = {}
        self._known: set[str] = set()

    def look(self, now_s: float, runs: Sequence[RunView], poses: Mapping[str, Pose]) -> None:
        """A moment. While another run is active robots may move again."""
        stopped = {run.run_id: run for run in runs if run.state.value == "CANCELLED"}
        if any(not run.state.is_terminal for run in runs):
            self._rests = {}
        for run_id in stopped.keys() - self._known:
            self._known.add(run_id)
            self._rests = {name: pose for name, pose in poses.items() if name not in stopped[run_id].unconfirmed}
        for name, pose in self._rests.items():
            if pose.distance_m(poses[name]) > STILL_M:
                self.findings.add(name, now_s, f"{name} moves after a confirmed stop", name)


class PauseCheck:
    """Takes in runs and poses; in a PAUSED run every robot rests that was there when it came to be so."""

    def __init__(self) -> None:
        self.findings = Findings("pause")
        self._run_id = ""
        self._rests: dict[str, Pose] = {}

    def look(self, now_s: float, runs: Sequence[RunView], poses: Mapping[str, Pose], away: Collection[str]) -> None:
        """A moment; `away` are those that take no orders: a pause does not wait for their word."""
        run_id = next((run.run_id for run in runs if run.state.value == "PAUSED"), "")
        if run_id != self._run_id:
            self._run_id = run_id
            self._rests = {name: pose for name, pose in poses.items() if run_id and name not in away}
        for name, pose in self._rests.items():
            if pose.distance_m(poses[name]) > STILL_M:
                self.findings.add((run_id, name), now_s, f"{name} moves in a paused run", name)
