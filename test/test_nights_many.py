"""A hundred nights with everything going wrong do no harm; `make nights` passes thousands."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from robot_fleet.main.nights import KINDS, MIXED, RANDOM, Nights, NightsSettings

SHOP = str(Path(__file__).resolve().parent.parent / "maps" / "corner_shop")
AT_A_TIME = 5


@cache
def nights_of(store: str, robots: int | None) -> Nights:
    """Nights of one kind: plans that were made once serve all of them."""
    return Nights(NightsSettings(store, robots, tuple(KINDS)))


@pytest.mark.parametrize(
    ("store", "robots", "first"),
    [
        *((SHOP, 2, first) for first in range(0, 70, AT_A_TIME)),
        *((SHOP, 3, first) for first in range(0, 10, AT_A_TIME)),
        *((SHOP, 4, first) for first in range(0, 5, AT_A_TIME)),
        *((RANDOM, None, first) for first in range(0, 15, AT_A_TIME)),
        (MIXED, None, 5),
    ],
    ids=lambda value: "corner_shop" if value == SHOP else str(value),
)
def test_nights_do_no_harm_and_leave_nothing_out_without_a_cause(store: str, robots: int | None, first: int) -> None:
    nights = nights_of(store, robots)
    found = {seed: nights.outcome(nights.night(seed)).violations for seed in range(first, first + AT_A_TIME)}
    told = {seed: [violation.text for violation in violations] for seed, violations in found.items() if violations}
    assert not told
