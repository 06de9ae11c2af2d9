"""The client library against a served site: values in, values out, and errors that a person can act on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from api_site import ApiSite, served_site

from robot_fleet.client import ClientError, FleetClient, Refused, Unreachable
from robot_fleet.fleet.states import RobotState, RunState

NOBODY = "127.0.0.1:9"


@pytest.fixture
def served() -> Iterator[tuple[FleetClient, ApiSite]]:
    with served_site(pace=40.0) as (client, site):
        yield client, site


def test_a_run_is_started_watched_and_told(served: tuple[FleetClient, ApiSite]) -> None:
    client, site = served
    run = client.start(zones=["west"], robots=["r1"])
    assert run.state is RunState.PLANNING
    states = [view.state for view in client.watch(run.run_id)]
    assert states[-1] is RunState.COMPLETED
    ended = client.get(run.run_id)
    assert ended.zones == ("west",)
    assert ended.missed
    record = client.record(run.run_id)
    assert record.cleaned.shape == site.store.floor.grid.shape
    assert record.tracks["r1"].shape[1] == 3
    assert client.current_run() == ended
    assert [view.run_id for view in client.runs()] == [run.run_id]


def test_a_run_is_paused_resumed_and_stopped(served: tuple[FleetClient, ApiSite]) -> None:
    client, _ = served
    run = client.start()
    for view in client.watch(run.run_id):
        if view.state is RunState.RUNNING:
            break
    assert client.pause(run.run_id).state in (RunState.PAUSING, RunState.PAUSED)
    for view in client.watch(run.run_id):
        if view.state is RunState.PAUSED:
            break
    assert client.resume(run.run_id).state is RunState.RUNNING
    stopped = client.stop(run.run_id)
    assert stopped.state is RunState.CANCELLED
    assert stopped.unconfirmed == ()


def test_the_active_run_comes_before_a_newer_one_that_has_ended(served: tuple[FleetClient, ApiSite]) -> None:
    client, _ = served
    assert client.current_run() is None
    first = client.start()
    client.stop(first.run_id)
    second = client.start()
    assert client.current_run().run_id == second.run_id  # type: ignore[union-attr]


def test_floor_robots_and_alerts_come_as_values(served: tuple[FleetClient, ApiSite]) -> None:
    client, site = served
    floor = client.floor()
    assert np.array_equal(floor.grid.cells, site.store.floor.grid.cells)
    assert [zone.name for zone in floor.zones] == ["west", "east"]
    assert [robot.name for robot in client.robots()] == ["r1", "r2"]
    assert all(robot.state is RobotState.CHARGING for robot in client.robots())
    assert list(client.alerts()) == []
    watch = client.watch_robots(["r2"])
    assert [robot.name for robot in next(watch)] == ["r2"]
    watch.close()  # type: ignore[attr-defined]


def test_a_refusal_says_what_where_and_why(served: tuple[FleetClient, ApiSite]) -> None:
    client, _ = served
    with pytest.raises(Refused, match="there is no 'attic' in this store") as caught:
        client.start(zones=["attic"], robots=["r1", "r1"])
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.reason == "INVALID_REQUEST"
    assert set(caught.value.fields) == {"zones", "robots"}
    with pytest.raises(Refused, match="there is no run"):
        client.get("nope")
    with pytest.raises(Refused, match="there is no run"):
        list(client.watch("nope"))


def test_without_a_controller_the_error_says_how_to_start_one() -> None:
    with FleetClient(NOBODY, timeout_s=5.0) as client:
        for call in (client.robots, client.start, lambda: list(client.runs()), client.floor):
            with pytest.raises(Unreachable, match=NOBODY) as caught:
                call()
            assert "robot-fleet serve" in caught.value.remedy
        with pytest.raises(Unreachable):
            client.wait_until_ready(0.2)
        with pytest.raises(Unreachable):
            next(client.watch("run", patience_s=0.2))


def test_a_watch_finds_a_controller_that_came_back() -> None:
    with served_site(pace=40.0) as (client, site):
        run = client.start(request_id="again")
        seen: list[RunState] = []
        watching = threading.Thread(target=lambda: seen.extend(view.state for view in client.watch(run.run_id)))
        watching.start()
        while RunState.RUNNING not in seen:
            time.sleep(0.01)
        site.reopen.set()
        watching.join(30.0)
        assert seen[-1] is RunState.COMPLETED


def test_who_waits_for_the_controller_is_told_when_it_is_there() -> None:
    with served_site() as (client, _):
        client.wait_until_ready(10.0)
        assert [robot.name for robot in client.robots()] == ["r1", "r2"]
    with FleetClient(NOBODY) as client, pytest.raises(Unreachable):
        client.wait_until_ready(0.2)


def test_the_errors_are_one_family() -> None:
    assert issubclass(Refused, ClientError)
    assert issubclass(Unreachable, ClientError)
