"""The way between controller and robots: messages get lost, come late, twice or in another order, and the driver copes.

The driver keeps the promises of the real one: an order that nobody accepts is UNANSWERED after 5 s, one that was withdrawn is
cancelled as soon as it is accepted, and a robot is quiet only when all that this driver sent has ended. Messages are never
later than LATEST_S: a goal that was given up must not set off a robot that is believed to rest.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from robot_fleet.fleet.commands import CancelAll, Command, DockAt, Follow, SwitchChannel, SwitchHead, Undock
from robot_fleet.fleet.events import AllCancelled, Event, LegEnded, Outcome
from robot_fleet.nights.faults import Fault
from robot_fleet.nights.world import TroubledWorld

ANSWER_LIMIT_S = 5.0
LATEST_S = 3.0
_LOSING = ("messages lost", "messages late", "messages doubled", "messages re-ordered")


@dataclass(frozen=True)
class Accepted:
    """A robot took an order up."""

    robot: str
    leg_id: str


@dataclass(frozen=True)
class Quiet:
    """A robot dropped its goals, and these are the orders that it had seen until then."""

    cancelled: AllCancelled
    seen: frozenset[str]


@dataclass
class _Sent:
    """An order of this driver that has not ended yet."""

    at_s: float
    accepted: bool = False
    told: bool = False
    withdrawn: bool = False


Answer = Event | Accepted | Quiet


@dataclass
class _Post:
    """Messages under way in one direction, by the time at which they arrive."""

    queue: list[tuple[float, int, object]] = field(default_factory=list)
    count: int = 0
    last_s: dict[str, float] = field(default_factory=dict)

    def put(self, at_s: float, message: object) -> None:
        self.count += 1
        heapq.heappush(self.queue, (at_s, self.count, message))

    def due(self, now_s: float) -> list[object]:
        found = []
        while self.queue and self.queue[0][0] <= now_s + 1e-9:
            found.append(heapq.heappop(self.queue)[2])
        return found


class Link:
    """The RobotDriver port over a bad link."""

    def __init__(self, world: TroubledWorld, faults: Sequence[Fault], seed: int, delay_s: float = 0.0) -> None:
        self._world = world
        self._faults = [fault for fault in faults if fault.kind in (*_LOSING, "link cut", "silent")]
        self._rng = np.random.default_rng([seed, 2])
        self._delay_s = delay_s
        self._down, self._up = _Post(), _Post()
        self._seen: dict[str, set[str]] = {name: set() for name in world.robots}
        self._seen_by_cancel: dict[str, deque[frozenset[str]]] = {name: deque() for name in world.robots}
        self._open: dict[str, dict[str, _Sent]] = {name: {} for name in world.robots}

    def send(self, command: Command) -> None:
        """Puts the command on its way."""
        orders = self._open[command.robot]
        if isinstance(command, Undock | Follow | DockAt):
            orders[command.leg_id] = _Sent(self._world.now_s)
        elif isinstance(command, CancelAll):
            for sent in orders.values():
                sent.withdrawn = True
        self._post(self._down, command.robot, command)

    def deliver(self) -> None:
        """Hands over the commands that have arrived by now."""
        for command in self._down.due(self._world.now_s):
            assert isinstance(command, Undock | Follow | DockAt | SwitchHead | SwitchChannel | CancelAll)
            self._arrive(command)

    def take(self, reported: Sequence[Event]) -> None:
        """Puts what robots reported on its way."""
        for event in reported:
            name = getattr(event, "robot", "")
            message: Answer = event
            if isinstance(event, AllCancelled):
                message = Quiet(event, self._seen_by_cancel[name].popleft())
            self._post(self._up, name, message)

    def arrived(self) -> list[Event]:
        """What the driver tells the controller by now."""
        told: list[Event] = []
        for message in self._up.due(self._world.now_s):
            told += self._hear(message)  # type: ignore[arg-type]
        for name, orders in self._open.items():
            for leg_id, sent in orders.items():
                if not (sent.accepted or sent.told) and self._world.now_s - sent.at_s > ANSWER_LIMIT_S:
                    sent.told = sent.withdrawn = True
                    told.append(LegEnded(name, self._world.now_s, leg_id, Outcome.UNANSWERED, "no answer to the goal"))
        return told

    def forget(self) -> None:
        """The driver's process is gone; what is under way still arrives."""
        self._open = {name: {} for name in self._world.robots}

    def _arrive(self, command: Command) -> None:
        robot = self._world.troubled[command.robot]
        if isinstance(command, CancelAll) and robot.alive:
            # What it says with the next step does not tell of an order that comes right behind.
            self._seen_by_cancel[command.robot].append(frozenset(self._seen[command.robot]))
        if isinstance(command, Undock | Follow | DockAt) and robot.alive:
            self._seen[command.robot].add(command.leg_id)
            if not robot.suffers("never answered", self._world.now_s):
                self._post(self._up, command.robot, Accepted(command.robot, command.leg_id))
        self._world.command(command)

    def _hear(self, message: Answer) -> list[Event]:
        if isinstance(message, Accepted):
            sent = self._open[message.robot].get(message.leg_id)
            if sent is not None:
                sent.accepted = True
                if sent.withdrawn:
                    self._post(self._down, message.robot, CancelAll(message.robot))
            return []
        if isinstance(message, Quiet):
            return self._quieten(message)
        if isinstance(message, LegEnded):
            # A second answer, or one to an earlier process, is passed on: the controller must drop it by itself.
            sent = self._open[message.robot].pop(message.leg_id, None)
            return [] if sent is not None and sent.told else [message]
        return [message]

    def _quieten(self, message: Quiet) -> list[Event]:
        """Ends the orders that the robot has seen and has no more, or will never see; quiet only when none is left."""
        name, told = message.cancelled.robot, list[Event]()
        for leg_id, sent in list(self._open[name].items()):
            if leg_id in message.seen or sent.told:
                del self._open[name][leg_id]
                if not sent.told:
                    told.append(LegEnded(name, message.cancelled.at_s, leg_id, Outcome.CANCELLED, "cancelled"))
        return told if self._open[name] else [*told, message.cancelled]

    def _post(self, post: _Post, robot: str, message: object) -> None:
        now_s = self._world.now_s
        for kind, late_s in self._fates(robot, now_s):
            at_s = now_s + min(LATEST_S, self._delay_s + late_s)
            if kind == "in order":
                at_s = post.last_s[robot] = max(at_s, post.last_s.get(robot, 0.0))
            post.put(at_s, message)

    def _fates(self, robot: str, now_s: float) -> list[tuple[str, float]]:
        """When the copies of a message come, later than usual; none when it is lost."""
        fates = [("in order", 0.0)]
        for fault in self._faults:
            if not fault.lasts(now_s) or fault.robot not in ("", robot):
                continue
            if fault.kind in ("link cut", "silent"):
                return []
            if fault.kind == "messages lost" and self._rng.random() < fault.value:
                return []
            if fault.kind == "messages late":
                fates = [("in order", float(self._rng.uniform(0.0, fault.value)))]
            elif fault.kind == "messages re-ordered":
                fates = [("in any order", float(self._rng.uniform(0.0, fault.value)))]
            elif fault.kind == "messages doubled":
                fates.append(("in any order", float(self._rng.uniform(0.0, fault.value))))
        return fates
