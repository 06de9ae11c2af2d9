"""Where Gazebo's processes meet: the environment they share, and the multicast socket on which they find each other."""

from __future__ import annotations

import getpass
import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from robot_fleet.sim.gazebo.v1.messages_pb2 import Discovery

GROUP, PORT, WIRE_VERSION = "239.255.0.7", 10317, 10
LOOPBACK = "127.0.0.1"
_LENGTH = struct.Struct("<H")
_MOST_BYTES = 65_535


@dataclass(frozen=True)
class Network:
    """The partition in which topics live, and the addresses of this machine by which others reach us, the best one first."""

    partition: str
    hosts: tuple[str, ...]

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Network:
        """As Gazebo itself reads it: GZ_PARTITION and GZ_IP, or of Fortress IGN_PARTITION and IGN_IP."""

        def given(name: str) -> str:
            return environment.get(f"GZ_{name}") or environment.get(f"IGN_{name}") or ""

        partition = given("PARTITION") or f"{socket.gethostname()}:{getpass.getuser()}"
        return cls(partition.strip("/"), (given("IP"),) if given("IP") else _own_addresses())

    def full_name(self, topic: str) -> str:
        """The topic's name on the wire."""
        return f"@/{self.partition}@{topic}"


def _own_addresses() -> tuple[str, ...]:
    # Nothing is sent: the system is asked which of its addresses it would use.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect((GROUP, PORT))
        return tuple(dict.fromkeys((probe.getsockname()[0], LOOPBACK)))
    return (LOOPBACK,)


class Multicast:
    """The discovery's socket: all that is told by one process reaches all others on these networks."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_REUSEADDR, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)):
            self.socket.setsockopt(socket.SOL_SOCKET, option, 1)
        self.socket.bind(("", PORT))
        self.socket.setblocking(False)
        self._hosts = [socket.inet_aton(host) for host in hosts]
        for host in self._hosts:
            with suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + host)

    def tell(self, message: Discovery) -> None:
        """Sends to everybody; a network that is down is passed over."""
        encoded = message.SerializeToString()
        for host in self._hosts:
            with suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, host)
                self.socket.sendto(_LENGTH.pack(len(encoded)) + encoded, (GROUP, PORT))

    def heard(self) -> Discovery | None:
        """The next message of our wire version; None when there is none for now. What cannot be read is passed over."""
        while True:
            try:
                packet = self.socket.recv(_MOST_BYTES)
            except OSError:
                return None
            message = decoded(packet)
            if message is not None:
                return message

    def close(self) -> None:
        """Leaves."""
        self.socket.close()


def decoded(packet: bytes) -> Discovery | None:
    """The message in a packet; None where it is none of our wire version."""
    if len(packet) < _LENGTH.size or len(packet) - _LENGTH.size < _LENGTH.unpack_from(packet)[0]:
        return None
    length = _LENGTH.unpack_from(packet)[0]
    try:
        message = Discovery.FromString(packet[_LENGTH.size : _LENGTH.size + length])
    except DecodeError:
        return None
    return message if message.version == WIRE_VERSION else None
