"""A driver for the one controller that has the database: robots must not be told anything by one that was displaced."""

from __future__ import annotations

from collections.abc import Callable

from robot_fleet.control.ports import RobotDriver
from robot_fleet.fleet.commands import Command


class SoleDriver:
    """The RobotDriver port. What goes out without being stored, a stop say, goes out only while nobody else has the database."""

    def __init__(self, driver: RobotDriver, confirm_ours: Callable[[], None]) -> None:
        """`confirm_ours` returns at once, or raises Displaced; see SqlRunStore."""
        self._driver = driver
        self._confirm_ours = confirm_ours

    def send(self, command: Command) -> None:
        """As RobotDriver's; Displaced when another controller has taken over, and then nothing is sent."""
        self._confirm_ours()
        self._driver.send(command)
