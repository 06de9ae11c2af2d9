"""Whole fleets of real processes: started, watched, stopped, killed, and started again."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import lacking
from live_fleet import LiveFleet, live_fleet
from ros_eye import Eye
from std_msgs.msg import Bool
from test_storage_full_disk import mounted

from robot_fleet.client import ClientError
from robot_fleet.control.snapshot import RobotView, RunView
from robot_fleet.fleet.states import RunState
from robot_fleet.main.data_folder import DATABASE
from robot_fleet.planning.judging.ground import coverable
from robot_fleet.ros.listening import LATCHED
from robot_fleet.storage.database_check import check_database
from robot_fleet.storage.store_folder import load_store

pytestmark = pytest.mark.ros

LOST_M2 = 2 * 2.5 * 0.35
"""Of two robots at most one checkpoint (1 s of the store's clock) is lost, and what poses that come late had still to tell."""


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[LiveFleet]:
    with live_fleet(tmp_path) as opened:
        yield opened


@pytest.fixture
def running(fleet: LiveFleet) -> LiveFleet:
    """Both processes, and every robot on its dock."""
    fleet.start_sim()
    fleet.start_controller()
    fleet.until_ready()
    return fleet


def cleaning(robots: dict[str, RobotView]) -> bool:
    return any(robot.state.value == "CLEANING" for robot in robots.values())


def ended(fleet: LiveFleet, run_id: str) -> RunView:
    """The run when it has ended, watched to its end."""
    *_, last = fleet.client.watch(run_id)
    return last


def true_share(fleet: LiveFleet, *zones: str) -> float:
    """The share of the zones' coverable floor that heads truly passed over, by the simulator's report."""
    store = load_store(fleet.store)
    starts = [(robot.profile, store.floor.dock(robot.dock).staging) for robot in store.robots]
    within = store.floor.requested(zones) & coverable(store.floor, starts)
    return float((fleet.truth()[1] & within).sum() / within.sum())


def test_a_run_cleans_the_shop(running: LiveFleet) -> None:
    run = ended(running, running.client.start().run_id)
    assert run.state is RunState.COMPLETED, run.reason
    assert run.progress > 0.95
    running.until_heard()
    assert running.end("serve") == 0
    assert running.end("sim") == 0
    assert running.truth()[0]["collisions"] == []
    assert true_share(running, "front", "shelves") >= 0.97


def test_a_stop_brings_the_robots_to_rest_and_keeps_what_was_cleaned(running: LiveFleet) -> None:
    run = running.client.start()
    running.until_robots(cleaning)
    cleaned = running.until_run(run.run_id, lambda seen: seen.cleaned_m2 > 3.0).cleaned_m2
    stopped = running.client.stop(run.run_id)
    assert stopped.state is RunState.CANCELLED
    assert stopped.unconfirmed == ()
    assert stopped.cleaned_m2 >= cleaned
    before = {robot.name: robot for robot in running.client.robots()}
    time.sleep(0.5)
    for name, robot in before.items():
        now = next(seen for seen in running.client.robots() if seen.name == name)
        assert not now.head_on
        assert robot.pose.distance_m(now.pose) < 0.15  # the noise of two reports


def test_a_killed_controller_comes_back_and_ends_its_run(running: LiveFleet) -> None:
    run = running.client.start(zones=["front"], request_id="night")
    before = running.until_run(run.run_id, lambda seen: seen.progress > 0.3)
    running.end("serve", signal.SIGKILL)
    time.sleep(1.0)
    running.start_controller()
    after = running.client.get(run.run_id)
    assert after.request_id == "night"
    assert not after.state.is_terminal
    assert after.cleaned_m2 > before.cleaned_m2 - LOST_M2
    assert running.client.start(zones=["front"], request_id="night").run_id == run.run_id
    last = ended(running, run.run_id)
    assert last.state is RunState.COMPLETED, last.reason
    # A kill costs each robot about a second of what it had cleaned; thin rests of that are not worth another pass.
    assert last.progress > 0.93
    assert running.end("sim") == 0
    assert true_share(running, "front") >= 0.96, (last.progress, last.missed)
    assert running.truth()[0]["collisions"] == []


def test_a_controller_is_handed_over_in_mid_run_and_nothing_is_lost(fleet: LiveFleet) -> None:
    fleet.start_sim_in_real_time()
    fleet.start_controller_in_real_time()
    fleet.until_ready()
    run = fleet.client.start(zones=["front"], request_id="night")
    seen: list[RunView] = []
    watcher = threading.Thread(target=lambda: seen.extend(fleet.client.watch(run.run_id, 180.0)), daemon=True)
    watcher.start()
    before = fleet.until_run(run.run_id, lambda view: view.progress > 0.1)

    # An upgrade: the old one is asked to end, and a new one begins on what is stored.
    assert fleet.end("serve") == 0
    assert "SIGTERM: stopping; robots finish the short piece" in fleet.log("serve")
    with closing(Eye()) as eye:
        for robot in ("robot_1", "robot_2"):
            eye.look_at(f"/{robot}/cleaning_head/state", Bool, LATCHED)
        asked_s = time.monotonic()
        eye.until(lambda: all(heard and not heard[-1].data for heard in eye.seen.values()))
        # Well before robots do so by themselves.
        assert time.monotonic() - asked_s < 8.0
    assert check_database(fleet.folder / "data" / DATABASE).faults == ()
    fleet.start_controller_in_real_time()
    after = fleet.client.get(run.run_id)
    assert (after.request_id, after.zones, after.created_at_s) == (run.request_id, run.zones, run.created_at_s)
    assert after.state is RunState.RUNNING
    assert after.version >= before.version
    assert after.cleaned_m2 >= before.cleaned_m2 - LOST_M2

    # What was asked before is answered as before.
    assert fleet.client.start(zones=["front"], request_id="night").run_id == run.run_id
    with pytest.raises(ClientError, match="night"):
        fleet.client.start(zones=["shelves"], request_id="night")
    assert [view.run_id for view in fleet.client.runs()] == [run.run_id]

    fleet.until_run(run.run_id, lambda view: view.progress > before.progress + 0.1)
    assert fleet.client.stop(run.run_id).state is RunState.CANCELLED
    watcher.join(20.0)
    versions = [view.version for view in seen]
    assert versions == sorted(versions) and seen[-1].state is RunState.CANCELLED
    credited = fleet.client.record(run.run_id).cleaned
    assert fleet.end("serve") == 0
    assert fleet.end("sim") == 0
    report, truth, _ = fleet.truth()
    assert report["collisions"] == []
    # Poses are some centimetres off.
    assert (credited & ~truth).sum() < 0.02 * credited.sum()


def storage_refuses(fleet: LiveFleet) -> bool:
    return any(alert.alert_id == "storage" for alert in fleet.client.alerts(active_only=True))


@pytest.mark.proof
def test_while_another_program_holds_the_database_robots_rest_and_then_the_run_goes_on(running: LiveFleet) -> None:
    run = running.client.start(zones=["front"], request_id="night")
    running.until_run(run.run_id, lambda seen: seen.progress > 0.2)
    with closing(sqlite3.connect(running.folder / "data" / DATABASE, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        running.until_robots(lambda robots: storage_refuses(running))
        for refused in (lambda: running.client.pause(run.run_id), lambda: running.client.start(zones=["shelves"])):
            with pytest.raises(ClientError, match="locked"):
                refused()
    running.until_robots(lambda robots: not storage_refuses(running))
    assert running.client.start(zones=["front"], request_id="night").run_id == run.run_id
    last = ended(running, run.run_id)
    assert last.state is RunState.COMPLETED, last.reason
    assert last.progress > 0.95
    assert running.end("serve") == 0
    assert running.end("sim") == 0
    assert running.truth()[0]["collisions"] == []


@pytest.mark.proof
def test_robots_rest_while_the_disk_is_full_and_the_run_goes_on_by_itself_once_there_is_space(fleet: LiveFleet) -> None:
    data = fleet.folder / "data"
    data.mkdir()
    if not mounted(data, "-t", "tmpfs", "-o", "size=32m", "small"):
        lacking("disks cannot be mounted here: run the tests as root")
    try:
        fleet.start_sim()
        fleet.start_controller()
        fleet.until_ready()
        run = fleet.client.start(zones=["front"], request_id="night")
        fleet.until_run(run.run_id, lambda seen: seen.progress > 0.2)
        with (data / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="space"):
            while True:
                ballast.write(bytes(4096))
        fleet.until_robots(lambda robots: storage_refuses(fleet))
        with pytest.raises(ClientError, match="full"):
            fleet.client.pause(run.run_id)
        with closing(Eye()) as eye:
            for robot in ("robot_1", "robot_2"):
                eye.look_at(f"/{robot}/cleaning_head/state", Bool, LATCHED)
            eye.until(lambda: all(heard and not heard[-1].data for heard in eye.seen.values()))
        (data / "ballast").unlink()
        fleet.until_robots(lambda robots: not storage_refuses(fleet))
        last = ended(fleet, run.run_id)
        assert last.state is RunState.COMPLETED, last.reason
        assert last.progress > 0.95
        assert fleet.end("serve") == 0
        assert check_database(data / DATABASE).faults == ()
        assert fleet.end("sim") == 0
        assert fleet.truth()[0]["collisions"] == []
    finally:
        fleet.close()
        subprocess.run(["umount", "--lazy", str(data)], check=True)


def test_a_held_robot_is_still_held_after_a_restart(running: LiveFleet) -> None:
    run = running.client.start(zones=["front"])
    running.until_robots(cleaning)
    press_e_stop("/robot_1", True)
    held = running.until_robots(lambda robots: robots["robot_1"].state.value == "HELD")
    assert held["robot_1"].hold
    running.end("serve", signal.SIGKILL)
    press_e_stop("/robot_1", False)
    running.start_controller()
    running.until_robots(lambda robots: robots["robot_2"].state.value not in ("OFFLINE", "IDLE"))
    assert running.until_robots(lambda robots: True)["robot_1"].state.value == "HELD"
    assert [alert.robot for alert in running.client.alerts(active_only=True)] == ["robot_1"]
    running.until_robots(lambda robots: _acknowledged(running))
    assert ended(running, run.run_id).state is RunState.COMPLETED


def _acknowledged(fleet: LiveFleet) -> bool:
    return fleet.client.acknowledge("robot_1", "Ada Lovelace").state.value != "HELD"


@pytest.mark.proof
def test_the_work_of_a_robot_that_died_is_done_by_the_other(fleet: LiveFleet) -> None:
    fleet.start_sim("clock", "--clock-only")
    fleet.start_sim("one", "--robot", "robot_1")
    fleet.start_sim("two", "--robot", "robot_2")
    fleet.start_controller()
    fleet.until_ready()
    run = fleet.client.start()
    fleet.until_robots(lambda robots: robots["robot_2"].state.value == "CLEANING")
    fleet.until_run(run.run_id, lambda seen: seen.progress > 0.2)
    fleet.end("two", signal.SIGKILL)
    fleet.until_robots(lambda robots: robots["robot_2"].state.value == "OFFLINE")
    last = ended(fleet, run.run_id)
    assert last.state is RunState.COMPLETED, last.reason
    shares = {share.robot: share.cleaned_m2 for share in last.shares}
    assert shares["robot_1"] > 2 * shares["robot_2"]
    # All but the floor that was granted to the dead robot: it might still be driving there.
    assert last.progress > 0.6
    assert {area.reason.value for area in last.missed} & {"robot failed", "not cleaned", "unreachable", "blocked"}
    assert "robot_2" in {alert.robot for alert in fleet.client.alerts(active_only=True)}


def test_a_second_controller_for_the_same_runs_is_refused(running: LiveFleet) -> None:
    second = running.launch_controller("second", "127.0.0.1:0")
    assert second.wait(60.0) == 2
    assert "in use" in running.log("second")
    assert running.client.robots()


def press_e_stop(namespace: str, pressed: bool) -> None:
    """Somebody presses or releases the button of a simulated robot."""
    import rclpy
    from rclpy.context import Context
    from rclpy.executors import SingleThreadedExecutor
    from std_srvs.srv import SetBool

    context = Context()
    rclpy.init(args=[], context=context)
    node = rclpy.create_node("somebody", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        client = node.create_client(SetBool, f"{namespace}/simulation/e_stop")
        assert client.wait_for_service(20.0)
        answer = client.call_async(SetBool.Request(data=pressed))
        executor.spin_until_future_complete(answer, 20.0)
        assert answer.result().success
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
