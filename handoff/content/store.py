"""All SQL about articles and intents. Times are epoch milliseconds."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import article_questions, articles, entities, intent_examples, intents
from handoff.content import article_rows, intent_rows
from handoff.content.article_rows import kept_by_id
from handoff.content.expected import Expected
from handoff.content.slices import all_rows
from handoff.content.versions import Kept, Version, keep_versions, newest_versions
from handoff.ports import Clock
from kb_index.article import Article
from kb_index.article import content_hash as articles_hash
from kb_index.formats import Parsed, write_intents, write_jsonl
from kb_index.rules import FILE as RULES_FILE
from kb_index.rules import Entity, Intent, Rules, check_entity, check_intent

CONTENT_FILE: Final = "content.jsonl"
INTENTS_FILE: Final = "intents.yml"


@dataclass(frozen=True, slots=True)
class Content:
    """All content at one moment: articles in id order, intents in name order.

    `intents` are the examples, of shipped and of own intents; `rules` is what the own ones do, and all entities.
    """

    articles: tuple[Article, ...]
    intents: Mapping[str, tuple[str, ...]]
    rules: Rules = field(default_factory=Rules)

    @property
    def content_hash(self) -> str:
        """Hex sha256; equal content has an equal hash in every home."""
        intents = json.dumps({name: list(self.intents[name]) for name in sorted(self.intents)})
        # Without rules as before there were any.
        rules = f"\n{self.rules.text()}" if self.rules else ""
        return hashlib.sha256(f"{articles_hash(self.articles)}\n{intents}{rules}".encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write `content.jsonl`, `intents.yml` and, where there are rules, `rules.json`: for a training or a release."""
        write_jsonl(folder / CONTENT_FILE, self.articles)
        write_intents(folder / INTENTS_FILE, self.intents)
        if self.rules:
            (folder / RULES_FILE).write_text(self.rules.text(), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did. The first four count articles, `intents` the intents whose examples changed."""

    added: int
    changed: int
    unchanged: int
    removed: int
    intents: int = 0


class ContentStore:
    """Articles and intents in the home's database."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def content(self, *, drafts: bool = True) -> Content:
        """Everything, as it stood at one moment; without `drafts` what a training learns.

        It is read with one statement, because several ones see several moments under the isolation that
        PostgreSQL has by default.
        """
        async with reading(self._engine) as connection:
            rows = await all_rows(await connection.execute(_EVERYTHING))
        return await asyncio.to_thread(_content, rows, drafts=drafts)

    async def own_intents(self) -> frozenset[str]:
        """Names of the intents that the site has made, drafts too."""
        return frozenset(intent.name for intent in (await self.content()).rules.intents)

    async def articles(self) -> list[Article]:
        """All articles in id order."""
        return list((await self.content()).articles)

    async def get(self, article_id: str) -> Article | None:
        """One article."""
        async with reading(self._engine) as connection:
            found = await kept_by_id(connection, [article_id])
        return found[article_id].article if article_id in found else None

    async def count(self) -> int:
        """How many articles there are."""
        async with reading(self._engine) as connection:
            query = sa.select(sa.func.count()).select_from(articles)
            return (await connection.execute(query)).scalar_one()

    async def upsert(self, article: Article) -> ImportResult:
        """Add one article, or replace the one with its id."""
        return await self.import_parsed(Parsed(articles=[article]))

    async def import_parsed(
        self,
        parsed: Parsed,
        *,
        replace: bool = False,
        by: str = "command line",
        status: str = "ready",
        keep: Collection[str] = (),
        expected: Expected | None = None,
    ) -> ImportResult:
        """Store what a file holds, in one transaction: all of it or nothing. `by` stands in the articles' histories.

        Articles are upserted by id and intents by name. `replace` makes the content exactly the file, within
        the kind of content that the file holds: a file of intents alone leaves the articles, and a file
        without intents leaves the intents. Articles in `keep` stay although the file does not hold them, and intents
        whose names are in it as `intent:NAME`. `status` is that of articles that are new.

        Raises:
            ContentMoved: the content is not what `expected` says.
        """
        if parsed.errors:
            raise ValueError("content with errors is not imported")
        async with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                # SQLite has one writer anyway. Two imports that ran side by side would each miss what the
                # other adds; readers go on.
                await connection.execute(sa.text("LOCK TABLE articles IN EXCLUSIVE MODE"))
            if expected is not None:
                await _check_unmoved(connection, parsed, expected, replace=replace)
            at = self._clock.now_ms()
            intents = await intent_rows.import_examples(
                connection, parsed.intents, replace=replace, keep=keep, by=by, at=at
            )
            if parsed.intents and not parsed.articles:
                return ImportResult(0, 0, 0, 0, intents)
            removed = 0
            if replace:
                gone = await _ids(connection) - {article.id for article in parsed.articles} - set(keep)
                removed = await _remove_articles(connection, sorted(gone), by=by, at=at)
            result = await _import_articles(connection, parsed.articles, by=by, status=status, at=at)
        return ImportResult(*result, removed, intents)

    async def remove(self, article_ids: Iterable[str]) -> int:
        """Remove articles; returns how many were there."""
        async with writing(self._engine) as connection:
            return await _remove_articles(
                connection, list(article_ids), by="command line", at=self._clock.now_ms()
            )

    async def content_hash(self) -> str:
        """Hex sha256 of all content."""
        return (await self.content()).content_hash

    async def snapshot(self, folder: Path) -> Content:
        """Write the content into a folder, as it stood at one moment."""
        content = await self.content()
        await asyncio.to_thread(content.write, folder)
        return content


# One statement for all tables: (kind, key, position, text, title, answer, tags, locale, valid_from, valid_until, status).
_NOTHING: Final = sa.null().cast(sa.Text)
_EVERYTHING: Final = sa.union_all(
    sa.select(
        sa.literal(0).label("kind"),
        articles.c.id.label("key"),
        sa.literal(0).label("position"),
        _NOTHING.label("text"),
        articles.c.title.cast(sa.Text).label("title"),
        articles.c.answer.label("answer"),
        articles.c.tags.label("tags"),
        articles.c.locale.cast(sa.Text).label("locale"),
        articles.c.valid_from.cast(sa.Text).label("valid_from"),
        articles.c.valid_until.cast(sa.Text).label("valid_until"),
        articles.c.status.cast(sa.Text).label("status"),
    ),
    sa.select(
        sa.literal(1),
        article_questions.c.article_id,
        article_questions.c.position,
        article_questions.c.text,
        *(_NOTHING,) * 7,
    ),
    sa.select(
        sa.literal(2),
        intent_examples.c.intent,
        intent_examples.c.position,
        intent_examples.c.text,
        *(_NOTHING,) * 7,
    ),
    sa.select(
        sa.literal(3),
        intents.c.name,
        sa.literal(0),
        intents.c.does,
        intents.c.description.cast(sa.Text),
        *(_NOTHING,) * 6,
    ).where(intents.c.does.is_not(None)),
    sa.select(sa.literal(4), entities.c.name, sa.literal(0), entities.c.data, *(_NOTHING,) * 7),
)


def _content(rows: Iterable[Any], *, drafts: bool) -> Content:
    # Sorted here and not by the database, whose collation may put ids in another order than Python and sha256.
    heads: dict[str, Any] = {}
    questions: dict[str, list[str]] = {}
    examples: dict[str, list[str]] = {}
    own: list[Intent] = []
    known: list[Entity] = []
    for row in sorted(rows, key=lambda row: (row.kind, row.key, row.position)):
        if row.kind == 0:
            if drafts or row.status != "draft":
                heads[row.key] = row
        elif row.kind == 3:
            does = json.loads(row.text)
            own.append(check_intent({"name": row.key, "description": row.title, "does": does}))
        elif row.kind == 4:
            known.append(check_entity(json.loads(row.text)))
        else:
            (questions if row.kind == 1 else examples).setdefault(row.key, []).append(row.text)
    left_out = set() if drafts else {intent.name for intent in own if intent.does.kind == "nothing"}
    return Content(
        tuple(_article(key, head, questions.get(key, ())) for key, head in heads.items()),
        {name: tuple(texts) for name, texts in examples.items() if name not in left_out},
        Rules(tuple(intent for intent in own if intent.name not in left_out), tuple(known)),
    )


def _article(article_id: str, row: Any, questions: Iterable[str]) -> Article:
    return Article(
        id=article_id,
        title=row.title,
        answer=row.answer,
        questions=tuple(questions),
        tags=tuple(json.loads(row.tags)),
        locale=row.locale,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )


async def _import_articles(
    connection: AsyncConnection, incoming: Sequence[Article], *, by: str, status: str, at: int
) -> tuple[int, int, int]:
    """Returns (added, changed, unchanged)."""
    there = await kept_by_id(connection, [article.id for article in incoming])
    added = [article for article in incoming if article.id not in there]
    changed = [a for a in incoming if a.id in there and there[a.id].article != a]
    versions = await newest_versions(connection, [article.id for article in (*changed, *added)])
    new = [
        Kept(
            article,
            status=there[article.id].status if article.id in there else status,
            owner=there[article.id].owner if article.id in there else None,
            version=versions.get(article.id, 0) + 1,
            updated_at=at,
            updated_by=by,
        )
        for article in (*changed, *added)
    ]
    await keep_versions(connection, [_as_found(there[article.id]) for article in changed])
    await article_rows.put(connection, new)
    await keep_versions(
        connection,
        [Version(kept.article.id, kept.version, at, by, "imported", None, kept) for kept in new],
    )
    return len(added), len(changed), len(incoming) - len(added) - len(changed)


async def _ids(connection: AsyncConnection) -> set[str]:
    return {row.id for row in (await connection.execute(sa.select(articles.c.id))).all()}


async def _remove_articles(connection: AsyncConnection, ids: Sequence[str], *, by: str, at: int) -> int:
    there = await kept_by_id(connection, ids)
    versions = await newest_versions(connection, list(there))
    await keep_versions(connection, [_as_found(kept) for kept in there.values()])
    await keep_versions(
        connection,
        [
            Version(article_id, versions[article_id] + 1, at, by, "removed", None, None)
            for article_id in there
        ],
    )
    return await article_rows.remove(connection, list(there))


def _as_found(kept: Kept) -> Version:
    """The line of history for an article as it stood: it may be older than histories are."""
    return Version(
        kept.article.id, kept.version, kept.updated_at, kept.updated_by or "before", "imported", None, kept
    )


async def _check_unmoved(
    connection: AsyncConnection, parsed: Parsed, expected: Expected, *, replace: bool
) -> None:
    """Raises `ContentMoved`."""
    kept = await kept_by_id(connection, [article.id for article in parsed.articles])
    there = {article_id: found.article for article_id, found in kept.items()}
    kept_intents = await intent_rows.kept_intents(connection) if parsed.intents else {}
    intents = {name: list(intent.examples) for name, intent in kept_intents.items() if intent.examples}
    ids = await _ids(connection) if replace else None
    await asyncio.to_thread(expected.check, parsed, there, intents, ids)
