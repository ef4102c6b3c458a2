"""All SQL about articles and intents. Times are epoch milliseconds."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import article_questions, articles, intent_examples
from handoff.adapters.upsert import Upsert
from handoff.content.expected import Expected
from handoff.ports import Clock
from kb_index.article import Article
from kb_index.article import content_hash as articles_hash
from kb_index.formats import Parsed, write_intents, write_jsonl

CONTENT_FILE: Final = "content.jsonl"
INTENTS_FILE: Final = "intents.yml"

# SQLite allows 32,766 variables in a statement; ids are taken in slices far below that.
_SLICE: Final = 500

_PUT_ARTICLE: Final = Upsert(articles, key=["id"], update=["title", "answer", "tags", "locale", "updated_at"])


@dataclass(frozen=True, slots=True)
class Content:
    """All content at one moment: articles in id order, intents in name order."""

    articles: tuple[Article, ...]
    intents: Mapping[str, tuple[str, ...]]

    @property
    def content_hash(self) -> str:
        """Hex sha256; equal content has an equal hash in every home."""
        intents = json.dumps({name: list(self.intents[name]) for name in sorted(self.intents)})
        return hashlib.sha256(f"{articles_hash(self.articles)}\n{intents}".encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write `content.jsonl` and `intents.yml`, for a training or a release."""
        write_jsonl(folder / CONTENT_FILE, self.articles)
        write_intents(folder / INTENTS_FILE, self.intents)


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

    async def content(self) -> Content:
        """Everything, as it stood at one moment.

        It is read with one statement, because several ones see several moments under the isolation that
        PostgreSQL has by default.
        """
        async with reading(self._engine) as connection:
            return _content((await connection.execute(_EVERYTHING)).all())

    async def articles(self) -> list[Article]:
        """All articles in id order."""
        return list((await self.content()).articles)

    async def get(self, article_id: str) -> Article | None:
        """One article."""
        async with reading(self._engine) as connection:
            found = await _articles_by_id(connection, [article_id])
        return found.get(article_id)

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
        keep: Collection[str] = (),
        expected: Expected | None = None,
    ) -> ImportResult:
        """Store what a file holds, in one transaction: all of it or nothing.

        Articles are upserted by id and intents by name. `replace` makes the content exactly the file, within
        the kind of content that the file holds: a file of intents alone leaves the articles, and a file
        without intents leaves the intents. Articles in `keep` stay although the file does not hold them, and intents
        whose names are in it as `intent:NAME`.

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
            intents = await _import_intents(connection, parsed.intents, replace=replace, keep=keep)
            if parsed.intents and not parsed.articles:
                return ImportResult(0, 0, 0, 0, intents)
            result = await _import_articles(
                connection, parsed.articles, replace=replace, keep=keep, at=self._clock.now_ms()
            )
        return ImportResult(*result, intents)

    async def remove(self, article_ids: Iterable[str]) -> int:
        """Remove articles; returns how many were there."""
        async with writing(self._engine) as connection:
            return await _remove_articles(connection, list(article_ids))

    async def content_hash(self) -> str:
        """Hex sha256 of all content."""
        return (await self.content()).content_hash

    async def snapshot(self, folder: Path) -> Content:
        """Write the content into a folder, as it stood at one moment."""
        content = await self.content()
        await asyncio.to_thread(content.write, folder)
        return content


# One statement for all three tables: (kind, key, position, text, title, answer, tags, locale).
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
    ),
    sa.select(
        sa.literal(1),
        article_questions.c.article_id,
        article_questions.c.position,
        article_questions.c.text,
        *(_NOTHING,) * 4,
    ),
    sa.select(
        sa.literal(2),
        intent_examples.c.intent,
        intent_examples.c.position,
        intent_examples.c.text,
        *(_NOTHING,) * 4,
    ),
)


def _content(rows: Iterable[Any]) -> Content:
    # Sorted here and not by the database, whose collation may put ids in another order than Python and sha256.
    heads: dict[str, Any] = {}
    questions: dict[str, list[str]] = {}
    intents: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: (row.kind, row.key, row.position)):
        if row.kind == 0:
            heads[row.key] = row
        else:
            (questions if row.kind == 1 else intents).setdefault(row.key, []).append(row.text)
    return Content(
        tuple(_article(key, head, questions.get(key, ())) for key, head in heads.items()),
        {name: tuple(examples) for name, examples in intents.items()},
    )


def _article(article_id: str, row: Any, questions: Iterable[str]) -> Article:
    return Article(
        id=article_id,
        title=row.title,
        answer=row.answer,
        questions=tuple(questions),
        tags=tuple(json.loads(row.tags)),
        locale=row.locale,
    )


async def _articles_by_id(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Article]:
    found: dict[str, Article] = {}
    for some in _slices(ids):
        questions: dict[str, list[str]] = {}
        query = (
            sa.select(article_questions)
            .where(article_questions.c.article_id.in_(some))
            .order_by(article_questions.c.article_id, article_questions.c.position)
        )
        for row in (await connection.execute(query)).all():
            questions.setdefault(row.article_id, []).append(row.text)
        for row in (await connection.execute(sa.select(articles).where(articles.c.id.in_(some)))).all():
            found[row.id] = _article(row.id, row, questions.get(row.id, ()))
    return found


async def _import_articles(
    connection: AsyncConnection,
    incoming: Sequence[Article],
    *,
    replace: bool,
    keep: Collection[str],
    at: int,
) -> tuple[int, int, int, int]:
    """Returns (added, changed, unchanged, removed)."""
    there = await _articles_by_id(connection, [article.id for article in incoming])
    added = [article for article in incoming if article.id not in there]
    changed = [article for article in incoming if there.get(article.id, article) != article]
    removed = 0
    if replace:
        stored = {row.id for row in (await connection.execute(sa.select(articles.c.id))).all()}
        gone = stored - {article.id for article in incoming} - set(keep)
        removed = await _remove_articles(connection, sorted(gone))
    for some in _slices([article.id for article in changed]):
        await connection.execute(article_questions.delete().where(article_questions.c.article_id.in_(some)))
    if changed or added:
        await connection.execute(
            _PUT_ARTICLE.on(connection), [_row(article, at) for article in (*changed, *added)]
        )
    questions = [
        {"article_id": article.id, "position": position, "text": text}
        for article in (*changed, *added)
        for position, text in enumerate(article.questions)
    ]
    if questions:
        await connection.execute(article_questions.insert(), questions)
    return len(added), len(changed), len(incoming) - len(added) - len(changed), removed


async def _remove_articles(connection: AsyncConnection, ids: Sequence[str]) -> int:
    removed = 0
    for some in _slices(ids):
        await connection.execute(article_questions.delete().where(article_questions.c.article_id.in_(some)))
        removed += (await connection.execute(articles.delete().where(articles.c.id.in_(some)))).rowcount
    return removed


async def _import_intents(
    connection: AsyncConnection,
    incoming: Mapping[str, Sequence[str]],
    *,
    replace: bool,
    keep: Collection[str],
) -> int:
    """Returns how many intents got other examples, lost ones included."""
    if not incoming:
        return 0
    there = await _all_intents(connection)
    changed = [name for name, examples in incoming.items() if there.get(name, []) != list(examples)]
    gone = [n for n in there if n not in incoming and f"intent:{n}" not in keep] if replace else []
    for some in _slices([*changed, *gone]):
        await connection.execute(intent_examples.delete().where(intent_examples.c.intent.in_(some)))
    examples = [
        {"intent": name, "position": position, "text": text}
        for name in changed
        for position, text in enumerate(incoming[name])
    ]
    if examples:
        await connection.execute(intent_examples.insert(), examples)
    return len(changed) + len(gone)


async def _all_intents(connection: AsyncConnection) -> dict[str, list[str]]:
    there: dict[str, list[str]] = {}
    query = sa.select(intent_examples).order_by(intent_examples.c.intent, intent_examples.c.position)
    for row in (await connection.execute(query)).all():
        there.setdefault(row.intent, []).append(row.text)
    return there


async def _check_unmoved(
    connection: AsyncConnection, parsed: Parsed, expected: Expected, *, replace: bool
) -> None:
    """Raises `ContentMoved`."""
    there = await _articles_by_id(connection, [article.id for article in parsed.articles])
    intents = await _all_intents(connection) if parsed.intents else {}
    ids = {row.id for row in (await connection.execute(sa.select(articles.c.id))).all()} if replace else set()
    expected.check(parsed, there, intents, ids if replace else None)


def _row(article: Article, at: int) -> dict[str, Any]:
    return {
        "id": article.id,
        "title": article.title,
        "answer": article.answer,
        "tags": json.dumps(article.tags, ensure_ascii=False),
        "locale": article.locale,
        "updated_at": at,
    }


def _slices(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _SLICE):
        yield values[start : start + _SLICE]
