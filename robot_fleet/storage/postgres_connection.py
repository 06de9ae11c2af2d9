"""A connection to PostgreSQL that waits for the server for a bounded time only. Imported where PostgreSQL is used alone."""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg

ANSWER_S = 2.0
"""How long one statement may take, in seconds, whatever becomes of the server and the network."""
# The server ends by itself what takes too long, long before we give it up.
SERVER_TIMEOUTS = {"lock_timeout": "500ms", "statement_timeout": "1500ms"}
# A server that lost its client to a power cut, say, must let go of the client's lock within half a minute.
SERVER_KEEPALIVES = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
_OPTIONS: dict[str, Any] = {
    "connect_timeout": 2,  # seconds, the least that there is
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 2000,  # milliseconds
}


class PatientConnection(psycopg.Connection[Any]):
    """Gives a server up that does not answer within `answer_s` seconds: the connection is closed then."""

    answer_s: float = ANSWER_S

    @property
    def has_hung_up(self) -> bool:
        """Whether the server has ended it, or its machine or the network did, as far as this machine has heard."""
        if self.closed:
            return True
        end = select.poll()
        end.register(self.fileno(), getattr(select, "POLLRDHUP", 0))
        return bool(end.poll(0))

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """What psycopg waits in for all answers of the server."""
        limit_s = self.answer_s if timeout is None else timeout
        began_s = time.monotonic()
        try:
            return super().wait(gen, interval, limit_s)
        except psycopg.OperationalError as error:
            if self.pgconn.status != 0 or time.monotonic() - began_s < limit_s:
                raise
            self.pgconn.finish()
            text = f"the server did not answer within {limit_s:g} s"
            raise psycopg.OperationalError(text) from error


def connected(options: dict[str, Any]) -> PatientConnection:
    """A new connection with libpq's options, which may replace the usual ones; psycopg.Error when there is none."""
    return PatientConnection.connect(**{**_OPTIONS, **options})
