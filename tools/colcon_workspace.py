#!/usr/bin/env python3
"""Build and test this package with colcon, as in a ROS 2 workspace, in a temporary folder outside this tree.

colcon's failures can be silent (a package of another type, no test at all), so what it did is looked at afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
NAME = "robot_fleet"
LEFT_OUT = {".git", ".venv", "build", "install", "log", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
PROGRAMS = ("fleet_controller", "fleet_sim", "robot-fleet")


def fail(what: str) -> None:
    """End with what is wrong."""
    sys.exit(f"colcon: {what}")


def copy_tree(target: Path) -> None:
    """Copy what belongs to the package; the interface subsets stay away, they are in the environment already."""

    def ignore(_folder: str, names: list[str]) -> set[str]:
        return LEFT_OUT.intersection(names) | {name for name in names if name.endswith((".egg-info", ".pyc"))}

    shutil.copytree(ROOT, target, ignore=ignore)


def colcon(workspace: Path, *arguments: str) -> str:
    """Run colcon with this interpreter; return what it printed, or end with it."""
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["COLCON_DEFAULTS_FILE"] = os.devnull
    environment["PYTHONWARNINGS"] = "ignore"
    command = [sys.executable, "-m", "colcon", "--log-base", str(workspace / "log"), *arguments]
    done = subprocess.run(
        command, check=False, cwd=workspace, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        print(done.stdout[-6000:] + done.stderr[-6000:], file=sys.stderr)
        fail(f"`colcon {arguments[0]}` ended with {done.returncode}")
    return done.stdout


def main() -> None:
    """List, build, look, test, look."""
    with tempfile.TemporaryDirectory(prefix="robot_fleet_colcon_") as folder:
        workspace = Path(folder)
        copy_tree(workspace / "src" / NAME)
        check_listed(workspace)
        print("colcon: building (about 10 s)", flush=True)
        colcon(workspace, "build", "--base-paths", "src")
        installed = check_installed(workspace)
        check_programs(workspace)
        print("colcon: testing (the quick tests)", flush=True)
        options = ("--return-code-on-test-failure", "--event-handlers", "console_direct+")
        colcon(workspace, "test", "--base-paths", "src", *options)
        ran, skipped = count(workspace / "build" / NAME)
        if ran - skipped <= 0:
            fail("`colcon test` ran no test")
        print(f"colcon: built, {installed} installed files in place, {ran - skipped} tests passed, {skipped} skipped")


def check_listed(workspace: Path) -> None:
    """End unless colcon takes the package for what it is."""
    listed = colcon(workspace, "list", "--base-paths", "src").split()
    if listed[:1] != [NAME] or listed[-1:] != ["(ros.ament_python)"]:
        fail(f"`colcon list` says {' '.join(listed) or 'nothing'}; it should say {NAME} … (ros.ament_python)")
    print(f"colcon: {' '.join(listed)}", flush=True)


def check_installed(workspace: Path) -> int:
    """End unless everything that belongs there was installed; return how many files that are."""
    prefix = workspace / "install" / NAME
    share = prefix / "share" / NAME
    expected = [prefix / "lib" / NAME / program for program in PROGRAMS]
    expected += [prefix / "share/ament_index/resource_index/packages" / NAME, share / "package.xml"]
    for kind in ("launch", "config", "maps"):
        sources = [path for path in (ROOT / kind).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        sources = [path for path in sources if path.suffix != ".py" or kind == "launch"]
        expected += [share / path.relative_to(ROOT) for path in sources if path.name[0] != "."]
    missing = [str(path.relative_to(workspace)) for path in expected if not path.exists()]
    if missing:
        fail("the build did not install " + ", ".join(missing))
    return len(expected)


def check_programs(workspace: Path) -> None:
    """End unless every installed program starts in the workspace's environment."""
    for program in PROGRAMS:
        file = workspace / "install" / NAME / "lib" / NAME / program
        asked = [shutil.which("bash") or "bash", "-c", f"source install/setup.bash && {file} --help"]
        done = subprocess.run(asked, check=False, cwd=workspace, capture_output=True, text=True)
        if done.returncode != 0 or "Usage" not in done.stdout:
            fail(f"the installed {program} --help ended with {done.returncode}: {done.stdout}{done.stderr}"[-2000:])


def count(build: Path) -> tuple[int, int]:
    """Return how many tests the result files tell of, and how many of them were skipped; end where one failed."""
    ran = skipped = bad = 0
    for path in build.rglob("*.xml"):
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            ran += int(suite.get("tests", 0))
            skipped += int(suite.get("skipped", 0))
            bad += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    if bad:
        fail(f"{bad} tests failed")
    return ran, skipped


if __name__ == "__main__":
    main()
