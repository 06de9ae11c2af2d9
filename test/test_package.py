"""The package as ROS 2, pip and users see it."""

from __future__ import annotations

import configparser
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import robot_fleet

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.quick


def test_one_version() -> None:
    """package.xml cannot read it from the code, so that it is written twice."""
    root = ElementTree.parse(ROOT / "package.xml").getroot()
    assert root.findtext("version") == robot_fleet.__version__


def test_package_xml_is_an_ament_python_package() -> None:
    """colcon turns to another build type without a word where package.xml is wrong."""
    root = ElementTree.parse(ROOT / "package.xml").getroot()
    assert root.findtext("name") == "robot_fleet"
    assert root.findtext("export/build_type") == "ament_python"
    assert root.findtext("license") == "Apache-2.0"
    assert (ROOT / "resource" / "robot_fleet").exists()


def test_entry_points_exist() -> None:
    """Each console script names a function that is there."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options.entry_points"]["console_scripts"].split("\n")
    points = dict(re.split(r"\s*=\s*", line) for line in lines if line.strip())
    assert set(points) == {"robot-fleet", "fleet_controller", "fleet_sim", "coverage_planner"}
    for point in points.values():
        module, _, function = point.partition(":")
        assert callable(getattr(__import__(module, fromlist=[function]), function)), point


def test_migrations_are_installed_with_the_package() -> None:
    """Alembic reads them as files, so that nothing imports them, and nothing would miss them before a database is opened."""
    folders = {path.parent for path in (ROOT / "robot_fleet" / "storage" / "migrations").rglob("*.py")}
    assert {folder.name for folder in folders} == {"migrations", "versions"}
    assert all((folder / "__init__.py").exists() for folder in folders)  # else setup's `find:` leaves them out


def test_metadata_stays_out_of_pyproject() -> None:
    """With a [project] table colcon loses the metadata of setup.cfg."""
    assert not re.search(r"^\[project[.\]]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_requirement_is_pinned_and_explained() -> None:
    """One line of why for each dependency, and one version."""
    for name in ("run.txt", "dev.txt", "ros.txt"):
        for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-c")):
                assert re.fullmatch(r"[\w.-]+==[\w.]+(\s*;[^#]+)?\s+# .{5,}", line), f"{name}: {line}"
