"""What a waiting customer is told: the place, how long it took lately, and whether anybody is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from handoff.domain.waits import PICKUPS_KEPT, RECENT_MS, Pickup, wait_range
from handoff.ports import Clock, EventLog

READ_AGAIN_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Place:
    """A waiting customer's place: 1 is next. `wait_s` is a range in seconds, None where too little is known."""

    position: int
    wait_s: tuple[int, int] | None
    agents_online: int


class Waits:
    """Recent pick-ups of every relay, from the database, and the agents who are online."""

    def __init__(self, log_: EventLog, clock: Clock, agents_online: Callable[[], int]) -> None:
        self._log = log_
        self._clock = clock
        self._agents_online = agents_online
        self._pickups: list[Pickup] = []
        self._read_at: int | None = None

    def agents_online(self) -> int:
        """How many agents could take somebody now."""
        return self._agents_online()

    async def renew(self, *, somebody_was_taken: bool) -> None:
        """Read the recent pick-ups again, where there may be new ones or the old ones have aged.

        Raises:
            StorageUnavailable: they cannot be read; what was known stays.
        """
        now = self._clock.now_ms()
        if not somebody_was_taken and self._read_at is not None and now - self._read_at < READ_AGAIN_MS:
            return
        # One more than moves are counted from: the first one only says where the next move began.
        self._pickups = await self._log.pickups(now - RECENT_MS, PICKUPS_KEPT + 1)
        self._read_at = now

    def place(self, position: int) -> Place:
        """What to tell at `position`. While nobody is online, what earlier waits took says nothing."""
        online = self._agents_online()
        return Place(position, wait_range(self._pickups, position) if online else None, online)
