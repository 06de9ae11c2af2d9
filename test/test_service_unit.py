"""The systemd unit: a command that exists, the hardening that is promised, and systemd's own word."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from robot_fleet.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "config" / "robot-fleet.service"

pytestmark = pytest.mark.quick


def settings(section: str) -> dict[str, list[str]]:
    """A section's settings; one that comes twice has two values."""
    text = UNIT.read_text().split(f"[{section}]\n")[1].split("\n[")[0]
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_it_starts_a_command_that_exists_with_options_that_exist() -> None:
    program, name, *arguments = settings("Service")["ExecStart"][0].split()
    assert Path(program).name == "robot-fleet"
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= known


def test_what_it_writes_lies_where_it_may_write() -> None:
    service = settings("Service")
    assert (service["StateDirectory"], service["CacheDirectory"]) == (["robot-fleet"], ["robot-fleet"])
    data = service["ExecStart"][0].split("--data ")[1].split()[0]
    places = [data, *re.findall(r"(?:HOME|ROS_LOG_DIR|NUMBA_CACHE_DIR)=(\S+)", "\n".join(service["Environment"]))]
    assert len(places) == 4
    assert all(place.startswith(("/var/lib/robot-fleet", "/var/cache/robot-fleet")) for place in places)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("User", "robot-fleet"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("Restart", "on-failure"),
        ("KillMode", "mixed"),
        ("OOMPolicy", "continue"),
    ],
)
def test_it_is_hardened_and_comes_back(name: str, value: str) -> None:
    assert settings("Service")[name] == [value]


def test_it_never_gives_up_and_leaves_the_compiler_its_memory() -> None:
    assert settings("Unit")["StartLimitIntervalSec"] == ["0"]
    # numba writes machine code and runs it.
    assert "MemoryDenyWriteExecute" not in settings("Service")
    # DDS asks the kernel for the network interfaces by netlink.
    assert "AF_NETLINK" in settings("Service")["RestrictAddressFamilies"][0].split()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_finds_no_fault_with_it(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    # The program is not installed where tests run.
    copy.write_text(UNIT.read_text().replace("/opt/robot-fleet/bin/robot-fleet", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
