"""What the long-running processes say about themselves."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone


def log_to_stderr(everything: bool = False, as_json: bool = False) -> None:
    """Log lines on stderr with time, severity and the ids that they carry; as JSON one object a line."""
    out = logging.StreamHandler()
    out.setFormatter(log_formatter(as_json))
    logging.basicConfig(level=logging.INFO, handlers=[out])
    if everything:
        logging.getLogger("robot_fleet").setLevel(logging.DEBUG)


def log_formatter(as_json: bool) -> logging.Formatter:
    """How a line is written."""
    return _Json() if as_json else _Text("%(asctime)s %(levelname)-8s %(message)s", datefmt="%H:%M:%S")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """The line, with the ids behind the message."""
        ids = getattr(record, "ids", {})
        return " ".join((super().format(record), *(f"{name}={value}" for name, value in ids.items())))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object: at (UTC), level, logger, message, the ids, and what was raised."""
        line = {
            "at": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "ids", {}),
        }
        if record.exc_info:
            line["raised"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
