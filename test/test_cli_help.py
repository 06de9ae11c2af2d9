"""The help is quick, complete and true."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from typing import Any

import pytest
import typer

from robot_fleet import __version__
from robot_fleet.cli import without_ros_arguments
from robot_fleet.cli.app import app, run
from robot_fleet.cli.examples import _EXAMPLES
from robot_fleet.cli.exits import EXIT_CODES, Exit

CALLBACKS = {command.name: command.callback for command in app.registered_commands if command.name}
CALLBACKS |= {
    f"{group.name} {command.name}": command.callback
    for group in app.registered_groups
    if group.typer_instance
    for command in group.typer_instance.registered_commands
}
COMMANDS = list(CALLBACKS)


def known(command: str) -> Any:
    """The command by its name, which for one within another is two words."""
    found: Any = typer.main.get_command(app)
    for word in command.split():
        found = found.commands[word]
    return found


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


def test_every_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == Exit.OK
    listed = capsys.readouterr().out
    assert {"serve", "sim", "plan", "judge", "start", "stop", "pause", "resume", "status", "watch"} <= set(COMMANDS)
    assert {"runs", "robots", "alerts", "ack"} <= set(COMMANDS)
    for command in COMMANDS:
        assert re.search(rf"\b{command.split()[0]}\b", listed)


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == Exit.USAGE
    shown = capsys.readouterr()
    assert "Usage" in shown.out + shown.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_each_of_its_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == Exit.OK
    shown = capsys.readouterr().out
    for parameter in known(command).params:
        if parameter.name != "help":
            assert parameter.help, f"{command}: {parameter.name} has no help"
    assert command in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_says_all_that_is_written_and_breaks_no_line_on_a_narrow_screen(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*command.split(), "--help"]) == Exit.OK
    shown = capsys.readouterr().out
    first, *rest = (inspect.getdoc(CALLBACKS[command]) or "").split("\n\n")
    for paragraph in (first, *rest):
        assert " ".join(paragraph.split()) in " ".join(shown.split())
    for paragraph in rest:
        # Several lines stay lines; a single one is wrapped.
        assert "\n" not in paragraph or all(line in shown for line in paragraph.splitlines())


@pytest.mark.parametrize(("command", "line"), [(name, line) for name, rows in _EXAMPLES.items() for line, _ in rows])
def test_the_examples_are_commands_that_exist(command: str, line: str) -> None:
    arguments = line.split(" | ", maxsplit=1)[0].split()
    assert arguments[: 1 + len(command.split())] == ["robot-fleet", *command.split()]
    options = {option for parameter in known(command).params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= options


def test_the_exit_codes_are_told_in_full() -> None:
    for code in Exit:
        assert f" {code.value} " in EXIT_CODES, code


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == Exit.OK
    assert capsys.readouterr().out == f"robot-fleet {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["eat"], ["start", "--fast"], ["stop", "--wait", "forever"], ["ack", "r1"], ["sim"], ["db", "eat"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == Exit.USAGE
    assert "Usage" in capsys.readouterr().err


def test_help_imports_nothing_that_is_slow() -> None:
    heavy = ("grpc", "numpy", "shapely", "cv2", "scipy", "networkx", "rclpy", "sqlalchemy")
    code = (
        "import sys\nfrom robot_fleet.cli.app import run\nrun(['--help'])\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], []),
        (["--store", "x"], ["--store", "x"]),
        (["--store", "x", "--ros-args", "-r", "__node:=fleet"], ["--store", "x"]),
        (["--ros-args", "-p", "a:=1", "--", "--store", "x"], ["--store", "x"]),
    ],
)
def test_what_a_launch_file_adds_is_left_out(given: list[str], kept: list[str]) -> None:
    assert without_ros_arguments(given) == kept
