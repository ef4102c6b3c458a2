"""A database of the first version, with rows in every table, comes to the newest schema and loses nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from handoff.adapters.database import writing
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.migrate import MIGRATIONS, migrate
from handoff.adapters.reactions_sql import SqlReactions
from handoff.domain.conversation import FollowUp, to_snapshot
from handoff.domain.events import ConversationClosed, CustomerLeftContact
from handoff.ports import Append
from tests.contract.appends import Script
from tests.contract.conftest import POSTGRES
from tests.contract.databases import Database, PostgresServer
from tests.contract.held_clock import START

ADDED = ("follow_up", "alert", "asked_for_contact")
"""Fields of a snapshot that the first version did not write."""
OTHER_ROWS: dict[str, dict[str, Any]] = {
    "commands": {
        "conversation_id": "talks",
        "actor": "customer",
        "client_id": "c" * 16,
        "digest": "d",
        "seq": 2,
        "events": 1,
    },
    "reactions": {
        "conversation_id": "talks",
        "seq": 2,
        "kind": "bot_turn",
        "created_at": START,
        "due_at": START,
    },
    "read_cursors": {"conversation_id": "talks", "actor": "customer", "seq": 2},
    "agent_leases": {"agent_id": "usr_ana", "leased_until": START},
    "users": {
        "id": "usr_ana",
        "name": "Ana",
        "name_key": "ana",
        "role": "agent",
        "must_change_password": False,
        "created_at": START,
    },
    "articles": {"id": "a", "title": "T", "answer": "A", "tags": "[]", "locale": "en", "updated_at": START},
}


@pytest.fixture(params=["sqlite", POSTGRES])
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = Database("postgresql", server.without_schema())
    else:
        database = Database("sqlite", f"sqlite+loop:///{tmp_path / 'old.db'}")
    async with writing(database.engine()) as connection:
        await connection.run_sync(_to_first_version)
    yield database
    await database.close()


def _to_first_version(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")


async def store(connection: Any, tables: sa.MetaData, appends: list[Append]) -> None:
    """Rows as the first version wrote them."""
    state = appends[-1].after
    snapshot = {name: value for name, value in to_snapshot(state).items() if name not in ADDED}
    await connection.execute(
        sa.insert(tables.tables["conversations"]),
        {
            "id": state.id,
            "client_id": f"opened-{state.id}",
            "opening_digest": "d",
            "created_at": START,
            "locale": "en",
            "customer": json.dumps({"name": "Eva"}),
            "seq": state.seq,
            "snapshot": json.dumps(snapshot),
            "state": state.state,
            "holder_id": state.holder_id,
            "queue_rank": state.queue_rank,
            "waiting_since": state.waiting_since,
            "due_at": None,
            "updated_at": state.at,
        },
    )
    for event in (event for append in appends for event in append.events):
        where = {"conversation_id": event.conversation_id, "seq": event.seq}
        shown = {"id": event.id, "at": event.at, "kind": event.kind, "actor_type": event.actor.type}
        await connection.execute(
            sa.insert(tables.tables["events"]), {**where, **shown, "customer_prev": event.customer_prev}
        )
        data = json.dumps({name: getattr(event.payload, name) for name in event.payload.__slots__})
        body = {**where, "actor_name": f"who said {event.seq}", "data": data}
        await connection.execute(sa.insert(tables.tables["event_bodies"]), body)


async def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, by the names of its columns."""
    async with database.engine().connect() as connection:
        tables = sa.MetaData()
        await connection.run_sync(tables.reflect)
        found = {}
        for name, table in tables.tables.items():
            rows = await connection.execute(sa.select(table).order_by(*table.primary_key.columns))
            found[name] = [dict(row) for row in rows.mappings()]
        return found


async def test_a_database_of_the_first_version_is_upgraded_without_loss(old: Database) -> None:
    talks, waits, left, gone_on = (Script(name) for name in ("talks", "waits", "left", "gone_on"))
    contact = CustomerLeftContact("eva@example.org", "mornings")
    stories = [
        [talks.start(), talks.says()],
        [waits.start(), waits.says(), waits.asks_for_a_person()],
        [left.start(), left.asks_for_a_person(), left.append(contact, ConversationClosed("customer", 1))],
        [
            gone_on.start(),
            gone_on.asks_for_a_person(),
            gone_on.append(contact, ConversationClosed("customer", 1)),
            gone_on.says(),
        ],
    ]
    async with writing(old.engine()) as connection:
        tables = sa.MetaData()
        await connection.run_sync(tables.reflect)
        for story in stories:
            await store(connection, tables, story)
        for name, row in OTHER_ROWS.items():
            await connection.execute(sa.insert(tables.tables[name]), row)
    before = await everything(old)

    await migrate(old.engine())

    after = await everything(old)
    for name, rows in before.items():
        if name in ("alembic_version", "conversations", "reactions", "event_bodies"):
            continue
        # Columns that came later have their defaults.
        assert all(kept.items() >= row.items() for row, kept in zip(rows, after[name], strict=True)), name
    for row, kept in zip(before["conversations"], after["conversations"], strict=True):
        snapshot = json.loads(row.pop("snapshot"))
        assert kept.items() >= row.items()
        apart = next(found for found in after["snapshots"] if found["conversation_id"] == row["id"])
        assert apart["seq"] == row["seq"]
        assert snapshot.items() <= json.loads(apart["data"]).items()
    ids = {(row["conversation_id"], row["seq"]): row["id"] for row in before["events"]}
    bodies = {ids[row.pop("conversation_id"), row.pop("seq")]: row for row in before["event_bodies"]}
    assert {row.pop("id"): row for row in after["event_bodies"]} == bodies
    # What the newest version reads of it.
    log = SqlEventLog(old.engine(), "here", 4_000)
    for script in (talks, waits, left):
        head = await log.head(script.state.id)
        assert head is not None
        assert head.state == script.state
        assert len(await log.read(script.state.id, 0, 100)) == script.state.seq
    # The address that somebody left and nobody was shown; whoever came back since is not written to.
    [follow_up] = await log.follow_ups(10)
    assert follow_up.state.id == "left"
    assert follow_up.state.follow_up == FollowUp(left.at, "eva@example.org", "mornings")
    # The question that the bot owes an answer, and the rungs of who waits already.
    later = START + 10**6
    assert [
        (r.conversation_id, r.seq) for r in await SqlReactions(old.engine()).take("w", later, 10, 10)
    ] == [("talks", 2)]
    people = SqlReactions(old.engine(), ("wake_agents", "wake_supervisors"))
    rungs = await people.take("w", later, 10, 10)
    since = waits.state.waiting_since
    assert [(r.conversation_id, r.kind, r.created_at) for r in rungs] == [
        ("waits", "wake_agents", since),
        ("waits", "wake_supervisors", since),
    ]
