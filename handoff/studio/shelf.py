"""All articles in memory, folded for search, kept up with the database by what has changed since.

Lists and searches of 5,000 articles with 50,000 questions must come at once, in any script: a database folds the letters of
English alone.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading
from handoff.adapters.schema import articles
from handoff.content.article_rows import with_questions
from handoff.content.slices import all_rows
from handoff.content.versions import Kept

OVERLAP_MS: Final = 15_000
"""Changes this much older than the newest known are read again: a transaction may commit after one that began later.
Longer than a statement may take."""


FEW: Final = 50
"""Articles that are folded in two milliseconds; more are folded beside the loop."""

_MARKS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Shelved:
    """An article, what a search looks at, and all that it is asked with (see `same`)."""

    kept: Kept
    haystack: str
    asked: frozenset[str]


class Shelf:
    """What the database holds, as of the last `refreshed`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._known: dict[str, Shelved] = {}
        self._newest = 0
        self._moves = 0
        self._one_at_a_time = asyncio.Lock()

    @property
    def moves(self) -> int:
        """Another number after each change that was seen."""
        return self._moves

    async def refreshed(self) -> Mapping[str, Shelved]:
        """All articles by id. Raises `StorageUnavailable`."""
        async with self._one_at_a_time:
            await self._refresh()
        return self._known

    async def _refresh(self) -> None:
        since = articles.c.updated_at >= self._newest - OVERLAP_MS
        async with reading(self._engine) as connection:
            newest = sa.select(articles.c.id, articles.c.version).where(since)
            moved = [
                row.id
                for row in await all_rows(await connection.execute(newest))
                if row.id not in self._known or self._known[row.id].kept.version != row.version
            ]
            changed: dict[str, Kept] = {}
            if moved:
                rows = await all_rows(await connection.execute(sa.select(articles).where(since)))
                wanted = set(moved)
                changed = await with_questions(connection, [row for row in rows if row.id in wanted])
            count = (await connection.execute(sa.select(sa.func.count()).select_from(articles))).scalar_one()
            gone: set[str] = set()
            if count != len(self._known.keys() | changed.keys()):
                ids = set((await connection.execute(sa.select(articles.c.id))).scalars())
                gone = self._known.keys() - ids
        if not changed and not gone:
            return
        # A new mapping: whoever reads the old one while this waits for the database is not disturbed.
        known = {key: shelved for key, shelved in self._known.items() if key not in gone}
        if len(changed) > FEW:
            known |= await asyncio.to_thread(_all_shelved, changed)
        else:
            known |= _all_shelved(changed)
        self._known = known
        self._newest = max([self._newest, *(kept.updated_at for kept in changed.values())])
        self._moves += 1


def folded(text: str) -> str:
    """`text` as it is compared: without case and without accents, in every script."""
    if text.isascii():
        return text.lower()
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in bare if not unicodedata.combining(character))


def same(text: str) -> str:
    """What two questions that differ in case, spaces and marks alone have in common."""
    kept = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return _MARKS.sub(" ", kept).strip() or kept


def _all_shelved(changed: Mapping[str, Kept]) -> dict[str, Shelved]:
    return {key: _shelved(kept) for key, kept in changed.items()}


def _shelved(kept: Kept) -> Shelved:
    article = kept.article
    texts = (article.id, article.title, *article.questions, article.answer, *article.tags)
    asked = frozenset(same(text) for text in (article.title, *article.questions))
    return Shelved(kept, folded("\n".join(texts)), asked)
