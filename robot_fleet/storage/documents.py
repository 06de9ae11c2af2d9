"""YAML and JSON files read with every trouble said as a fault instead of a traceback."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.profile_document import is_number

__all__ = ["is_number", "read_json", "read_yaml", "shown"]

MOST_BYTES = 50_000_000


class _Loader(yaml.SafeLoader):
    """Safe YAML that takes 1e-3 for a number, as YAML 1.2 and the C++ readers of ROS do."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(path: Path, faults: list[Fault]) -> Mapping[str, Any] | None:
    """The mapping in a YAML file, or None and a fault."""
    text = _text(path, faults)
    if text is None:
        return None
    try:
        document = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        faults.append(Fault(path.name, _yaml_place(error), "is no valid YAML", "Correct it there."))
        return None
    return _mapping(path, document, faults)


def read_json(path: Path, faults: list[Fault]) -> Mapping[str, Any] | None:
    """The mapping in a JSON file, or None and a fault."""
    text = _text(path, faults)
    if text is None:
        return None
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        faults.append(Fault(path.name, place, f"is no valid JSON: {error.msg}", "Correct it there."))
        return None
    except (RecursionError, ValueError):
        faults.append(Fault(path.name, "", "is no usable JSON", "Its nesting or its numbers are out of all bounds."))
        return None
    return _mapping(path, document, faults)


def shown(value: object) -> str:
    """A value as a fault names it, cut short."""
    if isinstance(value, (Mapping, list, tuple)):
        return f"a {'mapping' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a very large number"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _text(path: Path, faults: list[Fault]) -> str | None:
    try:
        if path.stat().st_size > MOST_BYTES:
            faults.append(Fault(path.name, "", "is too large", f"Give at most {MOST_BYTES // 1_000_000} MB."))
            return None
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        faults.append(Fault(path.name, "", f"there is no file {path}", "Create it, or name another folder."))
    except UnicodeDecodeError:
        faults.append(Fault(path.name, "", "is no UTF-8 text", "Save it as UTF-8."))
    except OSError as error:
        faults.append(Fault(path.name, "", f"cannot be read: {error.strerror}", "Check the path and its permissions."))
    return None


def _yaml_place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _mapping(path: Path, document: object, faults: list[Fault]) -> Mapping[str, Any] | None:
    if isinstance(document, Mapping):
        return document
    faults.append(Fault(path.name, "", f"holds {shown(document)} at its top", "It must hold names with their values."))
    return None
