"""How much one sender may send. Pure: the time is passed in."""

from __future__ import annotations

from collections import Counter
from typing import Final

KEYS_KEPT: Final = 10_000
"""Senders remembered by a rate; over this many, those who could send their whole burst again are forgotten."""


class TokenBucket:
    """Allows `burst` at once and `rate` a second in the long run."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: int, now_s: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = now_s

    def take(self, now_s: float) -> float:
        """Take one. 0.0 when allowed, else the seconds until one will be there."""
        self._tokens = min(self._burst, self._tokens + (now_s - self._at) * self._rate)
        self._at = now_s
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate

    def is_full(self, now_s: float) -> bool:
        """Whether nothing is remembered that a new bucket would not have."""
        return self._tokens + (now_s - self._at) * self._rate >= self._burst


class Occupancy:
    """At most `most` at once under each key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: Counter[str] = Counter()

    def enter(self, key: str) -> bool:
        """One more; False when it is full. Each that entered must leave."""
        if self._inside[key] >= self._most:
            return False
        self._inside[key] += 1
        return True

    def leave(self, key: str) -> None:
        """One less."""
        self._inside[key] -= 1
        if not self._inside[key]:
            del self._inside[key]


class RatePerKey:
    """A token bucket for each key, forgotten when it is full again."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, TokenBucket] = {}
        self._sweep_at = KEYS_KEPT

    def take(self, key: str, now_s: float) -> float:
        """As `TokenBucket.take`, for one key."""
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._sweep_at:
                self._buckets = {k: b for k, b in self._buckets.items() if not b.is_full(now_s)}
                # Swept again only after as many more: a flood of keys must not make each of them cost a sweep.
                self._sweep_at = max(KEYS_KEPT, 2 * len(self._buckets))
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst, now_s)
        return bucket.take(now_s)
