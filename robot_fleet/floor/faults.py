"""What is wrong with an input, said so that a person can mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: in which `file` (or request field), at which `place`, `what`, and the `remedy`.

    `reason` is a stable UPPER_SNAKE word for programs, where one is needed.
    """

    file: str
    place: str
    what: str
    remedy: str
    reason: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.place}" if self.place else self.file
        return f"{where}: {self.what}. {self.remedy}"
