"""Pages of a list (AIP-158). A token holds the sort key of its page's last item, so that newcomers shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from robot_fleet.api.validation import Findings

Item = TypeVar("Item")
Key = tuple[float, str]


def page_of(
    items: Iterable[Item], key: Callable[[Item], Key], listing: str, size: int, token: str
) -> tuple[list[Item], str]:
    """The page after `token` in the order of `key`, and the token of the next page, empty at the end.

    `listing` names the list and its filters: a token of another one is refused. InvalidInput with every fault.
    """
    findings = Findings()
    most = findings.page_size(size)
    after = _key_of(token, listing, findings)
    findings.conclude()
    rest = sorted((item for item in items if after is None or key(item) > after), key=key)
    more = len(rest) > most
    return rest[:most], _token_of(key(rest[most - 1]), listing) if more else ""


def _token_of(key: Key, listing: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([listing, *key]).encode()).decode()


def _key_of(token: str, listing: str, findings: Findings) -> Key | None:
    if not token:
        return None
    try:
        of_listing, number, name = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
        if of_listing == listing and isinstance(number, int | float) and isinstance(name, str):
            return number, name
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    findings.add(
        "page_token", "BAD_TOKEN", "it is not from this list", "Give a next_page_token of the same request, or none."
    )
    return None
