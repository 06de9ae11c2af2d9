"""The controller's mutable records: robots and cleaning runs. Only the controller changes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.fleet.commands import Channel
from robot_fleet.fleet.drain import Drain
from robot_fleet.fleet.escapes import Escape
from robot_fleet.fleet.events import LOST
from robot_fleet.fleet.itinerary import Itinerary, Piece, Place
from robot_fleet.fleet.states import RobotEvent, RobotState, RunEvent, RunState, next_robot_state, next_run_state
from robot_fleet.fleet.steered_pieces import next_steered_piece, part_before
from robot_fleet.fleet.track import floor_at
from robot_fleet.fleet.traffic import MARGIN_M, Box
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import RobotSpec
from robot_fleet.planning.plan import LegKind, MissedArea

NOT_HERE = (RobotState.OFFLINE, RobotState.HELD)
"""States in which a robot takes no orders."""

MOST_DROPS = 2
"""How often a robot's work is taken from it, as it cannot do it, before it gets no more of that run."""

MOST_GIVE_UPS = 3
"""How many ways in a row a robot gives up before it is taken to be hemmed in."""


@dataclass
class Order:
    """A drive order that has been sent and has not ended; it `leaves` robots that the robot stood too near to."""

    leg_id: str
    piece: Piece
    due_s: float
    progress_m: float = 0.0
    cancel_asked_s: float | None = None
    superseded: bool = False
    leaves: frozenset[str] = frozenset()


@dataclass
class Robot:
    """What the controller knows of one robot."""

    spec: RobotSpec
    state: RobotState = RobotState.OFFLINE
    pose: Pose | None = None
    pose_at_s: float = 0.0
    # Why what it says of its place is not believed; "" when it is, or when it says nothing.
    pose_refused: str = ""
    misplaced_since_s: float | None = None
    heard_at_s: float | None = None
    absent_since_s: float | None = None
    battery: float | None = None
    battery_at_s: float | None = None
    charging: bool = False
    # Since when it rests on its dock without being charged, and how full its battery was then.
    uncharged_since: tuple[float, float] | None = None
    drain: Drain = field(default_factory=Drain)
    head_on: bool = False
    head_wanted: bool = False
    head_asked_s: float | None = None
    head_failures: int = 0
    head_refused: bool | None = None
    deck_down_at: tuple[float, Pose] | None = None
    channels: dict[Channel, tuple[bool, float]] = field(default_factory=dict)
    missing: str = ""
    hold: str = ""
    hold_active: bool = False
    is_silent: bool = False
    acknowledged_by: str = ""
    cancel_due: bool = True
    cancel_sent_s: float | None = None
    rest_after_s: float = 0.0
    order: Order | None = None
    itinerary: Itinerary | None = None
    place: Place = field(default_factory=Place)
    failures: int = 0
    give_ups: int = 0
    # Where it was hemmed in; None when nothing is to be made of that any more.
    hemmed_at: Pose | None = None
    arrived_at: tuple[float, Pose] | None = None
    idle_arrivals: int = 0
    retry_at_s: float = 0.0
    rethink_at_s: float = 0.0
    detour_at_s: float = 0.0
    detour: Escape | None = None
    # Its last ways home as it came: from where it drives to, and from where it set out.
    came: tuple[Escape, ...] = ()
    waiting_since_s: float | None = None
    yields_to: tuple[str, ...] = ()
    yields_until_s: float = 0.0
    came_back: bool = False
    drops: int = 0
    home_tries: int = 0
    turned_away: bool = False
    needs_charge: bool = False
    served_s: float = 0.0
    served_until_s: float | None = None
    detail: str = ""
    _next: tuple[Itinerary, Place, Piece] | None = None

    @property
    def name(self) -> str:
        """The robot's name."""
        return self.spec.name

    @property
    def is_here(self) -> bool:
        """Whether the robot can take orders: heard and placed, not held, and without leftovers of an earlier time."""
        if self.pose_refused:
            return False
        return self.state not in NOT_HERE and not self.cancel_due and self.pose is not None

    @property
    def is_lost(self) -> bool:
        """Whether it does not know where it is, by its own word or since what it says of its place cannot be."""
        return bool(self.pose_refused) or (self.hold_active and LOST in self.hold)

    @property
    def is_equipped(self) -> bool:
        """Whether it can take orders and has all that it needs to carry them out."""
        return self.is_here and not self.missing

    @property
    def is_fit(self) -> bool:
        """Whether it is equipped, and has not shown that it cannot carry out orders."""
        return self.is_equipped and self.drops < MOST_DROPS

    @property
    def is_hemmed_in(self) -> bool:
        """Whether it found way after way barred, by what it alone sees."""
        return self.give_ups >= MOST_GIVE_UPS

    @property
    def has_work(self) -> bool:
        """Whether its itinerary has anything left."""
        return self.itinerary is not None and not self.itinerary.ended(self.place)

    @property
    def cleans(self) -> bool:
        """Whether its itinerary has cleaning left."""
        return self.itinerary is not None and self.itinerary.cleans_after(self.place)

    @property
    def radius_m(self) -> float:
        """Radius of the disc that holds the robot."""
        return self.spec.profile.footprint.circumscribed_m

    def is_near(self, box: Box, beyond_m: float = 0.0) -> bool:
        """Whether the disc that holds the robot, grown, may touch what has that bounding box: most are far, as is soon seen."""
        if self.pose is None:
            return False
        least_x, least_y, most_x, most_y = box
        x, y, near_m = self.pose.x_m, self.pose.y_m, self.radius_m + beyond_m
        return least_x - near_m <= x <= most_x + near_m and least_y - near_m <= y <= most_y + near_m

    def next_piece(self) -> Piece:
        """The piece of its itinerary that begins at its place; it must have work. The same one as long as it waits for it."""
        assert self.itinerary is not None
        place = self.itinerary.settled(self.place)
        if self._next is None or self._next[0] is not self.itinerary or self._next[1] != place:
            self._next = self.itinerary, place, self._piece_at(self.itinerary, place)
        return self._next[2]

    def _piece_at(self, itinerary: Itinerary, place: Place) -> Piece:
        profile = self.spec.profile
        if profile.is_steered:
            return next_steered_piece(itinerary, place, profile)
        return itinerary.next_piece(place, profile.speed_mps, profile.goal_tolerance_m)

    def floor_of(self, piece: Piece) -> BaseGeometry:
        """The floor that it needs to turn into a piece and drive it, map frame: of a long body as it is turned there."""
        before_rad = self.pose.yaw_rad if self.pose is not None else None
        return piece.floor(self.spec.profile.footprint, MARGIN_M, before_rad)

    def floor_ahead(self, piece: Piece, from_m: float) -> BaseGeometry:
        """The floor that it needs for a piece from `from_m` along it on."""
        return piece.floor(self.spec.profile.footprint, MARGIN_M, from_m=from_m)

    def part_before(self, piece: Piece, taken: BaseGeometry) -> Piece | None:
        """The part of a piece that it can drive before it touches `taken`; None when it touches at once."""
        footprint, tolerance_m = self.spec.profile.footprint, self.spec.profile.goal_tolerance_m
        if footprint.radius_m is not None:
            return piece.before(taken, footprint.radius_m + MARGIN_M, tolerance_m)
        return part_before(piece, lambda part: not self.floor_of(part).intersects(taken))

    def is_barred_within(self, piece: Piece, length_m: float, floors: Sequence[BaseGeometry]) -> bool:
        """Whether it surely touches one of the floors in the first metres of a piece; never told of long bodies."""
        radius_m = self.spec.profile.footprint.radius_m
        return radius_m is not None and piece.touches_within(length_m, floors, radius_m + MARGIN_M)

    def floor_at(self, pose: Pose) -> BaseGeometry:
        """The floor that it needs to stand at a pose."""
        return floor_at(self.spec.profile.footprint, pose, MARGIN_M)

    def happen(self, event: RobotEvent) -> None:
        """Moves the robot's state by the table."""
        self.state = next_robot_state(self.state, event)


@dataclass
class Share:
    """What a robot did in a run so far."""

    distance_m: float = 0.0
    cleaning_s: float = 0.0
    driving_s: float = 0.0
    waiting_s: float = 0.0
    cleaned_m2: float = 0.0

    def spend(self, seconds: float, state: RobotState) -> None:
        """Books time to what the robot was doing."""
        if state is RobotState.CLEANING:
            self.cleaning_s += seconds
        elif state in (RobotState.MOVING, RobotState.UNDOCKING, RobotState.DOCKING):
            self.driving_s += seconds
        elif state is RobotState.WAITING:
            self.waiting_s += seconds


@dataclass
class CleaningRun:
    """One cleaning run. Times `*_at_s` are UTC seconds for people, `*_s` without `at` seconds of the store's clock."""

    run_id: str
    request_id: str
    zones: tuple[str, ...]
    robots: tuple[str, ...]
    asked_zones: tuple[str, ...]
    asked_robots: tuple[str, ...]
    created_at_s: float
    state: RunState = RunState.PLANNING
    reason: str = ""
    version: int = 0
    started_at_s: float | None = None
    ended_at_s: float | None = None
    elapsed_s: float = 0.0
    epoch: int = 0
    planning: bool = False
    planned: tuple[float, str] = (0.0, "the planner is awaited")
    rest_wanted: bool = False
    makeup_passes: int = 0
    # How many of them found nothing that robots could get to from where they stood.
    empty_passes: int = 0
    # What was clean, and how often robots had been barred, when the present pass began.
    pass_from: tuple[float, int] = (0.0, 0)
    plan_failures: int = 0
    replan_at_s: float = 0.0
    nobody_since_s: float | None = None
    stop_asked_s: float | None = None
    unconfirmed: tuple[str, ...] = ()
    requested_m2: float = 0.0
    coverable_m2: float = 0.0
    missed: tuple[MissedArea, ...] = ()
    unplanned: tuple[MissedArea, ...] = ()
    shares: dict[str, Share] = field(default_factory=dict)
    tracks: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)
    pieces: int = 0
    cleaned_m2: float = 0.0
    # Where robots did not get on: x, y in the map frame, and how often.
    blocked: list[list[float]] = field(default_factory=list)
    shut: tuple[MissedArea, ...] = ()
    # All floor that a person closed while the run went on, map frame.
    closed: list[Polygon] = field(default_factory=list)
    zone_rows: list[tuple[str, float, float, float]] = field(default_factory=list)

    def happen(self, event: RunEvent) -> None:
        """Moves the run's state by the table."""
        self.state = next_run_state(self.state, event)

    def share(self, robot: str) -> Share:
        """What the robot did, to be added to."""
        return self.shares.setdefault(robot, Share())

    def track(self, robot: str) -> NDArray[np.float64]:
        """The robot's way as (n, 3) t_s, x_m, y_m."""
        return as_track(self.tracks.get(robot, []))


def as_track(points: Sequence[tuple[float, float, float]]) -> NDArray[np.float64]:
    """A robot's way as (n, 3) t_s, x_m, y_m; n may be 0."""
    return np.asarray(points, dtype=np.float64).reshape(-1, 3)


def kind_event(kind: LegKind) -> RobotEvent:
    """The robot event of sending an order of this kind."""
    return {
        LegKind.UNDOCK: RobotEvent.UNDOCK_SENT,
        LegKind.TRANSIT: RobotEvent.TRANSIT_SENT,
        LegKind.CLEAN: RobotEvent.CLEAN_SENT,
        LegKind.DOCK: RobotEvent.DOCK_SENT,
    }[kind]
