"""YAML and JSON files read with every trouble said as a fault instead of a traceback."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.profile_document import is_number

__all__ = ["MOST_CHARACTERS", "is_name", "is_number", "is_there", "read_json", "read_yaml", "shown"]

MOST_BYTES = 50_000_000
MOST_CHARACTERS = 100
# Merges of merges can make a mapping many times as long with each line. No store has a use for so many names in one.
MOST_MERGED = 100
_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Safe YAML that takes 1e-3 for a number, as YAML 1.2 and the C++ readers of ROS do; a name given twice is a fault."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The mapping's node. What `<<` brings later may repeat a name, what the mapping itself says may not."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    raise ConstructorError(None, None, f"{shown(key.value)} is given twice", key.start_mark)
                seen.add(key.value)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Puts in the place of each `<<` what it names, within bounds."""
        merged = [value.value for key, value in node.value if key.tag == _MERGE and value.id == "sequence"]
        own = len(node.value)
        if sum(map(len, merged)) <= MOST_MERGED:
            super().flatten_mapping(node)
            if len(node.value) <= own + MOST_MERGED:
                return
        raise ConstructorError(None, None, "its merges are out of all bounds", node.start_mark)


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
        faults.append(Fault(path.name, _yaml_place(error), f"is no valid YAML{_problem(error)}", "Correct it there."))
        return None
    return _mapping(path, document, faults)


def read_json(path: Path, faults: list[Fault]) -> Mapping[str, Any] | None:
    """The mapping in a JSON file, or None and a fault."""
    text = _text(path, faults)
    if text is None:
        return None
    try:
        document = json.loads(text, object_pairs_hook=_unique)
    except _Twice as error:
        faults.append(Fault(path.name, "", f"{shown(error.args[0])} is given twice in one place", "Give it once."))
        return None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        faults.append(Fault(path.name, place, f"is no valid JSON: {error.msg}", "Correct it there."))
        return None
    except (RecursionError, ValueError):
        faults.append(Fault(path.name, "", "is no usable JSON", "Its nesting or its numbers are out of all bounds."))
        return None
    return _mapping(path, document, faults)


def is_name(text: str) -> bool:
    """Whether people, logs and the API can take it for a name: printable, not blank, not too long."""
    return bool(text.strip()) and len(text) <= MOST_CHARACTERS and text.isprintable()


def is_there(path: Path) -> bool:
    """Whether the folder has an entry of that name: also a link that leads nowhere, which is a fault when read."""
    return os.path.lexists(path)


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
        # A device or a pipe could send for ever, or never.
        if not stat.S_ISREG((found := path.stat()).st_mode):
            faults.append(Fault(path.name, "", "is no file", "Put a file there."))
            return None
        if found.st_size > MOST_BYTES:
            faults.append(Fault(path.name, "", "is too large", f"Give at most {MOST_BYTES // 1_000_000} MB."))
            return None
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        faults.append(Fault(path.name, "", f"there is no file {path}", "Create it, or name another."))
    except UnicodeDecodeError:
        faults.append(Fault(path.name, "", "is no UTF-8 text", "Save it as UTF-8."))
    except OSError as error:
        faults.append(Fault(path.name, "", f"cannot be read: {error.strerror}", "Check the path and its permissions."))
    return None


class _Twice(Exception):
    """A name that a JSON object gives twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _problem(error: Exception) -> str:
    problem = getattr(error, "problem", None)
    return f": {problem}" if problem else ""


def _yaml_place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _mapping(path: Path, document: object, faults: list[Fault]) -> Mapping[str, Any] | None:
    if isinstance(document, Mapping):
        return document
    what = "is empty" if document is None else f"holds {shown(document)} at its top"
    faults.append(Fault(path.name, "", what, "It must hold names with their values."))
    return None
