"""A store floor on which things stand for a while, with robots to which things happen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from shapely import Point, affinity, box
from shapely.geometry.base import BaseGeometry

from robot_fleet.fleet.events import LOST, Event
from robot_fleet.floor.store import Store
from robot_fleet.nights.faults import Fault
from robot_fleet.nights.robot import TroubledRobot
from robot_fleet.sim.realism import Realism
from robot_fleet.sim.robot import CONTACT
from robot_fleet.sim.world import World

HOLDS = {kind: kind for kind in ("e-stop", "manual mode", "safety fault", "power loss", CONTACT)}
"""The kinds of faults that hold a robot, by what it says of them."""
_ROOM_M = 0.6
_PERSON_M, _PALLET_M, _CLOSED_M = 0.3, (1.2, 0.8), (2.5, 0.3)


class TroubledWorld(World):
    """The world of a night. `things` is what stands there now; `stood` what ever did, with the fault that put it there."""

    def __init__(self, store: Store, realism: Realism, seed: int, faults: Sequence[Fault]) -> None:
        super().__init__(store, realism, seed)
        seeds = np.random.SeedSequence(seed).spawn(len(store.robots))
        self.troubled = {
            spec.name: TroubledRobot(spec, store.floor.dock(spec.dock), np.random.default_rng(own), realism, faults)
            for spec, own in zip(store.robots, seeds, strict=True)
        }
        self.robots.update(self.troubled)
        self.things: list[BaseGeometry] = []
        self.stood: list[tuple[Fault, BaseGeometry]] = []
        self._to_come = [fault for fault in faults if thing_of(fault) is not None]
        self._standing: list[tuple[float, BaseGeometry]] = []
        self._lost: set[str] = set()

    def step(self, dt_s: float = 0.05) -> list[Event]:
        """Lets time pass; things come as soon as no robot is where they will stand, and go."""
        now_s = self.now_s + dt_s
        changed = False
        for fault in [fault for fault in self._to_come if fault.at_s <= now_s]:
            changed |= self._put(fault, now_s)
        if any(until_s <= now_s for until_s, _ in self._standing):
            self._standing = [(until_s, thing) for until_s, thing in self._standing if until_s > now_s]
            changed = True
        if changed:
            self.things = [thing for _, thing in self._standing]
            for robot in self.troubled.values():
                robot.things = self.things
        return super().step(dt_s)

    def lose_way(self, name: str, x_m: float, y_m: float) -> None:
        """The robot takes itself to be somewhere else."""
        self._sweep(self.robots[name])
        self.troubled[name].lose_way(x_m, y_m, self.now_s)

    def latch(self, name: str, reason: str) -> None:
        """The robot is held, for a reason of its own."""
        self._sweep(self.robots[name])
        self.troubled[name].latch(reason, self.now_s)

    def notices(self, name: str) -> None:
        """The robot notices that it does not know where it is."""
        if self.robots[name].alive:
            self._lost.add(name)
            self.latch(name, LOST)

    def found(self, name: str) -> None:
        """Somebody has shown the robot where it is."""
        self._lost.discard(name)
        robot = self.robots[name]
        # What holds it besides goes on.
        robot.hold = "; ".join(why for why in robot.hold.split("; ") if why != LOST) or robot.hold
        self.lose_way(name, 0.0, 0.0)

    def release(self, name: str) -> None:
        """What held the robot is over; one that does not know where it is stays held for that."""
        super().release(name)
        if name in self._lost and self.robots[name].alive:
            self.latch(name, LOST)

    def _put(self, fault: Fault, now_s: float) -> bool:
        thing = thing_of(fault)
        assert thing is not None
        near = any(
            thing.distance(Point(robot.pose.x_m, robot.pose.y_m))
            < robot.spec.profile.footprint.circumscribed_m + _ROOM_M + robot.motion.speed_mps
            for robot in self.robots.values()
        )
        if near:
            return False
        self._to_come.remove(fault)
        self._standing.append((now_s + fault.seconds, thing))
        self.stood.append((fault, thing))
        return True


def thing_of(fault: Fault) -> BaseGeometry | None:
    """What a fault puts onto the floor, map frame; None for other faults."""
    if fault.kind == "person":
        return Point(fault.x_m, fault.y_m).buffer(_PERSON_M, quad_segs=6)
    sides = {"pallet": _PALLET_M, "dock taken": (0.6, 0.6), "aisle closed": _CLOSED_M}.get(fault.kind)
    if sides is None:
        return None
    length, width = sides
    lying = box(fault.x_m - length / 2, fault.y_m - width / 2, fault.x_m + length / 2, fault.y_m + width / 2)
    return affinity.rotate(lying, fault.value, use_radians=True) if fault.kind == "aisle closed" else lying
