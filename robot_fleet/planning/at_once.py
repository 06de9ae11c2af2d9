"""Searches that know nothing of each other, done at once: their loops are machine code, beside which other threads run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

T = TypeVar("T")
Heard = Callable[[float], None]


class _Ended(Exception):
    """Another search has failed, or was called off."""


def at_once(searches: Sequence[Callable[[Heard], T]], heard: Heard) -> list[T]:
    """What each search finds, in their order; they must not use `side_by_side` loops.

    Each is called with what hears the share that it has done; `heard` hears the share of all of them, one call at a time.
    What the first one raises, or `heard`, is raised when the others have ended, which they do when they next report.
    """
    shares, lock, ended = [0.0] * len(searches), Lock(), False

    def run(k: int) -> T:
        nonlocal ended

        def hear(share: float) -> None:
            with lock:
                if ended:
                    raise _Ended
                shares[k] = share
                heard(sum(shares) / len(shares))

        try:
            return searches[k](hear)
        except BaseException:
            ended = True
            raise

    if len(searches) == 1:
        return [run(0)]
    with ThreadPoolExecutor(len(searches)) as pool:
        jobs = [pool.submit(run, k) for k in range(len(searches))]
    faults = [fault for job in jobs if (fault := job.exception()) is not None]
    for fault in faults:
        if not isinstance(fault, _Ended):
            raise fault
    return [job.result() for job in jobs]
