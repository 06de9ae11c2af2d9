"""One robot as the driver sees it: three drive actions and the head's switches. Runs on the ROS thread alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from nav2_msgs.action import DockRobot, FollowPath, UndockRobot

from robot_fleet.fleet.commands import Channel, DockAt, Follow, SwitchChannel, SwitchHead, Undock
from robot_fleet.fleet.events import AllCancelled, EquipmentReported, Event, LegEnded, Outcome
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros import layouts
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.conversion import words_from_ros
from robot_fleet.ros.drive_action import DISCOVERY_LIMIT_S, DriveAction
from robot_fleet.ros.goals import dock_goal, follow_goal, undock_goal
from robot_fleet.ros.head import HeadSwitch
from robot_fleet.ros.map_looks import MapLooks
from robot_fleet.ros.names import topic_name, topics_heard
from robot_fleet.ros.server_states import ACTIVATE, ServerStates
from robot_fleet.ros.trust import Trust

LACKS_S = 10.0
"""So long something is missing before that is told: with many robots, and after a cut, it takes a while to find all again."""

# To look at the layouts of its orders takes a while with many robots; it is looked at first, and then now and then.
_LAYOUTS_EVERY = 150
# And once more soon after: not all endpoints are found at once, and the names of their nodes a little later.
_AGAIN_AFTER = 5
# Servers fall asleep seldom; of one that was, it is to be known soon that it woke up.
_STATES_EVERY = 5
# A map is looked at when the robot is found, and again until one was right.
_MAP_EVERY = 15
_START_SERVERS = (
    "Start Nav2's controller and docking servers and the head's service on it, or give their names in the profile"
)
_SAME_RELEASE = "Use ROS 2 Jazzy or Kilted on the robot; `robot-fleet doctor` tells more"


class RobotLink:
    """Carries out one robot's commands and tells their ends."""

    def __init__(
        self, bridge: RosBridge, spec: RobotSpec, clock: RosClock, tell: Callable[[Event], None], trust: Trust,
        maps: MapLooks | None,
    ) -> None:  # fmt: skip
        self.spec, self._clock, self._tell, self._node = spec, clock, tell, bridge.node
        self._trust, self._maps = trust, maps
        names = spec.profile.interface

        def drive_action(action_type: type, name: str) -> DriveAction:
            return DriveAction(bridge, spec.name, action_type, topic_name(spec, name), self._ended, self._confirm)

        self._follow = drive_action(FollowPath, names.follow_path)
        self._dock = drive_action(DockRobot, names.dock_robot)
        self._undock = drive_action(UndockRobot, names.undock_robot)
        self._actions = (self._follow, self._dock, self._undock)
        self._head = HeadSwitch(bridge, spec.name, topic_name(spec, names.head_service))
        channels = {Channel.SOLUTION: names.solution_service, Channel.VACUUM: names.vacuum_service}
        self._channels = {
            channel: HeadSwitch(bridge, spec.name, topic_name(spec, name), channel.value)
            for channel, name in channels.items()
            if name
        }
        self._cancel_since: float | None = None
        # Since when, by how that is mended.
        self._lacks_since: dict[str, float] = {}
        self._told_missing = False
        self._looks, self._misread = 0, ""
        self._states = ServerStates(bridge, self.servers)

    @property
    def servers(self) -> dict[str, bool]:
        """Whether each drive action's server is discovered, by its full name."""
        return {action.name: action.is_there for action in self._actions}

    def tell_of_equipment(self) -> None:
        """Tells what keeps the robot from being given work, if anything does; call every other second or so."""
        missing, remedy = self._missing()
        missing = words_from_ros(missing)
        if not missing:
            self._lacks_since.clear()
            # At the first look after its servers are there it is not known yet whether they are active.
            if self._told_missing and self._looks > 1:
                self._told_missing = False
                self._tell(EquipmentReported(self.spec.name, self._clock.now_s(), ""))
            return
        now = time.monotonic()
        since = self._lacks_since.setdefault(remedy, now)
        # What says of itself that it is inactive is not only found late.
        if self._states.asleep or now - since > LACKS_S:
            self._told_missing = True
            self._tell(EquipmentReported(self.spec.name, self._clock.now_s(), missing, remedy))

    def _missing(self) -> tuple[str, str]:
        """What is missing, and how to mend it; "" when nothing is."""
        gone = [f"no action server {action.name}" for action in self._actions if not action.is_there]
        switches = (self._head, *self._channels.values())
        gone += [f"no service {switch.name}" for switch in switches if not switch.is_there]
        if gone:
            self._looks = 0
            return f"there is {', '.join(gone)}", _START_SERVERS
        if self._looks % (_AGAIN_AFTER if self._misread else _LAYOUTS_EVERY) in (0, _AGAIN_AFTER):
            self._misread = self._find_misread()
            self._states.find()
        if self._looks % _STATES_EVERY == 0 or self._states.asleep:
            self._states.ask()
        if self._maps and self._looks == 0:
            self._maps.want(self.spec, anew=True)
        elif self._maps and self._looks % _MAP_EVERY == 0 and not self._maps.is_sound(self.spec.name):
            self._maps.want(self.spec)
        self._looks += 1
        if self._misread:
            return self._misread, _SAME_RELEASE
        if self._states.asleep:
            return self._states.asleep, ACTIVATE
        fault = self._trust.fault(self._states.answer_s)
        return fault if fault[0] or not self._maps else self._maps.fault(self.spec.name)

    def _find_misread(self) -> str:
        """What the robot would misread of orders, or we of what it tells; "" when nothing."""
        for action in self._actions:
            if action.misreading:
                return f"it would misread its orders: {action.misreading}"
        for topic, is_shared in topics_heard(self.spec).items():
            found = layouts.telling(self.spec, is_shared, layouts.publishers(self._node, topic))
            if fault := layouts.misreading(topic, layouts.own(self._node, topic), found):
                return f"what it tells would be misread: {fault}"
        return ""

    def switch_head(self, command: SwitchHead) -> None:
        """Asks for the head to be as commanded."""
        self._head.switch(command.on)

    def switch_channel(self, command: SwitchChannel) -> None:
        """Asks for solution or vacuum to be as commanded, where the robot has a service for it."""
        if command.channel in self._channels:
            self._channels[command.channel].switch(command.on)

    def drive(self, command: Undock | Follow | DockAt) -> None:
        """Sends the order's goal; a cancellation that is not confirmed yet is no longer waited for."""
        self._cancel_since = None
        for action in self._actions:
            action.forget_cancel()
        if isinstance(command, Follow):
            self._follow.start(command.leg_id, follow_goal(self.spec, command))
        elif isinstance(command, DockAt):
            self._dock.start(command.leg_id, dock_goal(self.spec, command))
        else:
            self._undock.start(command.leg_id, undock_goal(self.spec, command))

    def refuse(self, command: Undock | Follow | DockAt) -> None:
        """Ends an order that a cancellation overtook before it was sent."""
        self._ended(command.leg_id, Outcome.CANCELLED, "cancelled before it was sent")

    def cancel_all(self) -> None:
        """Asks every drive action there is to cancel all goals, until they confirm or an order comes.

        Said again before that, it changes nothing: what has been answered so far stays true.
        """
        if self._cancel_since is None:
            self._cancel_since = time.monotonic()
            for action in self._actions:
                action.cancel_all()
        self._confirm()

    def tick(self) -> None:
        """Lets limits run out; call a few times a second."""
        for action in self._actions:
            action.tick()
        for switch in (self._head, *self._channels.values()):
            switch.tick()
        self._confirm()

    def _ended(self, leg_id: str, outcome: Outcome, detail: str) -> None:
        self._tell(LegEnded(self.spec.name, self._clock.now_s(), leg_id, outcome, detail))

    def _confirm(self) -> None:
        """Tells that all is cancelled when each server there is, at least one, has said so and no goal of ours is open.

        A server that is not there gets a moment to be discovered: it may have a goal of an earlier controller.
        """
        if self._cancel_since is None:
            return
        waited = time.monotonic() - self._cancel_since > DISCOVERY_LIMIT_S
        open_ones = [action for action in self._actions if not action.is_quiet]
        gone = [action for action in open_ones if waited and not action.has_orders and not action.is_there]
        if len(open_ones) < len(self._actions) and len(gone) == len(open_ones):
            self._cancel_since = None
            self._tell(AllCancelled(self.spec.name, self._clock.now_s()))
