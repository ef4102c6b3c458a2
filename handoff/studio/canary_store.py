"""All SQL about releases on trial. One runs at a time: the database keeps it so."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import asked, canaries, conversations, reply_feedback
from handoff.ports import Clock
from handoff.studio.errors import CanaryRefused

Outcome = Literal["promoted", "stopped", "failed", "superseded"]

BEGINS_AFTER_MS: Final = 2_000
"""Between the row and the first conversation on trial, so that every relay knows of it by then: a conversation must not
begin on one release and go on with another."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A release on trial. `share` of the conversations opened from `started_at` on (epoch milliseconds) are its own."""

    id: str
    release_id: str
    against: str
    share: float
    salt: str
    started_at: int
    started_by: str


Note = Callable[[AsyncConnection, Canary], Awaitable[None]]
"""Adds to what a transaction writes."""


class CanaryStore:
    """The trials of an installation."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def running(self) -> Canary | None:
        """The one that runs."""
        async with reading(self._engine) as connection:
            query = sa.select(canaries).where(canaries.c.running)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _canary(row)

    async def has_been(self, release_id: str) -> bool:
        """Whether it is or was on trial."""
        query = sa.select(sa.exists().where(canaries.c.release_id == release_id))
        async with reading(self._engine) as connection:
            return bool((await connection.execute(query)).scalar_one())

    async def begin(
        self, release_id: str, against: str, share: float, by: str, note: Note | None = None
    ) -> Canary:
        """Begin one, and `note` it in the same transaction. Raises `CanaryRefused` where another runs."""
        canary = Canary(
            id=f"c{secrets.token_hex(8)}",
            release_id=release_id,
            against=against,
            share=share,
            # A share drawn anew for each trial: the same customers' conversations are not always the ones tried on.
            salt=secrets.token_hex(16),
            started_at=self._clock.now_ms() + BEGINS_AFTER_MS,
            started_by=by,
        )
        row = {
            "id": canary.id,
            "release_id": release_id,
            "against": against,
            "share": share,
            "salt": canary.salt,
            "started_at": canary.started_at,
            "started_by": by,
            "running": True,
        }
        async with writing(self._engine) as connection:
            query = sa.select(canaries.c.release_id).where(canaries.c.running)
            other = (await connection.execute(query)).scalar_one_or_none()
            if other is not None:
                raise _another(other)
            try:
                await connection.execute(canaries.insert().values(row))
            except IntegrityError:
                # Somebody else began one between the two statements.
                raise _another("another release") from None
            if note is not None:
                await note(connection, canary)
        return canary

    async def end(self, canary: Canary, outcome: Outcome, by: str, note: Note | None = None) -> bool:
        """End it, and `note` it in the same transaction; False where somebody else has."""
        values = {
            "ended_at": self._clock.now_ms(),
            "ended_by": by,
            "outcome": outcome,
            "running": None,
        }
        async with writing(self._engine) as connection:
            query = canaries.update().where(canaries.c.id == canary.id, canaries.c.running).values(values)
            ended = (await connection.execute(query)).rowcount == 1
            if ended and note is not None:
                await note(connection, canary)
        return ended

    async def figures(self, canary: Canary) -> dict[str, dict[str, int]]:
        """Counts of both releases in the conversations opened since it began: `{canary, live}`."""
        sides = {"canary": canary.release_id, "live": canary.against}
        new = (
            sa.select(
                asked.c.conversation_id, asked.c.turn, asked.c.release_id, asked.c.kind, asked.c.reply_seq
            )
            .join(conversations, conversations.c.id == asked.c.conversation_id)
            .where(
                conversations.c.created_at >= canary.started_at,
                asked.c.at >= canary.started_at,
                asked.c.release_id.in_(sides.values()),
            )
            .cte("new")
        )
        turns = sa.select(
            new.c.release_id,
            sa.func.count(sa.distinct(new.c.conversation_id)).label("conversations"),
            sa.func.count().label("turns"),
            *(sa.func.count().filter(new.c.kind == kind).label(name) for name, kind in _KINDS.items()),
        ).group_by(new.c.release_id)
        # A thumb is about the reply that it stands under: the last that began no later.
        last = (
            sa.select(sa.func.max(new.c.turn))
            .where(
                new.c.conversation_id == reply_feedback.c.conversation_id,
                new.c.reply_seq <= reply_feedback.c.seq,
            )
            .correlate(reply_feedback)
            .scalar_subquery()
        )
        thumbs = (
            sa.select(
                new.c.release_id,
                sa.func.count().filter(reply_feedback.c.helpful).label("thumbs_up"),
                sa.func.count().filter(~reply_feedback.c.helpful).label("thumbs_down"),
            )
            .select_from(reply_feedback)
            .join(
                new,
                sa.and_(new.c.conversation_id == reply_feedback.c.conversation_id, new.c.turn == last),
            )
            .group_by(new.c.release_id)
        )
        async with reading(self._engine) as connection:
            counted = (await connection.execute(turns)).all()
            judged = (await connection.execute(thumbs)).all()
        found = {release_id: dict.fromkeys(_NAMES, 0) for release_id in sides.values()}
        for row in (*counted, *judged):
            found[row.release_id] |= {name: value for name, value in row._asdict().items() if name in _NAMES}
        return {side: found[release_id] for side, release_id in sides.items()}


_KINDS: Final = {
    "answered": "answer",
    "clarified": "clarify",
    "unsure": "unsure",
    "handed_over": "escalate",
}
_NAMES: Final = ("conversations", "turns", *_KINDS, "thumbs_up", "thumbs_down")


def _another(release_id: str) -> CanaryRefused:
    return CanaryRefused(f"{release_id} is on trial now. Stop that first.", release_id=release_id)


def _canary(row: Any) -> Canary:
    return Canary(row.id, row.release_id, row.against, row.share, row.salt, row.started_at, row.started_by)
