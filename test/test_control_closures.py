"""Floor that a person closes in mid-run: nobody drives onto it, who stands there gets out, and it is listed as kept out."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from control_site import Disk, all_docked, hall, lasting, robot_of, run_of, site, until_ended
from shapely import LineString, Point, Polygon, box

from robot_fleet.control.closures import MOST_CLOSURES, how_to_clear, is_inside, leads_on_into
from robot_fleet.control.homing import way_home
from robot_fleet.control.ports import Record
from robot_fleet.control.ways import straight
from robot_fleet.fleet.errors import InvalidInput, NotFound, Unavailable
from robot_fleet.fleet.itinerary import Itinerary, Place
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.nights.planning import HastyPlans
from robot_fleet.planning.plan import MissedReason
from robot_fleet.planning.planner import plan
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.virtual import VirtualClock

SPILL = box(5.0, 3.0, 6.5, 4.5)


def planned() -> VirtualSite:
    """The hall, with the real planner."""
    made = VirtualSite(hall(), HastyPlans(plan), EXECUTED)
    made.advance(3.0)
    return made


def deepest_m(made: VirtualSite, polygon: Polygon) -> float:
    """How far the deepest body is in a polygon; negative while all are outside."""
    return max(
        robot.spec.profile.footprint.circumscribed_m - polygon.distance(Point(robot.pose.x_m, robot.pose.y_m))
        for robot in made.world.robots.values()
    )


def watched(made: VirtualSite, polygon: Polygon, limit_s: float = 4000.0) -> float:
    """Lets the run end; how far any body came into the polygon meanwhile, metres."""
    deepest = -math.inf
    while not run_of(made).state.is_terminal and made.world.now_s < limit_s:
        made.advance(0.2)
        deepest = max(deepest, deepest_m(made, polygon))
    return deepest


def cleaning_near(made: VirtualSite) -> str:
    """Lets a run begin; the robot that cleans on the open floor first."""
    made.controller.start_run((), "")
    while True:
        made.advance(1.0)
        for name, robot in made.world.robots.items():
            if robot_of(made, name).state is RobotState.CLEANING and 3.0 < robot.pose.x_m < 9.0:
                return name
        assert made.world.now_s < 600.0


def test_nobody_drives_onto_floor_that_is_closed_before_a_run_and_it_is_listed_as_kept_out() -> None:
    made = planned()
    made.controller.close_floor("spill", SPILL)
    made.controller.start_run((), "")
    assert watched(made, SPILL) < 0.0
    run = run_of(made)
    assert run.state is RunState.COMPLETED and all_docked(made)
    within = [area for area in run.missed if area.polygon.intersects(SPILL.buffer(-0.1))]
    assert within and {area.reason for area in within} == {MissedReason.KEEPOUT}
    assert sum(area.polygon.intersection(SPILL).area for area in within) == pytest.approx(SPILL.area, rel=0.1)


def test_floor_closed_under_a_working_robot_is_left_by_it_with_the_head_off_and_not_entered_again() -> None:
    made = planned()
    name = cleaning_near(made)
    pose = made.world.robots[name].pose
    spill = Point(pose.x_m, pose.y_m).buffer(1.0)
    made.controller.close_floor("spill", spill)
    made.advance(4.0)
    assert not made.world.robots[name].head_on
    while deepest_m(made, spill) > 0.0:
        made.advance(1.0)
        assert not made.world.robots[name].head_on and made.world.now_s < 900.0
    assert watched(made, spill) < 0.02
    assert run_of(made).state is RunState.COMPLETED and all_docked(made)
    assert run_of(made).cleaned_m2 > 50.0


@pytest.mark.parametrize("bearing_rad", [0.3, 1.87, 3.44, 5.01])
def test_a_robot_that_has_just_got_out_of_closed_floor_is_not_led_back_across_its_edge(bearing_rad: float) -> None:
    made = planned()
    name = cleaning_near(made)
    pose, radius_m = made.world.robots[name].pose, made.controller._state.robots[name].radius_m
    # It stands in it by so little that a way home across it would be the shortest way out.
    away_m = radius_m - 0.15 + 1.0
    spill = Point(pose.x_m + away_m * math.cos(bearing_rad), pose.y_m + away_m * math.sin(bearing_rad)).buffer(1.0)
    made.controller.close_floor("spill", spill)
    made.advance(6.0)
    while deepest_m(made, spill) > 0.0:
        made.advance(0.2)
        assert made.world.now_s < 300.0
    assert watched(made, spill) < 0.02
    assert run_of(made).state is RunState.COMPLETED


def test_a_robot_that_has_got_out_of_closed_floor_may_turn_away_from_the_next() -> None:
    made = planned()
    robot = made.controller._state.robots[cleaning_near(made)]
    assert robot.pose is not None
    made.controller.close_floor("spill", Point(robot.pose.x_m, robot.pose.y_m).buffer(0.8))
    made.advance(1.0)
    assert is_inside(made.controller._state, robot)
    robot.turned_away = True
    while is_inside(made.controller._state, robot):
        made.advance(1.0)
        assert made.world.now_s < 300.0
    assert not robot.turned_away


@pytest.mark.parametrize("makes_room", [False, True])
def test_a_robot_that_got_out_of_closed_floor_may_go_back_only_to_get_home_not_to_make_room(makes_room: bool) -> None:
    made = planned()
    state = made.controller._state
    robot = state.robots[cleaning_near(made)]
    made.controller.pause_run(run_of(made).run_id)
    made.advance(5.0)
    assert robot.pose is not None
    # It touches the floor by less than its margin.
    spill = box(robot.pose.x_m + robot.radius_m + 0.06, 0.2, robot.pose.x_m + 2.0, 7.8)
    made.controller.close_floor("spill", spill)
    made.advance(0.4)
    state.in_closed.add(robot.name)
    robot.turned_away, robot.itinerary, robot.yields_to = True, None, ("r2",) if makes_room else ()
    across = straight(np.array([(robot.pose.x_m, robot.pose.y_m), (robot.pose.x_m + 3.0, robot.pose.y_m)]))
    robot.itinerary, robot.place = Itinerary(across), Place()
    assert bool(leads_on_into(state, robot, robot.next_piece())) is makes_room


@pytest.mark.parametrize(("inside_m", "halves"), [(0.0, False), (0.3, False), (0.5, True)])
def test_a_robot_in_closed_floor_leaves_it_where_that_is_nearest_and_goes_home_round_it(
    inside_m: float, halves: bool
) -> None:
    made = planned()
    state = made.controller._state
    robot = state.robots[cleaning_near(made)]
    made.controller.pause_run(run_of(made).run_id)
    made.advance(5.0)
    assert robot.pose is not None
    x, y = robot.pose.x_m, robot.pose.y_m
    # It bars the straight way to the docks in the west.
    spill = box(x - 1.5, y - 1.5, x + inside_m, y + 1.5)
    # The edge between two halves is nearer, and leads nowhere.
    edge = y + 0.1 if halves else y + 1.5
    for name, south, north in (("spill", y - 1.5, edge), ("the other half", edge, y + 1.5)):
        if north > south:
            made.controller.close_floor(name, box(x - 1.5, south, x + inside_m, north))
    made.advance(0.4)
    way = LineString(np.vstack([stretch.points for stretch in way_home(state, robot).stretches]))
    assert way.intersection(spill).length < inside_m + 0.2


def test_a_robot_on_its_way_onto_floor_that_is_closed_stops_before_it() -> None:
    made = planned()
    name = cleaning_near(made)
    order = made.controller._state.robots[name].order
    assert order is not None
    end = order.piece.points[-1]
    spill = Point(*end).buffer(0.4)
    assert deepest_m(made, spill) < -0.3
    made.controller.close_floor("spill", spill)
    assert watched(made, spill) < 0.0
    assert run_of(made).state is RunState.COMPLETED


@pytest.mark.parametrize("by_hand", [True, False])
def test_floor_that_is_opened_again_is_cleaned(by_hand: bool) -> None:
    made = planned()
    made.controller.close_floor("spill", SPILL, None if by_hand else 60.0)
    made.controller.start_run((), "")
    made.advance(90.0)
    assert bool(made.controller.snapshot.closures) is by_hand
    if by_hand:
        made.controller.open_floor("spill")
    assert until_ended(made).state is RunState.COMPLETED
    assert sum(area.polygon.intersection(SPILL).area for area in run_of(made).missed) < 0.2


def test_closed_floor_outlives_the_process() -> None:
    made = lasting()
    made.controller.ask(lambda controller: controller.close_floor("spill", SPILL, 3600.0))  # type: ignore[attr-defined]
    before = made.controller.snapshot.closures
    made.restart_controller()
    (after,) = made.controller.snapshot.closures
    assert (after.name, after.ends_at_s) == ("spill", before[0].ends_at_s) and after.polygon.equals(SPILL)
    made.controller.open_floor("spill")
    made.restart_controller()
    assert not made.controller.snapshot.closures


class SetClock(VirtualClock):
    """A clock whose time of day somebody sets."""

    set_by_s = 0.0

    def wall_s(self) -> float:
        return super().wall_s() + self.set_by_s


def with_set_clock(made: VirtualSite) -> SetClock:
    """Restarts the controller on a clock that can be set."""
    made.clock = SetClock(made.world)
    made.restart_controller()
    return made.clock


@pytest.mark.parametrize("hours", [2.0, -2.0, 0.01])
def test_a_clock_that_is_set_neither_opens_closed_floor_nor_keeps_it_shut_and_its_end_is_told_anew(
    hours: float,
) -> None:
    made = site()
    clock = with_set_clock(made)
    made.controller.close_floor("spill", SPILL, 100.0)
    clock.set_by_s = hours * 3600.0
    made.advance(90.0)
    (closure,) = made.controller.snapshot.closures
    assert closure.ends_at_s == pytest.approx(clock.wall_s() + 10.0, abs=0.5) and closure.polygon.equals(SPILL)
    # Also the next process knows it.
    made.restart_controller()
    made.advance(9.0)
    assert made.controller.snapshot.closures
    made.advance(2.0)
    assert not made.controller.snapshot.closures


@pytest.mark.parametrize(
    ("set_by_s", "least_s", "most_s"), [(0.0, 9.9, 10.1), (-5.0, 14.9, 15.1), (-7200.0, 9.0, 70.0), (7200.0, 0.0, 0.0)]
)
def test_across_a_restart_closed_floor_lasts_by_the_time_of_day_but_for_no_longer_than_was_left_a_minute_before(
    set_by_s: float, least_s: float, most_s: float
) -> None:
    made = site()
    clock = with_set_clock(made)
    made.controller.close_floor("spill", SPILL, 100.0)
    made.advance(90.0)
    clock.set_by_s = set_by_s
    made.restart_controller()
    (closure,) = made.controller.snapshot.closures
    left_s = max(0.0, (closure.ends_at_s or 0.0) - clock.wall_s())
    assert least_s <= left_s <= most_s
    if left_s:
        made.advance(left_s - 1.0)
        assert made.controller.snapshot.closures
    made.advance(2.0)
    assert not made.controller.snapshot.closures


def test_closed_floor_that_was_stored_before_it_was_written_down_how_long_it_lasts_is_read() -> None:
    made = lasting()
    made.controller.ask(lambda controller: controller.close_floor("spill", SPILL, 60.0))  # type: ignore[attr-defined]
    stored = json.loads(made.run_store.load("closure")["spill"])
    del stored["left_s"]
    made.run_store.commit("{}", [Record("closure", "spill", json.dumps(stored).encode())])
    made.restart_controller()
    made.advance(59.0)
    assert made.controller.snapshot.closures
    made.advance(2.0)
    assert not made.controller.snapshot.closures


def test_a_clock_that_is_set_while_the_disk_is_full_does_not_open_closed_floor() -> None:
    disk = Disk()
    made = lasting(disk)
    made.clock = SetClock(made.world)
    with_full_disk(made, disk)  # The controller that comes after it goes by that clock.
    made.controller.ask(lambda controller: controller.close_floor("spill", SPILL, 100.0))  # type: ignore[attr-defined]
    with_full_disk(made, disk, 7200.0)
    made.advance(80.0)
    assert [view.name for view in made.controller.snapshot.closures] == ["spill"]
    made.advance(20.0)
    assert not made.controller.snapshot.closures


def with_full_disk(made: VirtualSite, disk: Disk, set_by_s: float = 0.0) -> None:
    """Fills the disk for ten seconds, in which the clock is set."""
    disk.full = True
    with pytest.raises(Unavailable):
        made.controller.ask(lambda controller: controller.close_floor("other", SPILL))  # type: ignore[attr-defined]
    made.clock.set_by_s = set_by_s  # type: ignore[attr-defined]
    made.advance(10.0)
    disk.full = False
    made.advance(5.0)


def test_a_closure_is_drawn_anew_by_its_name() -> None:
    made = site()
    made.controller.close_floor("spill", SPILL)
    made.controller.close_floor("spill", box(1.0, 1.0, 2.0, 2.0))
    (closure,) = made.controller.snapshot.closures
    assert closure.polygon.area == pytest.approx(1.0)
    made.controller.open_floor("spill")
    assert not made.controller.snapshot.closures and not made.controller.traffic.closed


def test_a_robot_whose_dock_is_closed_meanwhile_is_left_outside_with_an_alert() -> None:
    made = planned()
    name = cleaning_near(made)
    dock = made.store.floor.dock(next(spec.dock for spec in made.store.robots if spec.name == name)).pose
    # Its edge is so near to the staging pose that the robot, which wavers there, seems to touch it.
    delivery = box(dock.x_m - 0.6, dock.y_m - 0.6, dock.x_m + 0.6, dock.y_m + 0.6)
    made.controller.close_floor("delivery", delivery)
    assert watched(made, delivery) < 0.0
    assert run_of(made).state is RunState.COMPLETED
    assert any(alert.active and alert.robot == name for alert in made.controller.snapshot.alerts)


def test_a_run_whose_only_docks_are_closed_says_so_instead_of_waiting_for_ever() -> None:
    made = planned()
    everything = box(-100.0, -100.0, 100.0, 100.0)
    made.controller.close_floor("all of it", everything)
    made.controller.start_run((), "")
    assert until_ended(made, 1500.0).state.is_terminal


@pytest.mark.parametrize(
    ("name", "polygon", "lasts_s", "what"),
    [
        ("", SPILL, None, "characters"),
        ("x" * 41, SPILL, None, "characters"),
        ("spill\n", SPILL, None, "characters"),
        ("spill", Polygon(), None, "empty"),
        ("spill", Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), None, "crosses itself"),
        ("spill", Polygon([(0, 0), (math.nan, 1), (1, 0)]), None, "finite"),
        ("spill", Polygon([(0, 0), (math.inf, 1), (1, 0)]), None, "finite"),
        ("spill", box(1e6, 1e6, 1e6 + 1, 1e6 + 1), None, "covers nothing"),
        ("spill", SPILL, 0.0, "within a week"),
        ("spill", SPILL, math.nan, "within a week"),
        ("spill", SPILL, 1e9, "within a week"),
        ("spill", Point(5, 5).buffer(1.0, quad_segs=500), None, "corners"),
        ("spill", SPILL.difference(SPILL.buffer(-0.2)), None, "holes"),
    ],
)
def test_what_is_no_closure_is_refused_with_what_is_wrong(
    name: str, polygon: Polygon, lasts_s: float | None, what: str
) -> None:
    made = site()
    with pytest.raises(InvalidInput, match=what):
        made.controller.close_floor(name, polygon, lasts_s)
    assert not made.controller.snapshot.closures


def test_there_is_an_end_to_closures_and_one_that_is_not_there_cannot_be_opened() -> None:
    made = site()
    for number in range(MOST_CLOSURES):
        made.controller.close_floor(f"spill {number}", SPILL)
    with pytest.raises(InvalidInput, match="closures are there"):
        made.controller.close_floor("one more", SPILL)
    with pytest.raises(NotFound, match="'one more'"):
        made.controller.open_floor("one more")


def test_a_person_is_told_how_to_clear_what_is_in_the_way() -> None:
    made = site()
    made.controller.close_floor("spill", SPILL)
    told = how_to_clear(made.controller._state, {"r1", "closed floor 'spill'"})
    assert told == "move r1 out of the way by hand, or open the floor: robot-fleet open-floor 'spill'"
