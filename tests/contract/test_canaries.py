"""One release on trial at a time, and what it came to beside the live one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from handoff.adapters.database import writing
from handoff.adapters.schema import asked, conversations, reply_feedback
from handoff.studio.canary_store import BEGINS_AFTER_MS, Canary, CanaryStore
from handoff.studio.errors import CanaryRefused
from tests.contract.databases import Database
from tests.contract.held_clock import HeldClock


@pytest.fixture
def store(database: Database, clock: HeldClock) -> CanaryStore:
    return CanaryStore(database.engine(), clock)


async def test_one_runs_at_a_time_whoever_begins_it(
    store: CanaryStore, database: Database, clock: HeldClock
) -> None:
    other = CanaryStore(database.engine(), clock)
    begun = await asyncio.gather(
        *(each.begin(f"r{n}", "r0", 0.1, "Ada") for n, each in enumerate((store, other) * 3, start=1)),
        return_exceptions=True,
    )
    canaries = [each for each in begun if isinstance(each, Canary)]
    assert len(canaries) == 1
    assert {type(each) for each in begun} == {Canary, CanaryRefused}
    assert await other.running() == canaries[0]
    assert canaries[0].started_at == clock.now_ms() + BEGINS_AFTER_MS
    assert await store.end(canaries[0], "stopped", "Ada")
    assert not await other.end(canaries[0], "promoted", "Bo")
    assert await store.running() is None
    await store.begin("r2", "r0", 0.5, "Bo")


async def conversation(database: Database, name: str, at: int, *turns: dict[str, Any]) -> None:
    """A conversation opened at `at`, with what became of its turns; `thumb` is the customer's."""
    row = {
        "id": name, "client_id": name, "opening_digest": "", "created_at": at, "locale": "en", "customer": "{}",
        "seq": 0, "state": "bot", "queue_rank": 0, "updated_at": at,
    }  # fmt: skip
    async with writing(database.engine()) as connection:
        await connection.execute(conversations.insert().values(row))
        for number, turn in enumerate(turns):
            seq = 2 + 10 * number
            record = {
                "conversation_id": name, "turn": seq, "at": at, "episode": 1, "locale": "en", "revision": 0,
                "release_id": turn["release"], "kind": turn["kind"], "reason": "", "confidence": 0.5,
                "threshold": 0.5, "frustration": 0.0, "reply_seq": seq + 2, "question": True, "reasons": 0,
            }  # fmt: skip
            await connection.execute(asked.insert().values(record))
            if "thumb" in turn:
                # Under the second of two replies.
                thumb = {
                    "conversation_id": name,
                    "seq": seq + 3,
                    "at": at,
                    "helpful": turn["thumb"],
                }
                await connection.execute(reply_feedback.insert().values(thumb))


async def test_both_are_counted_in_the_conversations_opened_since(
    store: CanaryStore, database: Database
) -> None:
    canary = await store.begin("new", "old", 0.5, "Ada")
    since = canary.started_at
    await conversation(
        database, "a", since,
        {"release": "new", "kind": "answer", "thumb": True},
        {"release": "new", "kind": "clarify"},
        {"release": "new", "kind": "answer", "thumb": False},
    )  # fmt: skip
    # One turn that the candidate left unanswered, and one that nobody answered.
    await conversation(
        database, "b", since + 5,
        {"release": "old", "kind": "unsure", "thumb": False},
        {"release": "new", "kind": "escalate"},
        {"release": "", "kind": "escalate"},
    )  # fmt: skip
    await conversation(database, "c", since + 9, {"release": "old", "kind": "chat"})
    await conversation(database, "before", since - 1, {"release": "old", "kind": "answer", "thumb": True})
    await conversation(database, "third", since, {"release": "third", "kind": "answer", "thumb": True})
    none = {"conversations": 0, "turns": 0, "answered": 0, "clarified": 0, "unsure": 0, "handed_over": 0}
    assert await store.figures(canary) == {
        "canary": {**none, "conversations": 2, "turns": 4, "answered": 2, "clarified": 1, "handed_over": 1,
                   "thumbs_up": 1, "thumbs_down": 1},
        "live": {**none, "conversations": 2, "turns": 2, "unsure": 1, "thumbs_up": 0, "thumbs_down": 1},
    }  # fmt: skip


async def test_without_a_conversation_all_counts_are_0(store: CanaryStore, database: Database) -> None:
    canary = await store.begin("new", "old", 0.5, "Ada")
    figures = await store.figures(canary)
    assert {sum(counts.values()) for counts in figures.values()} == {0}
    async with writing(database.engine()) as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(asked))).scalar_one() == 0
