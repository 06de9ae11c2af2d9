"""How many steps of virtual time are due as real time passes."""

from __future__ import annotations

_MOST_AT_ONCE = 40


class Pace:
    """`speed` virtual seconds a real second, in steps of `step_s`. A machine that cannot keep up runs slower."""

    def __init__(self, speed: float, step_s: float) -> None:
        if not speed > 0.0:
            raise ValueError(f"the speed must be a positive factor, not {speed}")
        self._rate = speed / step_s
        self._begun_s: float | None = None
        self._done = 0

    def steps_due(self, real_s: float, most: int = _MOST_AT_ONCE) -> int:
        """The steps to be taken by the real time `real_s`, at most so many; those beyond are given up, not made up."""
        most = max(0, min(most, _MOST_AT_ONCE))
        if self._begun_s is None:
            self._begun_s = real_s
        due = int((real_s - self._begun_s) * self._rate) - self._done
        if due > most:
            self._begun_s += (due - most) / self._rate
            due = most
        self._done += due
        return due
