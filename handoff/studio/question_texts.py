"""What customers asked and agents answered, read where it stands: in the bodies of events, so that erasure has one place to blank."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.adapters.asked import Asked
from handoff.adapters.schema import conversations, event_bodies, events
from handoff.domain.events import (
    AgentSaid,
    ConversationClosed,
    ConversationReturnedToBot,
    CustomerSaid,
    EpisodeStarted,
)
from handoff.studio.masking import mask

ANSWER_CHARACTERS: Final = 4_000
"""Of what an agent said after a question, and over how many of the events behind it that is looked for."""
ANSWER_EVENTS: Final = 400
_CHUNK: Final = 2_000

Key = tuple[str, int]
"""A question: its conversation and its turn."""

_QUESTIONS: Final = Asked(
    {"conversation_id": sa.Text(), "turn": sa.Integer()},
    lambda wanted: (
        sa.select(
            events.c.conversation_id,
            events.c.seq,
            event_bodies.c.data,
            conversations.c.customer,
            conversations.c.locale,
        )
        .select_from(wanted)
        .join(
            events,
            sa.and_(
                events.c.conversation_id == wanted.c.conversation_id,
                events.c.seq == wanted.c.turn,
                events.c.kind == CustomerSaid.KIND,
            ),
        )
        .join(event_bodies, event_bodies.c.id == events.c.id)
        .join(conversations, conversations.c.id == events.c.conversation_id)
    ),
)
_STOPS: Final = (EpisodeStarted.KIND, ConversationClosed.KIND, ConversationReturnedToBot.KIND)
_ANSWERS: Final = Asked(
    {"conversation_id": sa.Text(), "turn": sa.Integer()},
    lambda wanted: (
        sa.select(
            wanted.c.turn,
            events.c.conversation_id,
            events.c.kind,
            event_bodies.c.actor_name,
            event_bodies.c.data,
        )
        .select_from(wanted)
        .join(
            events,
            sa.and_(
                events.c.conversation_id == wanted.c.conversation_id,
                events.c.seq > wanted.c.turn,
                events.c.seq <= wanted.c.turn + ANSWER_EVENTS,
                events.c.kind.in_((*_STOPS, AgentSaid.KIND)),
            ),
        )
        .join(event_bodies, event_bodies.c.id == events.c.id)
        .order_by(events.c.conversation_id, wanted.c.turn, events.c.seq)
    ),
)


class Words(NamedTuple):
    """A question as it was written, with whom it is about (`known`, names) and the conversation's locale."""

    text: str
    known: tuple[str, ...]
    locale: str

    @property
    def masked(self) -> str:
        """Without personal data."""
        return mask(self.text, locale=self.locale, known=self.known)


async def words_of(connection: AsyncConnection, keys: Collection[Key]) -> dict[Key, Words]:
    """The words of these questions; those that were blanked are left out."""
    found: dict[Key, Words] = {}
    for some in _chunks(sorted(keys)):
        for row in (await _QUESTIONS.about(connection, some)).all():
            text = text_of(row.data)
            if text:
                name = orjson.loads(row.customer).get("name")
                known = (name,) if isinstance(name, str) and name.strip() else ()
                found[row.conversation_id, row.seq] = Words(text, known, row.locale)
    return found


async def agent_answers(connection: AsyncConnection, words: dict[Key, Words]) -> dict[Key, str]:
    """What an agent said after these questions, up to the end of the conversation or its return to the bot, masked."""
    found: dict[Key, list[str]] = {}
    ended: set[Key] = set()
    for some in _chunks(sorted(words)):
        for row in (await _ANSWERS.about(connection, some)).all():
            key = (row.conversation_id, row.turn)
            if key in ended:
                continue
            if row.kind in _STOPS:
                ended.add(key)
                continue
            text = text_of(row.data)
            said = found.setdefault(key, [])
            if text and sum(map(len, said)) + len(text) <= ANSWER_CHARACTERS:
                asker = words[key]
                known = (*asker.known, row.actor_name) if row.actor_name else asker.known
                said.append(mask(text, locale=asker.locale, known=known))
    return {key: "\n\n".join(said) for key, said in found.items() if said}


def text_of(data: str) -> str:
    """The words of an event's body; nothing where they were blanked."""
    body = orjson.loads(data) if data else {}
    text = body.get("text") if isinstance(body, dict) else None
    return text.strip() if isinstance(text, str) else ""


def _chunks(keys: Sequence[Key]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]
