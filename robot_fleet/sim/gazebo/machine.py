"""A robot of a store as an SDF model: a body of its footprint, two driven wheels about its turning centre, casters.

A profile says nothing of weight or wheels: the weight is that of a machine so large, the wheels are those of one so wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from xml.etree.ElementTree import Element

import numpy as np
from shapely import Polygon, box

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import RobotSpec
from robot_fleet.sim.gazebo import elements as sdf
from robot_fleet.sim.gazebo.dialect import Dialect, RobotTopics, plain

BODY_HEIGHT_M = 0.35
LINKS = ("base_link", "left_wheel", "right_wheel", "front_caster", "back_caster")
"""The parts of each robot, as they are called in its model."""
_DENSITY_KGPM3 = 250.0
_WHEEL_KG, _CASTER_KG = 1.0, 0.2
_WHEEL_WIDTH_M = 0.05
_TRACK_SHARE, _CASTER_SHARE = 4.0 / 7.0, 0.7
_GRIP, _GLIDE = 1.0, 0.0
_BESIDE_SHARE = 0.5
# Above the floor by so much, casters leave the weight to the wheels, and the body hardly tips.
_CASTER_GAP_M = 0.001
_SLICES = 8
# What DiffDrive allows beyond the profile, so that whoever steers decides.
_REVOLVING, _HASTE = 2.0, 1.2
_ODOMETRY_HZ = 20


@dataclass(frozen=True)
class Wheels:
    """Two wheels beside the turning centre: `half_track_m` to the middle of each."""

    radius_m: float
    width_m: float
    half_track_m: float

    @classmethod
    def of(cls, footprint: Footprint) -> Wheels:
        """Wheels under a body of that outline."""
        half = _half_width_at_axle(footprint)
        width = min(_WHEEL_WIDTH_M, half / 3)
        return cls(min(0.1, 0.3 * half), width, min(_TRACK_SHARE * half, half - width / 2))

    @property
    def separation_m(self) -> float:
        """Distance of the points on which the wheels roll."""
        return 2 * self.half_track_m


def add_robot(world: Element, spec: RobotSpec, pose: Pose, dialect: Dialect) -> None:
    """Adds the robot at a pose (map frame) with its systems."""
    profile, wheels = spec.profile, Wheels.of(spec.profile.footprint)
    model = sdf.add(world, "model", name=plain(spec.name))
    sdf.place_on_floor(model, pose)
    _add_body(model, profile, wheels)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        _add_wheel(model, side, sign * wheels.half_track_m, wheels)
    for name, x in _casters(profile.footprint):
        _add_caster(model, name, x, wheels.radius_m / 2)
    _add_systems(model, profile, wheels, RobotTopics.of(spec.name), dialect)


def _half_width_at_axle(footprint: Footprint) -> float:
    """How far the body reaches to the sides of its turning centre, on the narrower side."""
    if footprint.radius_m is not None:
        return footprint.radius_m
    across = Polygon(footprint.corners_m).intersection(box(-0.05, -100.0, 0.05, 100.0))
    if across.is_empty:
        return 0.1
    _, low, _, high = across.bounds
    return max(0.05, min(-low, high))


def _add_body(model: Element, profile: RobotProfile, wheels: Wheels) -> None:
    link = sdf.add(model, "link", name="base_link")
    outline = Polygon(profile.footprint.corners())
    bottom = wheels.radius_m / 2
    middle = bottom + BODY_HEIGHT_M / 2
    # Between the wheels, even of a body that reaches far to one side: a machine that tips over drives nowhere.
    most = _BESIDE_SHARE * wheels.half_track_m
    x, y = outline.centroid.x, min(most, max(-most, outline.centroid.y))
    mass = outline.area * BODY_HEIGHT_M * _DENSITY_KGPM3
    _add_inertia(link, mass, _inertia(outline, mass), (x, y, middle))
    for index, (pose, size) in enumerate(_body_shapes(profile.footprint)):
        for kind in ("collision", "visual"):
            part = sdf.add(link, kind, name=f"body_{index}_{kind}")
            sdf.place_on_floor(part, pose, middle)
            _add_prism(part, size)
            if kind == "visual":
                sdf.colour(part, (0.15, 0.45, 0.65))
    _add_head(link, profile)


def _add_prism(part: Element, size: tuple[float, ...]) -> None:
    """The geometry of a part of the body, by its radius or its sides."""
    if len(size) == 1:
        sdf.cylinder(part, size[0], BODY_HEIGHT_M)
    else:
        sdf.box(part, size[0], size[1], BODY_HEIGHT_M)


def _add_head(link: Element, profile: RobotProfile) -> None:
    """A bar that shows where the head is; it touches nothing."""
    visual = sdf.add(link, "visual", name="head_visual")
    sdf.place(visual, profile.head.offset_m, 0.0, 0.02)
    sdf.box(visual, 0.06, profile.head.width_m, 0.02)
    sdf.colour(visual, (0.9, 0.6, 0.1))


def _body_shapes(footprint: Footprint) -> list[tuple[Pose, tuple[float, ...]]]:
    """The parts of the body in the robot's frame, with their radius or their sides; they nowhere exceed the outline."""
    if footprint.radius_m is not None:
        return [(Pose(0.0, 0.0), (footprint.radius_m,))]
    slices = _slices(Polygon(footprint.corners_m))
    return [(Pose(x, y), (length, width)) for x, y, length, width in slices]


def _slices(outline: Polygon) -> list[tuple[float, float, float, float]]:
    """Boxes (centre x, y, length, width) across the robot that lie inside its outline; one for a rectangle."""
    low, _, high, _ = outline.bounds
    if outline.area > 0.999 * outline.envelope.area:
        left, right = outline.bounds[1], outline.bounds[3]
        return [((low + high) / 2, (left + right) / 2, high - low, right - left)]
    edges = np.linspace(low, high, _SLICES + 1).tolist()
    found = []
    for start, end in pairwise(edges):
        cuts = [outline.intersection(box(x - 1e-4, -100.0, x + 1e-4, 100.0)).bounds for x in np.linspace(start, end, 5)]
        right, left = max(cut[1] for cut in cuts if cut), min(cut[3] for cut in cuts if cut)
        if left - right > 0.01:
            found.append(((start + end) / 2, (left + right) / 2, end - start, left - right))
    return found


def _inertia(outline: Polygon, mass: float) -> tuple[float, float, float]:
    """Moments about the three axes of a box as long and wide as the body."""
    x0, y0, x1, y1 = outline.bounds
    x, y, z = x1 - x0, y1 - y0, BODY_HEIGHT_M
    return mass * (y * y + z * z) / 12, mass * (x * x + z * z) / 12, mass * (x * x + y * y) / 12


def _add_inertia(
    link: Element, mass: float, moments: tuple[float, float, float], at: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> None:
    inertial = sdf.add(link, "inertial")
    sdf.place(inertial, *at)
    sdf.add(inertial, "mass", mass)
    inertia = sdf.add(inertial, "inertia")
    for key, moment in zip(("ixx", "iyy", "izz"), moments, strict=True):
        sdf.add(inertia, key, moment)
    for key in ("ixy", "ixz", "iyz"):
        sdf.add(inertia, key, 0.0)


def _add_wheel(model: Element, side: str, y: float, wheels: Wheels) -> None:
    link = sdf.add(model, "link", name=f"{side}_wheel")
    sdf.place(link, 0.0, y, wheels.radius_m)
    across = _WHEEL_KG * (3 * wheels.radius_m**2 + wheels.width_m**2) / 12
    _add_inertia(link, _WHEEL_KG, (across, _WHEEL_KG * wheels.radius_m**2 / 2, across))
    for kind in ("collision", "visual"):
        part = sdf.add(link, kind, name=f"{side}_wheel_{kind}")
        if kind == "collision":
            # A ball: a cylinder touches the floor with one of its edges, which one depends on the engine, and odometry turns
            # by a seventh too much or too little.
            sdf.sphere(part, wheels.radius_m)
            sdf.friction(part, _GRIP)
        else:
            sdf.place(part, 0.0, 0.0, 0.0, roll=-math.pi / 2)
            sdf.cylinder(part, wheels.radius_m, wheels.width_m)
            sdf.colour(part, sdf.DARK)
    _add_joint(model, f"{side}_wheel_joint", f"{side}_wheel", "revolute")


def _casters(footprint: Footprint) -> list[tuple[str, float]]:
    """Name and place of the casters ahead of and behind the wheels, as far as the body reaches there."""
    x = Polygon(footprint.corners()).intersection(box(-100.0, -0.01, 100.0, 0.01)).bounds
    low, high = (x[0], x[2]) if x else (-0.1, 0.1)
    return [("front_caster", _CASTER_SHARE * high), ("back_caster", _CASTER_SHARE * low)]


def _add_caster(model: Element, name: str, x: float, radius: float) -> None:
    link = sdf.add(model, "link", name=name)
    sdf.place(link, x, 0.0, radius + _CASTER_GAP_M)
    moment = 0.4 * _CASTER_KG * radius**2
    _add_inertia(link, _CASTER_KG, (moment, moment, moment))
    for kind in ("collision", "visual"):
        part = sdf.add(link, kind, name=f"{name}_{kind}")
        sdf.sphere(part, radius)
        if kind == "collision":
            sdf.friction(part, _GLIDE)
        else:
            sdf.colour(part, sdf.DARK)
    _add_joint(model, f"{name}_joint", name, "fixed")


def _add_joint(model: Element, name: str, child: str, kind: str) -> None:
    joint = sdf.add(model, "joint", name=name, type=kind)
    sdf.add(joint, "parent", "base_link")
    sdf.add(joint, "child", child)
    if kind == "revolute":
        axis = sdf.add(joint, "axis")
        sdf.add(axis, "xyz", (0, 1, 0))
        limit = sdf.add(axis, "limit")
        sdf.add(limit, "lower", -1e16)
        sdf.add(limit, "upper", 1e16)


def _add_systems(model: Element, profile: RobotProfile, wheels: Wheels, topics: RobotTopics, dialect: Dialect) -> None:
    name = model.get("name")
    speed, turning = _HASTE * profile.speed_mps, _REVOLVING * profile.yaw_rate_rps
    sdf.plugin(
        model,
        dialect.system("DiffDrive"),
        left_joint="left_wheel_joint",
        right_joint="right_wheel_joint",
        wheel_separation=wheels.separation_m,
        wheel_radius=wheels.radius_m,
        max_linear_velocity=speed,
        min_linear_velocity=-speed,
        max_angular_velocity=turning,
        min_angular_velocity=-turning,
        odom_publish_frequency=_ODOMETRY_HZ,
        topic=topics.cmd_vel,
        odom_topic=topics.odometry,
        tf_topic=f"{topics.odometry}_tf",
        frame_id=f"{name}/odom",
        child_frame_id=f"{name}/base_link",
    )
    # Wheels slip and odometry drifts: the truth is the pose that physics has.
    sdf.plugin(
        model,
        dialect.system("OdometryPublisher"),
        odom_publish_frequency=_ODOMETRY_HZ,
        odom_topic=topics.truth,
        odom_covariance_topic=f"{topics.truth}_with_covariance",
        tf_topic=f"{topics.truth}_tf",
        odom_frame="map",
        robot_base_frame=f"{name}/base_link",
        dimensions=2,
    )
