"""Results that are kept line by line, as JSON, by work that can be broken off at any moment and gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["OtherLines", "add_line", "line_of", "whole_lines"]


class OtherLines(Exception):
    """The file holds something else, and is left as it is."""


def whole_lines(path: Path, begin: str) -> list[dict[str, Any]]:
    """The entries of a file, none if it is not there; OtherLines unless it begins with `begin`, or was cut off within that.

    What a kill left of a last line is cut off the file: the next entry would be added behind it, and both be lost.
    """
    text = path.read_bytes() if path.exists() else b""
    if not (text.startswith(begin.encode()) or begin.encode().startswith(text)):
        raise OtherLines(f"{path} begins with {text[:80]!r}")
    entries, at, whole = [], 0, 0
    for line in text.splitlines(keepends=True):
        at += len(line)
        entry = _entry(line)
        if entry is not None:
            entries.append(entry)
            whole = at
    if whole < len(text):
        with path.open("r+b") as file:
            file.truncate(whole)
    return entries


def add_line(path: Path, entry: dict[str, Any]) -> None:
    """Adds an entry to the file, which is made if it is not there."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line_of(entry))


def line_of(entry: dict[str, Any]) -> str:
    """An entry as it stands in a file."""
    return json.dumps(entry) + "\n"


def _entry(line: bytes) -> dict[str, Any] | None:
    """What a line says; None when it is not whole: one can be cut off behind an inner bracket, and end like a whole one."""
    try:
        entry = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
