"""Articles as editors work on them: listed, saved, merged, restored. Nothing here changes what customers are told."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import article_versions, articles
from handoff.content import article_rows
from handoff.content.slices import unhurried
from handoff.content.versions import (
    Action,
    Kept,
    Version,
    history_of,
    keep_versions,
    newest_versions,
    version_of,
)
from handoff.domain.errors import NotFound
from handoff.ports import Clock
from handoff.studio.errors import ArticleExists, BadArticle, EditConflict
from handoff.studio.merging import Fields, Merge, changed_fields, fields_of, merge
from handoff.wire.times import rfc3339
from kb_index.article import Article, ArticleError, check_article

STATUSES: Final = ("ready", "draft")
MAX_NOTE: Final = 500
LONGEST_SLUG: Final = 60

_NOT_IN_AN_ID: Final = re.compile(r"[^a-z0-9]+")

Status = Literal["ready", "draft"]


@dataclass(frozen=True, slots=True)
class Saved:
    """An article after a save; `merged` names the fields that another editor had changed meanwhile."""

    kept: Kept
    merged: tuple[str, ...] = ()


class ArticleDesk:
    """The working copy of the articles. Each method is one transaction."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def get(self, article_id: str) -> Kept:
        """One article. Raises `NotFound`."""
        async with reading(self._engine) as connection:
            return await _there(connection, article_id)

    async def create(
        self, raw: Mapping[str, Any], *, status: Status, owner: str | None, by: str, note: str | None = None
    ) -> Kept:
        """Store a new article. `raw` is as `kb_index.article.check_article` takes it; without `id` one is made of the title.

        Raises:
            BadArticle: a field is wrong.
            ArticleExists: there is one with this id.
        """
        async with writing(self._engine) as connection:
            return await self._create(connection, raw, status=status, owner=owner, by=by, note=note)

    async def save(
        self,
        article_id: str,
        raw: Mapping[str, Any],
        *,
        base_version: int,
        status: Status,
        owner: str | None,
        by: str,
        note: str | None = None,
    ) -> Saved:
        """Store what was made of version `base_version`, merged with what others have saved since.

        A save that changes nothing makes no version.

        Raises:
            NotFound: there is no such article, or never was that version of it.
            BadArticle: a field is wrong.
            EditConflict: somebody else has changed the same field otherwise; nothing was stored.
        """
        yours = _checked({**raw, "id": article_id})
        async with writing(self._engine) as connection:
            await _lock(connection, [article_id])
            there = await _there(connection, article_id)
            theirs = _fields(there)
            mine = fields_of(yours, status=status, owner=owner)
            merged = Merge(mine, (), ())
            if there.version != base_version:
                base = await version_of(connection, article_id, base_version)
                if base is None or base.kept is None:
                    raise NotFound(f"There is no version {base_version} of {article_id}. Open it again.")
                merged = merge(_fields(base.kept), theirs, mine)
            if merged.conflicts:
                raise _conflict(there, merged)
            kept = await self._store(connection, there, merged.fields, by=by, action="edited", note=note)
        return Saved(kept, merged.taken)

    async def add_questions(self, article_id: str, texts: Collection[str], *, by: str, note: str) -> Kept:
        """Add ways to ask; those that are there already change nothing. Raises `NotFound`, `BadArticle`."""
        async with writing(self._engine) as connection:
            return await self.add_questions_in(connection, article_id, texts, by=by, note=note)

    async def add_questions_in(
        self, connection: AsyncConnection, article_id: str, texts: Collection[str], *, by: str, note: str
    ) -> Kept:
        """`add_questions` in its caller's transaction."""
        await _lock(connection, [article_id])
        there = await _there(connection, article_id)
        raw = there.article.as_dict()
        article = _checked({**raw, "questions": [*there.article.questions, *texts]})
        fields = fields_of(article, status=there.status, owner=there.owner)
        return await self._store(connection, there, fields, by=by, action="edited", note=note)

    async def create_in(
        self, connection: AsyncConnection, raw: Mapping[str, Any], *, status: Status, by: str, note: str
    ) -> Kept:
        """`create` in its caller's transaction."""
        return await self._create(connection, raw, status=status, owner=None, by=by, note=note)

    async def remove(self, article_id: str, *, base_version: int, by: str) -> None:
        """Take an article out of the working copy; its history stays.

        Raises:
            NotFound: there is no such article.
            EditConflict: somebody has changed it since `base_version`.
        """
        async with writing(self._engine) as connection:
            await _lock(connection, [article_id])
            there = await _there(connection, article_id)
            if there.version != base_version:
                raise EditConflict(
                    f"{there.updated_by} has changed it meanwhile. Look at it before you remove it.",
                    **_who(there),
                    conflicts=[],
                )
            versions = await newest_versions(connection, [article_id])
            gone = versions[article_id] + 1
            await keep_versions(
                connection,
                [
                    _line(there, "imported", None),
                    Version(article_id, gone, self._clock.now_ms(), by, "removed", None, None),
                ],
            )
            await article_rows.remove(connection, [article_id])

    async def history(self, article_id: str) -> list[Version]:
        """All versions, newest first; also of an article that was removed. Raises `NotFound`."""
        async with reading(self._engine) as connection:
            lines = await history_of(connection, article_id)
            there = (await article_rows.kept_by_id(connection, [article_id])).get(article_id)
        if there is not None and all(line.version != there.version for line in lines):
            lines.insert(0, _line(there, "imported", None))
        if not lines:
            raise NotFound(f"There is no article {article_id[:100]!r}.")
        return lines

    async def version(self, article_id: str, version: int) -> Kept:
        """The article as a version had it. Raises `NotFound`."""
        for line in await self.history(article_id):
            if line.version == version and line.kept is not None:
                return line.kept
        raise NotFound(f"There is no version {version} of {article_id[:100]!r}.")

    async def restore(self, article_id: str, version: int, *, base_version: int | None, by: str) -> Kept:
        """Make an earlier version the newest one; with `base_version` None of an article that was removed.

        Raises:
            NotFound: there is no such version.
            EditConflict: the article has changed since `base_version`.
            ArticleExists: the article was not removed.
        """
        earlier = await self.version(article_id, version)
        note = f"version {version}"
        async with writing(self._engine) as connection:
            await _lock(connection, [article_id])
            there = (await article_rows.kept_by_id(connection, [article_id])).get(article_id)
            if there is None:
                if base_version is not None:
                    raise NotFound(f"The article {article_id[:100]!r} was removed meanwhile.")
                versions = await newest_versions(connection, [article_id])
                before = replace(earlier, version=versions[article_id])
                return await self._store(
                    connection, before, _fields(earlier), by=by, action="restored", note=note, always=True
                )
            if base_version is None:
                raise ArticleExists(f"The article {article_id} is there.", article_id=article_id)
            if there.version != base_version:
                raise EditConflict(
                    f"{there.updated_by} has changed it meanwhile. Look at it before you restore an earlier version.",
                    **_who(there),
                    conflicts=[],
                )
            return await self._store(connection, there, _fields(earlier), by=by, action="restored", note=note)

    async def removals(self, ids: Collection[str]) -> dict[str, tuple[str, int]]:
        """Who removed these articles and when, in epoch milliseconds; ids nobody removed are left out."""
        lines = article_versions.c
        query = (
            sa.select(lines.article_id, lines.by, lines.at)
            .where(lines.action == "removed")
            .order_by(lines.version)
        )
        found: dict[str, tuple[str, int]] = {}
        async with reading(self._engine) as connection:
            async for some in unhurried(sorted(ids)):
                rows = (await connection.execute(query.where(lines.article_id.in_(some)))).all()
                found |= {row.article_id: (row.by, row.at) for row in rows}
        return found

    async def _create(
        self,
        connection: AsyncConnection,
        raw: Mapping[str, Any],
        *,
        status: Status,
        owner: str | None,
        by: str,
        note: str | None,
    ) -> Kept:
        if connection.dialect.name == "postgresql":
            # Two that are made at once must not get one id.
            await connection.execute(sa.text("LOCK TABLE articles IN EXCLUSIVE MODE"))
        given = raw.get("id")
        if not given:
            raw = {**raw, "id": await _free_id(connection, raw.get("title"))}
        article = _checked(raw)
        if await article_rows.kept_by_id(connection, [article.id]):
            raise ArticleExists(f"There is an article {article.id} already.", article_id=article.id)
        versions = await newest_versions(connection, [article.id])
        before = Kept(article, version=versions.get(article.id, 0))
        fields = fields_of(article, status=status, owner=owner)
        return await self._store(connection, before, fields, by=by, action="created", note=note, always=True)

    async def _store(
        self,
        connection: AsyncConnection,
        there: Kept,
        fields: Fields,
        *,
        by: str,
        action: Action,
        note: str | None,
        always: bool = False,
    ) -> Kept:
        if not always and not changed_fields(_fields(there), fields):
            return there
        known = {name: value for name, value in fields.items() if name not in ("status", "owner")}
        kept = Kept(
            # Checked again: what two editors have added may be too much together.
            _checked({**known, "id": there.article.id}),
            status=fields["status"],
            owner=fields["owner"],
            version=there.version + 1,
            updated_at=self._clock.now_ms(),
            updated_by=by,
        )
        lines = [Version(kept.article.id, kept.version, kept.updated_at, by, action, note, kept)]
        if action == "edited":
            lines.insert(0, _line(there, "imported", None))
        await keep_versions(connection, lines)
        await article_rows.put(connection, [kept])
        return kept


def _fields(kept: Kept) -> Fields:
    return fields_of(kept.article, status=kept.status, owner=kept.owner)


def _line(kept: Kept, action: Action, note: str | None) -> Version:
    """The line of history of an article as it stands; it may be older than histories are."""
    by = kept.updated_by or "before"
    return Version(kept.article.id, kept.version, kept.updated_at, by, action, note, kept)


def _who(there: Kept) -> dict[str, Any]:
    return {"by": there.updated_by, "at": rfc3339(there.updated_at), "version": there.version}


def _conflict(there: Kept, merged: Merge) -> EditConflict:
    names = ", ".join(conflict.field for conflict in merged.conflicts)
    return EditConflict(
        f"{there.updated_by} has changed the same meanwhile: {names}. Nothing was saved; choose, and save again.",
        **_who(there),
        conflicts=[
            {"field": c.field, "base": c.base, "theirs": c.theirs, "yours": c.yours} for c in merged.conflicts
        ],
        theirs=_fields(there),
    )


def _checked(raw: Mapping[str, Any]) -> Article:
    try:
        return check_article(raw)
    except ArticleError as error:
        raise BadArticle(error.message, field=error.field, fault=error.code) from error


async def _there(connection: AsyncConnection, article_id: str) -> Kept:
    found = await article_rows.kept_by_id(connection, [article_id])
    if article_id not in found:
        raise NotFound(f"There is no article {article_id[:100]!r}.")
    return found[article_id]


async def _lock(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """On PostgreSQL nobody else changes these until the end of the transaction; SQLite has one writer anyway."""
    await connection.execute(sa.select(articles.c.id).where(articles.c.id.in_(ids)).with_for_update())


async def _free_id(connection: AsyncConnection, title: object) -> str:
    """An id made of the title that no article has or had."""
    bare = unicodedata.normalize("NFKD", title if isinstance(title, str) else "").lower()
    slug = (
        _NOT_IN_AN_ID.sub("-", bare.encode("ascii", "ignore").decode()).strip("-")[:LONGEST_SLUG].strip("-")
    )
    if not slug:
        # Of a title in another script nothing is left.
        return f"article-{secrets.token_hex(4)}"
    tried = [slug, *(f"{slug}-{number}" for number in range(2, 100))]
    taken = await newest_versions(connection, tried)
    return next((name for name in tried if name not in taken), f"{slug}-{secrets.token_hex(4)}")
