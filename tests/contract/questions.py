"""Questions that customers asked, as the log has them: each in a conversation of its own unless told otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa

from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.schema import asked, review_groups
from handoff.domain.asked import UNANSWERED, Thumb, TurnRecord
from handoff.domain.events import (
    BOT,
    SYSTEM,
    AgentSaid,
    BotReplied,
    ConversationClosed,
    CustomerGaveFeedback,
    CustomerSaid,
    EpisodeStarted,
    HandoffRequested,
    NewEvent,
)
from handoff.domain.waits import Pickup
from handoff.ports import Customer
from tests.contract.appends import ANA, Script, opened, write
from tests.contract.databases import Database
from tests.contract.held_clock import START

MINUTE = 60_000
DAY = 86_400_000


class Talk:
    """A conversation that is being told."""

    def __init__(self, log: SqlEventLog, script: Script) -> None:
        self._log = log
        self._script = script
        self.id = script.state.id
        self.at = script.at

    @property
    def seq(self) -> int:
        """The seq of the last event."""
        return self._script.state.seq

    async def ask(self, text: str, **record: Any) -> int:
        """A question and what became of it; returns its turn. `record` changes the row of `asked`."""
        await write(self._log, self._script.says(text, at=self._tick()))
        turn = self.seq
        kept = TurnRecord(
            turn=turn,
            reply_seq=turn + 1,
            episode=self._script.state.episode,
            locale=self._script.state.locale,
            release_id="r1",
            revision=0,
            kind="unsure",
            reason="low_confidence",
            confidence=0.25,
            threshold=0.5,
            frustration=0.0,
            article_id=None,
            question=True,
            rejects=None,
            reasons=UNANSWERED,
        )._replace(**record)
        reply = NewEvent(BOT, BotReplied(turn, "r1", kept.kind, "Words."))
        await write(self._log, self._script.append(reply, at=self._tick(), asked=kept))
        return turn

    async def thumb(self, seq: int, *, helpful: bool) -> None:
        await self._write(CustomerGaveFeedback(seq, helpful), thumb=Thumb(seq, helpful))

    async def wants_a_person(self) -> None:
        await self._write(HandoffRequested(f"{self.id}.{self.seq}", self._script.state.episode, "asked"))

    async def is_taken(self, after_ms: int = 1) -> None:
        waiting = self._script.state.waiting_since or 0
        self.at += after_ms
        await write(self._log, self._script.is_claimed(at=self.at, pickup=Pickup(self.at, waiting)))

    async def agent_says(self, text: str) -> None:
        await self._write(NewEvent(ANA, AgentSaid(text, f"agent-said-{self.seq:08}")))

    async def closes(self, after_ms: int = 1) -> None:
        self.at += after_ms
        await self._write(NewEvent(ANA, ConversationClosed("agent", self._script.state.episode)))

    async def says(self, text: str) -> None:
        await self._write(CustomerSaid(text, f"customer-{self.seq:08}"))

    async def starts_again(self) -> None:
        await self._write(NewEvent(SYSTEM, EpisodeStarted(self._script.state.episode + 1)))

    def _tick(self) -> int:
        self.at += 1
        return self.at

    async def _write(self, what: Any, **more: Any) -> None:
        await write(self._log, self._script.append(what, at=self._tick(), **more))


_numbers: Iterator[int] = itertools.count(1)


async def talk(log: SqlEventLog, *, at: int = START, name: str | None = None) -> Talk:
    """A new conversation, begun at that time."""
    customer = Customer(name=name)
    return Talk(log, await opened(log, f"cnv_{next(_numbers)}", customer=customer, at=at))


async def asked_once(
    log: SqlEventLog, text: str, *, at: int = START, name: str | None = None, **record: Any
) -> tuple[str, int]:
    """A question in a conversation of its own; its key."""
    told = await talk(log, at=at, name=name)
    return told.id, await told.ask(text, **record)


async def put_in_group(
    database: Database, group_id: str, *keys: tuple[str, int], suggested: str | None = None
) -> None:
    """Make a group of these questions, as a grouping leaves one."""
    row = {
        "id": group_id,
        "examples": orjson.dumps(keys[:5]).decode(),
        "suggested_id": suggested,
        "suggested_score": None if suggested is None else 0.625,
        "made_at": START,
    }
    async with database.engine().begin() as connection:
        await connection.execute(review_groups.insert().values(row))
        for conversation_id, turn in keys:
            mine = asked.c.conversation_id == conversation_id, asked.c.turn == turn
            await connection.execute(asked.update().where(*mine).values(group_id=group_id))


async def row_of(database: Database, key: tuple[str, int]) -> Any:
    """The row of a question."""
    query = sa.select(asked).where(asked.c.conversation_id == key[0], asked.c.turn == key[1])
    async with database.engine().connect() as connection:
        return (await connection.execute(query)).one()
