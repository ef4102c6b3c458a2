"""All articles in memory, folded for search, kept up with the database by their versions: clocks of relays may differ.

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
from handoff.content.article_rows import kept_by_id
from handoff.content.slices import all_rows
from handoff.content.versions import Kept

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
        async with reading(self._engine) as connection:
            heads = await all_rows(await connection.execute(sa.select(articles.c.id, articles.c.version)))
            versions = {row.id: row.version for row in heads}
            moved = [key for key, version in versions.items() if not self._has(key, version)]
            changed = await kept_by_id(connection, moved)
        gone = self._known.keys() - versions.keys()
        if not changed and not gone:
            return
        # A new mapping: whoever reads the old one while this waits for the database is not disturbed.
        known = {key: shelved for key, shelved in self._known.items() if key not in gone}
        if len(changed) > FEW:
            known |= await asyncio.to_thread(_all_shelved, changed)
        else:
            known |= _all_shelved(changed)
        self._known = known
        self._moves += 1

    def _has(self, key: str, version: int) -> bool:
        shelved = self._known.get(key)
        return shelved is not None and shelved.kept.version == version


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
