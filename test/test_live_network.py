"""Robots on machines of their own, behind links that lose, delay and cut: the run completes, and no rule is broken."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from live_fleet import LiveFleet, live_fleet
from network import Machine, can_make_machines
from numpy.typing import NDArray

from robot_fleet.control.snapshot import RunView
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.storage.store_folder import load_store

pytestmark = [
    pytest.mark.ros,
    pytest.mark.proof,
    pytest.mark.skipif(not can_make_machines(), reason="network namespaces need root, iproute2 and /dev/net/tun"),
]

ROBOTS = ("robot_1", "robot_2")


class Network:
    """The corner shop: a controller here, each robot on a machine of its own."""

    def __init__(self, fleet: LiveFleet) -> None:
        self.fleet = fleet
        fleet.environment = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
        self.machines = {robot: Machine(number) for number, robot in enumerate(ROBOTS, start=1)}

    def start(self) -> None:
        """Returns when both robots stand on their docks and take orders."""
        for robot, machine in self.machines.items():
            self.fleet.start_robot_on(machine, robot)
        self.fleet.start_controller_in_real_time()
        self.fleet.until_ready()

    def spoil(self, *, loss: float = 0.0, delay_s: float = 0.0) -> None:
        """What each link does from now on, in each direction."""
        for machine in self.machines.values():
            machine.link.loss, machine.link.delay_s = loss, delay_s

    def cut(self, *robots: str, seconds: float) -> None:
        """Nothing comes through to these robots for so long; this returns at once."""
        links = [self.machines[robot].link for robot in robots]

        def mend() -> None:
            for link in links:
                link.cut = False

        for link in links:
            link.cut = True
        timer = threading.Timer(seconds, mend)
        timer.daemon = True
        timer.start()

    def completed(self, run: RunView, limit_s: float) -> RunView:
        """The run when it has ended, and both robots on their docks."""
        deadline = time.monotonic() + limit_s
        while not (seen := self.fleet.client.get(run.run_id)).state.is_terminal:
            assert time.monotonic() < deadline, (seen, self.fleet.log("serve")[-3000:])
            time.sleep(0.5)
        return seen

    def tracks(self) -> dict[str, NDArray[np.float64]]:
        """Where each robot truly was, as the simulators that have ended wrote it: (n, 3) t_s, x_m, y_m."""
        found: dict[str, NDArray[np.float64]] = {}
        for robot in ROBOTS:
            report, _, tracks = self.fleet.truth(robot)
            assert report["collisions"] == []
            found |= tracks
        return found

    def close(self) -> None:
        """Takes the machines away."""
        for machine in self.machines.values():
            machine.close()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with live_fleet(tmp_path) as fleet:
        opened = Network(fleet)
        try:
            yield opened
        finally:
            fleet.close()
            opened.close()


def assert_no_rule_was_broken(network: Network) -> None:
    """Robots never touched anything, each other included."""
    for robot in ("serve", *ROBOTS):
        assert network.fleet.end(robot) == 0
    specs = {spec.name: spec for spec in load_store(network.fleet.store).robots}
    for (one, mine), (other, theirs) in itertools.combinations(network.tracks().items(), 2):
        times = mine[(mine[:, 0] >= theirs[0, 0]) & (mine[:, 0] <= theirs[-1, 0])]
        x, y = (np.interp(times[:, 0], theirs[:, 0], theirs[:, axis]) for axis in (1, 2))
        radii_m = sum(specs[name].profile.footprint.circumscribed_m for name in (one, other))
        assert np.hypot(times[:, 1] - x, times[:, 2] - y).min() > radii_m


@pytest.mark.parametrize("delay_s", [0.25, 0.5])
def test_a_link_that_loses_every_fifth_frame_and_takes_its_time_each_way(network: Network, delay_s: float) -> None:
    network.start()
    network.spoil(loss=0.2, delay_s=delay_s)
    last = network.completed(network.fleet.client.start(zones=["front"]), limit_s=900.0)
    assert last.state is RunState.COMPLETED, last.reason
    assert last.progress > 0.9
    network.spoil()
    network.fleet.until_heard()
    assert_no_rule_was_broken(network)


def test_all_links_are_cut_for_thirty_seconds(network: Network) -> None:
    network.start()
    run = network.fleet.client.start(zones=["front"])
    network.fleet.until_run(run.run_id, lambda seen: seen.progress > 0.15)
    network.cut(*ROBOTS, seconds=30.0)
    network.fleet.until_robots(lambda robots: all(r.state is RobotState.OFFLINE for r in robots.values()))
    last = network.completed(run, limit_s=600.0)
    assert last.state is RunState.COMPLETED, last.reason
    assert last.progress > 0.9
    network.fleet.until_heard()
    assert_no_rule_was_broken(network)


def test_one_robot_is_cut_off_for_three_minutes(network: Network) -> None:
    network.start()
    run = network.fleet.client.start()
    network.fleet.until_run(run.run_id, lambda seen: seen.progress > 0.1)
    network.cut("robot_2", seconds=180.0)
    network.fleet.until_robots(lambda robots: robots["robot_2"].state is RobotState.OFFLINE)
    shares = {share.robot: share.cleaned_m2 for share in network.fleet.client.get(run.run_id).shares}
    network.fleet.until_run(
        run.run_id,
        lambda seen: {share.robot: share.cleaned_m2 for share in seen.shares}["robot_1"] > shares["robot_1"] + 3.0,
    )
    last = network.completed(run, limit_s=900.0)
    assert last.state is RunState.COMPLETED, last.reason
    assert last.progress > 0.9
    network.fleet.until_robots(lambda robots: robots["robot_2"].state is not RobotState.OFFLINE)
    assert_no_rule_was_broken(network)
