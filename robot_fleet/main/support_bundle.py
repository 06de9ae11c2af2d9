"""A file for whoever helps: what is set up, what happened last, on what machine; without secrets."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from robot_fleet.main.data_folder import DATABASE, data_folders, default_data_folder
from robot_fleet.main.redaction import Redactor
from robot_fleet.main.support_parts import database_parts, environment, log_tail, machine, store_files, versions

_BINARY = (".png", ".pgm")


@dataclass(frozen=True)
class Bundle:
    """What was written: the names within, and what could not be had, with the reason."""

    file: str
    names: tuple[str, ...]
    missing: tuple[str, ...]


def write_bundle(file: Path, store: Path | None, data: Path | None, log: Path | None, database: str = "") -> Bundle:
    """Writes the bundle as a .tar.gz for its owner alone. OSError when it cannot be written.

    A part that cannot be had is named in it and leaves the others alone: bundles are asked for when things are broken.
    """
    gathering = _Gathering(Redactor(os.environ.items()))
    redactor = gathering.redactor
    folders = [] if database and not data else _folders(store, data)
    gathering.add("versions.txt", versions)
    gathering.add("environment.txt", lambda: environment(redactor))
    gathering.add("machine.txt", lambda: machine(folders[0] if folders else Path.home()))
    if store:
        gathering.add_all("store", lambda: store_files(store, redactor))
    else:
        gathering.missing.append("store: not told; --store DIR adds its files")
    for folder in folders:
        _add_database(gathering, folder)
    if database:
        gathering.add_all("database", lambda: database_parts(database, redactor))
    elif not folders:
        gathering.missing.append("database: there is none in the usual place; --data DIR names one")
    gathering.add("log.txt", lambda: log_tail(log, redactor))
    parts = gathering.swept()
    _write(file, parts)
    return Bundle(str(file), tuple(parts), tuple(gathering.missing))


def _folders(store: Path | None, data: Path | None) -> list[Path]:
    if data:
        return [data]
    return [default_data_folder(store.resolve().name)] if store else data_folders()


def _add_database(gathering: _Gathering, folder: Path) -> None:
    database = folder / DATABASE
    if database.is_file():
        gathering.add_all(f"data/{folder.name}", lambda: database_parts(database, gathering.redactor))
    else:
        gathering.missing.append(f"data/{folder.name}: there is no file {database}")


class _Gathering:
    """Collects the parts by name, and what is missing with its reason."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor
        self.missing: list[str] = []
        self._parts: dict[str, bytes] = {}

    def add(self, name: str, part: Callable[[], str]) -> None:
        try:
            text = part()
        except Exception as error:
            self.missing.append(f"{name}: {error!r}")
            return
        if text:
            self._parts[name] = text.encode()
        else:
            self.missing.append(f"{name}: there is nothing" + "; --log FILE names one" * (name == "log.txt"))

    def add_all(self, folder: str, parts: Callable[[], Iterable[tuple[str, bytes]]]) -> None:
        try:
            for name, content in parts():
                self._parts[f"{folder}/{name}"] = content
        except Exception as error:
            self.missing.append(f"{folder}: {error!r}")

    def swept(self) -> dict[str, bytes]:
        """All parts, without what was found to be a secret in any of them."""
        self.missing = [self.redactor.sweep(self.redactor.text(line)) for line in self.missing]
        texts = {**self._parts, "missing.txt": "".join(f"{line}\n" for line in self.missing).encode()}
        return {
            self.redactor.sweep(name): content
            if name.endswith(_BINARY)
            else self.redactor.sweep(content.decode("utf-8", "replace")).encode()
            for name, content in texts.items()
        }


def _write(file: Path, parts: dict[str, bytes]) -> None:
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    top = file.name.split(".")[0] or "robot-fleet-support"
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as opened:
            with tarfile.open(fileobj=opened, mode="w:gz") as archive:
                for name, content in sorted(parts.items()):
                    entry = tarfile.TarInfo(f"{top}/{name}")
                    entry.size, entry.mtime = len(content), int(time.time())
                    archive.addfile(entry, io.BytesIO(content))
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
