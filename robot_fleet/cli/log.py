"""What the long-running processes say about themselves."""

from __future__ import annotations

import logging


def log_to_stderr() -> None:
    """Log lines with time and severity on stderr."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-8s %(message)s", datefmt="%H:%M:%S")
