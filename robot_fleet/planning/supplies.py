"""What a machine uses up on its way: water by the floor that it scrubs, its battery by time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import CHARGE, WATER
from robot_fleet.planning.plan import Leg, LegKind
from robot_fleet.planning.terrain import Floats

HOUR_S = 3600.0
# A stay that is shorter than a service by less is one.
_ROUNDING_S = 1e-6

# What is to be had at a place (x, y) where a robot stays.
Offers = Callable[[Floats], Sequence[str]]


@dataclass(frozen=True)
class Supplies:
    """How long a full tank (scrubbed m²) and a full battery (seconds with the head on, and off) last; inf: for ever.

    A service for water takes `service_s`, a charge from 0 to 1 `charging_s`; the battery stays above `reserve` until the
    robot is docked. The solution stops `dry_m` before the head is lifted.
    """

    tank_m2: float = math.inf
    service_s: float = 0.0
    cleaning_s: float = math.inf
    driving_s: float = math.inf
    charging_s: float = 0.0
    reserve: float = 0.0
    dry_m: float = 0.0

    @classmethod
    def of(cls, profile: RobotProfile) -> Supplies:
        """The supplies of a machine; a battery lasts for ever unless it is planned for."""
        tank, battery = profile.tank, profile.battery
        dry_m = profile.channels.solution_off_m if profile.squeegee is not None else 0.0
        water = {} if tank.area_m2 is None else {"tank_m2": tank.area_m2, "service_s": tank.service_s, "dry_m": dry_m}
        if not battery.planned:
            return cls(**water)
        return cls(
            **water,
            cleaning_s=battery.cleaning_h * HOUR_S,
            driving_s=battery.driving_h * HOUR_S,
            charging_s=battery.charging_h * HOUR_S,
            reserve=battery.reserve,
        )

    @property
    def has_tank(self) -> bool:
        """Whether water runs out."""
        return math.isfinite(self.tank_m2)

    @property
    def has_battery(self) -> bool:
        """Whether the battery counts."""
        return math.isfinite(self.cleaning_s)

    @property
    def needs(self) -> tuple[str, ...]:
        """What docks have to offer for it."""
        return (*((CHARGE,) if self.has_battery else ()), *((WATER,) if self.has_tank else ()))

    def scrubbed_m2(self, metres: float, width_m: float, lifted: bool = True) -> float:
        """The floor on which water is spent along a lane, after which the head is lifted or goes on."""
        return max(0.0, metres - (self.dry_m if lifted else 0.0)) * width_m

    def use(self, seconds: float, head_on: bool) -> float:
        """The share of the battery that is used in so many seconds."""
        return seconds / (self.cleaning_s if head_on else self.driving_s)


class Levels(NamedTuple):
    """The battery (0 to 1), and the floor scrubbed since the tank was filled (m²)."""

    battery: float
    scrubbed_m2: float


def worst_levels(
    legs: Sequence[Leg], supplies: Supplies, width_m: float, start: Levels, offers: Offers = lambda _place: ()
) -> Levels:
    """The least charge that a robot has along its timed legs, and the most floor that it scrubs with one tank."""
    found = list(_levels(legs, supplies, width_m, start, offers))
    return Levels(
        min((one.battery for one in found), default=start.battery), max((one.scrubbed_m2 for one in found), default=0.0)
    )


def last_levels(legs: Sequence[Leg], supplies: Supplies, width_m: float, start: Levels, offers: Offers) -> Levels:
    """The levels at the end of timed legs."""
    return next(iter([*_levels(legs, supplies, width_m, start, offers)][::-1]), start)


def _levels(legs: Sequence[Leg], supplies: Supplies, width_m: float, start: Levels, offers: Offers) -> Iterator[Levels]:
    """The levels after each leg. A stay is for water if it is long enough for it."""
    battery, scrubbed = start
    for leg, after in zip(legs, [*legs[1:], None], strict=True):
        seconds = float(leg.times_s[-1] - leg.times_s[0])
        if leg.kind is LegKind.SERVICE:
            found = offers(leg.points[0])
            if CHARGE in found and supplies.has_battery:
                battery = min(1.0, battery + seconds / supplies.charging_s)
            if WATER in found and seconds >= supplies.service_s - _ROUNDING_S:
                scrubbed = 0.0
        else:
            battery -= supplies.use(seconds, leg.head_on)
            lifted = after is None or not after.head_on
            scrubbed += supplies.scrubbed_m2(leg.length_m, width_m, lifted) if leg.head_on else 0.0
        yield Levels(battery, scrubbed)
