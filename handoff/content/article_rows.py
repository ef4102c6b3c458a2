"""Rows of articles and their questions, to and from what editors keep. Each function works in its caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.adapters.schema import article_questions, articles
from handoff.adapters.upsert import Upsert
from handoff.content.slices import TEXTS, unhurried
from handoff.content.versions import Kept
from kb_index.article import Article

_COLUMNS: Final = (
    "title", "answer", "tags", "locale", "updated_at", "version", "status", "owner", "valid_from", "valid_until",
    "updated_by",
)  # fmt: skip
_PUT: Final = Upsert(articles, key=["id"], update=_COLUMNS)


async def kept_by_id(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Kept]:
    """The articles with these ids; unknown ones are left out."""
    found: dict[str, Kept] = {}
    async for some in unhurried(ids):
        heads = (await connection.execute(sa.select(articles).where(articles.c.id.in_(some)))).all()
        found |= await with_questions(connection, heads)
    return found


async def with_questions(connection: AsyncConnection, heads: Sequence[sa.Row[Any]]) -> dict[str, Kept]:
    """The articles of these rows of `articles`, by id."""
    found: dict[str, Kept] = {}
    async for some in unhurried(heads):
        questions: dict[str, list[str]] = {}
        query = (
            sa.select(article_questions.c.article_id, article_questions.c.text)
            .where(article_questions.c.article_id.in_([row.id for row in some]))
            .order_by(article_questions.c.article_id, article_questions.c.position)
        )
        for article_id, text in (await connection.execute(query)).all():
            questions.setdefault(article_id, []).append(text)
        found |= {row.id: kept_of(row, questions.get(row.id, ())) for row in some}
    return found


async def put(connection: AsyncConnection, kept: Sequence[Kept]) -> None:
    """Store articles in the place of those with their ids."""
    await _forget_questions(connection, [entry.article.id for entry in kept])
    async for some in unhurried(kept):
        await connection.execute(_PUT.on(connection), [_row(entry) for entry in some])
        questions = [
            {"article_id": entry.article.id, "position": position, "text": text}
            for entry in some
            for position, text in enumerate(entry.article.questions)
        ]
        async for lines in unhurried(questions, at_once=TEXTS):
            await connection.execute(article_questions.insert(), lines)


async def remove(connection: AsyncConnection, ids: Sequence[str]) -> int:
    """Remove articles; returns how many were there."""
    removed = 0
    await _forget_questions(connection, ids)
    async for some in unhurried(ids):
        removed += (await connection.execute(articles.delete().where(articles.c.id.in_(some)))).rowcount
    return removed


def kept_of(row: Any, questions: Iterable[str]) -> Kept:
    """An article from its row and its questions in order."""
    article = Article(
        id=row.id,
        title=row.title,
        answer=row.answer,
        questions=tuple(questions),
        tags=tuple(json.loads(row.tags)),
        locale=row.locale,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )
    return Kept(article, row.status, row.owner, row.version, row.updated_at, row.updated_by)


async def _forget_questions(connection: AsyncConnection, ids: Sequence[str]) -> None:
    async for some in unhurried(ids):
        await connection.execute(article_questions.delete().where(article_questions.c.article_id.in_(some)))


def _row(kept: Kept) -> dict[str, Any]:
    article = kept.article
    return {
        "id": article.id,
        "title": article.title,
        "answer": article.answer,
        "tags": json.dumps(article.tags, ensure_ascii=False),
        "locale": article.locale,
        "valid_from": article.valid_from,
        "valid_until": article.valid_until,
        "updated_at": kept.updated_at,
        "updated_by": kept.updated_by,
        "version": kept.version,
        "status": kept.status,
        "owner": kept.owner,
    }
