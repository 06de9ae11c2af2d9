"""The colours of every picture, as (red, green, blue). Robots use hues that colour-blind people can tell apart."""

from __future__ import annotations

from collections.abc import Iterable

from robot_fleet.planning.plan import MissedReason

Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
INK: Colour = (32, 35, 42)
FAINT_INK: Colour = (110, 115, 125)
WALL: Colour = (52, 56, 66)
UNKNOWN: Colour = (214, 217, 222)
UNKNOWN_HATCH: Colour = (176, 181, 189)
KEEPOUT: Colour = (150, 60, 130)
ONE_WAY: Colour = (140, 152, 172)
WATER: Colour = (0, 84, 255)
CREDITED: Colour = (176, 214, 196)
FALSE_CREDIT: Colour = (126, 20, 200)
MISSED_CREDIT: Colour = (252, 222, 20)

# Okabe and Ito's palette without black, in the order in which neighbours differ most, then four darker hues.
_ROBOTS: tuple[Colour, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
    (92, 64, 150),
    (140, 86, 75),
    (0, 96, 80),
    (160, 150, 30),
    (128, 0, 60),
    (70, 90, 120),
)

_ZONES: tuple[Colour, ...] = (
    (222, 234, 246),
    (250, 236, 214),
    (226, 242, 222),
    (244, 226, 238),
    (232, 230, 248),
    (246, 244, 214),
    (216, 240, 240),
    (240, 232, 224),
)

MISSED: dict[MissedReason, Colour] = {
    MissedReason.TOO_NARROW: (238, 119, 51),
    MissedReason.KEEPOUT: (170, 68, 153),
    MissedReason.UNREACHABLE: (51, 34, 136),
    MissedReason.NO_ROBOT_MAY_ENTER: (0, 119, 136),
    MissedReason.BLOCKED: (187, 85, 102),
    MissedReason.ROBOT_FAILED: (90, 45, 12),
    MissedReason.STOPPED: (148, 132, 0),
    MissedReason.CANNOT_TURN: (102, 17, 0),
    MissedReason.NOT_CLEANED: (204, 16, 51),
}


def robot_colours(robots: Iterable[str]) -> dict[str, Colour]:
    """A colour for each robot, in the order given; after twelve robots the colours come round again."""
    return {robot: _ROBOTS[index % len(_ROBOTS)] for index, robot in enumerate(dict.fromkeys(robots))}


def zone_colour(index: int) -> Colour:
    """The pale tint of the zone at that place in the floor's list."""
    return _ZONES[index % len(_ZONES)]


def darker(colour: Colour, share: float = 0.45) -> Colour:
    """The same hue, mixed with `share` (0..1) of black."""
    red, green, blue = (round(value * (1.0 - share)) for value in colour)
    return red, green, blue
