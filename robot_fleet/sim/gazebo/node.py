"""A node in Gazebo's transport: topics heard and published, without Gazebo's libraries.

Processes find each other by multicast (`network.py`); messages then go from a ZeroMQ PUB socket of the publisher to a SUB socket of
the subscriber, in four frames: topic, the sender's address, the message, its type. A publisher sends nothing until a
subscriber has told it, by NEW_CONNECTION, that it is there.

One thread of its own listens. What is heard is handed over on that thread; `publish` may be called from any other.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import zmq
from google.protobuf.message import Message
from zmq.utils.monitor import recv_monitor_message

from robot_fleet.sim.gazebo.network import WIRE_VERSION, Multicast, Network
from robot_fleet.sim.gazebo.v1.messages_pb2 import Discovery

_log = logging.getLogger(__name__)
_HEARTBEAT_S, _SILENT_S, _WAIT_S = 1.0, 5.0, 0.2
_COMPLAIN_S = 10.0
_COPIES_S = 0.1
"""For so long what is heard again is taken for a copy that came over another interface; who asks again does so each second."""
_WAITING = 10_000
"""Messages that may wait for us before some are lost."""
_MOST_BYTES = 16 * 2**20
"""Of a message: more is nobody's pose, and is not kept in memory."""
_AT_ONCE = 1_000
"""Messages that are taken in before the heartbeat is looked after again: who is flooded must not seem gone."""
_MOST_PUBLISHERS = 200
"""Addresses that are connected to: everybody on the network may claim to publish."""
_PACKAGES = ("gz.msgs", "ignition.msgs")

Hear = Callable[[bytes], None]
Taken = TypeVar("Taken")


class GazeboNode:
    """`subscribe` and `advertise` first, then `start`. A publisher that ends and comes again is found again.

    `messages` is the package of the others' message types, gz.msgs or ignition.msgs. Without it, it is learnt from the first
    publisher that is heard, and nothing is offered before: what was once offered under a wrong type is never heard.
    """

    def __init__(self, network: Network, messages: str = "") -> None:
        self.network = network
        self._messages = messages
        self._process, self._node = str(uuid.uuid4()), str(uuid.uuid4())
        self._heard: dict[str, tuple[str, Hear]] = {}
        self._types: dict[str, str] = {}
        # Of each process that publishes what we hear: since when it is silent, and its addresses.
        self._last_heard: dict[str, float] = {}
        self._addresses: dict[str, set[str]] = {}
        self._publishers: dict[str, set[str]] = {}
        self._cut_off: set[str] = set()
        # What was answered, and when.
        self._answered: dict[bytes, float] = {}
        self._context = zmq.Context()
        self._pub, self._sub = self._context.socket(zmq.PUB), self._context.socket(zmq.SUB)
        self._sub.set_hwm(_WAITING)
        self._sub.setsockopt(zmq.MAXMSGSIZE, _MOST_BYTES)
        self._ends = self._sub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        port = self._pub.bind_to_random_port(f"tcp://{network.hosts[0]}")
        self._address = f"tcp://{network.hosts[0]}:{port}"
        self._publishing = threading.Lock()
        self._complains_at = 0.0
        self._multicast = Multicast(network)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="gazebo", daemon=True)

    def subscribe(self, topic: str, message_type: str, hear: Hear) -> None:
        """Has each message of the topic handed to `hear`, encoded; those of other types than that one are passed over."""
        self._heard[self.network.full_name(topic)] = (message_type, hear)
        self._sub.subscribe(self.network.full_name(topic))

    def advertise(self, topic: str, message_type: str) -> None:
        """Offers messages of that type, such as Twist."""
        self._types[self.network.full_name(topic)] = message_type

    def publish(self, topic: str, message: Message) -> None:
        """Sends to those who listen."""
        name = self.network.full_name(topic)
        texts = (name, self._address, self._type_of(name))
        name_frame, address, kind = (text.encode() for text in texts)
        with self._publishing:
            self._pub.send_multipart([name_frame, address, message.SerializeToString(), kind])

    def hears(self, topic: str) -> bool:
        """Whether somebody publishes the topic now."""
        return bool(self._publishers.get(self.network.full_name(topic)))

    def start(self) -> None:
        """Begins to look for others and to listen."""
        self._thread.start()

    def close(self) -> None:
        """Says goodbye and ends."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._tell(Discovery.TYPE_BYE)
        self._multicast.close()
        self._sub.disable_monitor()
        for link in (self._ends, self._pub, self._sub):
            link.close(linger=0)
        self._context.term()

    def _listen(self) -> None:
        poller = zmq.Poller()
        poller.register(self._multicast.socket.fileno(), zmq.POLLIN)
        poller.register(self._sub, zmq.POLLIN)
        next_beat = 0.0
        while not self._ended.is_set():
            now = time.monotonic()
            if now >= next_beat:
                next_beat = now + _HEARTBEAT_S
                self._beat(now)
            poller.poll(int(1000 * min(_WAIT_S, max(0.0, next_beat - now))))
            for _ in range(_AT_ONCE):
                told = self._multicast.heard()
                if told is None:
                    break
                self._guarded(self._take_in, told)
            self._hand_over()
            self._look_for_ends()

    def _beat(self, now: float) -> None:
        """Tells that we are here, what we publish and what we look for; forgets who has gone silent."""
        self._tell(Discovery.TYPE_HEARTBEAT)
        self._advertise(*self._types)
        self._reach_again()
        for topic in self._heard:
            if not self._publishers.get(topic):
                self._tell(Discovery.TYPE_SUBSCRIBE, Discovery.Subscriber(topic=topic))
        for process, heard_at in list(self._last_heard.items()):
            if now - heard_at > _SILENT_S:
                self._forget(process)
        self._answered = {asked: at for asked, at in self._answered.items() if now - at < _COPIES_S}

    def _advertise(self, *topics: str) -> None:
        for topic in topics if self._messages else ():
            self._tell(Discovery.TYPE_ADVERTISE, self._offer(topic))

    def _type_of(self, topic: str) -> str:
        return f"{self._messages}.{self._types[topic]}" if topic in self._types else ""

    def _tell(self, kind: int, about: Discovery.Publisher | Discovery.Subscriber | None = None) -> None:
        message = Discovery(version=WIRE_VERSION, process_uuid=self._process, type=kind)  # type: ignore[arg-type]
        if isinstance(about, Discovery.Subscriber):
            message.sub.CopyFrom(about)
        elif about is not None:
            message.pub.CopyFrom(about)
        else:
            message.pub.process_uuid = self._process
        self._multicast.tell(message)

    def _offer(self, topic: str, address: str = "", ctrl: str = "") -> Discovery.Publisher:
        return Discovery.Publisher(
            topic=topic,
            address=address or self._address,
            process_uuid=self._process,
            node_uuid=self._node,
            scope=Discovery.Publisher.SCOPE_ALL,
            msg_pub=Discovery.Publisher.MessagePublisher(ctrl=ctrl, msg_type=self._type_of(topic)),
        )

    def _take_in(self, told: Discovery) -> None:
        if told.process_uuid == self._process:
            return
        if told.process_uuid in self._last_heard:
            self._last_heard[told.process_uuid] = time.monotonic()
        if told.type == Discovery.TYPE_ADVERTISE and told.pub.topic in self._heard:
            self._connect(told)
        elif told.type == Discovery.TYPE_SUBSCRIBE and told.sub.topic in self._types:
            if not self._was_answered(told):
                self._advertise(told.sub.topic)
        elif told.type == Discovery.TYPE_UNADVERTISE:
            self._publishers.get(told.pub.topic, set()).discard(told.pub.process_uuid)
        elif told.type == Discovery.TYPE_BYE:
            self._forget(told.process_uuid)

    def _was_answered(self, told: Discovery) -> bool:
        """Whether this is a copy of what is being answered: all that is told goes over every interface, and so do answers."""
        asked, now = told.SerializeToString(deterministic=True), time.monotonic()
        if now - self._answered.get(asked, -math.inf) < _COPIES_S:
            return True
        self._answered[asked] = now
        return False

    def _connect(self, told: Discovery) -> None:
        publisher = told.pub
        process, kind = publisher.process_uuid, publisher.msg_pub.msg_type
        if not self._is_meant(publisher.topic, kind) or not self._reach(process, publisher.address):
            return
        self._learn(kind)
        self._last_heard[process] = time.monotonic()
        self._publishers.setdefault(publisher.topic, set()).add(process)
        if self._was_answered(told):
            return
        # At each of its heartbeats anew: it may have taken us for gone while this machine was busy.
        answer = self._offer(publisher.topic, publisher.address, ctrl=process)
        answer.msg_pub.msg_type = kind
        self._tell(Discovery.TYPE_NEW_CONNECTION, answer)

    def _reach(self, process: str, address: str) -> bool:
        """Connects to where a process publishes; False when that is no place to connect to."""
        known = self._addresses.get(process, set())
        if address in known:
            return True
        if not address.startswith("tcp://") or sum(map(len, self._addresses.values())) >= _MOST_PUBLISHERS:
            return False
        try:
            self._sub.connect(address)
        except zmq.ZMQError as fault:
            _log.debug("%.100s is passed over: %s", address, fault)
            return False
        self._addresses[process] = {*known, address}
        _log.info("hears %s", address)
        return True

    def _look_for_ends(self) -> None:
        """Notes whose connection has ended: one that sent what is too long, or no ZeroMQ at all, is not tried again by itself."""
        for _ in range(_AT_ONCE):
            try:
                self._cut_off.add(recv_monitor_message(self._ends, zmq.NOBLOCK)["endpoint"].decode())
            except zmq.Again:
                return

    def _reach_again(self) -> None:
        for address in self._cut_off & set().union(*self._addresses.values()):
            with suppress(zmq.ZMQError):
                self._sub.disconnect(address)
            with suppress(zmq.ZMQError):
                self._sub.connect(address)
        self._cut_off.clear()

    def _is_meant(self, topic: str, message_type: str) -> bool:
        """Whether we listen to such messages there."""
        package, _, kind = message_type.rpartition(".")
        return topic in self._heard and package in _PACKAGES and kind == self._heard[topic][0]

    def _learn(self, message_type: str) -> None:
        """Speaks as the publisher does: Gazebo's releases have two names for the same messages."""
        messages = message_type.rpartition(".")[0]
        if messages != self._messages:
            self._messages = messages
            self._advertise(*self._types)

    def _forget(self, process: str) -> None:
        self._last_heard.pop(process, None)
        for address in self._addresses.pop(process, set()):
            with suppress(zmq.ZMQError):
                self._sub.disconnect(address)
        for publishers in self._publishers.values():
            publishers.discard(process)

    def _hand_over(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                frames = self._sub.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(frames) == 4:
                topic, _, message, kind = frames
                name = topic.decode(errors="replace")
                if self._is_meant(name, kind.decode(errors="replace")):
                    self._guarded(self._heard[name][1], message)

    def _guarded(self, take: Callable[[Taken], None], message: Taken) -> None:
        try:
            take(message)
        except Exception:
            # One bad message must not deafen the node, nor many of them fill the log.
            if time.monotonic() > self._complains_at:
                self._complains_at = time.monotonic() + _COMPLAIN_S
                _log.exception("a message could not be taken in")
