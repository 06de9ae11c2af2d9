"""How long a watch keeps trying when the controller is gone."""

from __future__ import annotations

import time

import grpc

from robot_fleet.client.errors import client_error

_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0


class Attempts:
    """Counts what failed since the last success; waits a little longer each time, and gives up after `patience_s`."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self.succeeded()

    def succeeded(self) -> None:
        """Something arrived."""
        self._heard_at = time.monotonic()
        self._pause_s = _FIRST_PAUSE_S

    def failed(self, error: grpc.RpcError, address: str) -> None:
        """Waits before the next attempt, or raises: at once what another attempt cannot mend, else when patience ends."""
        if error.code() not in _AGAIN or time.monotonic() - self._heard_at > self._patience_s:
            raise client_error(error, address) from None
        time.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
