"""How long a log-in has to wait after failures. No I/O, no clock.

Failures are counted by name and by network over 15 minutes. After the free ones each further failure
doubles the wait, up to a limit. An attempt made while waiting is refused unread and does not count, so
nobody can prolong another's wait by knocking; and a network from which the owner logged in lately has a
count of its own, so that strangers who guess at a name do not keep its owner out.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 15 * 60 * 1000
KNOWN_NETWORK_MS: Final = 30 * 24 * 3600 * 1000
_FIRST_WAIT_MS: Final = 2_000
_LONGEST_WAIT_MS: Final = 5 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Limit:
    """One count: its key in `login_failures`, and how many failures in the window cost nothing."""

    key: str
    free: int


@dataclass(frozen=True, slots=True)
class Count:
    """The failures under one key within the window; `last_at` in epoch milliseconds."""

    failures: int
    last_at: int


def wait_ms(limit: Limit, count: Count, now: int) -> int:
    """Milliseconds until the next attempt is read; 0: now.

    With five free failures a name can be tried 14 times in the first quarter of an hour and about once in
    two minutes from then on.
    """
    over = count.failures - limit.free
    if over < 0:
        return 0
    # 2 s times 2 ** 16 is far over the longest wait; the bound keeps the power small under a long attack.
    wait = min(_FIRST_WAIT_MS << min(over, 16), _LONGEST_WAIT_MS)
    return min(max(0, count.last_at + wait - now), wait)


def by_name(key: str) -> Limit:
    """Attempts at a name from networks its owner is not known to use.

    The key is a digest: people type their password into the wrong field, and that must not be stored.
    """
    return Limit(f"name:{_digest(key)}", free=5)


def by_owner(user_id: str, network: str) -> Limit:
    """Attempts at a name from one network its owner logged in from lately."""
    return Limit(f"owner:{_digest(user_id + ' ' + network)}", free=5)


def by_network(network: str) -> Limit:
    """Attempts at any name from one network; more are free, because an office shares one address."""
    return Limit(f"network:{network}", free=20)


def by_change(user_id: str) -> Limit:
    """Attempts to name the current password in a session that is already open."""
    return Limit(f"change:{user_id}", free=5)


def network_of(address: str) -> str:
    """The network an address is counted under: an IPv4 address itself, the /64 of an IPv6 address.

    A household or a rented server has a whole /64, so single IPv6 addresses would be free to change.
    Anything else (a test client, a Unix socket) is counted under one name.
    """
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return "other"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
