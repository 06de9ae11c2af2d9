"""A lock on a file that only one process can hold, and that goes with the process however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Locked(Exception):
    """Somebody else has the lock; `holder` says who, as well as can be known."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(f"locked by {holder}")


class FileLock:
    """An flock(2) on a file, taken on construction: Locked when somebody has it, OSError when it cannot be made."""

    def __init__(self, path: Path) -> None:
        """Takes the lock. The file stays when the lock goes: removing it could part the next holder from its lock."""
        # Not through a link: who owns the folder could have root, who restores a database, empty any file.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(os.pread(self._file, 32, 0))
            os.close(self._file)
            raise Locked(holder) from None
        os.truncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Lets the lock go; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _holder(content: bytes) -> str:
    number = content.strip().decode("ascii", "replace")
    return f"process {number}" if number.isdigit() else "another process"
