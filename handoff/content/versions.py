"""The history of articles: who changed what and when, a row for each version, written with the change itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.adapters.schema import article_versions, articles
from handoff.content.slices import unhurried
from kb_index.article import Article, check_article

Action = Literal["created", "edited", "imported", "restored", "removed"]

_KEEP: Final = {
    "postgresql": postgresql.insert(article_versions).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(article_versions).on_conflict_do_nothing(),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """An article as editors keep it: with what never reaches a release. `updated_at` is in epoch milliseconds.

    `status` is `ready` (goes into trainings and may be published) or `draft`.
    """

    article: Article
    status: str = "ready"
    owner: str | None = None
    version: int = 1
    updated_at: int = 0
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One line of a history. `kept` is None where the article was removed."""

    article_id: str
    version: int
    at: int
    by: str
    action: Action
    note: str | None
    kept: Kept | None


async def newest_versions(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, int]:
    """The newest version of each article that is or was there; others are left out."""
    found: dict[str, int] = {}
    async for some in unhurried(ids):
        for key, column, table in (
            (articles.c.id, articles.c.version, articles),
            (article_versions.c.article_id, sa.func.max(article_versions.c.version), article_versions),
        ):
            query = sa.select(key, column).select_from(table).where(key.in_(some))
            if table is article_versions:
                query = query.group_by(key)
            for article_id, version in (await connection.execute(query)).all():
                found[article_id] = max(version, found.get(article_id, 0))
    return found


async def keep_versions(connection: AsyncConnection, versions: Sequence[Version]) -> None:
    """Write lines of history. One that is there already keeps what it says."""
    async for some in unhurried(versions):
        rows = [
            {
                "article_id": line.article_id,
                "version": line.version,
                "at": line.at,
                "by": line.by,
                "action": line.action,
                "note": line.note,
                "data": None if line.kept is None else _to_json(line.kept),
            }
            for line in some
        ]
        await connection.execute(_KEEP[connection.dialect.name], rows)


async def history_of(connection: AsyncConnection, article_id: str) -> list[Version]:
    """All versions, newest first; empty for an article nobody changed since histories are kept."""
    query = (
        sa.select(article_versions)
        .where(article_versions.c.article_id == article_id)
        .order_by(article_versions.c.version.desc())
    )
    return [_version(row) for row in (await connection.execute(query)).all()]


async def version_of(connection: AsyncConnection, article_id: str, version: int) -> Version | None:
    """One version."""
    query = sa.select(article_versions).where(
        article_versions.c.article_id == article_id, article_versions.c.version == version
    )
    row = (await connection.execute(query)).first()
    return None if row is None else _version(row)


def _to_json(kept: Kept) -> str:
    data = {**kept.article.as_dict(), "status": kept.status, "owner": kept.owner}
    return json.dumps(data, ensure_ascii=False)


def _version(row: sa.Row[Any]) -> Version:
    kept = None
    if row.data is not None:
        data = json.loads(row.data)
        status, owner = data.pop("status"), data.pop("owner")
        kept = Kept(check_article(data), status, owner, row.version, row.at, row.by)
    return Version(row.article_id, row.version, row.at, row.by, row.action, row.note, kept)
