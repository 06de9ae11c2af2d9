"""Simulated robots behind real ROS 2 interfaces: what a robot that runs Nav2 offers, and the simulator's /clock."""

from robot_fleet.sim.ros_face.simulator import run_simulator

__all__ = ["run_simulator"]
