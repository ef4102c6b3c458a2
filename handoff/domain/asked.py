"""What became of a turn, as it is kept for editors. Pure.

Editors teach the bot from questions that it did not answer well. Most of what makes a question one of these is known when
its outcome is recorded; what customers and agents do later (a thumb, an answer by a person) is found by looking again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from bot.contract import Decision
from handoff.domain.commands import Command, RecordTurn, RecordTurnFailure
from handoff.domain.conversation import Conversation
from handoff.domain.events import BotReplied, CustomerGaveFeedback, Event, HandoffRequested

UNANSWERED: Final = 1
LOW_CONFIDENCE: Final = 2
THUMBS_DOWN: Final = 4
REPEATED: Final = 8
ANSWERED_BY_PERSON: Final = 16
"""Reasons to show a question to an editor, as bits of one number."""
HANDED_OVER: Final = 32
"""No reason, but a bit of the same number: it led to a person, whose time it costs."""

LOW_BAND: Final = 0.2
"""An answer counts as one of low confidence in the lowest fifth of what lies between the threshold and certainty: a distance
for all would take in every answer of a site whose threshold is high."""

_QUESTION: Final = "question"
_REJECTS: Final = "reject_answer"
_NO_QUESTION: Final = frozenset({"chosen", "affirmed"})
"""Answers to a button or a yes: the question was asked a turn before."""
_NOT_KNOWN: Final = frozenset({"low_confidence", "repeated_failure"})
_REPEATED: Final = "repeated_question"
"""The signal of a bot that has read the question before, in these words or in others."""
_WORD: Final = re.compile(r"\w+")

_RELEASE, _KIND, _REASON, _ARTICLE = 100, 16, 40, 100
_MOST: Final = 2**31 - 1
"""Characters of the columns, and their largest number. What a bot says beyond them must not cost the customer the answer."""


class TurnRecord(NamedTuple):
    """What a turn came to.

    `turn` is the seq of the customer's message, `reply_seq` that of the first event of its outcome. `question` says that
    the message asks something that an article could answer; `rejects` is the turn whose answer or choices it turns down, if
    it does; `reasons` are the bits above. `release_id` is empty and the figures are 0 where the bot gave no outcome.
    """

    turn: int
    reply_seq: int
    episode: int
    locale: str
    release_id: str
    revision: int
    kind: str
    reason: str
    confidence: float
    threshold: float
    frustration: float
    article_id: str | None
    question: bool
    rejects: int | None
    reasons: int


class Thumb(NamedTuple):
    """What a customer thinks of the message at `seq`."""

    seq: int
    helpful: bool


def record_of(before: Conversation, command: Command, events: Sequence[Event]) -> TurnRecord | None:
    """What the turn that `command` records came to; None where it records none, or its outcome was discarded."""
    if isinstance(command, RecordTurn):
        if not events or not isinstance(events[0].payload, BotReplied):
            return None
        return _answered(before, command, events[0].seq)
    if isinstance(command, RecordTurnFailure) and events and isinstance(events[0].payload, HandoffRequested):
        return TurnRecord(
            turn=command.turn,
            reply_seq=events[0].seq,
            episode=before.episode,
            locale=before.locale,
            release_id="",
            revision=0,
            kind="escalate",
            reason="bot_error",
            confidence=0.0,
            threshold=0.0,
            frustration=0.0,
            article_id=None,
            # Nobody knows whether the bot could have answered it, so it is nothing to teach.
            question=False,
            rejects=None,
            reasons=0,
        )
    return None


def thumb_of(events: Sequence[Event]) -> Thumb | None:
    """The thumb that these events are, if they are one."""
    payload = events[0].payload if events else None
    return Thumb(payload.seq, payload.helpful) if isinstance(payload, CustomerGaveFeedback) else None


def _answered(before: Conversation, command: RecordTurn, reply_seq: int) -> TurnRecord:
    outcome = command.outcome
    decision = outcome.decision
    rejects = decision.intent == _REJECTS
    question = _asks(decision)
    best = decision.passages[0].article_id if decision.passages else None
    return TurnRecord(
        turn=command.turn,
        reply_seq=reply_seq,
        episode=before.episode,
        locale=before.locale,
        release_id=_cut(outcome.release_id, _RELEASE),
        revision=min(decision.revision, _MOST),
        kind=_cut(decision.kind, _KIND),
        reason=_cut(decision.reason, _REASON),
        confidence=decision.confidence,
        threshold=decision.threshold,
        frustration=decision.frustration,
        article_id=None if best is None else _cut(best, _ARTICLE),
        question=question,
        # The last reply before this one: the answer or the choices that the customer turns down.
        rejects=before.offer_turn if rejects and before.offer_turn else None,
        reasons=_reasons(before, command.turn, decision) if question else 0,
    )


def _asks(decision: Decision) -> bool:
    """Whether the message asks something that an article could answer. Talk, tasks and a wish for a person do not."""
    if decision.intent is not None and decision.intent != _QUESTION:
        return False
    if decision.kind == "answer":
        return decision.reason not in _NO_QUESTION
    if decision.kind == "escalate":
        # `policy`: it was understood as a question, in a language that no article has.
        return decision.reason in _NOT_KNOWN or (decision.reason == "policy" and decision.intent == _QUESTION)
    return decision.kind in ("clarify", "unsure")


def _reasons(before: Conversation, turn: int, decision: Decision) -> int:
    reasons = 0
    if decision.kind == "unsure" or (decision.kind == "escalate" and decision.reason in _NOT_KNOWN):
        reasons |= UNANSWERED
        if decision.kind == "escalate":
            reasons |= HANDED_OVER
    if decision.kind == "answer" and decision.confidence < decision.threshold + LOW_BAND * (
        1.0 - decision.threshold
    ):
        reasons |= LOW_CONFIDENCE
    told = any(signal.name == _REPEATED and signal.weight > 0 for signal in decision.signals)
    if told or _said_before(before, turn):
        reasons |= REPEATED
    return reasons


def _said_before(before: Conversation, turn: int) -> bool:
    """Whether the customer has said the same words earlier in this episode, as far as the state remembers."""
    said = [line for line in before.story if line.teller == "customer" and line.seq <= turn]
    if len(said) < 2 or said[-1].seq != turn:
        return False
    words = _WORD.findall(said[-1].text.casefold())
    return bool(words) and any(_WORD.findall(line.text.casefold()) == words for line in said[:-1])


def _cut(text: str, most: int) -> str:
    # PostgreSQL takes no NUL in a text.
    return text.replace("\0", "")[:most]
