"""Our values as messages of the API and back, in pairs: `x_to_proto`, `x_from_proto`. Only here do the two meet."""

from robot_fleet.api.conversion.floor import (
    closure_from_proto,
    closure_to_proto,
    floor_from_proto,
    floor_to_proto,
)
from robot_fleet.api.conversion.records import record_from_proto, record_to_proto
from robot_fleet.api.conversion.robots import (
    alert_from_proto,
    alert_to_proto,
    robot_from_proto,
    robot_to_proto,
)
from robot_fleet.api.conversion.runs import run_from_proto, run_to_proto

__all__ = [
    "alert_from_proto",
    "alert_to_proto",
    "closure_from_proto",
    "closure_to_proto",
    "floor_from_proto",
    "floor_to_proto",
    "record_from_proto",
    "record_to_proto",
    "robot_from_proto",
    "robot_to_proto",
    "run_from_proto",
    "run_to_proto",
]
