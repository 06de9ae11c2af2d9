"""What the run store asks of the kind of database it writes to."""

from __future__ import annotations

from typing import Protocol

import sqlalchemy as sql
from sqlalchemy import exc

from robot_fleet.fleet.errors import FleetError, InvalidInput
from robot_fleet.floor.faults import Fault


class Place(Protocol):
    """A database that one process at a time may write to."""

    name: str
    """For people: never with a password."""

    def connect(self, migrate: bool) -> sql.Connection:
        """A connection that alone may write, to a database with the newest layout (or one that could be brought to it).

        Raises SQLAlchemyError, or a FleetError: Unavailable with the reason DATABASE_IN_USE when another process has it.
        """

    def is_lost(self, connection: sql.Connection) -> bool:
        """Whether the connection has ended, and with it the right to write."""

    def has_hung_up(self, connection: sql.Connection) -> bool:
        """Whether the other end has ended the connection, as far as this machine has heard: nobody is asked."""

    def refusal(self, error: exc.SQLAlchemyError) -> FleetError:
        """What a failed opening or reading means for a person."""

    def release(self) -> None:
        """Lets others have it; a second call does nothing."""


def cause_of(error: exc.SQLAlchemyError) -> str:
    """What the database said, in one line without a full stop, without the statement and its parameters."""
    return " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")


def bad_database(place: str, what: str, remedy: str) -> InvalidInput:
    """The refusal of a place that cannot be a database of runs."""
    return InvalidInput("BAD_DATABASE", (Fault("database", place, what, remedy),))
