"""Plans for nights: made in haste, and each only once for the same request."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from robot_fleet.planning.plan import CannotPlan, Plan, PlanRequest

HASTE_S = 0.1
_KEPT = 64


class HastyPlans:
    """A planning function with a short deadline that remembers what it was asked; a night has no better plan than that."""

    def __init__(self, plan: Callable[[PlanRequest], Plan], deadline_s: float = HASTE_S) -> None:
        self._plan = plan
        self._deadline_s = deadline_s
        self._known: OrderedDict[bytes, Plan | CannotPlan] = OrderedDict()

    def __call__(self, request: PlanRequest) -> Plan:
        """The plan; CannotPlan when there is none."""
        request = replace(request, deadline_s=self._deadline_s)
        if not any(zone.clean_before for zone in request.floor.zones):
            request = replace(request, begins=None, underway_s=0.0)
        key = _key(request)
        if key not in self._known:
            try:
                self._known[key] = self._plan(request)
            except CannotPlan as reason:
                self._known[key] = reason
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        found = self._known[key]
        if isinstance(found, CannotPlan):
            raise found
        return found


def _key(request: PlanRequest) -> bytes:
    """What two requests have in common that ask for the same; the names of legs are nobody's business."""
    key = hashlib.sha256(request.floor.name.encode())
    cells, cleaned = request.floor.grid.cells, request.cleaned
    parts = (
        request.floor.zones, request.floor.keepouts, request.floor.docks, request.floor.one_ways, request.robots,
        request.zones, [polygon.wkb for polygon in request.closed], request.least_patch_m2, request.seed,
        request.deadline_s, request.begins, request.underway_s, cells.shape, cleaned is None,
    )  # fmt: skip
    key.update(repr(parts).encode())
    key.update(cells.tobytes())
    key.update(b"" if cleaned is None else cleaned.tobytes())
    return key.digest()
