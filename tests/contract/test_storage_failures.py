"""A storage that fails says so, leaves nothing half written, and is used again as soon as it works again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters import sqlite_dialect
from handoff.adapters.cursors_sql import SqlCursors
from handoff.adapters.database import open_engine, reading, writing
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.adapters.reactions_sql import SqlReactions
from handoff.domain.commands import SayAsCustomer, StartConversation
from handoff.domain.errors import StorageUnavailable
from handoff.domain.events import CUSTOMER
from handoff.domain.rules import Rules
from handoff.ports import Customer, Reaction
from handoff.service.conversations import Conversations
from handoff.service.feed import Feed
from tests.contract.appends import texts
from tests.contract.conftest import LEASE_MS
from tests.contract.databases import PostgresServer, migrated
from tests.contract.held_clock import START, HeldClock


class Relay:
    """As much of a relay as it takes to write."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.log = SqlEventLog(engine, "here", LEASE_MS)
        self.conversations = Conversations(self.log, Feed(self.log), MemoryPubSub(), HeldClock(), Rules())
        self._said = 0

    async def open(self) -> str:
        outcome, _ = await self.conversations.open(
            "opening-client-id", Customer(), StartConversation("en"), ""
        )
        return outcome.conversation_id

    async def say(self, conversation_id: str, text: str) -> int:
        self._said += 1
        key = f"client-id-{id(self)}-{self._said:04}"
        outcome = await self.conversations.execute(conversation_id, CUSTOMER, SayAsCustomer(text, key), key)
        return outcome.seq


@pytest.fixture
def path(tmp_path: Path, migrated_file: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "baton.db").write_bytes(migrated_file.read_bytes())
    return folder / "baton.db"


@pytest.fixture
async def engine(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncEngine]:
    monkeypatch.setattr(sqlite_dialect, "BUSY_TIMEOUT_MS", 50)
    engine = open_engine(f"sqlite+loop:///{path}")
    yield engine
    await engine.dispose()


@pytest.fixture
async def relay(engine: AsyncEngine) -> AsyncIterator[Relay]:
    relay = Relay(engine)
    relay.conversations.start()
    yield relay
    await relay.conversations.stop()


async def counts(engine: AsyncEngine) -> dict[str, int]:
    tables = ("conversations", "events", "event_bodies", "commands", "reactions")
    async with engine.connect() as connection:
        return {
            table: (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in tables
        }


async def test_a_locked_database_refuses_and_is_used_again_when_it_is_free(relay: Relay, path: Path) -> None:
    c = await relay.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable):
        await relay.say(c, "while locked")
    # Who only reads is not kept out by a writer.
    assert await relay.log.heads([c]) == {c: 1}
    other.execute("COMMIT")
    other.close()
    assert await relay.say(c, "free again") == 2
    assert await texts(relay.log, c) == ["free again"]


async def test_a_short_lock_only_delays(relay: Relay, path: Path) -> None:
    c = await relay.open()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    said = asyncio.create_task(relay.say(c, "a moment later"))
    await asyncio.sleep(0.01)
    other.execute("COMMIT")
    other.close()
    assert await said == 2


@pytest.fixture
def full(engine: AsyncEngine) -> Iterator[list[int]]:
    """Fills the disk of all later transactions while it holds a number of pages."""
    pages: list[int] = []

    def limit(connection: sa.Connection) -> None:
        most = pages[0] if pages else 1_000_000
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA max_page_count={most}")
        cursor.close()

    sa.event.listen(engine.sync_engine, "begin", limit, insert=True)
    yield pages
    sa.event.remove(engine.sync_engine, "begin", limit)


async def test_a_full_disk_refuses_and_is_used_again_when_there_is_room(
    relay: Relay, engine: AsyncEngine, full: list[int]
) -> None:
    c = await relay.open()
    full.append(1)
    said: list[str] = []

    async def fill() -> None:
        for n in range(500):
            text = f"{n}" + "x" * 3_000
            await relay.say(c, text)
            said.append(text)

    with pytest.raises(StorageUnavailable):
        await fill()
    before = await counts(engine)
    assert before["events"] == before["event_bodies"] == len(said) + 1
    assert before["commands"] == before["reactions"] == len(said)
    with pytest.raises(StorageUnavailable):
        await relay.say(c, "y" * 4_000)
    assert await counts(engine) == before
    assert await texts(relay.log, c) == said
    full.clear()
    assert await relay.say(c, "room again") == len(said) + 2
    assert await texts(relay.log, c) == [*said, "room again"]


async def test_a_read_only_database_refuses_writers_and_serves_readers(relay: Relay, path: Path) -> None:
    c = await relay.open()
    await relay.say(c, "before")
    engine = open_engine(f"sqlite+loop:///file:{path}?mode=ro&uri=true")
    frozen = Relay(engine)
    frozen.conversations.start()
    with pytest.raises(StorageUnavailable):
        await frozen.say(c, "while read-only")
    assert await texts(frozen.log, c) == ["before"]
    await frozen.conversations.stop()
    await engine.dispose()
    assert await relay.say(c, "writable") == 3


async def test_a_database_that_is_gone_refuses_and_is_used_again_when_it_is_back(
    relay: Relay, engine: AsyncEngine, path: Path
) -> None:
    c = await relay.open()
    await engine.dispose()
    gone = path.parent.rename(path.parent.with_name("gone"))
    with pytest.raises(StorageUnavailable):
        await relay.say(c, "while gone")
    with pytest.raises(StorageUnavailable):
        await relay.log.heads([c])
    gone.rename(path.parent)
    assert await relay.say(c, "back again") == 2
    assert await texts(relay.log, c) == ["back again"]


async def test_a_file_removed_while_in_use_takes_no_more_words(
    relay: Relay, path: Path, migrated_file: Path
) -> None:
    """The system would go on writing into a file that nobody can open again: acknowledged and lost."""
    c = await relay.open()
    await relay.say(c, "before")
    for file in path.parent.glob("baton.db*"):
        file.unlink()
    with pytest.raises(StorageUnavailable):
        await relay.say(c, "into nowhere")
    with pytest.raises(StorageUnavailable):
        await relay.log.heads([c])
    for file in path.parent.glob("baton.db-*"):
        file.unlink()
    path.with_name("restored.db").write_bytes(migrated_file.read_bytes())
    path.with_name("restored.db").replace(path)
    assert await relay.log.heads([c]) == {}
    assert await relay.say(await relay.open(), "into the new one") == 2


async def test_connections_closed_underneath_only_cost_what_was_on_them(
    relay: Relay, engine: AsyncEngine
) -> None:
    c = await relay.open()

    def cut(connection: sa.Connection) -> None:
        sa.event.remove(engine.sync_engine, "commit", cut)
        raise sa.exc.DBAPIError("COMMIT", {}, OSError("connection lost"), connection_invalidated=True)

    sa.event.listen(engine.sync_engine, "commit", cut)
    with pytest.raises(StorageUnavailable):
        await relay.say(c, "cut off")
    assert await relay.say(c, "next") == 2
    assert await texts(relay.log, c) == ["next"]


async def test_every_port_on_the_database_says_the_same(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+loop:///{tmp_path / 'no-such-folder' / 'baton.db'}")
    log = SqlEventLog(engine, "here", LEASE_MS)
    queue, cursors = SqlReactions(engine), SqlCursors(engine)
    reaction = Reaction("c1", 2, "bot_turn", START, 1)
    for call in (
        log.head("c1"),
        log.heads(["c1"]),
        log.read("c1", 0, 10),
        log.in_states(["waiting"], 10),
        log.held_by("usr_ana"),
        log.due(START, 10),
        queue.take("w", START, LEASE_MS, 10),
        queue.renew("w", [reaction], START),
        queue.finish("w", reaction, START),
        queue.release("w", reaction, START),
        cursors.seen("c1"),
        cursors.see("c1", "customer", 3),
        cursors.renew_agents(["usr_ana"], START),
        cursors.lost_agents(START),
    ):
        with pytest.raises(StorageUnavailable):
            await call
    with pytest.raises(StorageUnavailable):
        async with log.transaction():
            raise AssertionError("nothing runs in a transaction that could not begin")
    await engine.dispose()


@pytest.mark.needs_postgres
async def test_a_postgres_that_refuses_to_connect_is_a_storage_that_is_not_there(
    postgres_server: PostgresServer,
) -> None:
    url = sa.make_url(postgres_server.emptied())
    gone = url.set(database="no_such_database").render_as_string(hide_password=False)
    nobody = url.set(port=1).render_as_string(hide_password=False)
    for engine in (open_engine(gone), open_engine(nobody)):
        for way in (reading, writing):
            with pytest.raises(StorageUnavailable):
                async with way(engine) as connection:
                    await connection.exec_driver_sql("SELECT 1")
        await engine.dispose()


async def test_a_new_file_can_be_made_where_there_was_none(tmp_path: Path) -> None:
    url = f"sqlite+loop:///{tmp_path / 'baton.db'}"
    await migrated(url)
    engine = open_engine(url)
    relay = Relay(engine)
    relay.conversations.start()
    c = await relay.open()
    assert await relay.say(c, "first") == 2
    await relay.conversations.stop()
    await engine.dispose()
