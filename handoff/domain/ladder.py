"""The wake-up ladder: who is called, and when, for a customer whom nobody has taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

from handoff.domain.conversation import Conversation
from handoff.domain.rules import Rules, RungKind

RUNG_KINDS: Final[frozenset[str]] = frozenset(get_args(RungKind))


@dataclass(frozen=True, slots=True)
class Timer:
    """Something to be done at `due_at` (milliseconds since the epoch), unless it has become pointless by then."""

    kind: str
    due_at: int


def timers_set(before: Conversation, after: Conversation, rules: Rules) -> tuple[Timer, ...]:
    """The rungs that a wait sets when it begins; none while one goes on."""
    since = after.waiting_since
    if after.state != "waiting" or since is None or since == before.waiting_since:
        return ()
    return tuple(Timer(rung.kind, since + rung.after_ms) for rung in rules.ladder)
