"""What the judge says about a plan."""

from __future__ import annotations

import enum
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from robot_fleet.planning.plan import MissedArea

MOST_SHOWN = 40


class ViolationKind(str, enum.Enum):
    """What a plan must not do, with the unit of the amount that a violation gives."""

    UNSAFE = "unsafe"  # metres of path with the footprint more than 1 cm into an obstacle
    UNSAFE_TURN = "unsafe turn"  # radians of a pivot with the footprint more than 1 cm into an obstacle
    KEEPOUT = "keepout"  # metres (or radians of a pivot) with the footprint more than 1 cm into a keepout
    TIGHT = "tight"  # metres of path nearer to an obstacle or keepout than the clearance, but not touching it
    TIGHT_TURN = "tight turn"  # radians of a pivot nearer than the clearance, but not touching
    WRONG_WAY = "wrong way"  # metres of path more than 100 degrees off the direction of a one-way
    JUMP = "jump"  # metres between where the robot is and where its path goes on
    RADIUS = "radius"  # metres: the radius of a turn that is below the least radius for the head as it is, down or up
    REVERSING = "reversing"  # metres driven backwards with head or squeegee down, or by a robot that must not at all
    SPEED = "speed"  # metres per second that the times demand
    YAW_RATE = "yaw rate"  # radians per second that the times demand
    PIVOT = "pivot"  # seconds that the times lack for turning on the spot
    ACCELERATION = "acceleration"  # metres per second squared that the times demand
    TIME_ORDER = "time order"  # seconds by which times go back
    CONFLICT = "conflict"  # seconds during which two robots overlap by more than 1 cm
    NOT_HOME = "not home"  # metres from the nearest dock at the end of a robot that came from a dock
    SERVICE = "service"  # metres from the nearest dock of a robot in a service leg
    TANK = "tank"  # square metres scrubbed beyond what a full tank lasts for
    BATTERY = "battery"  # percent of a full battery by which it falls below its reserve
    WATER = "water"  # square metres of scrubbed floor that are wet in the end, when they are too many
    CHANNELS = "channels"  # metres on which solution or vacuum are not as the profile says
    ACCOUNT = "account"  # square metres (or seconds) by which a claim of the plan is wrong


UNITS = {
    ViolationKind.UNSAFE: "m",
    ViolationKind.UNSAFE_TURN: "rad",
    ViolationKind.KEEPOUT: "m",
    ViolationKind.TIGHT: "m",
    ViolationKind.TIGHT_TURN: "rad",
    ViolationKind.WRONG_WAY: "m",
    ViolationKind.JUMP: "m",
    ViolationKind.RADIUS: "m",
    ViolationKind.REVERSING: "m",
    ViolationKind.SPEED: "m/s",
    ViolationKind.YAW_RATE: "rad/s",
    ViolationKind.PIVOT: "s",
    ViolationKind.ACCELERATION: "m/s²",
    ViolationKind.TIME_ORDER: "s",
    ViolationKind.CONFLICT: "s",
    ViolationKind.NOT_HOME: "m",
    ViolationKind.SERVICE: "m",
    ViolationKind.TANK: "m²",
    ViolationKind.BATTERY: "%",
    ViolationKind.WATER: "m²",
    ViolationKind.CHANNELS: "m",
    ViolationKind.ACCOUNT: "m²",
}
TIMING = frozenset(
    {
        ViolationKind.SPEED,
        ViolationKind.YAW_RATE,
        ViolationKind.PIVOT,
        ViolationKind.ACCELERATION,
        ViolationKind.TIME_ORDER,
    }
)


@dataclass(frozen=True)
class Violation:
    """One wrong thing: its `kind`, whose, in which leg after which of its points, how much, and in words."""

    kind: ViolationKind
    amount: float
    what: str
    robot: str = ""
    leg: str = ""
    index: int = 0
    at: tuple[float, float] | None = None
    other: str = ""
    unit: str = ""

    def __str__(self) -> str:
        who = " and ".join(name for name in (self.robot, self.other) if name)
        where = f" leg {self.leg}[{self.index}]" if self.leg else ""
        place = f" at ({self.at[0]:.2f}, {self.at[1]:.2f})" if self.at else ""
        unit = self.unit or UNITS[self.kind]
        prefix = f"{who}{where}{place}: " if who or where or place else ""
        return f"{prefix}{self.kind.value}, {self.amount:.3g} {unit}: {self.what}"


@dataclass(frozen=True)
class RobotVerdict:
    """One robot's part: metres driven and cleaned, when it is done by its times, and how long its path takes by the definition."""

    robot: str
    length_m: float
    head_on_m: float
    turning_rad: float
    waiting_s: float
    departure_s: float
    finish_s: float
    nominal_s: float

    def summary(self) -> str:
        """The figures in one line."""
        return (
            f"{self.length_m:8.1f} m, head on {self.head_on_m:.1f} m, done at {self.finish_s:.1f} s "
            f"(nominal {self.nominal_s:.1f} s, waits {self.waiting_s:.1f} s)"
        )


@dataclass(frozen=True)
class Verdict:
    """All that the judge found. Areas are counted in cells of the map by their centres.

    `makespan_s` goes by the plan's times where they can be believed, else by the nominal ones. `min_separation_m` is
    the least gap between two robots, negative when they overlap; nan for fewer than two robots. `scrubbed_m2` is the
    floor that robots with a squeegee wet, `water_left_m2` what of it is wet in the end.
    """

    floor: str
    zones: tuple[str, ...]
    robots: tuple[RobotVerdict, ...]
    violations: tuple[Violation, ...]
    missed: tuple[MissedArea, ...] = field(repr=False)
    requested_m2: float
    coverable_m2: float
    covered_m2: float
    covered_coverable_m2: float
    unsafe_m: float
    unsafe_turn_rad: float
    keepout_m: float
    tight_m: float
    wrong_way_m: float
    jump_m: float
    conflicts: int
    min_separation_m: float
    times_believed: bool
    makespan_s: float
    bound_s: float
    scrubbed_m2: float = 0.0
    water_left_m2: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with the plan; how much it covers is another question."""
        return not self.violations

    @property
    def coverage(self) -> float:
        """Covered share of the coverable floor, 0..1; nan where there is none."""
        return self.covered_coverable_m2 / self.coverable_m2 if self.coverable_m2 else math.nan

    @property
    def requested_share(self) -> float:
        """Covered share of the requested floor, 0..1; nan where there is none."""
        return self.covered_m2 / self.requested_m2 if self.requested_m2 else math.nan

    @property
    def water_share(self) -> float:
        """Share of the scrubbed floor that is left wet, 0..1; nan where no robot with a squeegee scrubs."""
        return self.water_left_m2 / self.scrubbed_m2 if self.scrubbed_m2 else math.nan

    @property
    def ratio(self) -> float:
        """Makespan over bound; nan without a bound."""
        return self.makespan_s / self.bound_s if self.bound_s else math.nan

    @property
    def imbalance(self) -> float:
        """The latest finish over the mean finish of the robots that drive; nan when none does."""
        finishes = [robot.finish_s for robot in self.robots if robot.length_m]
        return max(finishes) * len(finishes) / sum(finishes) if finishes and sum(finishes) else math.nan

    def of_kind(self, kind: ViolationKind) -> tuple[Violation, ...]:
        """The violations of one kind."""
        return tuple(violation for violation in self.violations if violation.kind is kind)

    def as_dict(self) -> dict[str, Any]:
        """The verdict as numbers, words and lists, fit for JSON; a number that does not exist is None."""
        document = {key: value for key, value in asdict(self).items() if key != "missed"}
        document["violations"] = [_violation_to_dict(violation) for violation in self.violations]
        document["missed"] = [
            {
                "zone": area.zone,
                "reason": area.reason.value,
                "area_m2": area.area_m2,
                "bounds": list(area.polygon.bounds),
            }
            for area in self.missed
        ]
        more = {"ok": self.ok, "coverage": self.coverage, "requested_share": self.requested_share, "ratio": self.ratio}
        more |= {"imbalance": self.imbalance, "water_share": self.water_share}
        plain: dict[str, Any] = _plain({**more, **document})
        return plain

    def _separation(self) -> str:
        return "" if math.isnan(self.min_separation_m) else f", robots never nearer than {self.min_separation_m:.2f} m"

    def _headline(self) -> str:
        count = len(self.violations)
        found = "sound" if self.ok else "one violation" if count == 1 else f"{count} violations"
        cleans = (
            f"it cleans {self.coverage:.1%} of what robots can reach" if self.coverable_m2 else "robots reach no floor"
        )
        return f"{found}; {cleans}"

    def text(self) -> str:
        """The verdict as a person would read it."""
        lines = [
            f"Plan for {self.floor or 'the floor'}: {self._headline()}",
            f"  coverage      {_share(self.coverage):>8} of {self.coverable_m2:.1f} m² coverable, "
            f"{_share(self.requested_share)} of {self.requested_m2:.1f} m² requested",
            f"  unsafe        {self.unsafe_m:8.2f} m (and {math.degrees(self.unsafe_turn_rad):.0f}° of turning), "
            f"keepouts {self.keepout_m:.2f} m, tight {self.tight_m:.2f} m, jumps {self.jump_m:.2f} m, "
            f"wrong way {self.wrong_way_m:.2f} m",
            f"  conflicts     {self.conflicts:8d}{self._separation()}",
            f"  makespan      {self.makespan_s:8.1f} s, bound {self.bound_s:.1f} s"
            + (f", ratio {self.ratio:.3f}" if self.bound_s else "")
            + ("" if self.times_believed else " (nominal times: those of the plan cannot be believed)"),
        ]
        if self.scrubbed_m2:
            share = f"{self.water_share:.2%} of {self.scrubbed_m2:.1f} m² scrubbed"
            lines.append(f"  water left    {self.water_left_m2:8.2f} m², {share}")
        lines += [f"  {robot.robot:<12}  {robot.summary()}" for robot in self.robots]
        missed = {reason: sum(a.area_m2 for a in self.missed if a.reason is reason) for reason in _reasons(self.missed)}
        lines += [f"  missed        {area:8.2f} m² {reason.value}" for reason, area in missed.items()]
        lines += [f"  - {violation}" for violation in self.violations[:MOST_SHOWN]]
        if len(self.violations) > MOST_SHOWN:
            lines.append(f"  - and {len(self.violations) - MOST_SHOWN} more")
        return "\n".join(lines)


def _share(part: float) -> str:
    """A share in percent; a dash where there is no whole."""
    return "–" if math.isnan(part) else f"{part:.2%}"


def _reasons(missed: tuple[MissedArea, ...]) -> list[Any]:
    return list(dict.fromkeys(area.reason for area in missed))


def _violation_to_dict(violation: Violation) -> dict[str, Any]:
    return {**asdict(violation), "kind": violation.kind.value, "unit": violation.unit or UNITS[violation.kind]}


def _plain(value: Any) -> Any:
    """The value with lists for tuples, and None for numbers that JSON has no word for."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
