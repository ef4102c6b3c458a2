"""What happens to a question after its outcome: thumbs, rejections, answers by a person. Found by looking at what is new.

Everything is worked out anew from the log for each conversation that something happened in, so that looking twice changes
nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import asked, events, pickups, reply_feedback
from handoff.domain.asked import ANSWERED_BY_PERSON, HANDED_OVER, THUMBS_DOWN, UNANSWERED
from handoff.studio.handling import STEPS, Handling, Step, handlings

KEPT_MS: Final = 90 * 86_400_000
"""How far back the inbox goes."""
OVERLAP_MS: Final = 120_000
"""What was written as much earlier than the last look may have been committed after it."""
UNFINISHED_AT_MOST: Final = 10_000

_CHUNK: Final = 100
"""Conversations looked at in one go."""

_UPDATE: Final = (
    asked.update()
    .where(
        asked.c.conversation_id == sa.bindparam("conversation"),
        asked.c.turn == sa.bindparam("of_turn"),
        # A turn that was answered anew meanwhile is looked at the next time.
        asked.c.reply_seq == sa.bindparam("of_reply"),
    )
    .values(reasons=sa.bindparam("new_reasons"), minutes=sa.bindparam("new_minutes"))
)


@dataclass(frozen=True, slots=True)
class Gleaned:
    """What a look found. `unfinished` are conversations with a handoff that goes on: look at them again."""

    changed: int
    unfinished: tuple[str, ...]


async def glean(
    engine: AsyncEngine,
    *,
    since: int,
    also: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Gleaned:
    """Bring the rows of `asked` up to what has happened since `since` (epoch milliseconds), and in `also`, conversations' ids.

    Raises:
        StorageUnavailable: the database did not take it; what was done before stays.
    """
    ids = sorted({*await _touched(engine, since), *also})
    changed = 0
    unfinished: list[str] = []
    for start in range(0, len(ids), _CHUNK):
        on_progress(start, len(ids))
        some = ids[start : start + _CHUNK]
        async with reading(engine) as connection:
            updates, going_on = await _look(connection, some)
        unfinished += going_on
        if updates:
            changed += len(updates)
            async with writing(engine) as connection:
                await connection.execute(_UPDATE, updates)
    return Gleaned(changed, tuple(unfinished[-UNFINISHED_AT_MOST:]))


async def _touched(engine: AsyncEngine, since: int) -> set[str]:
    questions = sa.and_(
        asked.c.at >= since,
        asked.c.rejects.is_not(None) | (asked.c.question & (asked.c.kind == "escalate")),
    )
    found: set[str] = set()
    async with reading(engine) as connection:
        for query in (
            sa.select(asked.c.conversation_id).where(questions),
            sa.select(reply_feedback.c.conversation_id).where(reply_feedback.c.at >= since),
            sa.select(pickups.c.conversation_id).where(pickups.c.at >= since),
        ):
            found.update((await connection.execute(query.distinct())).scalars())
    return found


async def _look(connection: AsyncConnection, ids: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """What is to be changed in these conversations, and which of them are not over."""
    turns = await _by_conversation(
        connection,
        sa.select(
            asked.c.conversation_id,
            asked.c.turn,
            asked.c.reply_seq,
            asked.c.question,
            asked.c.rejects,
            asked.c.reasons,
            asked.c.minutes,
        )
        .where(asked.c.conversation_id.in_(ids))
        .order_by(asked.c.conversation_id, asked.c.turn),
    )
    thumbs = await _by_conversation(
        connection,
        sa.select(reply_feedback.c.conversation_id, reply_feedback.c.seq, reply_feedback.c.helpful).where(
            reply_feedback.c.conversation_id.in_(ids)
        ),
    )
    steps = await _by_conversation(
        connection,
        sa.select(events.c.conversation_id, events.c.seq, events.c.at, events.c.kind)
        .where(events.c.conversation_id.in_(ids), events.c.kind.in_(STEPS))
        .order_by(events.c.conversation_id, events.c.seq),
    )
    updates = []
    unfinished = []
    for conversation_id, rows in turns.items():
        told = [Step(row.seq, row.at, row.kind) for row in steps.get(conversation_id, ())]
        handled = handlings(told, [row.turn for row in rows if row.question])
        disliked = disliked_turns(
            [(row.turn, row.reply_seq) for row in rows],
            [(row.seq, row.helpful) for row in thumbs.get(conversation_id, ())],
        )
        rejected = {row.rejects for row in rows}
        for row, reasons, minutes in _anew(rows, disliked, rejected, handled):
            updates.append(
                {
                    "conversation": conversation_id,
                    "of_turn": row.turn,
                    "of_reply": row.reply_seq,
                    "new_reasons": reasons,
                    "new_minutes": minutes,
                }
            )
        if any(not handling.over for handling in handled.values()):
            unfinished.append(conversation_id)
    return updates, unfinished


def _anew(
    rows: Sequence[Any], disliked: Collection[int], rejected: Collection[int], handled: dict[int, Handling]
) -> Iterator[tuple[Any, int, float | None]]:
    """The rows that change, with their new reasons and minutes."""
    for row in rows:
        if not row.question:
            continue
        # Thumbs are turned; what else happened has happened.
        reasons = row.reasons & ~THUMBS_DOWN
        if row.turn in disliked:
            reasons |= THUMBS_DOWN
        if row.turn in rejected:
            reasons |= UNANSWERED
        handling = handled.get(row.turn)
        if handling is not None and handling.answered:
            reasons |= ANSWERED_BY_PERSON
        if handling is not None and reasons:
            reasons |= HANDED_OVER
        minutes = handling.minutes if handling is not None and handling.over else None
        if reasons == HANDED_OVER:
            reasons = 0
        if (reasons, minutes) != (row.reasons, row.minutes):
            yield row, reasons, minutes


def disliked_turns(turns: Sequence[tuple[int, int]], thumbs: Sequence[tuple[int, bool]]) -> set[int]:
    """Turns with a thumb down under one of their replies. `turns` are (turn, first seq of its outcome), `thumbs` (seq, helpful)."""
    return {turn for turn, helpful in thumbs_by_turn(turns, thumbs).items() if not helpful}


def thumbs_by_turn(turns: Sequence[tuple[int, int]], thumbs: Sequence[tuple[int, bool]]) -> dict[int, bool]:
    """What the customer thinks of each turn's outcome: that it was no help where one of its replies was none."""
    starts = sorted((reply_seq, turn) for turn, reply_seq in turns)
    firsts = [reply_seq for reply_seq, _ in starts]
    found: dict[int, bool] = {}
    for seq, helpful in thumbs:
        place = bisect_right(firsts, seq)
        if place:
            turn = starts[place - 1][1]
            found[turn] = found.get(turn, True) and helpful
    return found


async def _by_conversation(connection: AsyncConnection, query: sa.Select[Any]) -> dict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in (await connection.execute(query)).all():
        found[row.conversation_id].append(row)
    return found
