"""What Prometheus reads at `/metrics`: the fleet as it is now, and how quick the controller is.

The fleet's figures are taken from the newest snapshot when somebody asks, so that nothing has to be counted twice. Names and
units follow Prometheus's own rules: base units, `_total` for what only grows while the process lives. Of runs only the active or
newest one has figures: a label for each run that ever was would grow without end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import HTTPServer
from threading import Thread

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from robot_fleet.api.server import check_loopback
from robot_fleet.control.snapshot import RobotView, RunView, Snapshot
from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.faults import Fault

_EVENT_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_RPC_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SEVERITIES = ("INFO", "WARNING", "ERROR")


class Metrics:
    """The figures of one controller; `newest` gives its newest snapshot and is called on the web server's threads."""

    def __init__(self, newest: Callable[[], Snapshot], store: str, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._registry.register(_FleetCollector(newest, store, version))
        self._events = Histogram(
            "robot_fleet_event_seconds", "Time in which the controller handled an event, its commit included.",
            ["event"], buckets=_EVENT_S, registry=self._registry,
        )  # fmt: skip
        self._ticks = Histogram(
            "robot_fleet_tick_late_seconds", "How much later than due the controller looked at its robots.",
            buckets=_EVENT_S, registry=self._registry,
        )  # fmt: skip
        self._rpcs = Histogram(
            "robot_fleet_rpc_seconds", "Time in which a call was answered; watches are left out.",
            ["method", "outcome"], buckets=_RPC_S, registry=self._registry,
        )  # fmt: skip

    def event_took(self, event: str, seconds: float) -> None:
        """An event, by the name of its type, was handled."""
        self._events.labels(event).observe(seconds)

    def tick_was_late(self, seconds: float) -> None:
        """The event loop came to its tick so much later than it should have."""
        self._ticks.observe(max(0.0, seconds))

    def rpc_took(self, method: str, outcome: str, seconds: float) -> None:
        """A call was answered with `outcome`, the name of a gRPC status."""
        self._rpcs.labels(method, outcome).observe(seconds)

    def serve(self, address: str) -> MetricsServer:
        """Answers at http://ADDRESS/metrics, on this machine alone; InvalidInput when it cannot."""
        check_loopback(address, "--metrics")
        host, _, port = address.rpartition(":")
        try:
            server, thread = start_http_server(int(port), host.strip("[]"), self._registry)
        except OSError as error:
            remedy = "Give another one with --metrics, or end the program that listens there."
            raise InvalidInput("ADDRESS_IN_USE", (Fault("--metrics", address, str(error), remedy),)) from error
        return MetricsServer(server, thread)


class MetricsServer:
    """The web server of the figures, on threads of its own."""

    def __init__(self, server: HTTPServer, thread: Thread) -> None:
        self._server, self._thread = server, thread

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Ends it and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _FleetCollector(Collector):
    """Turns a snapshot into metrics."""

    def __init__(self, newest: Callable[[], Snapshot], store: str, version: str) -> None:
        self._newest, self._store, self._version = newest, store, version

    def describe(self) -> list[Metric]:
        """Nothing before it is asked: otherwise it would be collected at its registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics of the newest snapshot."""
        snapshot = self._newest()
        yield _gauge("info", "Version and store of this controller; always 1.", ("version", "store"), [
            ((self._version, self._store), 1.0)
        ])  # fmt: skip
        yield from _robots(snapshot.robots, snapshot.clock_s)
        yield from _run(snapshot.runs)
        counts = dict.fromkeys(_SEVERITIES, 0)
        for alert in snapshot.alerts:
            if alert.active:
                counts[alert.severity] = counts.get(alert.severity, 0) + 1
        found = [((severity,), float(count)) for severity, count in counts.items()]
        yield _gauge("alerts_active", "Alerts that a person should look at.", ("severity",), found)


Rows = list[tuple[tuple[str, ...], float]]


def _robots(robots: tuple[RobotView, ...], clock_s: float) -> Iterator[Metric]:
    states: Rows = [
        ((robot.name, state.value), float(robot.state is state)) for robot in robots for state in RobotState
    ]
    yield _gauge("robot_state", "1 for the state that the robot is in, 0 for all others.", ("robot", "state"), states)
    levels: Rows = [((robot.name,), robot.battery) for robot in robots if robot.battery is not None]
    yield _gauge("robot_battery_ratio", "Battery level, 0 to 1, as last heard.", ("robot",), levels)
    heard: Rows = [((one.name,), max(0.0, clock_s - one.heard_at_s)) for one in robots if one.heard_at_s is not None]
    yield _gauge("robot_silence_seconds", "Time since the robot was last heard.", ("robot",), heard)
    heads: Rows = [((robot.name,), float(robot.head_on)) for robot in robots]
    yield _gauge("robot_head_on", "1 while the robot says that its cleaning head is on.", ("robot",), heads)


def _run(runs: tuple[RunView, ...]) -> Iterator[Metric]:
    counts: Rows = [((state.value,), float(sum(run.state is state for run in runs))) for state in RunState]
    yield _gauge("runs", "Runs that are known, by state.", ("state",), counts)
    newest = max(runs, key=lambda run: (not run.state.is_terminal, run.created_at_s), default=None)
    if newest is None:
        return
    label = (newest.run_id,)
    zones: Rows = []
    for kind in ("requested", "coverable", "cleaned"):
        zones += [((newest.run_id, one.zone, kind), getattr(one, f"{kind}_m2")) for one in newest.zone_progress]
    yield _gauge("run_floor_square_meters", "Floor of the active or newest run.", ("run", "zone", "kind"), zones)
    yield _gauge(
        "run_progress_ratio", "Share of its coverable floor that is clean.", ("run",), [(label, newest.progress)]
    )
    yield _gauge("run_elapsed_seconds", "Time since the run's first plan.", ("run",), [(label, newest.elapsed_s)])
    if newest.time_to_go_s is not None:
        yield _gauge("run_to_go_seconds", "Time until its end, as expected.", ("run",), [(label, newest.time_to_go_s)])
    for what, text in (("cleaned_m2", "cleaned"), ("distance_m", "driven")):
        unit = "square_meters" if what.endswith("m2") else "meters"
        shares: Rows = [((newest.run_id, share.robot), getattr(share, what)) for share in newest.shares]
        yield _gauge(f"run_robot_{text}_{unit}", f"What the robot has {text} in that run.", ("run", "robot"), shares)
    times: Rows = [
        ((newest.run_id, share.robot, kind), getattr(share, f"{kind}_s"))
        for share in newest.shares
        for kind in ("cleaning", "driving", "waiting")
    ]
    yield _gauge("run_robot_seconds", "What the robot spent its time on in that run.", ("run", "robot", "doing"), times)


def _gauge(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    family = GaugeMetricFamily(f"robot_fleet_{name}", text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family
