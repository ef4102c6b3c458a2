"""What goes wrong in a run and when, drawn from the seed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

Kind = Literal[
    "kill_relay",
    "kill_relay_unheard",
    "kill_bot",
    "kill_redis",
    "restart_fast",
    "restart_immediate",
    "cut_all",
]

WORDS_PER_FAULT: Final[Mapping[Kind, int]] = {
    "kill_relay": 5_000,
    "kill_relay_unheard": 5_000,
    "kill_bot": 20_000,
    "kill_redis": 15_000,
    "restart_fast": 20_000,
    "restart_immediate": 20_000,
    "cut_all": 10_000,
}
"""How many words are said for each fault of a kind; every kind happens at least once.

`kill_relay_unheard` is the crash between commit and `ack`: for a moment nothing that the relay says reaches anybody,
then it is killed, so that what it committed in that moment was not acknowledged.
"""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault, due when `at` words were acked; `target` picks which relay or bot (modulo how many there are)."""

    at: int
    kind: Kind
    target: int


def schedule(seed: int, words: int, kinds: frozenset[Kind], *, often: float = 1.0) -> list[Fault]:
    """The faults of a run in which `words` are said, by when they are due. `often` multiplies their number."""
    rng = Random(f"faults:{seed}")
    # Not in the last tenth: what recovers from a fault must still be seen at work.
    first, last = words // 50, max(words * 9 // 10, 1)
    return sorted(
        Fault(rng.randrange(first, last), kind, rng.randrange(1_000))
        for kind, words_per_fault in WORDS_PER_FAULT.items()
        if kind in kinds
        for _ in range(max(1, round(often * words / words_per_fault)))
    )
