"""Which questions of a group an editor means by their texts, which are masked where editors read them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading
from handoff.adapters.schema import asked
from handoff.studio.errors import AlreadySettled
from handoff.studio.question_texts import Key, words_of
from handoff.studio.review_rows import IS_OPEN, is_id
from handoff.wire.times import rfc3339

REPEAT_MS: Final = 600_000
"""For so long the same order again is known for a repeat."""
_CHUNK: Final = 200
_SETTLED_AT_MOST: Final = 2_000


async def selected(
    engine: AsyncEngine, group_id: str, texts: Collection[str], *, how: str, by: str, now: int
) -> tuple[Key, ...] | None:
    """The open questions of the group that read as one of `texts`, whatever their case and spaces.

    Nothing where they were settled this way a moment ago by the same editor; None where no question reads so: then the texts
    are the editor's own.

    Raises:
        AlreadySettled: somebody else has settled them a moment ago.
        StorageUnavailable: they cannot be read.
    """
    if not is_id(group_id):
        return None
    wanted = {_folded(text) for text in texts}
    mine = sa.select(asked.c.conversation_id, asked.c.turn).where(IS_OPEN, asked.c.group_id == group_id)
    async with reading(engine) as connection:
        rows = (await connection.execute(mine)).all()
    found = await _reading_so(engine, [(row.conversation_id, row.turn) for row in rows], wanted)
    if found:
        return tuple(found)
    lately = (
        sa.select(asked.c.conversation_id, asked.c.turn, asked.c.settled_by, asked.c.settled_at)
        .where(
            asked.c.settled_at >= now - REPEAT_MS, asked.c.settled_how == how, asked.c.group_id == group_id
        )
        .order_by(asked.c.settled_at.desc())
        .limit(_SETTLED_AT_MOST)
    )
    async with reading(engine) as connection:
        settled = {(row.conversation_id, row.turn): row for row in (await connection.execute(lately)).all()}
    before = await _reading_so(engine, list(settled), wanted)
    for key in before:
        row = settled[key]
        if row.settled_by != by[:80]:
            raise AlreadySettled(
                f"{row.settled_by} has dealt with these questions meanwhile.",
                by=row.settled_by,
                at=rfc3339(row.settled_at),
                how=how,
                into=None,
            )
    return () if before else None


async def _reading_so(engine: AsyncEngine, keys: Sequence[Key], wanted: Collection[str]) -> list[Key]:
    found: list[Key] = []
    for start in range(0, len(keys), _CHUNK):
        async with reading(engine) as connection:
            words = await words_of(connection, keys[start : start + _CHUNK])
        found += [key for key, said in words.items() if _folded(said.masked) in wanted]
        # Masking thousands of texts takes tenths of a second, in which conversations go on.
        await asyncio.sleep(0)
    return found


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
