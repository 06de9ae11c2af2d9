"""Exit codes, and how an error becomes one: said on stderr, with its remedy."""

from __future__ import annotations

import enum
import errno
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robot_fleet.client import ClientError
    from robot_fleet.floor.faults import Fault


class Exit(enum.IntEnum):
    """What a command ends with."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    BUG = 70
    INTERRUPTED = 130


EXIT_CODES = """\
[bold]Exit codes[/]
 0  done
 1  done, but the result is bad: a run failed or was stopped, a plan is unsound, a robot did not confirm
 2  wrong usage, or bad input
 3  no controller answers
 4  the controller refuses
 70  a bug
 130  interrupted"""


# Errors of one text may have several lines; faults have one each.
_LINES = "\n"
_LISTED_BY = {
    "RUN_NOT_FOUND": "`robot-fleet runs` lists the runs.",
    "ROBOT_NOT_FOUND": "`robot-fleet robots` lists the robots.",
    "CLOSURE_NOT_FOUND": "`robot-fleet closures` lists what is closed.",
}


class CommandFailed(Exception):
    """Ends the command with an exit code; the text and the remedy go to stderr."""

    def __init__(self, exit_code: Exit, text: str, remedy: str = "") -> None:
        self.exit_code = exit_code
        self.remedy = remedy
        super().__init__(text)


def check_writable(*files: Path) -> None:
    """CommandFailed when a file that long work is to end in could not be written then."""
    for file in files:
        try:
            if not stat.S_ISDIR(os.stat(file.parent).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "its parent is no folder")
            if os.path.isdir(file):
                raise IsADirectoryError(errno.EISDIR, "it is a folder")
            if not os.access(file if os.path.lexists(file) else file.parent, os.W_OK):
                raise PermissionError(errno.EACCES, "permission denied")
        except OSError as fault:
            raise unwritable(file, fault) from None


def unwritable(file: Path, fault: OSError) -> CommandFailed:
    """What to say of a file that cannot be written."""
    remedy = "Name a file in a folder that exists and that you may write to."
    return CommandFailed(Exit.USAGE, f"{str(file)[:300]} cannot be written: {fault.strerror or fault}", remedy)


def exit_code_of(error: Exception) -> Exit | None:
    """Says what is wrong on stderr and returns the exit code; None for what is no error of a user or of the world."""
    from robot_fleet.client import ClientError
    from robot_fleet.fleet.errors import FleetError

    if isinstance(error, CommandFailed):
        complain(str(error), error.remedy)
        return error.exit_code
    if isinstance(error, ClientError):
        return _client_exit(error)
    if isinstance(error, FleetError):
        complain_of_faults(error.faults) if error.faults else complain(str(error))
        return Exit.USAGE
    return None


def printable(text: str, keep: str = "") -> str:
    """The text for a console, what would steer a terminal or cannot be written as escapes; signs to `keep` stay."""
    from rich.markup import escape

    return escape("".join(one if one.isprintable() or one in keep else ascii(one)[1:-1] for one in text))


def complain(text: str, remedy: str = "") -> None:
    """One error on stderr."""
    from robot_fleet.cli.screen import stderr

    stderr().print(f"[bold red]error:[/] {printable(text, keep=_LINES)}", highlight=False, soft_wrap=True)
    if remedy:
        stderr().print(f"       {printable(remedy, keep=_LINES)}", highlight=False, soft_wrap=True)


def complain_of_faults(faults: tuple[Fault, ...], heading: str = "") -> None:
    """Every fault on stderr: where, what, and below it the remedy."""
    from robot_fleet.cli.screen import stderr

    count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    stderr().print(f"[bold red]error:[/] {printable(heading) or 'nothing was started'}: {count}", highlight=False)
    for fault in faults:
        where = f"{fault.file}: {fault.place}" if fault.place else fault.file
        stderr().print(f"  • [bold]{printable(where)}[/]: {printable(fault.what)}", highlight=False, soft_wrap=True)
        stderr().print(f"    {printable(fault.remedy)}", highlight=False, soft_wrap=True)


def _client_exit(error: ClientError) -> Exit:
    from robot_fleet.client import Unreachable

    if isinstance(error, Unreachable):
        complain(str(error), error.remedy)
        return Exit.UNREACHABLE
    if error.code == "INTERNAL":
        complain(str(error), "Please report it, with that part of the controller's log.")
        return Exit.BUG
    if error.fields:
        _complain_of_fields(error.fields)
    else:
        complain(str(error), error.remedy or _LISTED_BY.get(error.reason, ""))
    return Exit.USAGE if error.code == "INVALID_ARGUMENT" else Exit.REFUSED


def _complain_of_fields(fields: dict[str, str]) -> None:
    from robot_fleet.cli.screen import stderr

    stderr().print("[bold red]error:[/] the controller refuses the request, and nothing was done:", soft_wrap=True)
    for field, texts in fields.items():
        for text in texts.splitlines():
            stderr().print(f"  • [bold]{printable(field)}[/]: {printable(text)}", soft_wrap=True)


def say_bug(error: Exception) -> Exit:
    """For what should not happen: the traceback, and what to do with it."""
    import traceback

    traceback.print_exception(error, file=sys.stderr)
    complain(f"robot-fleet made a mistake: {error!r}", "Please report it, with the lines above.")
    return Exit.BUG
