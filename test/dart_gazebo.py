"""A stand-in for Gazebo: its physics (DART) behind its transport. `python dart_gazebo.py STORE ROBOTS SPEED`. Says "ready".

It serves what needs a whole fleet at work where no Gazebo is installed. What is said on the wire is tested against Gazebo's own
transport elsewhere.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from dart_world import DartBody, DartWorld

from robot_fleet.main.gazebo_world import WorldSettings, write_world_of
from robot_fleet.main.stores import load
from robot_fleet.sim.gazebo.dialect import CLOCK_TOPIC, WORLD_TOPIC_CLOCK, RobotTopics, world_name
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.gazebo.node import GazeboNode
from robot_fleet.sim.gazebo.readings import message_of, time_of
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz

ODOMETRY_S, CLOCK_S = 0.05, 0.02


def main() -> None:
    """Runs until it is told to end."""
    folder, robots, speed = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    store = load(folder, robots)
    with tempfile.TemporaryDirectory() as place:
        world = DartWorld(write_world_of(store, WorldSettings(folder, Path(place))).file)
    node = GazeboNode(Network.of(), "gz.msgs")
    bodies = {}
    clocks = (CLOCK_TOPIC, WORLD_TOPIC_CLOCK.format(world=world_name(store)))
    for topic in clocks:
        node.advertise(topic, "Clock")
    for spec in store.robots:
        topics = RobotTopics.of(spec.name)
        bodies[topics.truth] = world.body(spec, late_s=0.0)
        node.advertise(topics.truth, "Odometry")
        node.subscribe(topics.cmd_vel, "Twist", partial(drive, bodies[topics.truth]))
    node.start()
    ended: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, frame: ended.append(signum))
    print("ready", flush=True)
    begun, now_s, next_odometry_s = time.monotonic(), 0.0, 0.0
    while not ended:
        world.advance(CLOCK_S)
        now_s += CLOCK_S
        if now_s >= next_odometry_s:
            next_odometry_s += ODOMETRY_S
            for topic, body in bodies.items():
                node.publish(topic, gz.Odometry(header=gz.Header(stamp=time_of(now_s)), pose=message_of(body.truth)))
        for topic in clocks:
            node.publish(topic, gz.Clock(sim=time_of(now_s)))
        time.sleep(max(0.0, begun + now_s / speed - time.monotonic()))
    node.close()


def drive(body: DartBody, message: bytes) -> None:
    """Takes a velocity over."""
    wanted = gz.Twist.FromString(message)
    body.drive(wanted.linear.x, wanted.angular.z)


if __name__ == "__main__":
    main()
