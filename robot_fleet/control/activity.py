"""Whether the controller may clean. While it is inactive it knows and hears everything, and no robot works.

A controller that others start and stop with the machine's other nodes (ROS calls it managed) begins inactive. Runs that go on when
it is made inactive are paused, and go on when it is made active again, unless a person has paused them in the meantime.
"""

from __future__ import annotations

from contextlib import suppress

from robot_fleet.control.outages import LastingController
from robot_fleet.fleet.errors import NotFound, Unavailable, WrongState
from robot_fleet.fleet.states import RunState


class Activity:
    """Keeps runs at rest while it is inactive. Used on the controller's thread alone."""

    def __init__(self, is_active: bool = True) -> None:
        self._is_active = is_active
        self._paused = ""

    @property
    def is_active(self) -> bool:
        """Whether robots may work."""
        return self._is_active

    def change(self, is_active: bool) -> None:
        """Makes it active or inactive; what follows from it is done at the next `look_after`."""
        self._is_active = is_active

    def check(self) -> None:
        """Unavailable while inactive: nothing is begun then."""
        if not self._is_active:
            remedy = "Activate it: ros2 lifecycle set /fleet_controller activate"
            raise Unavailable("INACTIVE", f"The controller is inactive, and robots do not work then. {remedy}")

    def person_paused(self, run_id: str) -> None:
        """A person wants the run to rest, so that it does not go on by itself."""
        if self._paused == run_id:
            self._paused = ""

    def look_after(self, controller: LastingController) -> None:
        """Pauses the run that goes on while inactive, and lets it go on when active; tried again when storage refuses."""
        if self._is_active and self._paused:
            with suppress(Unavailable):
                self._go_on(controller, self._paused)
                self._paused = ""
        elif not self._is_active:
            for run in controller.snapshot.runs:
                if run.state is RunState.RUNNING:
                    with suppress(Unavailable):
                        self._paused = _paused(controller, run.run_id)

    def _go_on(self, controller: LastingController, run_id: str) -> None:
        # One that was stopped in the meantime stays so.
        with suppress(WrongState, NotFound):
            controller.ask(lambda asked: asked.resume_run(run_id))


def _paused(controller: LastingController, run_id: str) -> str:
    return controller.ask(lambda asked: asked.pause_run(run_id)).run_id
