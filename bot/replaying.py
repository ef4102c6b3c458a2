"""Conversations that took place, held again with a release: each message in order, with what the release itself remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from bot.contract import HUMAN_CHOICE, MAX_TEXT, Decision, TurnOutcome, TurnRequest
from bot.dialogue import Dialogue
from bot.programs import BadRows, optional_text_of, rows_of, text_of
from kb_index.compare import CLARIFY, UNRELATED, View

if TYPE_CHECKING:
    from bot.engine import Engine

MOST_TURNS: Final = 200
"""Of one conversation; more are left out."""

MAX_ID: Final = 200
MAX_LOCALE: Final = 35
BOT_ERROR: Final = View("escalate", "bot_error", None, None, 0.0)
"""What the relay makes of a turn that came to no decision."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a customer: `turn` is its number, `choice` the option that was chosen by it."""

    turn: int
    text: str
    choice: str | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A customer's messages, in order."""

    id: str
    locale: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a release made of one message: frustration between 0 and 1, milliseconds from asking to the answer."""

    message: Message
    view: View
    frustration: float
    latency_ms: float


@dataclass(slots=True)
class LeftOut:
    """What was more than is replayed."""

    conversations: int = 0
    turns: int = 0


def read_conversations(path: Path, most: int) -> tuple[list[Conversation], LeftOut]:
    """The first `most` conversations of a file, `{id, locale, turns: [{turn, text, choice}]}` a line. Raises `BadRows`."""
    found: list[Conversation] = []
    left_out = LeftOut()
    for number, row in rows_of(path):
        if len(found) == most:
            left_out.conversations += 1
            continue
        where = f"{path.name} line {number}"
        turns = row.get("turns")
        if not isinstance(turns, list):
            raise BadRows(f"{where}: turns must be a list")
        left_out.turns += max(0, len(turns) - MOST_TURNS)
        messages = tuple(
            _message(turn, f"{where}, turn {at}") for at, turn in enumerate(turns[:MOST_TURNS], 1)
        )
        if any(b.turn <= a.turn for a, b in pairwise(messages)):
            raise BadRows(f"{where}: turns must rise")
        found.append(
            Conversation(
                text_of(row, "id", MAX_ID, where),
                text_of(row, "locale", MAX_LOCALE, where, default="en"),
                messages,
            )
        )
    return found, left_out


def _message(raw: Any, where: str) -> Message:
    if not isinstance(raw, dict):
        raise BadRows(f"{where}: it must be an object")
    turn = raw.get("turn")
    if not isinstance(turn, int) or isinstance(turn, bool) or turn < 1:
        raise BadRows(f"{where}: turn must be a whole number of at least 1")
    return Message(
        turn, text_of(raw, "text", MAX_TEXT, where), optional_text_of(raw, "choice", MAX_ID, where)
    )


async def replayed(engine: Engine, conversation: Conversation) -> AsyncIterator[Replayed]:
    """Each message with what the release makes of it now."""
    from bot.engine import BotFailed  # noqa: PLC0415 - imports Rasa, which whoever has an engine has done

    dialogue = Dialogue()
    last: TurnOutcome | None = None
    for message in conversation.messages:
        request = TurnRequest(
            "replay",
            episode=1,
            turn=message.turn,
            text=message.text,
            choice=_choice_now(message, last),
            locale=conversation.locale,
        )
        begun = perf_counter()
        try:
            last, dialogue = await engine.answer(request, dialogue)
        except BotFailed:
            yield Replayed(message, BOT_ERROR, 0.0, (perf_counter() - begun) * 1000)
            continue
        took = (perf_counter() - begun) * 1000
        yield Replayed(message, view_of(last, engine), last.decision.frustration, took)


def _choice_now(message: Message, last: TurnOutcome | None) -> str | None:
    """The option that now stands for what the customer chose then: by its words, since other articles may be offered.

    None where it is not offered now: its words are then read like any other message.
    """
    if message.choice is None or last is None:
        return None
    offered = [choice for reply in last.replies for choice in reply.choices if choice.id != HUMAN_CHOICE]
    return next((choice.id for choice in offered if choice.label == message.text), None)


def view_of(outcome: TurnOutcome, engine: Engine) -> View:
    """What a page shows of an outcome of `engine`."""
    decision = outcome.decision
    said = next((reply.article_id for reply in outcome.replies if reply.article_id is not None), None)
    best = _best(decision) if said is None else said
    return View(
        decision.kind,
        decision.reason,
        best,
        None if best is None else _title(best, decision, engine),
        decision.confidence,
        offered_by(decision),
    )


def _title(article_id: str, decision: Decision, engine: Engine) -> str | None:
    found = next((p.title for p in decision.passages if p.article_id == article_id), None)
    if found is not None:
        return found
    try:
        return engine.knowledge.article(
            article_id
        ).title  # one that was chosen is not among what the words find
    except KeyError:
        return None


def _best(decision: Decision) -> str | None:
    if decision.kind in UNRELATED or not decision.passages:
        return None
    return decision.passages[0].article_id


def offered_by(decision: Decision) -> tuple[str, ...]:
    """The articles that a clarifying reply offers as choices."""
    return tuple(p.article_id for p in decision.passages[:2]) if decision.kind == CLARIFY else ()
