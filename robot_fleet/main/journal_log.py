"""What is committed to the journal is said in the log too, each line with the ids of its run, robot and leg."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from robot_fleet.control.ports import Record, RunStore

_log = logging.getLogger("robot_fleet.journal")
IDS = ("run", "robot", "leg")

_TROUBLE = frozenset(
    ("alert", "held", "went silent", "leg overdue", "trapped", "plan failed", "withdrawn", "stop not stored")
)
_EVERY_FEW_SECONDS = frozenset(("leg sent", "leg ended", "storage tried", "storage takes changes"))
_UNLIKE = ("aborted", "rejected", "unanswered")


class ToldRunStore:
    """A RunStore that says each journal entry in the log once it is stored; what was refused is never said."""

    def __init__(self, kept: RunStore) -> None:
        self._kept = kept

    def commit(self, event: str, records: Sequence[Record]) -> None:
        """As RunStore's."""
        self._kept.commit(event, records)
        for entry in json.loads(event):
            _tell(entry)

    def load(self, kind: str, prefix: str = "") -> dict[str, bytes]:
        """As RunStore's."""
        return self._kept.load(kind, prefix)

    def forget(self, kind: str, prefix: str, most: int) -> int:
        """As RunStore's."""
        return self._kept.forget(kind, prefix, most)

    def trim_journal(self, before_s: float, after: int, most: int) -> int:
        """As RunStore's."""
        return self._kept.trim_journal(before_s, after, most)

    def close(self) -> None:
        """As RunStore's."""
        self._kept.close()


def _tell(entry: dict[str, Any]) -> None:
    level = _level(entry)
    if not _log.isEnabledFor(level):
        return
    ids = {name: entry[name] for name in IDS if name in entry}
    more = {name: value for name, value in entry.items() if name not in (*IDS, "event", "at_s", "text") and value != ""}
    words = [
        entry["event"],
        *([f"({', '.join(f'{name} {_plain(value)}' for name, value in more.items())})"] if more else []),
    ]
    _log.log(level, "%s", f"alert: {entry['text']}" if "text" in entry else " ".join(words), extra={"ids": ids})


def _level(entry: dict[str, Any]) -> int:
    """Entries that only say that something was written, and legs that go well, are for those who ask for everything."""
    if entry["event"] in _TROUBLE or entry.get("state") == "FAILED":
        return logging.WARNING
    if entry["event"] in _EVERY_FEW_SECONDS:
        return logging.INFO if str(entry.get("outcome", "")).lower() in _UNLIKE else logging.DEBUG
    return logging.INFO if entry["event"].islower() else logging.DEBUG


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
