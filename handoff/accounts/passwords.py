"""Hashing and checking passwords with Argon2id, off the event loop."""

from __future__ import annotations

import asyncio
import base64
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Final

from argon2 import Parameters, PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

PARAMETERS: Final = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=3, memory_cost=65_536, parallelism=1
)
"""RFC 9106's second recommendation (3 passes over 64 MiB) with one lane: a log-in must not take both cores of
a small machine from the bot."""

_AT_ONCE: Final = 2
# Each hash takes 64 MiB while it runs: a flood of log-ins waits its turn instead of filling the memory.

# Without 0/O, 1/I/L, 2/Z, 5/S, 8/B, U/V: what is read aloud or copied by hand stays what it was.
_LEGIBLE: Final = "34679ACDEFGHJKMNPQRTWXY"
_GROUPS, _GROUP_LENGTH = 4, 5


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a password was right, and if so whether its stored hash has outdated parameters."""

    matches: bool
    outdated: bool = False


class Passwords:
    """Argon2id with stated parameters. Equal work is done whether or not there is a hash to check against."""

    def __init__(self, parameters: Parameters = PARAMETERS) -> None:
        self._hasher = PasswordHasher(
            time_cost=parameters.time_cost,
            memory_cost=parameters.memory_cost,
            parallelism=parameters.parallelism,
            hash_len=parameters.hash_len,
            salt_len=parameters.salt_len,
            type=parameters.type,
        )
        self._nobody = _hash_of_nothing(parameters)
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The encoded hash to store: algorithm, parameters, salt and digest in one string."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, _canonical(password))

    async def verify(self, stored: str | None, password: str) -> Verification:
        """Check a password. `stored` is None for a user who does not exist: the same work, then no match."""
        async with self._room:
            matches = await asyncio.to_thread(self._matches, stored or self._nobody, _canonical(password))
        if not matches or stored is None:
            return Verification(matches=False)
        return Verification(matches=True, outdated=self._hasher.check_needs_rehash(stored))

    def _matches(self, stored: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def one_time_password() -> str:
    """A readable password for the first log-in: four groups of five, 90 bits (23 ** 20)."""
    return "-".join("".join(secrets.choice(_LEGIBLE) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))


def _canonical(password: str) -> bytes:
    # NFKC, so that the same keys pressed on another system give the same bytes (NIST SP 800-63B, 5.1.1.2).
    # A lone surrogate cannot be stored by check_new_password; here it must only not match.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _hash_of_nothing(parameters: Parameters) -> str:
    """A well-formed hash that no password has: checking against it takes as long as against a real one."""

    def field(length: int) -> str:
        return base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")

    return (
        f"$argon2id$v={parameters.version}$m={parameters.memory_cost},t={parameters.time_cost},"
        f"p={parameters.parallelism}${field(parameters.salt_len)}${field(parameters.hash_len)}"
    )
