"""Judges a plan: is it safe, can it be driven in its time, what does it cover, and are its own figures true?

The judge shares no code with the planner and none with the clearance and reach of the floor: it has its own geometry
(planning/judging/), so that an error of theirs is not repeated here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from shapely import Polygon

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import FloorMap, Keepout
from robot_fleet.planning.judging.account import Because, account_violations, missed_areas
from robot_fleet.planning.judging.channels import channel_violations
from robot_fleet.planning.judging.contact import Obstacles, contact_violations
from robot_fleet.planning.judging.ground import coverable
from robot_fleet.planning.judging.meeting import meetings
from robot_fleet.planning.judging.motion import Motion, motion_of, standing
from robot_fleet.planning.judging.nominal import nominal_s, pivots_s
from robot_fleet.planning.judging.one_way import wrong_way_violations
from robot_fleet.planning.judging.strokes import Strokes, strokes_of
from robot_fleet.planning.judging.supplies import AT_DOCK_M, battery_violations, service_violations, tank_violations
from robot_fleet.planning.judging.swept import covered
from robot_fleet.planning.judging.timing import departures_s, jump_violations, order_violations, timing_violations
from robot_fleet.planning.judging.track import Bools, Track, track_of
from robot_fleet.planning.judging.turning import turning_violations
from robot_fleet.planning.judging.verdict import TIMING, RobotVerdict, Verdict, Violation, ViolationKind
from robot_fleet.planning.judging.water import Water, water_of
from robot_fleet.planning.plan import Leg, MissedReason, Plan

__all__ = ["RobotVerdict", "Verdict", "Violation", "ViolationKind", "judge"]

NO_STARTS: Mapping[str, Pose] = {}
NO_CHARGES: Mapping[str, float] = {}


def judge(
    floor: FloorMap,
    plan: Plan,
    profiles: Mapping[str, RobotProfile],
    starts: Mapping[str, Pose] = NO_STARTS,
    charges: Mapping[str, float] = NO_CHARGES,
) -> Verdict:
    """The verdict on a plan for a floor.

    `profiles` holds a profile for each robot of the plan (KeyError otherwise). `starts` says where robots stand at the
    plan's start; a robot with a start and no path stands there all the time, and a robot that is not in `starts` stands
    at its first point. `charges` says how full batteries are then, 0..1: those of robots that are not in it are not judged.
    A plan without zones is judged on all zones, and on all free floor where there are none.
    ValueError when a leg is malformed (points or times that are no numbers, or not as many); plan files are checked
    for that on reading.
    """
    _check(plan)
    robots = _Robots.of(plan, profiles, starts)
    ground = _Ground.of(floor, plan, robots)
    obstacles: dict[tuple[Polygon, ...], Obstacles] = {}
    violations: list[Violation] = []
    for track in robots.tracks:
        barred = floor.barred_to(track.robot, track.profile)
        if barred not in obstacles:
            obstacles[barred] = Obstacles.of(_without(floor, barred))
        violations += _of_track(floor, obstacles[barred], track)
    violations += [violation for path in plan.paths for violation in order_violations(path)]
    for strokes in robots.strokes:
        violations += turning_violations(strokes)
        violations += channel_violations(strokes)
        violations += service_violations(floor, strokes.track)
        violations += tank_violations(floor, strokes)
        if (charge := charges.get(strokes.track.robot)) is not None:
            violations += battery_violations(floor, strokes, charge)
    for track in robots.tracks:
        violations += wrong_way_violations(floor, track, plan.path(track.robot).legs)
    overlaps, separation = meetings(robots.motions)
    violations += overlaps
    because = _reasons(floor, robots, ground.possible)
    believed = not any(violation.kind in TIMING for violation in violations)
    water = water_of(floor.grid, robots.strokes, believed)
    violations += account_violations(
        floor, plan, ground.requested, ground.coverable, ground.covered, ground.bound_s, because, water.left_m2
    )
    violations += water.violations()
    return _verdict(floor, robots, ground, violations, separation, believed, because, water)


@dataclass(frozen=True, eq=False)
class _Robots:
    """Everyone who is on the floor: those with a path, and those who only stand in the way."""

    tracks: tuple[Track, ...]
    strokes: tuple[Strokes, ...]
    motions: tuple[Motion, ...]
    names: tuple[str, ...]
    shapes: tuple[tuple[RobotProfile, Pose], ...]

    @staticmethod
    def of(plan: Plan, profiles: Mapping[str, RobotProfile], starts: Mapping[str, Pose]) -> _Robots:
        tracks = tuple(track_of(path, profiles[path.robot], starts.get(path.robot)) for path in plan.paths if path.legs)
        driving = {track.robot for track in tracks}
        idle = {name: pose for name, pose in starts.items() if name not in driving and name in profiles}
        return _Robots(
            tracks,
            tuple(map(strokes_of, tracks)),
            (*map(motion_of, tracks), *(standing(name, profiles[name], pose) for name, pose in idle.items())),
            (*(track.robot for track in tracks), *idle),
            (*((t.profile, t.start) for t in tracks), *((profiles[name], pose) for name, pose in idle.items())),
        )

    def homes(self, floor: FloorMap) -> tuple[tuple[RobotProfile, Pose], ...]:
        """Each robot with the place to which it comes home: before the dock on which it ends or starts, else its start."""
        ends = [(track.profile, track.end) for track in self.tracks]
        ends += self.shapes[len(ends) :]
        return tuple(
            (profile, next((home for pose in (end, start) if (home := _before_dock(floor, pose)) is not None), start))
            for (profile, end), (_, start) in zip(ends, self.shapes, strict=True)
        )


@dataclass(frozen=True, eq=False)
class _Ground:
    """Masks (rows, cols) of the floor that is asked for, what of it can be covered and is, and the bound in seconds.

    `possible` is what can be covered, asked for or not.
    """

    zones: tuple[str, ...]
    requested: Bools
    coverable: Bools
    covered: Bools
    bound_s: float
    possible: Bools

    @staticmethod
    def of(floor: FloorMap, plan: Plan, robots: _Robots) -> _Ground:
        known = tuple(zone.name for zone in floor.zones)
        zones = tuple(zone for zone in plan.zones if zone in known) if plan.zones else known
        requested = floor.requested(zones) if zones or plan.zones else floor.grid.free
        anyhow = _coverable(floor, robots)
        possible = anyhow & requested
        rate = sum(profile.head.width_m * profile.speed_mps for profile, _ in robots.shapes)
        bound_s = float(possible.sum()) * floor.grid.cell_area_m2 / rate if rate else 0.0
        return _Ground(zones, requested, possible, covered(floor.grid, robots.strokes), bound_s, anyhow)


def _coverable(floor: FloorMap, robots: _Robots) -> Bools:
    """What the heads can cover, each robot kept out of the zones that it may not enter."""
    alike: dict[tuple[Polygon, ...], list[tuple[RobotProfile, Pose]]] = {}
    places = robots.homes(floor) if floor.one_ways else robots.shapes
    for name, place in zip(robots.names, places, strict=True):
        alike.setdefault(floor.barred_to(name, place[0]), []).append(place)
    found: Bools = np.zeros(floor.grid.shape, dtype=bool)
    for barred, group in alike.items():
        found |= coverable(_without(floor, barred), group)
    return found


def _reasons(floor: FloorMap, robots: _Robots, coverable_floor: Bools) -> Because:
    """Why floor is missed, in the order in which reasons apply."""
    everywhere: Bools = np.ones(floor.grid.shape, dtype=bool)
    found = [(MissedReason.NOT_CLEANED, coverable_floor)]
    if floor.keepouts:
        found.insert(0, (MissedReason.KEEPOUT, floor.kept_out()))
    if any(floor.barred_to(name, profile) for name, (profile, _) in zip(robots.names, robots.shapes, strict=True)):
        found.append((MissedReason.NO_ROBOT_MAY_ENTER, coverable(floor, robots.shapes)))
    if floor.keepouts:
        found.append((MissedReason.KEEPOUT, coverable(replace(floor, keepouts=()), robots.shapes)))
    found.append((MissedReason.UNREACHABLE, coverable(floor, robots.shapes, anywhere=True) & ~coverable_floor))
    found.append((MissedReason.UNREACHABLE, ~_joined_to(floor, coverable_floor)))
    if robots.names:
        # Without keepouts, and where all may enter everything, these are nowhere the reason.
        nowhere: Bools = np.zeros(floor.grid.shape, dtype=bool)
        found += [(MissedReason.KEEPOUT, nowhere), (MissedReason.NO_ROBOT_MAY_ENTER, nowhere)]
    if all(profile.reverses or not profile.is_steered for profile, _ in robots.shapes):
        # What backs out, or turns anywhere, gets out of everywhere.
        found.append((MissedReason.CANNOT_TURN, np.zeros(floor.grid.shape, dtype=bool)))
    return (*found, (MissedReason.TOO_NARROW, everywhere))


def _joined_to(floor: FloorMap, cells: Bools) -> Bools:
    """The free floor that hangs together with some of the cells (rows, cols)."""
    labels, _ = ndimage.label(floor.grid.free)
    return np.isin(labels, np.unique(labels[cells]))


def _without(floor: FloorMap, barred: tuple[Polygon, ...]) -> FloorMap:
    """The floor for robots that some polygons are closed to."""
    return replace(floor, keepouts=(*floor.keepouts, *(Keepout("no entry", polygon) for polygon in barred)))


def _check(plan: Plan) -> None:
    """Refuses what no geometry can be made of: nan would slip through every comparison."""
    for path in plan.paths:
        for leg in path.legs:
            count = len(leg.times_s)
            if count < 2 or leg.points.shape != (count, 2) or leg.times_s.shape != (count,):
                raise ValueError(f"{path.robot}, leg {leg.leg_id}: one time for each of two or more points is needed")
            if not (np.isfinite(leg.points).all() and np.isfinite(leg.times_s).all()):
                raise ValueError(f"{path.robot}, leg {leg.leg_id}: points and times must be finite numbers")
            _check_switches(path.robot, leg)


def _check_switches(robot: str, leg: Leg) -> None:
    times = np.array([switch.at_s for switch in leg.switches])
    if not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise ValueError(f"{robot}, leg {leg.leg_id}: switches need finite times that never decrease")


def _of_track(floor: FloorMap, obstacles: Obstacles, track: Track) -> Iterable[Violation]:
    yield from contact_violations(floor, obstacles, track)
    yield from jump_violations(track)
    yield from timing_violations(track)
    yield from _not_home(floor, track)


def _not_home(floor: FloorMap, track: Track) -> Iterable[Violation]:
    """A robot that came from a dock must end on one."""
    if not floor.docks:
        return
    start_m, end_m = (_off_docks_m(floor, pose) for pose in (track.start, track.end))
    if start_m <= AT_DOCK_M < end_m:
        at = (track.end.x_m, track.end.y_m)
        yield Violation(ViolationKind.NOT_HOME, end_m, "the robot does not end on a dock", track.robot, at=at)


def _off_docks_m(floor: FloorMap, pose: Pose) -> float:
    """How far a pose is from the nearest dock."""
    return min((pose.distance_m(dock.pose) for dock in floor.docks), default=math.inf)


def _before_dock(floor: FloorMap, pose: Pose) -> Pose | None:
    """The staging pose of the dock on which a pose is; None for a pose that is on none."""
    return next((dock.staging for dock in floor.docks if pose.distance_m(dock.pose) <= AT_DOCK_M), None)


def _verdict(
    floor: FloorMap,
    robots: _Robots,
    ground: _Ground,
    violations: list[Violation],
    separation: float,
    believed: bool,
    because: Because,
    water: Water,
) -> Verdict:
    cell = floor.grid.cell_area_m2
    missed = ground.requested & ~ground.covered
    total = {kind: sum(v.amount for v in violations if v.kind is kind) for kind in ViolationKind}
    return Verdict(
        floor=floor.name,
        zones=ground.zones,
        robots=tuple(map(_robot, robots.strokes)),
        violations=tuple(violations),
        missed=missed_areas(floor, ground.zones, missed, because),
        requested_m2=float(ground.requested.sum() * cell),
        coverable_m2=float(ground.coverable.sum() * cell),
        covered_m2=float((ground.covered & ground.requested).sum() * cell),
        covered_coverable_m2=float((ground.covered & ground.coverable).sum() * cell),
        unsafe_m=total[ViolationKind.UNSAFE],
        unsafe_turn_rad=total[ViolationKind.UNSAFE_TURN],
        keepout_m=total[ViolationKind.KEEPOUT],
        tight_m=total[ViolationKind.TIGHT],
        wrong_way_m=total[ViolationKind.WRONG_WAY],
        jump_m=total[ViolationKind.JUMP],
        conflicts=sum(violation.kind is ViolationKind.CONFLICT for violation in violations),
        min_separation_m=separation,
        times_believed=believed,
        makespan_s=_makespan_s(robots.tracks, believed),
        bound_s=ground.bound_s,
        scrubbed_m2=water.scrubbed_m2,
        water_left_m2=water.left_m2,
    )


def _makespan_s(tracks: tuple[Track, ...], believed: bool) -> float:
    """From the first departure to the last robot's end, by the plan's times or else by the nominal ones."""
    if not tracks:
        return 0.0
    if not believed:
        return max(nominal_s(track) for track in tracks)
    return max(track.last_s for track in tracks) - min(_departure_s(track) for track in tracks)


def _departure_s(track: Track) -> float:
    """When the robot begins to move: to drive, or to pivot before it."""
    if not len(track.yaw):
        return track.first_s
    return float(track.start_s[0]) if not track.corner[0] else float(departures_s(track)[0] - pivots_s(track)[0])


def _robot(strokes: Strokes) -> RobotVerdict:
    track = strokes.track
    return RobotVerdict(
        robot=track.robot,
        length_m=float(track.length_m.sum()),
        head_on_m=float(strokes.length_m[strokes.deck].sum()),
        turning_rad=float(np.abs(track.turn).sum()),
        waiting_s=float(np.maximum(track.start_s - track.since_s - pivots_s(track), 0.0).sum()),
        departure_s=_departure_s(track),
        finish_s=track.last_s,
        nominal_s=nominal_s(track),
    )
