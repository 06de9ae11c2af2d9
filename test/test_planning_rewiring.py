"""Paths reconnected where they pass close to themselves: shorter, joined, safe, and with true counts of what is swept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapely import LineString
from test_planning_planner import room

from robot_fleet.floor.profile import REFERENCE_R, WORKING_W, RobotProfile
from robot_fleet.planning.driven import Ground, Machine, Sweeps, Track
from robot_fleet.planning.exchanging import waste_s
from robot_fleet.planning.pacing import pace_of, span_s
from robot_fleet.planning.rewiring import DRAWS, rewired
from robot_fleet.planning.swaths import swept
from robot_fleet.planning.terrain import Terrain

BOW_TIE = ((3.0, 4.0), (8.0, 4.0), (8.0, 4.6), (3.0, 7.0), (3.0, 7.8), (8.0, 7.8), (8.0, 7.0), (3.0, 4.8), (3.0, 4.4))


def line(*places: tuple[float, float]) -> np.ndarray:
    return np.array(LineString(places).segmentize(0.1).coords)


def start(profile: RobotProfile, points: np.ndarray) -> tuple[Terrain, Track, Ground, Sweeps, Machine]:
    floor = room()
    terrain = Terrain.of(floor, profile)
    head = np.array([profile.head.width_m, profile.head.offset_m])
    machine = Machine(pace_of(profile), head, head, False)
    room_for = 2 * len(points) + 800
    # Three legs, the head off on the middle one.
    on, size = np.array([True, False, True]), np.array([len(points)])
    track = Track(np.zeros((room_for, 2)), np.zeros(room_for, dtype=np.int64), on, size)
    track.points[: len(points)] = points
    track.tags[: len(points) - 1] = np.arange(len(points) - 1) * 3 // (len(points) - 1)
    full = np.where(floor.grid.free, 0, 1_000_000).astype(np.int32)
    swept(full, points, track.tags, track.on, 0, len(points) - 1, head, terrain.side_m, 1)
    bare = np.full(2, (full == 0).sum())
    ground = Ground(terrain.fine_m, terrain.keep_m, terrain.side_m, np.ones_like(floor.grid.free))
    return terrain, track, ground, Sweeps(full, np.zeros((1, 1), np.int32), bare, bare + 10_000), machine


@settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
@given(
    seed=st.integers(0, 10_000), profile=st.sampled_from([REFERENCE_R, WORKING_W]), heat_s=st.sampled_from([1e-9, 5.0])
)  # fmt: skip
def test_a_reconnected_path_is_joined_and_safe_with_true_counts_and_not_slower_when_cold(
    seed: int, profile: RobotProfile, heat_s: float
) -> None:
    points = line(*BOW_TIE)
    terrain, track, ground, sweeps, machine = start(profile, points)
    before_s = span_s(points, 0, len(points) - 1, machine.pace)
    draws = np.random.default_rng(seed).random((4000, DRAWS))
    waste = waste_s(points, machine.pace, 0.02)
    taken = rewired(track, ground, sweeps, machine, waste, draws, np.array([heat_s, heat_s, 1e-3]))
    after = track.points[: track.size[0]]
    assert taken > 0 if heat_s > 1.0 else span_s(after, 0, len(after) - 1, machine.pace) <= before_s
    assert np.array_equal(after[[0, -1]], points[[0, -1]])
    assert terrain.open_path(after)
    anew = np.where(sweeps.full >= 500_000, 1_000_000, 0).astype(np.int32)
    swept(anew, after, track.tags, track.on, 0, len(after) - 1, machine.head, terrain.side_m, 1)
    assert np.array_equal(anew, sweeps.full)
    assert sweeps.bare[0] == (anew == 0).sum()


def test_a_path_that_is_nowhere_near_itself_stays_as_it_is() -> None:
    points = line((3.0, 5.0), (8.0, 5.0))
    _, track, ground, sweeps, machine = start(REFERENCE_R, points)
    draws = np.random.default_rng(1).random((500, DRAWS))
    waste = waste_s(points, machine.pace, 0.02)
    assert rewired(track, ground, sweeps, machine, waste, draws, np.array([1e-9, 1e-9, 1e-3])) == 0
    assert track.points[: track.size[0]] == pytest.approx(points)
