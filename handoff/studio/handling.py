"""An agent's time, and to which question it went. Pure.

A handoff is the outcome of the last question before it in its episode, whoever asked for it. Time counts from the moment an
agent joins to the moment the agent leaves, passes the conversation on, gives it back or closes it: what a customer waits
costs the customer, not the agent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from handoff.domain.events import (
    AgentJoined,
    AgentLeft,
    AgentSaid,
    ConversationClosed,
    ConversationReturnedToBot,
    ConversationTransferred,
    EpisodeStarted,
    HandoffCancelled,
    HandoffExpired,
    HandoffRequested,
)

LONGEST_MIN: Final = 60.0
"""Minutes of one agent in one go: a conversation that is left open overnight has not taken a night."""

STEPS: Final = tuple(
    payload.KIND
    for payload in (
        AgentJoined,
        AgentLeft,
        AgentSaid,
        ConversationClosed,
        ConversationReturnedToBot,
        ConversationTransferred,
        EpisodeStarted,
        HandoffCancelled,
        HandoffExpired,
        HandoffRequested,
    )
)
"""Kinds of events that matter here."""

_STOPS: Final = (
    AgentLeft.KIND,
    ConversationTransferred.KIND,
    ConversationReturnedToBot.KIND,
    ConversationClosed.KIND,
)
_ENDS: Final = (
    ConversationReturnedToBot.KIND,
    ConversationClosed.KIND,
    HandoffCancelled.KIND,
    HandoffExpired.KIND,
)


class Step(NamedTuple):
    """An event without its body. `at` is in milliseconds since the epoch."""

    seq: int
    at: int
    kind: str


@dataclass(slots=True)
class Handling:
    """What a question's handoffs came to. `over` says that nobody works on one of them or waits for it any more."""

    minutes: float = 0.0
    answered: bool = False
    over: bool = False


def handlings(steps: Sequence[Step], questions: Sequence[int]) -> dict[int, Handling]:
    """The handling of each question (turn) that led to a handoff. Both arguments are in order and of one conversation."""
    found: dict[int, Handling] = {}
    now: Handling | None = None
    joined: int | None = None
    episode_began = 0
    for step in steps:
        if step.kind == EpisodeStarted.KIND:
            episode_began = step.seq
        elif step.kind == HandoffRequested.KIND:
            before = bisect_left(questions, step.seq)
            turn = questions[before - 1] if before else 0
            now = found.setdefault(turn, Handling()) if turn > episode_began else None
            if now is not None:
                now.over = False
        elif step.kind == AgentJoined.KIND:
            joined = step.at
        elif step.kind == AgentSaid.KIND and now is not None:
            now.answered = True
        if step.kind in _STOPS and joined is not None:
            if now is not None:
                now.minutes += min((step.at - joined) / 60_000, LONGEST_MIN)
            joined = None
        if step.kind in _ENDS:
            if now is not None:
                now.over = True
            now = None
    return found
