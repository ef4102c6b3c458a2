"""A past conversation asked again, of the draft or of a release: what the bot did then beside what it would do now."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading
from handoff.adapters.schema import asked
from handoff.domain.errors import NotFound
from handoff.ports import Workbench
from handoff.studio.question_texts import words_of
from handoff.studio.review import titles_of

TURNS_AT_MOST: Final = 60
"""Turns that are asked again, one after the other: some two seconds."""


class Replaying:
    """Asks past questions again. Nothing of it is stored or counted."""

    def __init__(self, engine: AsyncEngine, bench: Workbench) -> None:
        self._engine = engine
        self._bench = bench

    async def replay(
        self, conversation_id: str, *, draft: bool, release_id: str | None
    ) -> list[dict[str, Any]]:
        """`{turn, text, then, now}` of each turn, in order; the words are masked, what is asked is not.

        `then` and `now` are `{kind, reason, article_id, title, confidence}`; `now` is None where the words were erased.

        Raises:
            NotFound: the bot was asked nothing in such a conversation.
            BotNotReadyError, BotFailedError: the bot could not answer.
        """
        query = (
            sa.select(asked)
            .where(asked.c.conversation_id == conversation_id)
            .order_by(asked.c.turn)
            .limit(TURNS_AT_MOST)
        )
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
            words = await words_of(connection, [(conversation_id, row.turn) for row in rows])
            titles = await titles_of(connection, {row.article_id for row in rows if row.article_id})
        if not rows:
            raise NotFound("The bot was asked nothing in such a conversation.")
        found: list[dict[str, Any]] = []
        dialogue: str | None = None
        episode = 0
        for row in rows:
            said = words.get((conversation_id, row.turn))
            if row.episode != episode:
                dialogue, episode = None, row.episode
            now = None
            if said is not None:
                given = {"text": said.text, "locale": row.locale, "draft": draft, "dialogue": dialogue}
                if release_id is not None:
                    given["release_id"] = release_id
                answer = await self._bench.try_turn(given)
                dialogue = answer["dialogue"]
                now = _now(answer["outcome"]["decision"])
            found.append(
                {
                    "turn": row.turn,
                    "text": "" if said is None else said.masked,
                    "then": {
                        "kind": row.kind,
                        "reason": row.reason,
                        "article_id": row.article_id,
                        "title": titles.get(row.article_id),
                        "confidence": row.confidence,
                    },
                    "now": now,
                }
            )
        return found


def _now(decision: dict[str, Any]) -> dict[str, Any]:
    best: dict[str, Any] = next(iter(decision["passages"]), {})
    return {
        "kind": decision["kind"],
        "reason": decision["reason"],
        "article_id": best.get("article_id"),
        "title": best.get("title"),
        "confidence": decision["confidence"],
    }
