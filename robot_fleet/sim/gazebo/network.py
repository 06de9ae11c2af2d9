"""Where Gazebo's processes meet: the environment they share, and the multicast socket on which they find each other."""

from __future__ import annotations

import fcntl
import logging
import os
import pwd
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from robot_fleet.sim.gazebo.v1.messages_pb2 import Discovery

_log = logging.getLogger(__name__)
GROUP, PORT, WIRE_VERSION = "239.255.0.7", 10317, 10
LOOPBACK = "127.0.0.1"
_LENGTH = struct.Struct("<H")
_MOST_BYTES, _MOST_UNREADABLE = 65_535, 1_000
# Linux: the IPv4 address of the interface whose name begins the request, and where it lies in the answer.
_SIOCGIFADDR, _REQUEST, _ADDRESS = 0x8915, struct.Struct("256s"), slice(20, 24)


@dataclass(frozen=True)
class Network:
    """The partition in which topics live, the addresses of this machine by which others reach us, the best one first, and the
    multicast group and port where processes meet.
    """

    partition: str
    hosts: tuple[str, ...]
    group: str = GROUP
    port: int = PORT

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Network:
        """As Gazebo itself reads it: GZ_PARTITION and GZ_IP, or of Fortress IGN_PARTITION and IGN_IP; and, as these, the
        rarer DISCOVERY_MULTICAST_IP and DISCOVERY_MSG_PORT.
        """

        def given(name: str) -> str:
            return environment.get(f"GZ_{name}") or environment.get(f"IGN_{name}") or ""

        partition = given("PARTITION") or f"{socket.gethostname()}:{_user()}"
        hosts = (_usable(given("IP")),) if given("IP") else _own_addresses()
        port = given("DISCOVERY_MSG_PORT")
        return cls(
            partition.strip("/"),
            hosts,
            given("DISCOVERY_MULTICAST_IP") or GROUP,
            int(port) if port.isdecimal() and int(port) < 65_536 else PORT,
        )

    def full_name(self, topic: str) -> str:
        """The topic's name on the wire."""
        return f"@/{self.partition}@{topic}"


def _user() -> str:
    """Who runs this process, by its number as Gazebo asks, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        _log.warning("this user has no name here: set GZ_PARTITION (of Fortress IGN_PARTITION), or Gazebo is not found")
        return ""


def _usable(host: str) -> str:
    """The address, or as Gazebo does the loopback's where it is none of this machine."""
    try:
        socket.inet_aton(host)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        _log.warning("%s is no IPv4 address of this machine: %s is used, as Gazebo does", host, LOOPBACK)
        return LOOPBACK
    return host


def _own_addresses() -> tuple[str, ...]:
    """Of every interface, as Gazebo meets others on all of them: the one that the system prefers first, the loopback last."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, _REQUEST.pack(name.encode()[:15]))
                found.append(socket.inet_ntoa(answer[_ADDRESS]))
        # Nothing is sent: the system is asked which of its addresses it would use.
        with suppress(OSError):
            probe.connect((GROUP, PORT))
            found.insert(0, probe.getsockname()[0])
    return tuple(dict.fromkeys([*(address for address in found if address != LOOPBACK), LOOPBACK]))


class Multicast:
    """The discovery's socket: all that is told by one process reaches all others on these networks."""

    def __init__(self, network: Network) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_REUSEADDR, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)):
            self.socket.setsockopt(socket.SOL_SOCKET, option, 1)
        self.socket.bind(("", network.port))
        self.socket.setblocking(False)
        self._hosts = [socket.inet_aton(host) for host in network.hosts]
        self._there = (network.group, network.port)
        for host in self._hosts:
            with suppress(OSError):
                self.socket.setsockopt(
                    socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(network.group) + host
                )

    def tell(self, message: Discovery) -> None:
        """Sends to everybody; a network that is down is passed over."""
        encoded = message.SerializeToString()
        for host in self._hosts:
            with suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, host)
                self.socket.sendto(_LENGTH.pack(len(encoded)) + encoded, self._there)

    def heard(self) -> Discovery | None:
        """The next message of our wire version; None when there is none for now. What cannot be read is passed over, if there
        is not too much of it.
        """
        for _ in range(_MOST_UNREADABLE):
            try:
                packet = self.socket.recv(_MOST_BYTES)
            except OSError:
                return None
            message = decoded(packet)
            if message is not None:
                return message
        return None

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
