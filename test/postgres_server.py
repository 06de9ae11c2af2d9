"""A real PostgreSQL server of Debian's for tests: in a temporary folder, on a Unix socket, and it can be made to die."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import psycopg
from conftest import lacking

OWNERS = ("postgres", "nobody")
PATIENCE_S = 30.0


def _programs() -> Path:
    """The folder with initdb and postgres; ends the test where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found or on_path:
        return (found[-1] if found else Path(str(on_path))).parent
    return lacking("there is no PostgreSQL here: apt install postgresql")  # type: ignore[return-value]


class PostgresServer:
    """One server with databases that are made as asked for. `port` tells only how its socket is called."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="fleet-pg-"))
        self._names = (f"fleet_{number}" for number in count(1))
        # As root it refuses to run.
        self._owner = {"user": self._owner_name()} if os.geteuid() == 0 else {}
        self.own(self._folder)
        command = [self._programs / "initdb", "--no-sync", "--auth=trust", "--username=fleet", "--encoding=UTF8"]
        # The locale of a user: keys must be compared by their bytes all the same.
        self._run(*command, "--locale=C.UTF-8", "--pgdata", self._folder / "data")
        # For everybody but one, who has a password.
        (self._folder / "data" / "pg_hba.conf").write_text("local all guest scram-sha-256\nlocal all all trust\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts it, and returns when it takes connections."""
        command = [self._programs / "postgres", "-D", self._folder / "data", "-k", self._folder, "-c"]
        options = ["listen_addresses=", "-c", "shared_buffers=16MB", "-c", "max_connections=20", "-c", "fsync=off"]
        # Without fsync: here processes die, and no machine.
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *options], stdout=log, stderr=log, cwd=self._folder, start_new_session=True, **self._owner
            )
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > until_s or self._process.poll() is not None:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(0.02)

    def be_up(self) -> None:
        """Starts it unless it runs."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def stop(self, mode: str = "immediate") -> None:
        """`pg_ctl stop -m` with that mode: what is not done is lost, as in a crash."""
        self._run(self._programs / "pg_ctl", "stop", "-m", mode, "-D", self._folder / "data")
        assert self._process
        self._process.wait()

    def kill(self) -> None:
        """kill -9 for all of it."""
        assert self._process
        while self._tell_all(signal.SIGKILL):
            pass
        self._process.wait()

    def pause(self) -> None:
        """Stops everything where it is, as on a machine that hangs, until `go_on`."""
        self._tell_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """Ends a pause."""
        self._tell_all(signal.SIGCONT)

    def _tell_all(self, number: signal.Signals) -> int:
        """Sends a signal to every process of the server; how many there are. One that ends just now needs none."""
        found = self._sessions()
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, number)
        return len(found)

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = next(self._names)
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def new_schema(self) -> str:
        """The URL of a new, empty schema in the database that all share; sooner made than a database."""
        name = next(self._names)
        self.execute(f"CREATE SCHEMA {name}")
        return f"{self.url('postgres')}&options=-csearch_path%3D{name}"

    def execute(self, statement: str, url: str = "") -> list[tuple[object, ...]]:
        """What a statement of somebody else gives."""
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            found = connection.execute(statement)  # type: ignore[call-overload]
            return found.fetchall() if found.description else []

    def url(self, database: str) -> str:
        """How a database is reached."""
        return f"postgresql://fleet@/{database}?host={self._folder}"

    def own(self, folder: Path) -> None:
        """Gives a folder to the server's user."""
        if self._owner:
            shutil.chown(folder, **self._owner)

    def close(self) -> None:
        """Ends it and leaves nothing."""
        if self._process and self._process.poll() is None:
            self.go_on()
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _sessions(self) -> list[int]:
        """The numbers of the server's processes. All of them have its folder as theirs."""
        data = str(self._folder / "data")
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (
                    os.readlink(process / "cwd") == data
                    and "Z" not in (process / "stat").read_text().rsplit(")")[1][:3]
                ):
                    found.append(int(process.name))
            except OSError:
                continue
        return found

    def _owner_name(self) -> str:
        known = {entry.pw_name for entry in pwd.getpwall()}
        return next(name for name in OWNERS if name in known)

    def _run(self, *command: str | Path) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self._folder, **self._owner)
        assert done.returncode == 0, done.stdout + done.stderr
