"""The documents keep pace with the code: links, commands, state tables, walls."""

from __future__ import annotations

import enum
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from test_walls import ROOMS
from typer.main import get_command

from robot_fleet.cli.app import app
from robot_fleet.fleet.states import ROBOT_TABLE, RUN_TABLE, RobotEvent, RobotState, RunEvent, RunState

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("*.rst"), *(ROOT / "docs").glob("*.md")])
AT_WORK = [state for state in RobotState if state not in (RobotState.OFFLINE, RobotState.HELD)]

pytestmark = pytest.mark.quick


def parts_of_code(text: str) -> Iterator[str]:
    """Fenced blocks' lines, continued lines joined, and spans in backticks."""
    joined = text.replace("\\\n", " ")
    for block in re.findall(r"```(?:bash|console|sh)?\n(.*?)```", joined, re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", joined, flags=re.DOTALL))


def commands_in(document: Path) -> list[list[str]]:
    """The arguments of every robot-fleet call that a document shows."""
    found = []
    for part in parts_of_code(document.read_text()):
        call = re.search(r"(?:^|[\s/(])robot-fleet ([a-z-].*)", part.split(" #")[0])
        if call:
            arguments = call[1].split("|")[0].split("&")[0]
            found.append(shlex.split(arguments.replace("…", ""), comments=True))
    return found


def table(states: type[enum.Enum], events: type[enum.Enum], changes: Mapping, group: list, name: str) -> str:
    """A state table as ARCHITECTURE.md shows it: for each event, in which states it leads where."""
    lines = ["| event | in | leads to |", "|---|---|---|"]
    for event in events:
        leads: dict[str, list] = {}
        for state in states:
            if (state, event) in changes:
                after = changes[state, event]
                leads.setdefault("the same" if after is state else after.value, []).append(state)
        lines += [f"| {event.value} | {_listed(found, group, name)} | {after} |" for after, found in leads.items()]
    return "\n".join(lines)


def _listed(states: list, group: list, name: str) -> str:
    whole = bool(group) and all(state in states for state in group)
    rest = [state.value for state in states if not (whole and state in group)]
    return ", ".join([*rest, *([name] if whole else [])])


def test_the_run_table_is_the_codes() -> None:
    expected = table(RunState, RunEvent, RUN_TABLE, [], "")
    assert expected in (ROOT / "ARCHITECTURE.md").read_text(), f"paste this:\n{expected}"


def test_the_robot_table_is_the_codes() -> None:
    expected = table(RobotState, RobotEvent, ROBOT_TABLE, AT_WORK, "any at work")
    assert expected in (ROOT / "ARCHITECTURE.md").read_text(), f"paste this:\n{expected}"


def test_the_walls_table_names_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for room in ROOMS:
        assert re.search(rf"^\|[^|]*\b{room}\b[^|]*\|", text, re.MULTILINE), f"{room} is not in a table"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link or link.startswith("#"):
            continue
        assert (document.parent / link.split("#")[0]).exists(), f"{document.name}: {link}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_that_is_shown_exists(document: Path) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for arguments in commands_in(document):
        name, *rest = arguments
        if name.startswith("-"):
            continue
        assert name in commands, f"{document.name}: robot-fleet {name}"
        command = commands[name]
        for word in rest[:1]:
            # A command of commands; several of them are shown as `check | backup`.
            command = getattr(command, "commands", {}).get(word, command)
        known = {option for parameter in command.params for option in parameter.opts} | {"-h", "--help"}
        shown = {word.split("=")[0] for word in rest if word.startswith("-") and len(word) > 1}
        assert shown <= known, f"{document.name}: robot-fleet {' '.join(arguments)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_is_shown_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for part in parts_of_code(document.read_text()):
        call = re.match(r"\s*(?:\$ )?make ([a-z]+)", part)
        assert call is None or call[1] in targets, f"{document.name}: make {call and call[1]}"
