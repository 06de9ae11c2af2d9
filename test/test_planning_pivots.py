"""What a head passes over while its robot turns on the spot."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_fleet.floor.profile import Head
from robot_fleet.planning.pivots import mark_pivots

SIDE_M = 0.05


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(-0.4, 0.4), st.floats(0.3, 0.9), st.floats(-math.pi, math.pi), st.floats(-3.0, 3.0))
def test_a_pivot_marks_what_lies_under_the_head_at_some_heading(
    offset_m: float, width_m: float, yaw: float, turn: float
) -> None:
    at = np.array([2.0, 2.0])
    ways = np.array([[math.cos(one), math.sin(one)] for one in (yaw, yaw + turn)])
    points = np.array([at - ways[0], at, at + ways[1]])
    mask = np.zeros((80, 80), dtype=bool)
    mark_pivots(mask, points, Head(width_m, offset_m), SIDE_M)
    if abs(turn) < math.radians(9.0):
        assert not mask.any()
        return
    y, x = (np.mgrid[:80, :80] + 0.5) * SIDE_M - 2.0
    near = np.zeros_like(mask)
    for heading in yaw + turn * np.linspace(0.0, 1.0, 400):
        ahead = x * math.cos(heading) + y * math.sin(heading) - offset_m
        across = y * math.cos(heading) - x * math.sin(heading)
        near |= (np.abs(ahead) <= 0.01) & (np.abs(across) <= width_m / 2 + 1e-9)
    if abs(turn) > math.radians(11.0):
        # Brute force looks on both sides of the line, so that it finds a few cells more at its first and last heading.
        assert not (mask & ~near).any()
        assert (near & ~mask).sum() <= 40


def test_a_straight_path_has_no_pivots() -> None:
    mask = np.zeros((80, 80), dtype=bool)
    mark_pivots(mask, np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]]), Head(0.7), SIDE_M)
    assert not mask.any()


@pytest.mark.parametrize("offset_m", [-0.3, 0.3])
def test_a_whole_turn_leaves_the_disc_inside_its_ring(offset_m: float) -> None:
    mask = np.zeros((80, 80), dtype=bool)
    points = np.array([[1.0, 2.0], [2.0, 2.0], [1.0, 2.001], [2.0, 2.002]])
    mark_pivots(mask, points, Head(0.5, offset_m), SIDE_M)
    assert not mask[39:41, 39:41].any()
    assert mask.any()
