"""How long a place in the queue usually takes, from recent pick-ups. Pure; says nothing where too little is known.

A queue moves by one whenever an agent takes somebody, so what counts is how long the first one in it stands there:
from the later of its own arrival and the pick-up before, to its own pick-up. A customer at place `p` waits for `p`
such moves. Quiet hours, in which nobody waits, do not count as slowness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from handoff.domain.conversation import Conversation

PICKUPS_KEPT: Final = 50
RECENT_MS: Final = 4 * 3_600_000
"""A shift: what the queue did longer ago says little about how it moves now."""
TOLD_FROM: Final = 5
"""Pick-ups without which no range is told."""


@dataclass(frozen=True, slots=True)
class Pickup:
    """An agent took a customer who had waited since `waiting_since`. Milliseconds since the epoch."""

    at: int
    waiting_since: int


def pickup_of(before: Conversation, after: Conversation) -> Pickup | None:
    """The pick-up that happened between the two states, if one did."""
    if before.state != "waiting" or after.state != "agent" or before.waiting_since is None:
        return None
    return Pickup(after.at, before.waiting_since)


def wait_range(pickups: Sequence[Pickup], position: int) -> tuple[int, int] | None:
    """The middle half of the seconds that a customer at `position` (1 is next) would have waited lately.

    Every run of `position` moves that follow each other is one such wait; runs go on at the beginning, so that a
    place further back than there are pick-ups counts all of them, as often as it takes. None: too few to tell.
    """
    moves = _moves(pickups)
    if len(moves) < TOLD_FROM:
        return None
    whole, rest = divmod(position, len(moves))
    sums = [0, *accumulate(moves + moves)]
    waits = sorted(whole * sums[len(moves)] + sums[start + rest] - sums[start] for start in range(len(moves)))
    low, high = waits[len(waits) // 4] // 1000, -(-waits[(3 * len(waits)) // 4] // 1000)
    return max(low, 1), max(high, low + 1, 2)


def _moves(pickups: Sequence[Pickup]) -> list[int]:
    ordered = sorted(pickups, key=lambda pickup: pickup.at)
    return [max(b.at - max(a.at, b.waiting_since), 0) for a, b in pairwise(ordered)]
