"""Machine code for the few loops that a plan's quality hangs on: moves tried in a tour, cells counted under a head.

Where numba is not installed the same functions run as plain Python, some fifty times slower; searches are then given
less to do (`EFFORT`), so that a plan still comes in its time, only less good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

try:
    from numba import config, njit, prange

    COMPILES, together = True, prange
    # Its threads sleep between their loops; those of OpenMP would spin.
    config.THREADING_LAYER = "workqueue"  # type: ignore[attr-defined]
except ImportError:  # in requirements/run.txt, but an installation from apt may lack it
    COMPILES, together = False, range

F = TypeVar("F", bound=Callable[..., Any])

EFFORT = 1.0 if COMPILES else 0.02
"""The share of its usual steps that a search may take."""


def compiled(function: F) -> F:
    """The function as machine code, made at its first call and kept on disk; it must raise nothing and use arrays alone.

    Other threads run beside it.
    Where nothing can be kept on disk it is compiled anew in each process.
    """
    if not COMPILES:
        return function
    try:
        return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:
        return cast(F, njit(nogil=True, error_model="numpy")(function))


def side_by_side(function: F) -> F:
    """The function as machine code that does the rounds of its loops over `together(n)` on all processors at once.

    No round may touch what another one writes: results then depend neither on their order nor on the processors.
    """
    if not COMPILES:
        return function
    try:
        return cast(F, njit(cache=True, parallel=True)(function))
    except RuntimeError:
        return cast(F, njit(parallel=True)(function))


PARTS = 16
"""Into so many parts work is cut for all processors, however many there are."""
