"""The review inbox: what the bot could not answer well, in groups, the dearest first. Words are masked.

A question costs the time that an agent spent on it; where that is not known, because nobody has taken it yet or somebody is
still at it, what the settings say a handoff takes. One that no person was asked about costs nothing, and comes after those
that did by how many asked it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading
from handoff.adapters.schema import articles, asked, reply_feedback, review_groups
from handoff.domain.asked import (
    ANSWERED_BY_PERSON,
    HANDED_OVER,
    LOW_CONFIDENCE,
    REPEATED,
    THUMBS_DOWN,
    UNANSWERED,
)
from handoff.domain.errors import NotFound
from handoff.ports import Clock
from handoff.studio.errors import AlreadySettled
from handoff.studio.gleaning import thumbs_by_turn
from handoff.studio.question_texts import Key, Words, agent_answers, words_of
from handoff.studio.review_rows import IS_OPEN, LIKE, is_id
from handoff.studio.settings import StudioSettings
from handoff.wire.times import rfc3339

GROUPS_AT_MOST: Final = 200
QUESTIONS_AT_MOST: Final = 200
TREND_DAYS: Final = 14
NAME_CHARACTERS: Final = 90
EXAMPLES_SHOWN: Final = 3
DAY_MS: Final = 86_400_000

REASONS: Final[Mapping[str, int]] = {
    "unanswered": UNANSWERED,
    "low_confidence": LOW_CONFIDENCE,
    "thumbs_down": THUMBS_DOWN,
    "repeated": REPEATED,
    "answered_by_person": ANSWERED_BY_PERSON,
}


class Review:
    """What the inbox shows."""

    def __init__(self, engine: AsyncEngine, settings: StudioSettings, clock: Clock) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock

    async def page(self, *, days: int, offset: int = 0, limit: int = GROUPS_AT_MOST) -> dict[str, Any]:
        """Groups asked in the last `days`, the dearest first, and what all of them come to."""
        values = await self._settings.values()
        since = self._clock.now_ms() - days * DAY_MS
        async with reading(self._engine) as connection:
            totals = await self._totals(connection, since, values)
            shown = await self._groups(
                connection, asked.c.at >= since, values, offset=offset, limit=min(limit, GROUPS_AT_MOST)
            )
            made = (await connection.execute(sa.select(sa.func.max(review_groups.c.made_at)))).scalar_one()
            ungrouped = sa.select(sa.func.count()).where(IS_OPEN, asked.c.group_id.is_(None))
            alike = sa.select(sa.func.count()).where(
                asked.c.settled_how == "out_of_scope",
                asked.c.settled_at >= since,
                asked.c.settled_by.startswith(LIKE),
            )
            return {
                "groups": shown,
                "total": totals["groups"],
                "grouped_at": None if made is None else rfc3339(made),
                "ungrouped": (await connection.execute(ungrouped)).scalar_one(),
                "settled_alike": (await connection.execute(alike)).scalar_one(),
                "questions": totals["questions"],
                "minutes": totals["minutes"],
            }

    async def totals(self, *, days: int = 30) -> dict[str, Any]:
        """`{groups, questions, minutes}` of the last `days`."""
        values = await self._settings.values()
        async with reading(self._engine) as connection:
            return await self._totals(connection, self._clock.now_ms() - days * DAY_MS, values)

    async def group(self, group_id: str) -> dict[str, Any]:
        """A group with its newest questions.

        Raises:
            NotFound: there is no such group (any more).
            AlreadySettled: somebody has dealt with it.
        """
        values = await self._settings.values()
        async with reading(self._engine) as connection:
            await open_group(connection, group_id)
            shown = await self._groups(connection, asked.c.group_id == group_id, values, offset=0, limit=1)
            if not shown:
                raise NotFound("There are no open questions in this group.")
            questions = await _questions(connection, group_id)
        return {"group": shown[0], "questions": questions, "more": shown[0]["size"] > QUESTIONS_AT_MOST}

    async def _totals(
        self, connection: AsyncConnection, since: int, values: Mapping[str, float]
    ) -> dict[str, Any]:
        minutes = _minutes(values["handoff_minutes"])
        query = sa.select(
            sa.func.count(sa.distinct(asked.c.group_id)).label("groups"),
            sa.func.count().label("questions"),
            sa.func.coalesce(sa.func.sum(minutes), 0.0).label("minutes"),
        ).where(IS_OPEN, asked.c.group_id.is_not(None), asked.c.at >= since)
        row = (await connection.execute(query)).one()
        return {"groups": row.groups, "questions": row.questions, "minutes": round(row.minutes, 1)}

    async def _groups(
        self,
        connection: AsyncConnection,
        which: sa.ColumnElement[bool],
        values: Mapping[str, float],
        *,
        offset: int,
        limit: int,
    ) -> list[dict[str, Any]]:
        minutes = sa.func.sum(_minutes(values["handoff_minutes"]))
        size = sa.func.count()
        query = (
            sa.select(
                asked.c.group_id,
                size.label("size"),
                sa.func.max(asked.c.at).label("last_at"),
                minutes.label("minutes"),
                *(_share(bit).label(name) for name, bit in REASONS.items()),
            )
            .where(IS_OPEN, asked.c.group_id.is_not(None), which)
            .group_by(asked.c.group_id)
            .order_by(sa.desc("minutes"), sa.desc("size"), asked.c.group_id)
            .offset(offset)
            .limit(limit)
        )
        rows = (await connection.execute(query)).all()
        about = await _about(connection, [row.group_id for row in rows])
        trends = await _trends(connection, [row.group_id for row in rows], self._clock.now_ms())
        shown = []
        for row in rows:
            if row.group_id not in about:
                # Grouped anew between two of these statements.
                continue
            suggested, examples = about[row.group_id]
            shown.append(
                {
                    "id": row.group_id,
                    "name": _name(examples),
                    "size": row.size,
                    "trend": trends[row.group_id],
                    "last_at": rfc3339(row.last_at),
                    "minutes": round(row.minutes, 1),
                    "cost": round(row.minutes * values["minute_cost"], 2),
                    "suggested": suggested,
                    "reasons": {name: getattr(row, name) for name in REASONS},
                    "examples": examples,
                }
            )
        return shown


async def open_group(connection: AsyncConnection, group_id: str) -> Any:
    """A group's row. Raises `NotFound`, `AlreadySettled`."""
    query = sa.select(review_groups).where(review_groups.c.id == group_id)
    row = (await connection.execute(query)).one_or_none() if is_id(group_id) else None
    if row is None:
        raise NotFound("There is no such group: questions have been grouped anew, or it was dealt with.")
    if row.settled_at is not None:
        raise AlreadySettled(
            f"{row.settled_by} has dealt with this group meanwhile.",
            by=row.settled_by,
            at=rfc3339(row.settled_at),
            how=row.settled_how,
            into=row.settled_into,
        )
    return row


async def titles_of(connection: AsyncConnection, ids: Collection[str]) -> dict[str, str]:
    """Titles of the articles of the working copy with these ids, of which there are a few hundred at most."""
    if not ids:
        return {}
    query = sa.select(articles.c.id, articles.c.title).where(articles.c.id.in_(sorted(ids)))
    return {row.id: row.title for row in (await connection.execute(query)).all()}


def reasons_of(bits: int) -> list[str]:
    """The names of the reasons in a row's number."""
    return [name for name, bit in REASONS.items() if bits & bit]


def _minutes(usual: float) -> sa.ColumnElement[float]:
    handed_over = asked.c.reasons.bitwise_and(HANDED_OVER) != 0
    return sa.func.coalesce(asked.c.minutes, sa.case((handed_over, usual), else_=0.0))


def _share(bit: int) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((asked.c.reasons.bitwise_and(bit) != 0, 1), else_=0))


async def _about(
    connection: AsyncConnection, ids: Sequence[str]
) -> dict[str, tuple[dict[str, Any] | None, list[str]]]:
    """The article suggested for each group, and its examples."""
    query = sa.select(review_groups).where(review_groups.c.id.in_(ids))
    rows = {row.id: row for row in (await connection.execute(query)).all()}
    keys = {group_id: _keys(row.examples)[:EXAMPLES_SHOWN] for group_id, row in rows.items()}
    words = await words_of(connection, {key for some in keys.values() for key in some})
    titles = await titles_of(connection, {row.suggested_id for row in rows.values() if row.suggested_id})
    about: dict[str, tuple[dict[str, Any] | None, list[str]]] = {}
    for group_id, row in rows.items():
        suggested = None
        if row.suggested_id in titles:
            suggested = {
                "article_id": row.suggested_id,
                "title": titles[row.suggested_id],
                "score": row.suggested_score,
            }
        said = [words[key].masked for key in keys[group_id] if key in words]
        about[group_id] = (suggested, list(dict.fromkeys(said)))
    return about


async def _trends(connection: AsyncConnection, ids: Sequence[str], now: int) -> dict[str, list[int]]:
    """Open questions of each group on each of the last days (UTC), today last."""
    first = now // DAY_MS - TREND_DAYS + 1
    trends = {group_id: [0] * TREND_DAYS for group_id in ids}
    day = asked.c.at // sa.literal_column(str(DAY_MS), sa.BigInteger)
    query = (
        sa.select(asked.c.group_id, day.label("day"), sa.func.count().label("n"))
        .where(IS_OPEN, asked.c.group_id.in_(ids), asked.c.at >= first * DAY_MS)
        .group_by(asked.c.group_id, day)
    )
    for row in (await connection.execute(query)).all():
        place = int(row.day) - first
        if 0 <= place < TREND_DAYS:
            trends[row.group_id][place] += row.n
    return trends


async def _questions(connection: AsyncConnection, group_id: str) -> list[dict[str, Any]]:
    query = (
        sa.select(asked)
        .where(IS_OPEN, asked.c.group_id == group_id)
        .order_by(asked.c.at.desc(), asked.c.conversation_id, asked.c.turn)
        .limit(QUESTIONS_AT_MOST)
    )
    rows = (await connection.execute(query)).all()
    keys: list[Key] = [(row.conversation_id, row.turn) for row in rows]
    words = await words_of(connection, keys)
    with_person = {
        key: words[key]
        for key, row in zip(keys, rows, strict=True)
        if key in words and row.reasons & ANSWERED_BY_PERSON
    }
    answers = await agent_answers(connection, with_person)
    titles = await titles_of(connection, {row.article_id for row in rows if row.article_id})
    thumbs = await _thumbs(connection, {row.conversation_id for row in rows})
    return [
        _shown(row, words[key], answers.get(key), titles, thumbs.get(key))
        for key, row in zip(keys, rows, strict=True)
        if key in words
    ]


def _shown(
    row: Any, words: Words, answer: str | None, titles: Mapping[str, str], helpful: bool | None
) -> dict[str, Any]:
    best = (
        {"article_id": row.article_id, "title": titles[row.article_id]} if row.article_id in titles else None
    )
    return {
        "conversation_id": row.conversation_id,
        "turn": row.turn,
        "at": rfc3339(row.at),
        "text": words.masked,
        "kind": row.kind,
        "reason": row.reason,
        "reasons": reasons_of(row.reasons),
        "confidence": row.confidence,
        "threshold": row.threshold,
        "best": best,
        "helpful": helpful,
        "agent_answer": answer,
    }


async def _thumbs(connection: AsyncConnection, conversations: Collection[str]) -> dict[Key, bool]:
    """What customers think of the outcomes of turns in these conversations."""
    ids = sorted(conversations)
    turns: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    given: defaultdict[str, list[tuple[int, bool]]] = defaultdict(list)
    thumbs = sa.select(reply_feedback).where(reply_feedback.c.conversation_id.in_(ids))
    for row in (await connection.execute(thumbs)).all():
        given[row.conversation_id].append((row.seq, row.helpful))
    if not given:
        return {}
    replies = sa.select(asked.c.conversation_id, asked.c.turn, asked.c.reply_seq).where(
        asked.c.conversation_id.in_(sorted(given))
    )
    for row in (await connection.execute(replies)).all():
        turns[row.conversation_id].append((row.turn, row.reply_seq))
    return {
        (conversation_id, turn): helpful
        for conversation_id, some in given.items()
        for turn, helpful in thumbs_by_turn(turns[conversation_id], some).items()
    }


def _keys(stored: str) -> list[Key]:
    return [(conversation_id, turn) for conversation_id, turn in orjson.loads(stored)]


def _name(examples: Iterable[str]) -> str:
    """The words nearest to what a group means, as long as a line."""
    words = next(iter(examples), "").split()
    name = ""
    for word in words:
        if len(name) + 1 + len(word) > NAME_CHARACTERS:
            return f"{name or word[: NAME_CHARACTERS - 1]}…"
        name = f"{name} {word}".strip()
    return name or "…"
