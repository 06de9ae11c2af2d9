"""A switch of the cleaning head, a std_srvs/SetBool service. Runs on the ROS thread alone."""

from __future__ import annotations

import logging
import time
from functools import partial

from rclpy.task import Future
from std_srvs.srv import SetBool

from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.conversion import words_from_ros
from robot_fleet.ros.drive_action import ANSWER_LIMIT_S, DISCOVERY_LIMIT_S

_log = logging.getLogger(__name__)


class HeadSwitch:
    """Asks for the head, or another `part`, to be on or off. What it answers is only logged: the head's reported state counts."""

    def __init__(self, bridge: RosBridge, robot: str, name: str, part: str = "cleaning head") -> None:
        self.name, self._part = name, part
        self._log = logging.LoggerAdapter(_log, {"ids": {"robot": robot}})
        self._loud = bridge.loud
        self._client = bridge.node.create_client(SetBool, name)
        self._wanted: bool | None = None
        self._since = 0.0
        self._asked: Future | None = None

    @property
    def is_there(self) -> bool:
        """Whether the service is discovered."""
        return bool(self._client.service_is_ready())

    def switch(self, on: bool) -> None:
        """Sends the request, as soon as the service is there; a newer wish replaces one that still waits."""
        self._wanted, self._since = on, time.monotonic()
        self.tick()

    def tick(self) -> None:
        """Lets limits run out; call a few times a second."""
        waited = time.monotonic() - self._since
        if self._wanted is not None and self.is_there:
            self._send(self._wanted)
        elif self._wanted is not None and waited > DISCOVERY_LIMIT_S:
            self._log.warning("there is no service %s to switch the %s", self.name, self._part)
            self._wanted = None
        elif self._asked is not None and waited > ANSWER_LIMIT_S:
            self._log.warning("%s did not answer the wish to switch the %s", self.name, self._part)
            self._forget()

    def _send(self, on: bool) -> None:
        self._forget()
        self._wanted, self._since = None, time.monotonic()
        self._asked = self._client.call_async(SetBool.Request(data=on))
        self._asked.add_done_callback(self._loud(partial(self._answered, on)))

    def _forget(self) -> None:
        if self._asked is not None:
            self._client.remove_pending_request(self._asked)
            self._asked = None

    def _answered(self, on: bool, future: Future) -> None:
        if self._asked is future:
            self._asked = None
        response = future.result()
        if not response.success:
            self._log.warning(
                "%s refused to be %s: %s", self.name, "on" if on else "off", words_from_ros(response.message)
            )
