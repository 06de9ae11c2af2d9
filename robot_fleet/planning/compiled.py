"""Machine code for the few loops that a plan's quality hangs on: moves tried in a tour, cells counted under a head.

Where numba is not installed the same functions run as plain Python, some fifty times slower; searches are then given
less to do (`EFFORT`), so that a plan still comes in its time, only less good.
"""

from __future__ import annotations

from collections.abc import Callable
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

    Where nothing can be kept on disk it is compiled anew in each process.
    """
    if not COMPILES:
        return function
    try:
        return cast(F, njit(cache=True)(function))
    except RuntimeError:
        return cast(F, njit(function))
