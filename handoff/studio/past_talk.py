"""Past conversations, for replaying them: what was asked of the bot and what it decided. Words are masked."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading
from handoff.adapters.schema import asked
from handoff.domain.errors import NotFound
from handoff.studio.question_texts import Key, words_of
from handoff.studio.review import NAME_CHARACTERS, reasons_of, titles_of
from handoff.studio.review_rows import is_id
from handoff.wire.times import rfc3339

CONVERSATIONS_AT_MOST: Final = 100
TURNS_AT_MOST: Final = 200
_TURNS_EACH: Final = 20
"""Turns looked at for each conversation of a list: where talks are longer, the list is."""


class PastTalk:
    """What the bot was asked."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        """The conversations in which the bot was asked last, `{id, at, preview, turns}`, newest first."""
        limit = min(limit, CONVERSATIONS_AT_MOST)
        lately = (
            sa.select(asked.c.conversation_id, asked.c.at)
            .order_by(asked.c.at.desc())
            .limit(limit * _TURNS_EACH)
            .subquery()
        )
        newest = (
            sa.select(lately.c.conversation_id, sa.func.max(lately.c.at).label("at"))
            .group_by(lately.c.conversation_id)
            .order_by(sa.desc("at"), lately.c.conversation_id)
            .limit(limit)
        )
        async with reading(self._engine) as connection:
            found = (await connection.execute(newest)).all()
            ids = [row.conversation_id for row in found]
            turns = (
                sa.select(
                    asked.c.conversation_id,
                    sa.func.min(asked.c.turn).label("first"),
                    sa.func.count().label("n"),
                )
                .where(asked.c.conversation_id.in_(ids))
                .group_by(asked.c.conversation_id)
            )
            about = {row.conversation_id: row for row in (await connection.execute(turns)).all()}
            words = await words_of(connection, [(key, row.first) for key, row in about.items()])
        shown = []
        for row in found:
            known = about[row.conversation_id]
            said = words.get((row.conversation_id, known.first))
            preview = "" if said is None else said.masked
            shown.append(
                {
                    "id": row.conversation_id,
                    "at": rfc3339(row.at),
                    "preview": preview
                    if len(preview) <= NAME_CHARACTERS
                    else f"{preview[: NAME_CHARACTERS - 1]}…",
                    "turns": known.n,
                }
            )
        return shown

    async def turns(self, conversation_id: str) -> list[dict[str, Any]]:
        """What the bot was asked in a conversation and what it decided, in order. Raises `NotFound`."""
        query = (
            sa.select(asked)
            .where(asked.c.conversation_id == conversation_id)
            .order_by(asked.c.turn)
            .limit(TURNS_AT_MOST)
        )
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all() if is_id(conversation_id) else []
            if not rows:
                raise NotFound("The bot was asked nothing in such a conversation.")
            keys: list[Key] = [(row.conversation_id, row.turn) for row in rows]
            words = await words_of(connection, keys)
            titles = await titles_of(connection, {row.article_id for row in rows if row.article_id})
        return [
            {
                "turn": row.turn,
                "at": rfc3339(row.at),
                "text": words[key].masked if key in words else "",
                "release_id": row.release_id,
                "revision": row.revision,
                "kind": row.kind,
                "reason": row.reason,
                "confidence": row.confidence,
                "threshold": row.threshold,
                "article_id": row.article_id,
                "title": titles.get(row.article_id),
                "reasons": reasons_of(row.reasons),
            }
            for key, row in zip(keys, rows, strict=True)
        ]
