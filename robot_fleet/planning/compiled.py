"""Machine code for the few loops that a plan's quality hangs on: moves tried in a tour, cells counted under a head.

Where numba is not installed the same functions run as plain Python, some fifty times slower; searches are then given
less to do (`EFFORT`), so that a plan still comes in its time, only less good.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

try:
    from numba import njit

    COMPILES = True
except ImportError:  # in requirements/run.txt, but an installation from apt may lack it
    COMPILES = False

F = TypeVar("F", bound=Callable[..., Any])

EFFORT = 1.0 if COMPILES else 0.02
"""The share of its usual steps that a search may take."""


def compiled(function: F) -> F:
    """The function as machine code, made at its first call and kept on disk; it must raise nothing and use arrays alone.

    Where nothing can be kept on disk it is compiled anew in each process. Other threads go on while it runs.
    """
    if not COMPILES:
        return function
    try:
        return cast(F, njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast(F, njit(nogil=True)(function))


def side_by_side(count: int, work: Callable[[int, int], object]) -> None:
    """Calls `work(begin, end)` for parts of 0 .. count - 1, on all processors at once; parts must not touch each other's.

    It pays for compiled functions and for libraries that let other threads run. Results do not depend on the parts.
    """
    threads = min(count, len(os.sched_getaffinity(0)) if COMPILES else 1)
    if threads < 2:
        work(0, count)
        return
    # Parts take unequal time: a few for each thread.
    parts = min(count, 4 * threads)
    bounds = [count * k // parts for k in range(parts + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))
