"""Backups of the database of runs, and the way back. A copy is written beside its place, proved, and then put there.

Whatever ends the process in between leaves the old file or the new one, whole, and perhaps a `.part` file.
"""

from __future__ import annotations

import datetime
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import exc

from robot_fleet.fleet.errors import InvalidInput, Unavailable
from robot_fleet.floor.faults import Fault
from robot_fleet.storage.database_check import DatabaseReport, check_database
from robot_fleet.storage.database_moving import bring_in, export
from robot_fleet.storage.lock import FileLock, Locked
from robot_fleet.storage.place import cause_of
from robot_fleet.storage.postgres_place import AWAY
from robot_fleet.storage.reading import Database, is_served, name_of, opened_to_read
from robot_fleet.storage.tables import LAYOUT

_SIDES = ("-wal", "-shm", "-journal")


def back_up(database: Database, target: Path, replace: bool = False) -> DatabaseReport:
    """Copies the database, in use or not, as it is after its last commit, into a file; what the copy was found to hold.

    InvalidInput when the target is there (unless it may be replaced), is the database itself, or cannot be written, and
    when the database is damaged: nothing is written then.
    """
    _check_target(database, target, replace)
    with _part(target) as part:
        report = _proved_copy(database, part)
        _put(part, target, replace)
    return report


def restore(backup: Path, database: Database, now: datetime.datetime) -> tuple[DatabaseReport, Path | None]:
    """Puts a backup in the database's place; what it holds, and where the old database is kept now.

    On a server the place must be empty. What root restores belongs to whom the old database belonged, or else its folder.
    Unavailable while a controller uses the database; InvalidInput for what is no sound backup that can be read here.
    """
    _refuse_unsound(check_database(backup))
    if is_served(database):
        bring_in(backup, str(database))
        return check_database(database), None
    return _restore_file(backup, Path(database), now)


def _restore_file(backup: Path, database: Path, now: datetime.datetime) -> tuple[DatabaseReport, Path | None]:
    if database.exists() and backup.samefile(database):
        raise _bad(backup, "is the database itself", "Name a backup.")
    model, lock_file = _model_of(database), database.with_name(database.name + ".lock")
    try:
        _make_folder(database.parent, model)
        lock = FileLock(lock_file)
        _hand_over(lock_file, model)
    except Locked as error:
        text = f"database {database}: is in use by {error.holder}. Stop the controller, and restore then."
        raise Unavailable("DATABASE_IN_USE", text) from error
    except OSError as error:
        raise _unwritable(database, error) from error
    try:
        with _part(database) as part:
            report = _proved_copy(backup, part)
            _hand_over(part, model, like=stat.S_ISREG(model.st_mode))
            kept = _kept(database, now)
            _put(part, database, replace=True)
    finally:
        lock.release()
    return report, kept


def _model_of(database: Path) -> os.stat_result:
    """Whom the database that is there belongs to; where there is none the nearest folder of its path."""
    return next(path for path in (database, *database.absolute().parents) if path.exists()).stat()


def _make_folder(folder: Path, model: os.stat_result) -> None:
    new = [path for path in (folder, *folder.absolute().parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in new:
        _hand_over(path, model)


def _hand_over(path: Path, model: os.stat_result, like: bool = False) -> None:
    """Gives what root made to the user and group of the model, and its mode if it is to be `like` it: else the controller's
    own user could not open it. For anybody else nothing is to be done.
    """
    if os.geteuid() != 0:
        return
    # Not through a link: whoever owns the folder could have put one there that leads to a file of root's.
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fchown(file, model.st_uid, model.st_gid)
        if like:
            os.fchmod(file, stat.S_IMODE(model.st_mode))
    finally:
        os.close(file)


def copy_beside(database: Path, what: str, now: datetime.datetime) -> Path:
    """A copy of the database, in use or not, beside it under a name with `what` and the date; InvalidInput when there is none."""
    target = _dated(database, what, now)
    with _part(target) as part:
        _copy(database, part)
        _put(part, target, replace=False)
    return target


def _check_target(database: Database, target: Path, replace: bool) -> None:
    file = Path(database)
    own = {file.name + side for side in ("", ".lock", *_SIDES)}
    if not is_served(database) and target.name in own and target.parent.resolve() == file.parent.resolve():
        raise _bad(target, "belongs to the database itself", "Give another path, best on another disk.")
    if target.is_dir():
        raise _bad(target, "is a folder", "Give the path of a file in it.")
    if os.path.lexists(target) and not replace:
        raise _bad(target, "is there already", "Give another path, or --force to replace it.")


@contextmanager
def _part(target: Path) -> Iterator[Path]:
    """A new file beside the target, for its owner alone, that is gone in the end."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        yield part
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        for side in ("", *_SIDES):
            part.with_name(part.name + side).unlink(missing_ok=True)


def _proved_copy(source: Database, part: Path) -> DatabaseReport:
    if is_served(source):
        _export(str(source), part)
    else:
        _copy(Path(source), part)
    report = check_database(part)
    _refuse_unsound(DatabaseReport(name_of(source), report.ours, report.layout, faults=report.faults))
    return report


def _export(source: str, part: Path) -> None:
    try:
        export(source, part)
    except exc.SQLAlchemyError as error:
        remedy = f"Free some space on its disk. {AWAY}"
        raise _bad(part.parent, f"{name_of(source)} could not be copied there: {cause_of(error)}", remedy) from error
    _sync(part)


def _copy(source: Path, part: Path) -> None:
    try:
        with closing(opened_to_read(source)) as reading, closing(sqlite3.connect(part)) as writing:
            # In one step: a copy in several begins anew whenever the controller commits, which is each second.
            reading.backup(writing, pages=-1)
            # One file that needs nothing beside it; a controller turns its own database to write-ahead logging.
            writing.execute("PRAGMA journal_mode=DELETE").close()
    except sqlite3.Error as error:
        full = "Free some space on its disk, and see what `robot-fleet db check` says of the database."
        raise _bad(part.parent, f"{source} could not be copied there: {error}", full) from error
    _sync(part)


def _refuse_unsound(report: DatabaseReport) -> None:
    if not report.faults:
        return
    if report.ours and report.layout.isdigit() and int(report.layout) > int(LAYOUT):
        what = f"is of a newer robot_fleet: layout {report.layout}, and this one reads layout {LAYOUT}"
        raise _bad(Path(report.file), what, "Use the version of robot_fleet that wrote it, or a newer one.")
    named = tuple(Fault(report.file, fault.place, fault.what, fault.remedy) for fault in report.faults)
    raise InvalidInput("UNSOUND_DATABASE", named)


def _kept(database: Path, now: datetime.datetime) -> Path | None:
    """Gives the old database a second, dated name, with whatever its log still holds; None when there is none."""
    if not os.path.lexists(database):
        return None
    kept = _dated(database, "before", now)
    try:
        with closing(sqlite3.connect(database, isolation_level=None, timeout=1.0)) as connection:
            # Brings the log into the file. A log that stayed would be read into the new database, and spoil it.
            connection.execute("PRAGMA journal_mode=DELETE").close()
    except sqlite3.OperationalError as error:
        text = f"database {database}: {error}. Another program holds it; close that program and try again."
        raise Unavailable("DATABASE_BUSY", text) from error
    except sqlite3.DatabaseError:
        pass  # It is damaged, and that is why somebody restores: it is kept as it is.
    try:
        os.link(database, kept)
    except OSError:  # a disk that knows no second names
        shutil.copy2(database, kept)
        _sync(kept)
    for side in _SIDES:
        with suppress(FileNotFoundError):
            os.rename(database.with_name(database.name + side), kept.with_name(kept.name + side))
    _sync(database.parent)
    return kept


def _dated(database: Path, what: str, now: datetime.datetime) -> Path:
    stem = f"{database.name}.{what}-{now:%Y-%m-%dT%H-%M-%S}"
    names = (stem if number == 0 else f"{stem}-{number}" for number in range(1000))
    return next(path for path in map(database.with_name, names) if not os.path.lexists(path))


def _put(part: Path, target: Path, replace: bool) -> None:
    if not replace:
        try:
            os.link(part, target)  # which, unlike a rename, replaces nothing that has come there since
        except FileExistsError:
            raise _bad(target, "is there already", "Give another path, or --force to replace it.") from None
        except OSError:  # a disk that knows no second names
            os.replace(part, target)
    else:
        os.replace(part, target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _unwritable(path: Path, error: OSError) -> InvalidInput:
    what = f"cannot be written: {error.strerror or error}"
    return _bad(path, what, "Name a file in a folder that exists, that this user may write to, with space left.")


def _bad(path: Path, what: str, remedy: str) -> InvalidInput:
    return InvalidInput("BAD_FILE", (Fault("database", str(path), what, remedy),))
