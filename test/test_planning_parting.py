"""Common floor parted among crews: all of it, once, walls to those who can clean up to them, and fair shares of time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_fleet.planning.parting import Party, parted_floor
from robot_fleet.planning.terrain import Bools

ROWS, COLS, ACROSS = 60, 120, 10


def hall(margin: int) -> Bools:
    """The cells of a hall that keep so far from its walls."""
    cells = np.zeros((ROWS, COLS), dtype=bool)
    cells[margin : ROWS - margin, margin : COLS - margin] = True
    return cells


def party(able: Bools, rate: float = 1.0, along_lanes: Bools | None = None) -> Party:
    return Party(able, able if along_lanes is None else along_lanes, rate, ACROSS, (ROWS / 2, COLS / 2))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.lists(st.floats(0.1, 3.0), min_size=1, max_size=4))
def test_each_cell_goes_to_one_party_that_can_take_it_and_none_is_left(seed: int, rates: list[float]) -> None:
    rng = np.random.default_rng(seed)
    ables = [rng.random((ROWS, COLS)) < rng.random() for _ in rates]
    shares = parted_floor([party(able, rate) for able, rate in zip(ables, rates, strict=True)])
    assert (np.sum(shares, axis=0) == np.logical_or.reduce(ables)).all()
    assert not any((share & ~able).any() for share, able in zip(shares, ables, strict=True))


def test_who_alone_cleans_along_a_wall_gets_a_whole_head_s_width_there() -> None:
    wide, thin = party(hall(3)), party(hall(2), along_lanes=hall(4))
    shares = parted_floor([wide, thin])
    lap = hall(3) & ~hall(3 + ACROSS)
    assert shares[0][lap].all()
    assert (shares[1] == hall(2) & ~shares[0]).all()


def test_parties_get_floor_by_what_they_clean_in_a_second() -> None:
    shares = parted_floor([party(hall(3), rate=1.0), party(hall(3), rate=2.0)])
    whole = hall(3).sum()
    assert abs(shares[0].sum() - whole / 3) <= ROWS


def test_strips_count_as_work() -> None:
    """Who has the walls gets less of the middle."""
    able, behind = hall(2), hall(3)
    shares = parted_floor([party(able), party(behind)])
    assert shares[0][able & ~behind].all()
    assert abs(int(shares[0].sum()) - int(shares[1].sum())) <= COLS


def test_narrow_floor_between_a_party_s_strips_comes_first() -> None:
    aisle = np.zeros((ROWS, COLS), dtype=bool)
    aisle[:28, 5:35] = True
    aisle[28:, 5:115] = True
    inner = aisle.copy()
    inner[:28, 5:7] = inner[:28, 33:35] = False
    shares = parted_floor([party(aisle), party(inner)])
    assert shares[0][:20, 5:35].all()


def test_nobody_shares_nothing() -> None:
    assert parted_floor([]) == []
