"""The robots that can clean one connected piece of floor together, and the floor that they are to clean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from shapely import Polygon

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import Head, RobotProfile
from robot_fleet.floor.reach import first_free_cell, standable
from robot_fleet.planning.circuits import Cell, Circuits
from robot_fleet.planning.directions import are_any
from robot_fleet.planning.distances import metres_to_closed
from robot_fleet.planning.parting import Party, parted_floor
from robot_fleet.planning.plan import PlanRequest, Starter
from robot_fleet.planning.steering.body import body_of
from robot_fleet.planning.steering.laying import Laying
from robot_fleet.planning.steering.passes import swept_by
from robot_fleet.planning.steering.poses import NEAR_M, PoseReach, along_passes
from robot_fleet.planning.steering.returning import returning
from robot_fleet.planning.steering.searches import Searches
from robot_fleet.planning.terrain import Bools, Terrain, near_any

# Robots of several shapes share lanes if no larger share of the floor is lost by it.
_LOST = 0.001
# Robots that must be steered clean so much less in the same time: they turn more slowly.
_STEERED = 1.05
# What lies under the last part of a cell at the ends of a head is only cleaned along lanes that leave no room at all.
_SURE = 0.5


@dataclass(frozen=True, eq=False)
class Crew:
    """Robots with a common reach (rows, cols). `wanted` marks the cells that are theirs to clean.

    Where one-ways hold, `round_trips` are the cells of the reach that they can get to and come home from; None: all.
    Lanes are laid for the crew's widest robot with the narrowest head, so that every robot can drive every lane. `others` are
    the robots of other crews, which stand in their docks before and after they work. Robots that must be
    steered have `poses`. `party` is what the crew could take of floor that others can take too.
    """

    robots: tuple[Starter, ...]
    terrain: Terrain
    reach: Bools
    wanted: Bools
    round_trips: Bools | None = None
    others: tuple[Starter, ...] = ()
    poses: PoseReach | None = None
    party: Party | None = None
    searches: Searches = field(default_factory=Searches, repr=False)

    @property
    def there_and_back(self) -> Bools:
        """The cells (rows, cols) that the robots can get to and come home from."""
        return self.reach if self.round_trips is None else self.round_trips

    @property
    def narrowest(self) -> RobotProfile:
        """The profile with the narrowest head."""
        return min((robot.profile for robot in self.robots), key=lambda profile: profile.head.width_m)

    @property
    def spacing_m(self) -> float:
        """Metres between neighbouring lanes."""
        return min(robot.profile.head.width_m - robot.profile.overlap_m for robot in self.robots)


class Clearances:
    """The clearance of each robot: zones that a robot may not enter are closed for it."""

    def __init__(self, request: PlanRequest) -> None:
        self._request = request
        self._known: dict[tuple[Polygon, ...], ClearanceField] = {}
        self.severed: Bools | None = None
        """(rows, cols) what heads would pass over but for one-ways, where there are any."""
        self.beyond: Bools | None = None
        """(rows, cols) what the heads of robots that must be steered would pass over where they fit but do not get to."""
        self.turning: Bools | None = None
        """(rows, cols) what the heads of robots that turn or back out anywhere pass over."""
        self.ahead: list[Crew] = []
        """The crews of robots that must be steered and never reverse."""

    def of(self, robot: Starter) -> ClearanceField:
        """The robot's own clearance; robots with the same rights share it."""
        return self._closed_by(self._request.floor.barred_to(robot.name, robot.profile))

    @property
    def unbarred(self) -> ClearanceField:
        """The clearance of a robot that may enter every zone."""
        return self._closed_by(())

    @property
    def barred(self) -> bool:
        """Whether some zone is closed to some robot."""
        return any(self._request.floor.barred_to(robot.name, robot.profile) for robot in self._request.robots)

    def free_to_turn(self, cells: Bools) -> None:
        """Adds cells (rows, cols) that robots clean which turn or back out anywhere."""
        self.turning = cells if self.turning is None else self.turning | cells

    def stuck(self, grid: OccupancyGrid) -> Bools | None:
        """(rows, cols) the cells that no head passes over but those of robots that never reverse, where these would not get home,
        or no turns are found at both ends of passes if none is driven there; None: no such robots.
        """
        if not self.ahead:
            return None
        free: Bools = np.zeros(grid.shape, dtype=bool) if self.turning is None else self.turning
        turned, laid = free.copy(), np.zeros(grid.shape, dtype=bool)
        for crew in self.ahead:
            assert crew.poses is not None
            profile = crew.narrowest
            begins = [_begin(robot) for robot in crew.robots]
            homes = [robot.dock.staging if robot.dock else robot.pose for robot in crew.robots]
            turned |= returning(crew.poses, grid, profile, begins, homes).under(profile.head)
            passes = Laying(crew.terrain, body_of(profile, crew.terrain), crew.wanted, profile).passes()
            laid |= swept_by(passes, profile.head, grid.shape, grid.resolution_m)
        return ~turned | (laid & ~free)

    def _closed_by(self, barred: tuple[Polygon, ...]) -> ClearanceField:
        if barred not in self._known:
            self._known[barred] = ClearanceField.of(
                self._request.floor, self._request.closed + barred, metres_to_closed
            )
        return self._known[barred]


def crews(request: PlanRequest, requested: Bools, clearances: Clearances) -> tuple[list[Crew], Bools]:
    """The crews of a request, and the mask (rows, cols) of requested cells that some robot can clean.

    Floor that several crews can clean is parted among them, as much for each as its robots can clean in the same time.
    """
    coverable = np.zeros(request.floor.grid.shape, dtype=bool)
    found: list[Crew] = []
    along_lanes: list[Bools] = []
    for robots, reach in _teams(request, clearances):
        clearance, terrain, head = _common(request, clearances, robots)
        if are_any(terrain.directions):
            severed = _coverable(terrain, reach, head)
            clearances.severed = severed if clearances.severed is None else clearances.severed | severed
            teams = _returning(robots, terrain, reach, clearance)
        else:
            teams = [Crew(tuple(robots), terrain, reach, reach)]
        for crew in teams:
            within = _coverable(crew.terrain, crew.there_and_back, head) & requested
            coverable |= within
            clearances.free_to_turn(within)
            found.append(replace(crew, wanted=_worth_a_visit(within, request)))
            straight = Head(head.width_m - _SURE * crew.terrain.side_m)
            along_lanes.append(found[-1].wanted & _coverable(crew.terrain, crew.there_and_back, straight))
    for crew in _steered(request, clearances):
        within = crew.wanted & requested
        coverable |= within
        if crew.narrowest.reverses:
            clearances.free_to_turn(within)
        else:
            clearances.ahead.append(replace(crew, wanted=within))
        found.append(replace(crew, wanted=_worth_a_visit(within, request)))
        along_lanes.append(along_passes(crew.terrain, crew.narrowest, found[-1].wanted))
    return _parted(found, along_lanes), coverable


def _steered(request: PlanRequest, clearances: Clearances) -> Iterator[Crew]:
    """A crew for each kind of robots that must be steered, those with the same rights and a common reach; `wanted` is what
    their heads can pass over.
    """
    left = [robot for robot in request.robots if robot.profile.is_steered]
    while left:
        first, clearance = left[0], clearances.of(left[0])
        poses = PoseReach.of(request.floor.grid, first.profile, clearance, [_begin(first)])
        same = [
            robot
            for robot in left
            if robot.profile == first.profile
            and clearances.of(robot) is clearance
            and (robot is first or poses.holds(request.floor.grid, _begin(robot)))
        ]
        left = [robot for robot in left if robot not in same]
        terrain = Terrain.of(request.floor, first.profile, clearance=clearance)
        if poses.beyond is not None:
            clearances.beyond = poses.beyond if clearances.beyond is None else clearances.beyond | poses.beyond
        if not are_any(terrain.directions):
            yield _steered_crew(same, terrain, poses, request.floor.grid)
            continue
        severed = poses.under(first.profile.head) & request.floor.grid.free
        clearances.severed = severed if clearances.severed is None else clearances.severed | severed
        yield from _returning_steered(same, terrain, poses, request.floor.grid)


def under_steered(request: PlanRequest, clearance: ClearanceField) -> Bools:
    """(rows, cols) what the heads of robots that must be steered pass over where they get to with a clearance."""
    begins: dict[RobotProfile, list[Pose]] = {}
    for robot in request.robots:
        if robot.profile.is_steered:
            begins.setdefault(robot.profile, []).append(_begin(robot))
    found = np.zeros(request.floor.grid.shape, dtype=bool)
    for profile, poses in begins.items():
        found |= PoseReach.of(request.floor.grid, profile, clearance, poses).under(profile.head)
    return found


def _steered_crew(robots: Sequence[Starter], terrain: Terrain, poses: PoseReach, grid: OccupancyGrid) -> Crew:
    swept = poses.under(robots[0].profile.head) & grid.free
    return Crew(tuple(robots), terrain, poses.anywhere, swept, poses=poses)


def _returning_steered(
    robots: Sequence[Starter], terrain: Terrain, poses: PoseReach, grid: OccupancyGrid
) -> Iterator[Crew]:
    """Crews of robots with the same floor to get to and come home from, by where their turning centres may go; robots that
    cannot get home are left out.
    """
    circuits = Circuits.of(poses.anywhere, terrain.directions)
    teams: dict[int, list[tuple[Starter, Cell]]] = {}
    for robot in robots:
        home = _nearest(poses.anywhere, grid, robot.dock.staging if robot.dock is not None else robot.pose)
        begin = _nearest(poses.anywhere, grid, _begin(robot))
        if home is not None and begin is not None and circuits.leading_to(home)[begin]:
            teams.setdefault(circuits.part_at(home), []).append((robot, home))
    for team in teams.values():
        back = poses.within(circuits.through(team[0][1]))
        yield _steered_crew([robot for robot, _ in team], terrain, back, grid)


def _nearest(cells: Bools, grid: OccupancyGrid, pose: Pose) -> Cell | None:
    """The marked cell (row, col) whose lower left corner is nearest to a pose, at most as far away as robots mistake it."""
    x, y = grid.from_map([[pose.x_m, pose.y_m]])[0] / grid.resolution_m
    size = math.ceil(NEAR_M / grid.resolution_m)
    low = max(0, round(y) - size), max(0, round(x) - size)
    near = np.argwhere(cells[low[0] : max(0, round(y) + size + 1), low[1] : max(0, round(x) + size + 1)]) + low
    if not len(near):
        return None
    row, col = near[np.argmin(np.hypot(near[:, 0] - y, near[:, 1] - x))].tolist()
    return row, col


def _begin(robot: Starter) -> Pose:
    return robot.dock.staging if robot.docked and robot.dock is not None else robot.pose


def _teams(request: PlanRequest, clearances: Clearances) -> list[tuple[list[Starter], Bools]]:
    """Robots that share lanes, with the reach of the widest.

    Those of other shapes are on their own where floor would be lost that one of them can clean.
    """
    found = []
    for robots, reach in _grouped(request, clearances, [one for one in request.robots if not one.profile.is_steered]):
        shapes: dict[tuple[float, Head], list[Starter]] = {}
        for robot in robots:
            shapes.setdefault((_keep_m(robot), robot.profile.head), []).append(robot)
        teams = [(robots, reach)]
        if len(shapes) > 1:
            alone = [team for same in shapes.values() for team in _grouped(request, clearances, same)]
            most = np.logical_or.reduce([_swept_by(request, clearances, team) for team in alone])
            lost = most & ~_swept_by(request, clearances, (robots, reach))
            teams = alone if lost.sum() > _LOST * most.sum() else teams
        found += teams
    return found


def _swept_by(request: PlanRequest, clearances: Clearances, team: tuple[list[Starter], Bools]) -> Bools:
    """The requested cells (rows, cols) that robots can clean along common lanes."""
    robots, reach = team
    _, terrain, head = _common(request, clearances, robots)
    return _coverable(terrain, reach, head) & request.floor.requested(request.zones)


def _common(
    request: PlanRequest, clearances: Clearances, robots: list[Starter]
) -> tuple[ClearanceField, Terrain, Head]:
    """What robots that share lanes have to keep to: the widest one's room, the narrowest head."""
    widest = max(robots, key=_keep_m)
    clearance = clearances.of(widest)
    head = min((robot.profile.head for robot in robots), key=lambda head: head.width_m)
    return clearance, Terrain.of(request.floor, widest.profile, clearance=clearance), head


def _returning(robots: list[Starter], terrain: Terrain, reach: Bools, clearance: ClearanceField) -> list[Crew]:
    """Crews of robots with the same floor to get to and come home from; robots that cannot get home are left out.

    What is no such floor is shut, unless one of the robots stands there and has to find its way out.
    """
    circuits = Circuits.of(reach, terrain.directions)
    teams: dict[int, list[tuple[Starter, Cell, Cell]]] = {}
    for robot in robots:
        staging = robot.dock.staging if robot.dock is not None else robot.pose
        home = first_free_cell(clearance, reach, staging)
        begin = first_free_cell(clearance, reach, staging if robot.docked else robot.pose)
        if home is not None and begin is not None and circuits.leading_to(home)[begin]:
            teams.setdefault(circuits.part_at(home), []).append((robot, begin, home))
    found = []
    for team in teams.values():
        back = circuits.through(team[0][2])
        starters = tuple(robot for robot, _, _ in team)
        if all(back[begin] for _, begin, _ in team):
            found.append(Crew(starters, terrain.without(_nearer(reach & ~back, back)), back, back))
        else:
            found.append(Crew(starters, terrain, reach, reach, back))
    return found


def _parted(found: list[Crew], along_lanes: list[Bools]) -> list[Crew]:
    """The crews with floor of their own, each cell with one of them; a crew without floor is left out."""
    if len(found) < 2:
        return [crew for crew in found if crew.wanted.any()]
    everyone = [robot for crew in found for robot in crew.robots]
    crews = [
        replace(
            crew, party=_party(crew, straight), others=tuple(robot for robot in everyone if robot not in crew.robots)
        )
        for crew, straight in zip(found, along_lanes, strict=True)
    ]
    return _shared(crews, np.zeros_like(found[0].wanted))


def _shared(crews: Sequence[Crew], done: Bools) -> list[Crew]:
    """The crews with their shares of what is not done, those that get none left out."""
    parties = [replace(crew.party, able=crew.party.able & ~done) for crew in crews if crew.party is not None]
    shares = parted_floor(parties)
    return [replace(crew, wanted=share) for crew, share in zip(crews, shares, strict=True) if share.any()]


def taking_over(crews: Sequence[Crew], swept: Bools) -> list[Crew]:
    """The crews with their shares of all that crews before them were to clean and did not: `swept` is what is done."""
    return _shared(crews, swept) if all(crew.party is not None for crew in crews) else list(crews)


def _party(crew: Crew, along_lanes: Bools) -> Party:
    across = crew.narrowest.head.width_m / crew.terrain.side_m
    slower = _STEERED if crew.poses is not None else 1.0
    return Party(crew.wanted, along_lanes, slower * sum(map(_rate, crew.robots)), across, _middle(crew))


def _rate(robot: Starter) -> float:
    return robot.profile.head.width_m * robot.profile.speed_mps


def _middle(crew: Crew) -> tuple[float, float]:
    """The (row, col) about which a crew's reach lies."""
    rows, cols = np.nonzero(crew.reach)
    return float(rows.mean()), float(cols.mean())


def _coverable(terrain: Terrain, reach: Bools, head: Head) -> Bools:
    """The cells (rows, cols) that a head can pass over, with poses looked at on a lattice of half cells."""
    covered = np.zeros(reach.shape, dtype=bool)
    if reach.any():
        most = (math.hypot(head.offset_m, head.width_m / 2) + 1e-4) / (terrain.side_m / 2)
        standing = terrain.fine_reach(reach)
        near_any(standing, most, covered)
    return covered


def _nearer(one: Bools, other: Bools) -> Bools:
    """(rows, cols) the cells that lie nearer to a cell of the first mask than to any of the other."""
    if not one.any():
        return one
    to_one, to_other = (cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) for mask in (one, other))
    return np.asarray(to_one < to_other)


def _grouped(
    request: PlanRequest, clearances: Clearances, robots: Sequence[Starter]
) -> list[tuple[list[Starter], Bools]]:
    """Robots in groups with the same rights and one reach, the widest robot's; widest robots first."""
    left = sorted(robots, key=lambda robot: (-_keep_m(robot), request.robots.index(robot)))
    groups: list[tuple[list[Starter], Bools]] = []
    while left:
        first, clearance = left[0], clearances.of(left[0])
        standing = standable(first.profile, clearance)
        _, regions = cv2.connectedComponents(standing.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
        same = [robot for robot in left if clearances.of(robot) is clearance]
        cells = [first_free_cell(clearance, standing, robot.pose) for robot in same]
        home = regions[cells[0]] if cells[0] is not None else 0
        group = [robot for robot, cell in zip(same, cells, strict=True) if cell is not None and regions[cell] == home]
        if group:
            groups.append((sorted(group, key=request.robots.index), np.asarray(regions == home)))
        left = [robot for robot in left if robot is not first and robot not in group]
    return groups


def _keep_m(robot: Starter) -> float:
    return robot.profile.footprint.circumscribed_m + robot.profile.clearance_m


def _worth_a_visit(wanted: Bools, request: PlanRequest) -> Bools:
    """The wanted cells that are not clean yet, without patches smaller than is asked for."""
    if request.cleaned is None:
        return wanted
    rest = wanted & ~request.cleaned
    least = request.least_patch_m2 / request.floor.grid.cell_area_m2
    if least <= 1.0:
        return rest
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rest.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return np.asarray(large[labels])
