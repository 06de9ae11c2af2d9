"""Pixels become cells as Nav2's map_server makes them; the rule is written out here once more, pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from robot_fleet.floor.map_server import MapMode, MapRules, cells_from_pixels

rules = st.builds(
    MapRules,
    st.sampled_from(MapMode),
    st.booleans(),
    st.floats(0.5, 1.0),
    st.floats(0.0, 0.49),
)
shapes = st.one_of(st.just(()), st.sampled_from([(2,), (3,), (4,)]))
images = shapes.flatmap(
    lambda channels: npst.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4)).map(lambda s: s + channels))
)


def cell(pixel: list[int], rules: MapRules) -> int:
    """One pixel by the letter of map_io.cpp: grey, grey + alpha, RGB, or RGB + alpha."""
    colours = [pixel[0]] * 3 if len(pixel) < 3 else pixel[:3]
    alpha = pixel[-1] if len(pixel) in (2, 4) else None
    channels = [*colours, alpha] if alpha is not None and rules.mode is MapMode.TRINARY else colours
    shade = sum(channels) / len(channels) / 255
    if rules.mode is MapMode.RAW:
        level = math.floor(shade * 255 + 0.5)
        return level if level <= 100 else -1
    occupied = shade if rules.negate else 1.0 - shade
    if rules.mode is MapMode.SCALE and alpha is not None and alpha != 255:
        return -1
    if rules.occupied_thresh < occupied:
        return 100
    if occupied < rules.free_thresh:
        return 0
    if rules.mode is MapMode.TRINARY:
        return -1
    return round((occupied - rules.free_thresh) / (rules.occupied_thresh - rules.free_thresh) * 100)


@given(images, rules)
def test_every_pixel_is_read_by_the_rule(pixels: NDArray[np.uint8], rules: MapRules) -> None:
    cells = cells_from_pixels(pixels, rules)
    assert cells.dtype == np.int8
    for (row, col), found in np.ndenumerate(cells):
        expected = cell(np.atleast_1d(pixels[len(pixels) - 1 - row, col]).tolist(), rules)
        # One level of rounding: the last bit of a mean differs with the order of the sum.
        assert abs(int(found) - expected) <= (rules.mode is MapMode.SCALE) or _on_a_threshold(pixels, row, col, rules)


def _on_a_threshold(pixels: NDArray[np.uint8], row: int, col: int, rules: MapRules) -> bool:
    values = np.atleast_1d(pixels[len(pixels) - 1 - row, col]) / 255
    means = [values.mean(), values[:3].mean(), values[0], (3 * values[0] + values[-1]) / 4]
    edges = [rules.occupied_thresh, rules.free_thresh, 1 - rules.occupied_thresh, 1 - rules.free_thresh]
    return any(abs(mean - edge) < 1e-12 for mean in means for edge in edges)


def test_the_top_row_of_the_image_is_the_highest() -> None:
    pixels = np.array([[0, 0], [254, 254], [205, 205]], dtype=np.uint8)
    assert cells_from_pixels(pixels, MapRules()).tolist() == [[-1, -1], [0, 0], [100, 100]]


@pytest.mark.parametrize(("grey", "expected"), [(254, 0), (255, 0), (205, -1), (0, 100), (89, 100), (90, -1)])
def test_trinary(grey: int, expected: int) -> None:
    assert cells_from_pixels(np.full((1, 1), grey, dtype=np.uint8), MapRules()) == expected


@pytest.mark.parametrize(("grey", "expected"), [(255, 100), (0, 0)])
def test_negate_turns_black_and_white_about(grey: int, expected: int) -> None:
    assert cells_from_pixels(np.full((1, 1), grey, dtype=np.uint8), MapRules(negate=True)) == expected


@pytest.mark.parametrize(
    ("pixel", "expected"), [((255, 255, 255, 0), -1), ((255, 255, 255, 255), 0), ((0, 0, 0, 255), 100)]
)
def test_trinary_averages_alpha_in(pixel: tuple[int, ...], expected: int) -> None:
    assert cells_from_pixels(np.array([[pixel]], dtype=np.uint8), MapRules()) == expected


def test_scale_takes_what_is_not_opaque_for_unknown() -> None:
    pixels = np.array([[(255, 255, 255, 254), (255, 255, 255, 255)]], dtype=np.uint8)
    assert cells_from_pixels(pixels, MapRules(MapMode.SCALE)).tolist() == [[-1, 0]]


@pytest.mark.parametrize("negate", [False, True])
def test_raw_takes_0_to_100_as_they_are(negate: bool) -> None:
    pixels = np.array([[0, 50, 100, 101, 255]], dtype=np.uint8)
    assert cells_from_pixels(pixels, MapRules(MapMode.RAW, negate)).tolist() == [[0, 50, 100, -1, -1]]


def test_sixteen_bits_are_read_as_finer_shades_of_the_same() -> None:
    fine = np.array([[0, 205 * 257, 65535]], dtype=np.uint16)
    assert cells_from_pixels(fine, MapRules()).tolist() == [[100, -1, 0]]


def test_large_colour_images_are_worked_on_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 7, 3), dtype=np.uint8)
    whole = cells_from_pixels(pixels, MapRules(MapMode.SCALE))
    monkeypatch.setattr("robot_fleet.floor.map_server.BLOCK_PIXELS", 20)
    assert np.array_equal(cells_from_pixels(pixels, MapRules(MapMode.SCALE)), whole)
