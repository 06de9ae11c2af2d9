"""A hundred nights with everything going wrong; `make nights` passes thousands."""

from __future__ import annotations

from pathlib import Path

import pytest

from robot_fleet.main.nights import KINDS, RANDOM, Nights, NightsSettings

SHOP = str(Path(__file__).resolve().parent.parent / "maps" / "corner_shop")
AT_A_TIME = 5


@pytest.mark.parametrize("first", range(0, 25, AT_A_TIME))
@pytest.mark.parametrize(
    ("store", "robots"), [(SHOP, 2), (SHOP, 3), (SHOP, 4), (RANDOM, None)], ids=["two", "three", "four", "halls"]
)
def test_nights_violate_nothing(store: str, robots: int | None, first: int) -> None:
    nights = Nights(NightsSettings(store, robots, tuple(KINDS)))
    for seed in range(first, first + AT_A_TIME):
        outcome = nights.outcome(nights.night(seed))
        assert not outcome.violations, f"seed {seed}: {[found.text for found in outcome.violations]}"
