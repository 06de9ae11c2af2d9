"""The walls of the house: which room may import which, and where the heavy libraries may appear."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "robot_fleet"
PURE = ("floor", "planning", "fleet")
EVERYWHERE = "everywhere"

# Room: what of ours it may import, as prefixes of module names below robot_fleet. `main` may import everything.
# Nothing may be read into this table that ARCHITECTURE.md does not say too.
ROOMS: dict[str, tuple[str, ...]] = {
    "floor": ("floor",),
    "planning": ("floor", "planning"),
    "fleet": PURE,
    "control": (*PURE, "control"),
    "api": (*PURE, "control", "api"),
    "ros": (*PURE, "control", "ros"),
    "sim": (*PURE, "control", "sim"),
    "nights": (*PURE, "control", "sim", "storage", "nights"),
    "storage": (*PURE, "control.ports", "storage"),
    "pictures": ("floor", "planning", "pictures"),
    # To its callers the client gives our frozen values, not messages; conversion stays in one place.
    "client": (*PURE, "control.snapshot", "api.v1", "api.conversion", "client", "pictures"),
    "web": ("api.v1", "client", "pictures", "web"),
    "cli": (*PURE, "control.snapshot", "api.v1", "client", "pictures", "cli", "main"),
    "main": ("",),
}

# Modules with more or less than their room.
EXCEPTIONS: dict[str, tuple[str, ...]] = {
    # What a night is checked by shares no code with what makes it: words alone, and the judge's.
    "nights.checks": ("floor", "control.snapshot", "nights.checks"),
    "sim.ros_face": (*PURE, "control", "sim", "ros"),
    # The judge shares no code with the planner: of the planning room it knows the words alone.
    "planning.judge": ("floor", "planning.plan", "planning.judge", "planning.judging"),
    "planning.judging": ("floor", "planning.plan", "planning.judge", "planning.judging"),
}

# Library: in which modules it may appear. A library that is not here may appear nowhere.
ROS = ("ros", "sim.ros_face", "main")
GRPC = ("api", "client", "main")
PROTOBUF = (*GRPC, "sim.gazebo")
LIBRARIES: dict[str, tuple[str, ...]] = {
    "numpy": (EVERYWHERE,),
    "shapely": (EVERYWHERE,),
    "cv2": (*PURE, "control", "sim", "nights", "storage", "pictures"),
    "networkx": ("planning",),
    "scipy": ("planning",),
    "numba": ("planning",),
    "PIL": ("storage", "pictures"),
    "sqlalchemy": ("storage",),
    "alembic": ("storage",),
    "psycopg": ("storage",),
    "yaml": ("storage",),
    "typer": ("cli",),
    "click": ("cli",),
    "rich": ("cli",),
    "starlette": ("web",),
    "uvicorn": ("web",),
    **dict.fromkeys(("grpc", "grpc_health", "grpc_reflection", "grpc_status"), GRPC),
    "prometheus_client": ("api",),
    "google": PROTOBUF,
    "zmq": ("sim.gazebo",),
    **dict.fromkeys(("rclpy", "ament_index_python", "rosidl_runtime_py"), ROS),
    **dict.fromkeys(("action_msgs", "builtin_interfaces", "diagnostic_msgs", "geometry_msgs", "lifecycle_msgs"), ROS),
    **dict.fromkeys(("nav2_msgs", "nav_msgs", "rcl_interfaces", "rosgraph_msgs", "sensor_msgs", "std_msgs"), ROS),
    **dict.fromkeys(("std_srvs", "tf2_msgs", "unique_identifier_msgs", "visualization_msgs"), ROS),
    # Of the standard library: who may wait, and where an event loop may be known.
    "asyncio": ("control", "api", "ros", "sim.ros_face", "client", "web", "cli", "main"),
}

# A pure room decides; it does not look, wait, write, or throw dice.
IMPURE_MODULES = frozenset(
    (
        *(
            "asyncio",
            "concurrent",
            "ctypes",
            "fcntl",
            "glob",
            "importlib",
            "io",
            "logging",
            "mmap",
            "multiprocessing",
            "os",
        ),
        *(
            "pathlib",
            "pickle",
            "queue",
            "random",
            "sched",
            "secrets",
            "select",
            "selectors",
            "shelve",
            "shutil",
            "signal",
        ),
        *("socket", "sqlite3", "subprocess", "sys", "syslog", "tempfile", "threading", "time", "uuid", "warnings"),
    )
)
# Searches that share nothing may run on threads of their own: what they find does not depend on it.
PURE_THREADS = {"planning.at_once": ("concurrent", "threading")}
IMPURE_CALLS = frozenset(("open", "print", "input", "exec", "eval", "__import__", "breakpoint"))
# A clock, and files through a library.
IMPURE_ATTRIBUTES = frozenset(
    (
        *("now", "today", "utcnow", "read_text", "read_bytes", "write_text", "write_bytes"),
        *("imread", "imwrite", "loadtxt", "savetxt", "fromfile", "tofile"),
    )
)


def within(module: str, prefixes: tuple[str, ...]) -> bool:
    """Tell whether a dotted name lies at or below one of the prefixes."""
    return any(prefix in ("", EVERYWHERE, module) or module.startswith(prefix + ".") for prefix in prefixes)


def longest(module: str, table: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the table's entry for the longest prefix of a dotted name."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if (entry := table.get(".".join(parts[:length]))) is not None:
            return entry
    return None


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield line and full name of whatever is imported, wherever in the file it stands."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ["robot_fleet", *package][: len(package) + 2 - node.level]
                base = ".".join([*above, *([node.module] if node.module else [])])
            if base.split(".")[0] == "robot_fleet":
                # `from robot_fleet import ros` imports a room, and `from robot_fleet.control import ports` a module.
                yield from ((node.lineno, f"{base}.{name.name}") for name in node.names)
            else:
                yield node.lineno, base


def impurities(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and reason of whatever a pure room may not do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield node.lineno, f"calls {node.func.id}()"
        if not isinstance(node, ast.Attribute):
            continue
        owner = ast.unparse(node.value)
        if node.attr in IMPURE_ATTRIBUTES or (owner in ("np", "numpy") and node.attr in ("load", "save", "savez")):
            yield node.lineno, f"uses {owner}.{node.attr}, which reads or writes or looks at the clock"
        if owner in ("np.random", "numpy.random") and node.attr not in (
            "default_rng",
            "Generator",
            "SeedSequence",
            "PCG64",
        ):
            yield node.lineno, f"uses numpy's global random numbers ({node.attr}); take a Generator as an argument"
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("default_rng")
            and not node.args + node.keywords
        ):
            yield node.lineno, "makes a random generator without a seed"


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """Return what one file breaks, each with its line. `module` is its dotted name below robot_fleet."""
    room = module.partition(".")[0]
    tree = ast.parse(source)
    allowed = longest(module, EXCEPTIONS) or ROOMS.get(room)
    if allowed is None:
        return [f"{module}:1 is in no room that the table knows"]
    found: list[tuple[int, str]] = []
    for line, name in imports(tree, module, is_package):
        top, _, rest = name.partition(".")
        if top == "robot_fleet":
            if rest and not rest.startswith("__version__") and not within(rest, allowed):
                found.append((line, f"imports {name}, which {room} may not"))
        elif room in PURE and top in IMPURE_MODULES and top not in PURE_THREADS.get(module, ()):
            found.append((line, f"imports {top}: {room} is pure"))
        elif (places := LIBRARIES.get(top)) is not None:
            if not within(module, places):
                found.append((line, f"imports {top}, which belongs in {', '.join(places)} only"))
        elif top not in sys.stdlib_module_names:
            found.append((line, f"imports {top}, a library that the table does not know"))
    if room in PURE:
        found += impurities(tree)
    return [f"{module}:{line} {what}" for line, what in sorted(found)]


def files() -> list[tuple[str, Path]]:
    """Return each source file of ours with its dotted name; generated stubs are left out."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if (
            parts[:2] == ("api", "v1")
            or parts[:3] == ("sim", "gazebo", "v1")
            or "__pycache__" in parts
            or parts == ("__init__",)
        ):
            continue
        found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


@pytest.mark.quick
def test_every_file_keeps_to_its_room() -> None:
    """Every violation at once, so that one run shows the whole work."""
    found = []
    for module, path in files():
        found += violations(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    assert not found, "\n" + "\n".join(found)


@pytest.mark.quick
def test_the_table_knows_every_room() -> None:
    """A new folder needs a line in the table before it needs code."""
    assert {module.split(".")[0] for module, _ in files()} <= ROOMS.keys()


@pytest.mark.quick
@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("floor.grid", "from robot_fleet.planning.plan import Plan"),
        ("floor.grid", "import robot_fleet.control"),
        ("planning.routes", "from robot_fleet import fleet"),
        ("planning.routes", "from ..fleet import runs"),
        ("planning.judge", "from robot_fleet.planning.lanes import lanes"),
        ("planning.judging.timing", "from robot_fleet.planning import routing"),
        ("planning.judging.timing", "from ..lanes import lanes"),
        ("fleet.runs", "def f():\n    from robot_fleet.control import controller"),
        ("control.controller", "from robot_fleet.ros.bridge import Bridge"),
        ("api.services", "from robot_fleet.storage import journal"),
        ("ros.driver", "from robot_fleet.sim.motion import Motion"),
        ("sim.robot", "from robot_fleet.ros import bridge"),
        ("storage.journal", "from robot_fleet.control.controller import Controller"),
        ("pictures.plan", "from robot_fleet.fleet import runs"),
        ("client.fleet", "from robot_fleet.api.services import FleetService"),
        ("cli.serve", "from robot_fleet.storage import journal"),
        ("attic.things", "import math"),
        ("fleet.runs", "import networkx as nx"),
        ("control.controller", "import scipy.optimize"),
        ("control.controller", "import grpc"),
        ("api.services", "from rclpy.node import Node"),
        ("sim.robot", "from nav2_msgs.action import FollowPath"),
        ("control.ports", "import yaml"),
        ("api.services", "from sqlalchemy import select"),
        ("client.fleet", "import rich"),
        ("storage.maps", "import asyncio"),
        ("planning.lanes", "import pandas"),
        ("floor.grid", "from PIL import Image"),
        ("floor.grid", "from pathlib import Path"),
        ("floor.grid", "text = open('map.yaml')"),
        ("floor.grid", "import numpy as np\ngrid = np.load('grid.npy')"),
        ("floor.grid", "import cv2\nimage = cv2.imread('map.png')"),
        ("planning.lanes", "import random"),
        ("planning.lanes", "from concurrent.futures import ThreadPoolExecutor"),
        ("planning.at_once", "import socket"),
        ("planning.lanes", "import numpy as np\nx = np.random.rand()"),
        ("planning.lanes", "import numpy as np\nrng = np.random.default_rng()"),
        ("fleet.runs", "import time"),
        ("fleet.runs", "from datetime import datetime\nstart = datetime.now()"),
        ("fleet.runs", "import logging"),
        ("fleet.runs", "import threading"),
        ("fleet.runs", "print('here')"),
    ],
)
def test_a_breach_is_found(module: str, source: str) -> None:
    """Each of these breaks a wall."""
    assert violations(source, module), f"nothing was found in {module}: {source}"


@pytest.mark.quick
@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "floor.grid",
            "from __future__ import annotations\nimport math\nimport cv2\nimport numpy as np\nfrom shapely import Point",
        ),
        (
            "planning.routes",
            "import networkx as nx\nfrom scipy.sparse import csgraph\nfrom robot_fleet.floor.grid import Grid",
        ),
        ("planning.routes", "import numpy as np\ndef f(seed):\n    return np.random.default_rng(seed)"),
        ("planning.judge", "from .judging import timing\nfrom robot_fleet.planning.plan import Plan"),
        ("fleet.runs", "from . import robots\nfrom ..floor import grid"),
        ("control.controller", "import asyncio\nfrom robot_fleet.control import ports"),
        (
            "api.services",
            "import grpc\nfrom robot_fleet.api.v1 import robot_pb2\nfrom robot_fleet.control.controller import Controller",
        ),
        ("sim.ros_face", "import rclpy\nfrom robot_fleet.ros.conversion import pose"),
        ("storage.journal", "import sqlalchemy\nfrom robot_fleet.control.ports import RunStore"),
        ("storage.journal", "from robot_fleet.control import ports"),
        ("cli.serve", "import typer\nfrom robot_fleet import __version__, main\nfrom robot_fleet.client import Fleet"),
        ("main", "import rclpy\nfrom robot_fleet.storage import journal\nfrom robot_fleet.sim import world"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    """Each of these keeps to its room."""
    assert violations(source, module) == []
