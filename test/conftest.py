"""What every test process needs: reproducible numbers, a ROS domain of its own on the loopback interface, and `require`."""

from __future__ import annotations

import os
import runpy
import signal
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from robot_fleet.main.reproducible import reproducible_numbers

if TYPE_CHECKING:
    from postgres_server import PostgresServer

# Before anything imports numpy: what happens in simulated nights is to be the same wherever the tests run.
reproducible_numbers()

# A shell lets what it starts in the background ignore Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No time limit for an example: a busy machine is no fault of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

ROS = ("rclpy", "nav2_msgs", "tf2_msgs")
PHYSICS = "dartpy"
ON_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def _domain() -> int:
    """Return a ROS domain for this process: 1 to 100, apart for the workers of one run and, by chance, for two runs."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    # Workers of one run have one parent, so that its number sets the run's place and their own number their place in it.
    run, place = (os.getppid(), int(worker.removeprefix("gw")) + 1) if worker else (os.getpid(), 0)
    return 1 + (run * 11 + place) % 100


# Before anything imports rclpy. Child processes inherit all of it.
os.environ["ROS_DOMAIN_ID"] = str(_domain())
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("RCUTILS_LOGGING_SEVERITY", "WARN")
os.environ.setdefault("RCUTILS_LOGGING_USE_STDOUT", "0")
os.environ.setdefault("RCUTILS_COLORIZED_OUTPUT", "0")
os.environ.setdefault("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
os.environ.pop("ROS_LOCALHOST_ONLY", None)


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _can_be_imported(name: str) -> bool:
    """It may be there and yet lack a library of the system."""
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def pytest_sessionstart(session: pytest.Session) -> None:
    """Ends the whole session in CI without ROS 2 or physics: files that import them would be skipped as a whole."""
    absent = [name for name in ROS if not _is_there(name)]
    if ON_CI and absent:
        pytest.exit(f"missing in CI: {', '.join(absent)}; make setup brings them", returncode=1)
    # The quick tests, which colcon runs also beside a ROS without our other packages, need no physics.
    if ON_CI and os.environ.get("COLCON") != "1" and not _can_be_imported(PHYSICS):
        pytest.exit(f"missing in CI: {PHYSICS}; apt install libgl1, and make setup", returncode=1)
    if not os.environ.get("PYTEST_XDIST_WORKER") and (tools := Path(__file__).parent.parent / "tools").is_dir():
        # Machine code of older sources must not be tested.
        runpy.run_path(str(tools / "compile_loops.py"))["forget_stale"]()


def lacking(reason: str) -> None:
    """End this test because something is missing: a skip on a user's machine, a failure in CI."""
    __tracebackhide__ = True
    if ON_CI:
        pytest.fail(f"missing in CI: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require() -> Callable[[str, str], None]:
    """`require("rclpy", "no ROS 2 here")`: the module must be importable; else a skip, and a failure in CI."""

    def need(name: str, reason: str) -> None:
        __tracebackhide__ = True
        if not _is_there(name):
            lacking(f"{reason} ({name} is not there)")

    return need


@pytest.fixture(scope="session")
def _postgres_server() -> Iterator[PostgresServer]:
    from postgres_server import PostgresServer

    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def postgres(_postgres_server: PostgresServer) -> PostgresServer:
    """A real PostgreSQL server that runs, whatever an earlier test did to it."""
    _postgres_server.be_up()
    return _postgres_server


@pytest.fixture(autouse=True)
def _ros_where_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test marked `ros` needs rclpy and the interface packages."""
    if request.node.get_closest_marker("ros"):
        for name in ROS:
            request.getfixturevalue("require")(name, "the test runs real ROS 2 nodes: make setup brings them")
    yield


@pytest.fixture
def ros_domain() -> int:
    """The ROS domain of this test process."""
    return int(os.environ["ROS_DOMAIN_ID"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under `colcon test` only the tests marked `quick` run: a whole workspace does not wait for whole runs."""
    if os.environ.get("COLCON") != "1":
        return
    quick = [item for item in items if item.get_closest_marker("quick")]
    config.hook.pytest_deselected(items=[item for item in items if item not in quick])
    items[:] = quick
