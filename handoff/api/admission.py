"""How many sockets and conversations one address may have here: bounds for a flood, wide enough for an office behind one address.

Addresses are counted by network (`network_of`). This machine itself is not counted: what comes from there is a program
of one's own, or everybody at once through a proxy that BATON_TRUSTED_PROXIES does not name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final

from starlette.requests import HTTPConnection

from handoff.accounts.throttle import network_of
from handoff.domain.errors import RateLimited, TooManySockets
from handoff.relay.limits import Occupancy, RatePerKey

RETRY_MS: Final = 5_000
"""A socket that was refused is offered again after this: the others need time to go."""


class Admission:
    """Counts for one process."""

    def __init__(
        self, *, sockets_per_address: int, sockets_per_conversation: int, openings_per_minute: int
    ) -> None:
        self._by_address = Occupancy(sockets_per_address)
        self._by_conversation = Occupancy(sockets_per_conversation)
        self._openings = RatePerKey(openings_per_minute / 60, openings_per_minute)

    def enter_address(self, address: str) -> Callable[[], None]:
        """One more socket from `address`; returns what ends it. Raises `TooManySockets`."""
        if is_this_machine(address):
            return _nothing
        return _enter(self._by_address, network_of(address), "from your network")

    def enter_conversation(self, conversation_id: str) -> Callable[[], None]:
        """One more of a customer's sockets; returns what ends it. Raises `TooManySockets`."""
        return _enter(self._by_conversation, conversation_id, "for this conversation")

    def open_conversation(self, address: str, now_s: float) -> None:
        """One more conversation from `address`. Raises `RateLimited`."""
        if is_this_machine(address):
            return
        wait_s = self._openings.take(network_of(address), now_s)
        if wait_s > 0:
            raise RateLimited(
                "Too many conversations were opened from your network. Try again a little later.",
                retry_ms=int(wait_s * 1000) + 1,
            )


def address_of(connection: HTTPConnection) -> str:
    """Where a request or a socket comes from; empty where the server does not know."""
    return connection.client.host if connection.client is not None else ""


def is_this_machine(address: str) -> bool:
    """Whether an address is loopback."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback


def _enter(places: Occupancy, key: str, where: str) -> Callable[[], None]:
    if not places.enter(key):
        raise TooManySockets(
            f"Too many connections {where} are open. Close one, or try again later.", retry_ms=RETRY_MS
        )
    return lambda: places.leave(key)


def _nothing() -> None:
    """What ends a place that was not counted."""
