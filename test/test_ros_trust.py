"""What a robot tells of itself, and whether it is trusted with work by that."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from control_site import hall

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from robot_fleet.fleet.events import BatteryReported, Event, HeadReported, PoseReported
from robot_fleet.floor.pose import Pose
from robot_fleet.ros import trust
from robot_fleet.ros.trust import Trust, is_apart

pytestmark = pytest.mark.ros

STORE = hall()
SPEC = STORE.robots[0]
DOCK = STORE.floor.dock(SPEC.dock).pose


class Machine:
    """Its clock, which both the store and the timers go by."""

    use_sim_time = False

    def __init__(self) -> None:
        self.at_s = 1000.0

    def now_s(self) -> float:
        return self.at_s

    monotonic = now_s


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(trust, "time", machine)
    return machine


class Site:
    """A robot that is heard, ten times a second."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.told = machine, list[Event]()
        self.trust = Trust(SPEC, machine, STORE.floor)  # type: ignore[arg-type]
        self._tell: Callable[[Event], None] = self.trust.noting(self.told.append)

    def hear(
        self, seconds: float, late_s: float = 0.02, pose: Pose = DOCK, charging: bool = True, level: float = 0.5
    ) -> None:
        """So many seconds of everything that a robot tells."""
        for _ in range(round(10 * seconds)):
            self.machine.at_s += 0.1
            now_s = self.machine.at_s
            self._tell(PoseReported(SPEC.name, now_s - late_s, pose))
            self._tell(BatteryReported(SPEC.name, now_s, level, charging))
            self._tell(HeadReported(SPEC.name, now_s, on=False))

    def fault(self, answer_s: float | None = 0.01) -> str:
        text, remedy = self.trust.fault(answer_s)
        assert bool(text) == bool(remedy)
        return text


@pytest.fixture
def site(machine: Machine) -> Site:
    return Site(machine)


def test_a_robot_that_tells_all_is_trusted_and_what_it_tells_goes_on(site: Site) -> None:
    site.hear(1.0)
    assert not site.fault() and len(site.told) == 30


def test_what_was_never_told_is_named(site: Site) -> None:
    assert site.fault() == "its battery's level is never told"
    site.trust.noting(site.told.append)(BatteryReported(SPEC.name, site.machine.at_s, 0.5, charging=False))
    assert site.fault() == "it never says whether its head is on"


@pytest.mark.parametrize(
    ("late_s", "answer_s", "text"),
    [
        (-0.4, 0.01, ""),
        (-0.8, 0.01, "its clock is 0.8 s ahead of ours"),
        (-0.8, None, "its clock is 0.8 s ahead of ours"),
        (0.45, 0.01, ""),
        (0.8, 0.01, "its clock is 0.8 s behind ours"),
        # The way takes half a second: that says nothing of its clock.
        (0.8, 1.0, ""),
        (1.8, 1.0, "its clock is 1.8 s behind ours"),
        (0.8, None, ""),
        (1.8, None, ""),
    ],
)
def test_a_clock_is_told_from_a_slow_way(site: Site, late_s: float, answer_s: float | None, text: str) -> None:
    site.hear(1.0, late_s)
    assert site.fault(answer_s).startswith(text) and bool(site.fault(answer_s)) == bool(text)


def test_poses_that_are_late_now_and_then_say_nothing_of_the_clock(site: Site) -> None:
    for _ in range(10):
        site.hear(2.0, late_s=1.5)
        site.hear(0.1, late_s=0.1)
        assert not site.fault()


def test_a_clock_that_is_mended_is_trusted_within_a_quarter_of_a_minute(site: Site) -> None:
    site.hear(20.0, late_s=-1.0)
    site.hear(3.0)
    assert site.fault()
    site.hear(12.0)
    assert not site.fault()


def test_a_simulated_clock_may_run_on_meanwhile(site: Site, machine: Machine) -> None:
    machine.use_sim_time = True
    site.hear(1.0, late_s=5.0)
    assert not site.fault()


def test_the_latched_pose_of_a_robot_that_stands_says_nothing_of_its_clock(site: Site) -> None:
    site.hear(0.1, late_s=7200.0)
    site.hear(0.1, late_s=1e6)
    assert not site.fault()


def test_a_robot_that_charges_away_from_every_dock_is_not_where_it_says(site: Site) -> None:
    away = DOCK @ Pose(-0.9, 0.0)
    site.hear(1.0, pose=away)
    assert site.fault() == "it charges and says that it is 0.9 m from the nearest dock"
    site.hear(0.1, pose=DOCK @ Pose(0.4, 0.0))
    assert not site.fault()
    site.hear(0.1, pose=away, charging=False)
    assert not site.fault()
    # FULL is what some batteries say until they are no longer.
    site.hear(0.1, pose=away, level=0.97)
    assert not site.fault()


def test_a_robot_that_is_astray_is_that_too_once_it_is_full(site: Site) -> None:
    away = DOCK @ Pose(-0.9, 0.0)
    site.hear(0.1, pose=away, level=0.89)
    assert site.fault()
    site.hear(0.1, pose=away, level=0.95)
    assert site.fault()
    site.hear(0.1, pose=away, level=0.95, charging=False)
    assert not site.fault()
    site.hear(0.1, pose=away, level=0.95)
    assert not site.fault()


def test_a_robot_may_charge_at_a_dock_that_is_not_its_own(site: Site) -> None:
    other = next(dock for dock in STORE.floor.docks if dock.name != SPEC.dock)
    site.hear(1.0, pose=other.pose)
    assert not site.fault()


def test_what_was_said_long_ago_tells_nothing_of_where_it_charges(site: Site, machine: Machine) -> None:
    site.hear(1.0, pose=DOCK @ Pose(-0.9, 0.0))
    assert site.fault()
    machine.at_s += 6.0
    assert not site.fault()


def test_both_clocks_are_held_against_the_same_measure() -> None:
    assert is_apart(-0.6, 5.0) and is_apart(0.6, 0.05) and not is_apart(0.5, 0.05)
