"""Rows of intents, their examples and versions, and of entities. Each function works in its caller's transaction."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.adapters.schema import entities, intent_examples, intent_versions, intents
from handoff.adapters.upsert import Upsert
from handoff.content.slices import TEXTS, unhurried
from kb_index.rules import Does, Entity, check_does, check_entity

Action = Literal["created", "edited", "imported", "restored", "removed"]

_PUT: Final = Upsert(
    intents, key=["name"], update=["description", "does", "version", "updated_at", "updated_by"]
)
_PUT_ENTITY: Final = Upsert(entities, key=["name"], update=["data", "version", "updated_at", "updated_by"])
_KEEP: Final = {
    "postgresql": postgresql.insert(intent_versions).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(intent_versions).on_conflict_do_nothing(),
}


@dataclass(frozen=True, slots=True)
class KeptIntent:
    """An intent as editors keep it. `does` is None for one that ships; `updated_at` is in epoch milliseconds, 0: never.

    `examples` are in Rasa's notation; of a shipped intent, those that the site has added.
    """

    name: str
    description: str = ""
    does: Does | None = None
    examples: tuple[str, ...] = ()
    version: int = 1
    updated_at: int = 0
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class IntentVersion:
    """One line of an intent's history; `at` is in epoch milliseconds, 0: as it came with the bot."""

    version: int
    at: int
    by: str
    action: Action


@dataclass(frozen=True, slots=True)
class KeptEntity:
    """An entity as editors keep it."""

    entity: Entity
    version: int
    updated_at: int
    updated_by: str


async def lock(connection: AsyncConnection) -> None:
    """Nobody else changes intents or entities until the end of the transaction; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text("LOCK TABLE intents IN EXCLUSIVE MODE"))


async def kept_intents(connection: AsyncConnection) -> dict[str, KeptIntent]:
    """All intents with a row or examples, by name."""
    examples: dict[str, list[str]] = {}
    query = sa.select(intent_examples).order_by(intent_examples.c.intent, intent_examples.c.position)
    for row in (await connection.execute(query)).all():
        examples.setdefault(row.intent, []).append(row.text)
    found = {name: KeptIntent(name, examples=tuple(texts)) for name, texts in examples.items()}
    for row in (await connection.execute(sa.select(intents))).all():
        found[row.name] = KeptIntent(
            row.name,
            row.description,
            None if row.does is None else check_does(json.loads(row.does)),
            tuple(examples.get(row.name, ())),
            row.version,
            row.updated_at,
            row.updated_by,
        )
    return found


async def put_intent(
    connection: AsyncConnection, kept: KeptIntent, action: Action, before: KeptIntent | None
) -> None:
    """Store an intent and its line of history; `before` is kept as a line too, where there is none of it."""
    if before is not None:
        await _keep(connection, before, "imported")
    await _keep(connection, kept, action)
    await connection.execute(_PUT.on(connection), _row(kept))
    await put_examples(connection, {kept.name: kept.examples})


async def put_examples(connection: AsyncConnection, examples: Mapping[str, Sequence[str]]) -> None:
    """Store the examples of intents in the place of those they had."""
    async for some in unhurried(list(examples)):
        await connection.execute(intent_examples.delete().where(intent_examples.c.intent.in_(some)))
    rows = [
        {"intent": name, "position": position, "text": text}
        for name, texts in examples.items()
        for position, text in enumerate(texts)
    ]
    async for lines in unhurried(rows, at_once=TEXTS):
        await connection.execute(intent_examples.insert(), lines)


async def remove_intent(connection: AsyncConnection, kept: KeptIntent, *, by: str, at: int) -> None:
    """Remove an intent with its examples; its history stays."""
    await _keep(connection, kept, "imported")
    row = {
        "name": kept.name,
        "version": kept.version + 1,
        "at": at,
        "by": by,
        "action": "removed",
        "data": None,
    }
    await connection.execute(_KEEP[connection.dialect.name], [row])
    await put_examples(connection, {kept.name: ()})
    await connection.execute(intents.delete().where(intents.c.name == kept.name))


async def intent_version(connection: AsyncConnection, name: str, version: int) -> KeptIntent | None:
    """An intent as a version had it."""
    query = sa.select(intent_versions).where(
        intent_versions.c.name == name, intent_versions.c.version == version
    )
    row = (await connection.execute(query)).first()
    if row is None or row.data is None:
        return None
    data = json.loads(row.data)
    does = None if data["does"] is None else check_does(data["does"])
    return KeptIntent(name, data["description"], does, tuple(data["examples"]), version, row.at, row.by)


async def intent_history(connection: AsyncConnection, name: str) -> list[IntentVersion]:
    """Every line of an intent's history, the newest first."""
    lines = intent_versions.c
    query = sa.select(lines.version, lines.at, lines.by, lines.action).where(lines.name == name)
    rows = (await connection.execute(query.order_by(lines.version.desc()))).all()
    return [IntentVersion(row.version, row.at, row.by, row.action) for row in rows]


async def next_version(connection: AsyncConnection, there: KeptIntent) -> int:
    """The number of the version after `there`. A shipped intent whose examples were removed has later ones in its history."""
    return max(there.version, await newest_version(connection, there.name)) + 1


async def newest_version(connection: AsyncConnection, name: str) -> int:
    """The newest version of an intent that is or was there; 0 where there never was one."""
    query = sa.select(sa.func.max(intent_versions.c.version)).where(intent_versions.c.name == name)
    return (await connection.execute(query)).scalar_one() or 0


async def kept_entities(connection: AsyncConnection) -> dict[str, KeptEntity]:
    """All entities, by name."""
    rows = (await connection.execute(sa.select(entities).order_by(entities.c.name))).all()
    return {
        row.name: KeptEntity(check_entity(json.loads(row.data)), row.version, row.updated_at, row.updated_by)
        for row in rows
    }


async def put_entity(connection: AsyncConnection, kept: KeptEntity) -> None:
    """Store an entity in the place of the one of its name."""
    row = {
        "name": kept.entity.name,
        "data": json.dumps(kept.entity.as_dict(), ensure_ascii=False),
        "version": kept.version,
        "updated_at": kept.updated_at,
        "updated_by": kept.updated_by,
    }
    await connection.execute(_PUT_ENTITY.on(connection), row)


async def remove_entity(connection: AsyncConnection, name: str) -> None:
    """Remove an entity; marks of it in examples are the caller's to look for."""
    await connection.execute(entities.delete().where(entities.c.name == name))


async def import_examples(
    connection: AsyncConnection,
    incoming: Mapping[str, Sequence[str]],
    *,
    replace: bool,
    keep: Collection[str],
    by: str,
    at: int,
) -> int:
    """Give intents the examples of a file; with `replace` others lose theirs, but for those that `keep` has as
    `intent:<name>`. Returns how many changed."""
    if not incoming:
        return 0
    await lock(connection)
    there = await kept_intents(connection)
    others = [name for name in there if there[name].examples and name not in incoming]
    gone = [name for name in others if f"intent:{name}" not in keep] if replace else []
    wanted: Iterable[tuple[str, Sequence[str]]] = [*incoming.items(), *((name, ()) for name in gone)]
    changed = 0
    for name, examples in wanted:
        before = there.get(name, KeptIntent(name))
        if before.examples != tuple(examples):
            changed += 1
            version = await next_version(connection, before)
            more = dataclasses.replace(
                before, examples=tuple(examples), version=version, updated_at=at, updated_by=by
            )
            await put_intent(connection, more, "imported", before)
    return changed


async def _keep(connection: AsyncConnection, kept: KeptIntent, action: Action) -> None:
    data = {
        "description": kept.description,
        "does": None if kept.does is None else kept.does.as_dict(),
        "examples": kept.examples,
    }
    row = {
        "name": kept.name,
        "version": kept.version,
        "at": kept.updated_at,
        "by": kept.updated_by or "before",
        "action": action,
        "data": json.dumps(data, ensure_ascii=False),
    }
    await connection.execute(_KEEP[connection.dialect.name], [row])


def _row(kept: KeptIntent) -> dict[str, Any]:
    return {
        "name": kept.name,
        "description": kept.description,
        "does": None if kept.does is None else json.dumps(kept.does.as_dict(), ensure_ascii=False),
        "version": kept.version,
        "updated_at": kept.updated_at,
        "updated_by": kept.updated_by,
    }
