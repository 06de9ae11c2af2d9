"""What outlives the process: rows of runs, robots, itineraries, coverage, tracks and alerts, as JSON or compressed JSON."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.ports import CannotStore, Record, RunStore
from robot_fleet.control.snapshot import AlertView, ClosureView, RunRecord
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.coverage import CoverageRecord
from robot_fleet.fleet.entities import CleaningRun, Robot, Share, as_track
from robot_fleet.fleet.errors import InvalidInput, WrongState
from robot_fleet.fleet.itinerary import Itinerary, Place, Stretch
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.faults import Fault
from robot_fleet.planning.plan import LegKind, MissedArea, MissedReason

_RUN_SCALARS = (
    "run_id", "request_id", "created_at_s", "reason", "version", "started_at_s", "ended_at_s", "elapsed_s", "epoch",
    "planning", "rest_wanted", "makeup_passes", "empty_passes", "requested_m2", "coverable_m2", "pieces",
    "cleaned_m2", "zone_rows", "blocked",
)  # fmt: skip
_RUN_NAMES = ("zones", "robots", "asked_zones", "asked_robots", "unconfirmed")
_ROBOT_SCALARS = (
    "hold", "hold_active", "acknowledged_by", "came_back", "needs_charge", "served_s", "drops", "detail", "head_refused",
)  # fmt: skip

_AGAIN_S = 1.0
# A track's row takes so many points, one a second: a night's tracks are read in one go while everybody waits.
_ROW_POINTS = 30


class Rows:
    """Turns the controller's records into rows and back."""

    def __init__(self, state: FleetState, run_store: RunStore) -> None:
        self._state = state
        self._run_store = run_store
        self.owed, self._again_s = "", 0.0
        # Of each run's robot: at which point its newest row begins, and how many points are kept.
        self._tracks_kept: dict[tuple[str, str], tuple[int, int]] = {}
        self._floors: dict[str, tuple[BaseGeometry, str]] = {}
        self._kept_floors: dict[str, BaseGeometry] = {}
        self._kept_coverage: Record | None = None
        self._stretches: WeakKeyDictionary[Stretch, str] = WeakKeyDictionary()
        self._areas: dict[str, tuple[tuple[MissedArea, ...], list[list[Any]]]] = {}

    def commit(self, what: str) -> bool:
        """Writes the journal line and the rows of the present event, `what`, in one transaction; CannotStore when it did not.

        False, when something is owed and cannot be written yet either: all must then be kept for the next time.
        """
        state, effects = self._state, self._state.effects
        if self.owed and state.now_s < self._again_s:
            return False
        state.version += 1
        if not effects.journal:
            state.note(what)
        for kind, key in effects.rows:
            if kind == "run":
                state.runs[key].version = state.version
        self._add_floors()
        records = self._records()
        floors = {key: state.traffic.held(key) for kind, key in effects.rows if kind == "robot"}
        try:
            self._run_store.commit(effects.journal_line(), records)
        except CannotStore:
            if not self.owed:
                raise
            self._again_s = state.now_s + _AGAIN_S
            return False
        self.owed = ""
        self._kept_floors |= floors
        self._kept_coverage = next((record for record in records if record.kind == "coverage"), self._kept_coverage)
        return True

    def _records(self) -> list[Record]:
        """The rows of the present event; coverage, the largest, only when it has changed: at rest that is not each second."""
        records = [Record(kind, key, self._body(kind, key)) for kind, key in self._state.effects.rows]
        return [record for record in records if record != self._kept_coverage]

    def _add_floors(self) -> None:
        """What robots hold is written of one moment: storage must not say that two hold the same floor."""
        state, rows = self._state, self._state.effects.rows
        if any(kind == "robot" for kind, _ in rows):
            for name in state.robots:
                if self._kept_floors.get(name) is not state.traffic.held(name):
                    rows["robot", name] = None

    def owe(self, why: str) -> None:
        """What could not be written must hold all the same: from now on it is tried again every second."""
        self.owed, self._again_s = why, self._state.now_s + _AGAIN_S

    def checkpoint(self) -> None:
        """Marks how far along its way each robot is, the coverage and the new parts of the tracks for writing."""
        run = self._state.active
        if run is None or run.started_at_s is None:
            return
        self._state.touch("run", run.run_id)
        self._state.touch("coverage", run.run_id)
        for robot in self._state.members(run):
            self._state.touch("robot", robot.name)
            start, kept = self._tracks_kept.get((run.run_id, robot.name), (0, 0))
            points = len(run.tracks.get(robot.name, []))
            if points > kept:
                self._state.touch("track", f"{run.run_id}/{robot.name}/{start:09d}")
                is_full = points - start >= _ROW_POINTS
                self._tracks_kept[run.run_id, robot.name] = points if is_full else start, points

    def load(self) -> None:
        """Puts everything that was stored back into the state; robots are OFFLINE until heard, HELD ones stay HELD."""
        state = self._state
        state.version = max((json.loads(body)["version"] for body in self._run_store.load("run").values()), default=0)
        state.runs = {key: _run_from(body) for key, body in self._run_store.load("run").items()}
        for key, body in self._run_store.load("unplanned").items():
            state.runs[key].unplanned = _areas_from(json.loads(body))
        state.active = next((run for run in state.runs.values() if not run.state.is_terminal), None)
        if state.active:
            _check_store(state, state.active)
        state.alerts = {key: AlertView(**json.loads(body)) for key, body in self._run_store.load("alert").items()}
        for name, body in self._run_store.load("robot").items():
            if name in state.robots:
                stored = json.loads(body)
                _restore_robot(state.robots[name], stored)
                # A robot may be anywhere on the floor that it was granted until it has confirmed that it rests.
                state.traffic.hold(name, shapely.from_wkb(stored["floor"]))
        for body in self._run_store.load("closure").values():
            view, left_s = _closure_from(body, state.clock.wall_s())
            state.put_closure(view, left_s)
        if state.active:
            self._load_active(state.active)

    def record(self, run: CleaningRun) -> RunRecord:
        """What the run cleaned and where its robots drove, from memory or storage; WrongState when on another floor."""
        grid = self._state.store.floor.grid
        # What could not be stored yet is known here alone; no other run begins before.
        here = run is self._state.active or (bool(self.owed) and run is [*self._state.runs.values()][-1])
        coverage = self._state.coverage if here else self._coverage(run)
        cleaned = coverage.cleaned.copy() if coverage else np.zeros(grid.shape, dtype=bool)
        # Not kept here: of each run that somebody has looked at they would stay in memory.
        tracks = run.tracks or self._stored_tracks(run)
        return RunRecord(run.run_id, cleaned, {name: as_track(tracks.get(name, [])) for name in run.robots})

    def _load_active(self, run: CleaningRun) -> None:
        state = self._state
        floor = state.store.floor
        state.coverage = self._coverage(run) or CoverageRecord(floor.grid, state.requested(run.zones))
        itineraries = self._run_store.load("itinerary")
        for robot in state.members(run):
            body = itineraries.get(robot.name)
            robot.itinerary = _itinerary_from(body) if body else None
        run.tracks = self._stored_tracks(run)
        for name, points in run.tracks.items():
            self._tracks_kept[run.run_id, name] = len(points), len(points)

    def _coverage(self, run: CleaningRun) -> CoverageRecord | None:
        """What the run cleaned, as it was stored; WrongState when the store has another floor by now."""
        body = self._run_store.load("coverage", run.run_id).get(run.run_id)
        if not body:
            return None
        floor = self._state.store.floor
        gone = [zone for zone in run.zones if zone not in {known.name for known in floor.zones}]
        if gone:
            raise _floor_changed(run, f"zone '{gone[0]}' is not there any more")
        try:
            return CoverageRecord.from_packed(floor.grid, self._state.requested(run.zones), body)
        except ValueError as error:
            raise _floor_changed(run, str(error)) from error

    def _stored_tracks(self, run: CleaningRun) -> dict[str, list[tuple[float, float, float]]]:
        rows = self._run_store.load("track", f"{run.run_id}/")
        tracks: dict[str, list[tuple[float, float, float]]] = {}
        for key in sorted(rows):
            _, robot, start = key.split("/")
            # A row that was written late may have points of the next one as well.
            points = [(t, x, y) for t, x, y in json.loads(zlib.decompress(rows[key]))]
            tracks.setdefault(robot, [])[int(start) :] = points
        return tracks

    def _body(self, kind: str, key: str) -> bytes | None:
        state = self._state
        if kind == "run":
            return self._run_to(state.runs[key])
        if kind == "unplanned":
            return json.dumps(_areas_to(state.runs[key].unplanned)).encode()
        if kind == "robot":
            return _robot_to(state.robots[key], self._floor(key))
        if kind == "itinerary":
            itinerary = state.robots[key].itinerary
            return self._itinerary_to(itinerary) if itinerary else None
        if kind == "coverage":
            return state.coverage.packed() if state.coverage else None
        if kind == "closure":
            return _closure_to(state.closures[key], self._left_s(key)) if key in state.closures else None
        if kind == "track":
            run_id, robot, start = key.split("/")
            return zlib.compress(json.dumps(state.runs[run_id].tracks[robot][int(start) :]).encode(), 1)
        return json.dumps(dataclasses.asdict(state.alerts[key])).encode()

    def _itinerary_to(self, itinerary: Itinerary) -> bytes:
        """A robot that is led another way drives most of its old stretches after it: each is put into text once."""
        for stretch in itinerary.stretches:
            if stretch not in self._stretches:
                self._stretches[stretch] = _stretch_to(stretch)
        text = ",".join(self._stretches[stretch] for stretch in itinerary.stretches)
        return zlib.compress(f"[{text}]".encode(), 1)

    def _run_to(self, run: CleaningRun) -> bytes:
        body = {name: getattr(run, name) for name in (*_RUN_SCALARS, *_RUN_NAMES)}
        shares = {name: vars(share) for name, share in run.shares.items()}
        body |= {
            "missed": self._areas_of("missed", run.missed),
            "shut": self._areas_of("shut", run.shut),
            "closed": [shape.wkt for shape in run.closed],
        }
        return json.dumps({**body, "state": run.state.value, "shares": shares}).encode()

    def _areas_of(self, which: str, areas: tuple[MissedArea, ...]) -> list[list[Any]]:
        """Areas as plain values; those of a run that is under way change with its plans alone, its row every second."""
        known = self._areas.get(which)
        if known is None or known[0] is not areas:
            known = self._areas[which] = areas, _areas_to(areas)
        return known[1]

    def _left_s(self, closure: str) -> float | None:
        """How long floor is still to be closed; None: until somebody opens it."""
        opens_s = self._state.opens_s.get(closure)
        return None if opens_s is None else opens_s - self._state.clock.steady_s()

    def _floor(self, robot: str) -> str:
        """The floor that a robot holds, as text; it seldom changes as often as the robot's row."""
        floor = self._state.traffic.held(robot)
        known = self._floors.get(robot)
        if known is None or known[0] is not floor:
            known = self._floors[robot] = floor, shapely.to_wkb(floor, hex=True)
        return known[1]


def _closure_to(view: ClosureView, left_s: float | None) -> bytes:
    body = {
        "name": view.name,
        "outline": view.polygon.wkt,
        "closed_at_s": view.closed_at_s,
        "ends_at_s": view.ends_at_s,
        "left_s": left_s,
    }
    return json.dumps(body).encode()


def _closure_from(body: bytes, wall_s: float) -> tuple[ClosureView, float | None]:
    """A closure, and how long it is still to last: what the wall's clock says, which may have been set back meanwhile."""
    stored = json.loads(body)
    closed_at_s, ends_at_s = stored["closed_at_s"], stored["ends_at_s"]
    left_s = None
    if ends_at_s is not None:
        # Closures that were kept before that was written down say nothing of what is left.
        most_s = stored.get("left_s", ends_at_s - closed_at_s)
        ends_at_s = min(ends_at_s, wall_s + most_s)
        left_s = max(0.0, ends_at_s - wall_s)
    return ClosureView(stored["name"], shapely.from_wkt(stored["outline"]), closed_at_s, ends_at_s), left_s


def _check_store(state: FleetState, run: CleaningRun) -> None:
    """A run that is under way can go on only in the store that it was started in."""
    known = {"zones": [zone.name for zone in state.store.floor.zones], "robots": list(state.robots)}
    remedy = "Serve the store as it was and stop the run, or give another database"
    faults = [
        Fault("store", field, f"run {run.run_id} is under way and needs '{name}', which is not there any more", remedy)
        for field, names in (("zones", run.zones), ("robots", run.robots))
        for name in names
        if name not in known[field]
    ]
    if faults:
        raise InvalidInput("STORE_CHANGED", tuple(faults))


def _floor_changed(run: CleaningRun, what: str) -> WrongState:
    remedy = "Serve the store as it was, or give another database"
    return WrongState("STORE_CHANGED", f"Run {run.run_id} was made on another floor: {what}. {remedy}")


def _run_from(body: bytes) -> CleaningRun:
    stored = json.loads(body)
    fields: dict[str, Any] = {name: stored[name] for name in _RUN_SCALARS if name in stored}
    fields |= {name: tuple(stored[name]) for name in _RUN_NAMES}
    run = CleaningRun(**fields, state=RunState(stored["state"]))
    run.shares = {name: Share(**share) for name, share in stored["shares"].items()}
    run.missed = _areas_from(stored["missed"])
    # Runs that were kept before floor could be closed say nothing of it.
    run.shut, run.closed = (
        _areas_from(stored.get("shut", [])),
        [shapely.from_wkt(text) for text in stored.get("closed", [])],
    )
    return run


def _areas_to(areas: Iterable[MissedArea]) -> list[list[Any]]:
    return [
        [area.zone, area.reason.value, shapely.to_wkt(area.polygon, rounding_precision=4), area.area_m2]
        for area in areas
    ]


def _areas_from(stored: list[list[Any]]) -> tuple[MissedArea, ...]:
    return tuple(
        MissedArea(zone, MissedReason(reason), shapely.from_wkt(polygon), area_m2)
        for zone, reason, polygon, area_m2 in stored
    )


def _robot_to(robot: Robot, floor: str) -> bytes:
    order = robot.order
    place = robot.place
    if order and not order.superseded and robot.itinerary and order.piece.kind in (LegKind.TRANSIT, LegKind.CLEAN):
        place = robot.itinerary.advanced(order.piece, order.progress_m)
    body = {name: getattr(robot, name) for name in _ROBOT_SCALARS}
    body |= {"held": robot.state is RobotState.HELD, "place": [place.stretch, place.offset_m]}
    body["drain_per_s"] = robot.drain.per_s
    return json.dumps({**body, "floor": floor}).encode()


def _restore_robot(robot: Robot, stored: dict[str, Any]) -> None:
    for name in _ROBOT_SCALARS:
        setattr(robot, name, stored.get(name, getattr(robot, name)))
    robot.state = RobotState.HELD if stored["held"] else RobotState.OFFLINE
    robot.place = Place(*stored["place"])
    robot.drain.per_s = stored.get("drain_per_s", 0.0)


def _stretch_to(stretch: Stretch) -> str:
    points, times = stretch.points.round(4).tolist(), stretch.times_s.round(3).tolist()
    return json.dumps([stretch.kind.value, points, times, stretch.reverse])


def _itinerary_from(body: bytes) -> Itinerary:
    stretches = json.loads(zlib.decompress(body))
    return Itinerary(
        tuple(
            # Itineraries kept before robots drove backwards say nothing of it.
            Stretch(LegKind(kind), np.array(points), np.array(times), any(reverse))
            for kind, points, times, *reverse in stretches
        )
    )
