"""Where output goes: people read tables, programs read JSON, one value a line for what goes on."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
import sys
from typing import Any

from rich.console import Console

_DIGITS = 6


@functools.cache
def stdout() -> Console:
    """The console on standard output."""
    return Console(highlight=False)


@functools.cache
def stderr() -> Console:
    """The console on standard error."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """A value as JSON, indented."""
    print(json.dumps(plain(value), indent=2, allow_nan=False))


def print_json_line(value: Any) -> None:
    """A value as one line of JSON, at once."""
    print(json.dumps(plain(value), allow_nan=False), flush=True)


def plain(value: Any) -> Any:
    """Our frozen values as what JSON knows; polygons as GeoJSON, what is no number as null."""
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    if hasattr(value, "__geo_interface__"):
        return plain(value.__geo_interface__)
    return value


def is_terminal() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()
