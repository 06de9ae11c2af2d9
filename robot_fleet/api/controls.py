"""What the services need of the controller. Everything is called on the event loop's thread and returns at once."""

from __future__ import annotations

from typing import Protocol

from shapely import Polygon

from robot_fleet.control.snapshot import ClosureView, RobotView, RunRecord, RunView


class FleetControl(Protocol):
    """The controller as the API sees it. Every method raises a FleetError when it refuses."""

    def start_run(self, zones: tuple[str, ...], request_id: str, robots: tuple[str, ...] = ()) -> RunView:
        """Stores a run in PLANNING and returns it; the same request_id gives the same run."""

    def stop_run(self, run_id: str) -> RunView:
        """Orders every robot of the run to stop."""

    def pause_run(self, run_id: str) -> RunView:
        """Orders every robot of the run to rest where it is."""

    def resume_run(self, run_id: str) -> RunView:
        """Lets a paused run go on."""

    def acknowledge(self, robot: str, who: str) -> RobotView:
        """Frees a held robot by a person's word."""

    def close_floor(self, name: str, polygon: Polygon, lasts_s: float | None = None) -> ClosureView:
        """Closes floor for all robots, or draws it anew."""

    def open_floor(self, name: str) -> None:
        """Opens closed floor again."""

    def record(self, run_id: str) -> RunRecord:
        """Coverage and tracks of a run."""
