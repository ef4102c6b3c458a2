"""Intents and entities as editors work on them: what customers mean, and what Baton does. Nothing here is live before a
training.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.content import intent_rows
from handoff.content.intent_rows import IntentVersion, KeptEntity, KeptIntent
from handoff.domain.errors import NotFound
from handoff.ports import Clock
from handoff.studio.audit import Audit
from handoff.studio.errors import BadIntent, EditConflict, IntentExists
from handoff.studio.merging import Fields, Merge, changed_fields, merge
from handoff.wire.times import rfc3339
from kb_index.rules import (
    MAX_ENTITIES,
    MAX_INTENTS,
    RESERVED_INTENTS,
    Does,
    Entity,
    RuleError,
    check_entity,
    check_examples,
    check_intent,
    marks,
)

SHIPPED_ENTITY: Final = "order_number"
"""What the bot finds by itself and examples may mark too."""

_NOT_IN_A_NAME: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG: Final = 40
_SMALL_WORDS: Final = frozenset(
    ("a", "an", "the", "to", "of", "for", "is", "are", "wants", "want", "asks", "asking", "about", "their", "has", "have", "or", "and", "whether", "if")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SavedIntent:
    """An intent after a save; `merged` names the fields that another editor had changed meanwhile."""

    kept: KeptIntent
    merged: tuple[str, ...] = ()


class IntentDesk:
    """The working copy of intents and entities. Each method is one transaction, the audit's entry in it."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        audit: Audit,
        shipped: Mapping[str, Sequence[str]],
    ) -> None:
        """`shipped` are the examples of the bot's own intents: what these do is in the program."""
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self.shipped: Final = shipped

    async def intents(self) -> dict[str, KeptIntent]:
        """All intents, shipped ones too, by name."""
        async with reading(self._engine) as connection:
            kept = await intent_rows.kept_intents(connection)
        return {name: KeptIntent(name) for name in self.shipped} | kept

    async def get(self, name: str) -> KeptIntent:
        """One intent. Raises `NotFound`."""
        async with reading(self._engine) as connection:
            return self._there(await intent_rows.kept_intents(connection), name)

    async def create(self, raw: Mapping[str, Any], examples: Sequence[str], *, by: str) -> KeptIntent:
        """Store a new intent (`{name?, description, does}`); without a name one is made of the description.

        Raises:
            BadIntent: a field is wrong.
            IntentExists: there is one of this name.
        """
        async with writing(self._engine) as connection:
            await intent_rows.lock(connection)
            there = await intent_rows.kept_intents(connection)
            own = [kept for kept in there.values() if kept.does is not None]
            if len(own) >= MAX_INTENTS:
                raise BadIntent(f"There are {MAX_INTENTS} intents already.", field="name", fault="too_many")
            taken = {*there, *self.shipped}
            name = raw.get("name") or _free_name(str(raw.get("description") or ""), taken)
            if name in taken:
                raise IntentExists(f"There is an intent {name} already.", name=name)
            fields = await self._checked(connection, {**raw, "name": name}, examples)
            kept = KeptIntent(
                name,
                fields["description"],
                fields["does"],
                fields["examples"],
                await intent_rows.newest_version(connection, name) + 1,
                self._clock.now_ms(),
                by,
            )
            await intent_rows.put_intent(connection, kept, "created", None)
            await self._audit.note_in(connection, by, "created_intent", name)
        return kept

    async def save(
        self, name: str, raw: Mapping[str, Any], examples: Sequence[str], *, base_version: int, by: str
    ) -> SavedIntent:
        """Store what was made of version `base_version`, merged with what others have saved since.

        Of a shipped intent the examples alone are taken. A save that changes nothing makes no version.

        Raises:
            NotFound: there is no such intent, or never was that version of it.
            BadIntent: a field is wrong.
            EditConflict: somebody else has changed the same otherwise; nothing was stored.
        """
        async with writing(self._engine) as connection:
            await intent_rows.lock(connection)
            there = self._there(await intent_rows.kept_intents(connection), name)
            mine = await self._checked(connection, {**raw, "name": name}, examples, there)
            theirs = _fields(there)
            merged = Merge(mine, (), ())
            if there.version != base_version:
                base = await intent_rows.intent_version(connection, name, base_version)
                if base is None and base_version == 1 and there.does is None:
                    base = KeptIntent(name)  # a shipped intent before anybody added to it
                if base is None:
                    raise NotFound(f"There is no version {base_version} of {name}. Open it again.")
                merged = merge(_fields(base), theirs, mine)
            if merged.conflicts:
                raise _conflict(there, merged)
            if not changed_fields(theirs, merged.fields):
                return SavedIntent(there, merged.taken)
            kept = replace(
                there,
                **merged.fields,
                version=await intent_rows.next_version(connection, there),
                updated_at=self._clock.now_ms(),
                updated_by=by,
            )
            await intent_rows.put_intent(connection, kept, "edited", there)
            changed = changed_fields(theirs, merged.fields)
            await self._audit.note_in(connection, by, "changed_intent", name, data={"fields": changed})
        return SavedIntent(kept, merged.taken)

    async def remove(self, name: str, *, base_version: int, by: str) -> None:
        """Remove an own intent; of a shipped one, what the site has added.

        Raises:
            NotFound: there is no such intent.
            EditConflict: somebody has changed it since `base_version`.
        """
        async with writing(self._engine) as connection:
            await intent_rows.lock(connection)
            there = self._there(await intent_rows.kept_intents(connection), name)
            _unchanged(there, base_version, "remove it")
            await intent_rows.remove_intent(connection, there, by=by, at=self._clock.now_ms())
            await self._audit.note_in(connection, by, "removed_intent", name)

    async def history(self, name: str) -> list[IntentVersion]:
        """All versions, newest first; also of an intent that was removed. Raises `NotFound`."""
        async with reading(self._engine) as connection:
            lines = await intent_rows.intent_history(connection, name)
            there = (await intent_rows.kept_intents(connection)).get(name)
        if there is None and name in self.shipped and not lines:
            there = KeptIntent(name)
        if there is not None and all(line.version != there.version for line in lines):
            lines.insert(0, IntentVersion(there.version, there.updated_at, there.updated_by, "imported"))
        if not lines:
            raise NotFound(f"There is no intent {name[:100]!r}.")
        return lines

    async def version(self, name: str, version: int) -> KeptIntent:
        """The intent as a version had it. Raises `NotFound`."""
        async with reading(self._engine) as connection:
            kept = await intent_rows.intent_version(connection, name, version)
        there = (await self.intents()).get(name) if kept is None else None
        if there is not None and there.version == version:
            kept = there
        if kept is None:
            raise NotFound(f"There is no version {version} of {name[:100]!r}.")
        return kept

    async def restore(self, name: str, version: int, *, base_version: int | None, by: str) -> KeptIntent:
        """Make an earlier version the newest one; with `base_version` None of an own intent that was removed.

        Raises:
            NotFound: there is no such version.
            EditConflict: the intent has changed since `base_version`.
            IntentExists: the intent was not removed.
            BadIntent: an entity that its examples mark is not there any more.
        """
        earlier = await self.version(name, version)
        async with writing(self._engine) as connection:
            await intent_rows.lock(connection)
            kept = await intent_rows.kept_intents(connection)
            there = kept.get(name) or (KeptIntent(name) if name in self.shipped else None)
            if base_version is None and there is not None:
                raise IntentExists(f"The intent {name} is there.", name=name)
            if base_version is not None:
                if there is None:
                    raise NotFound(f"The intent {name[:100]!r} was removed meanwhile.")
                _unchanged(there, base_version, "restore an earlier version")
            examples = await self._examples(connection, earlier.examples)
            before = there or earlier
            if there is not None and _fields(there) == {**_fields(earlier), "examples": examples}:
                return there
            back = replace(
                earlier,
                examples=examples,
                version=await intent_rows.next_version(connection, before),
                updated_at=self._clock.now_ms(),
                updated_by=by,
            )
            await intent_rows.put_intent(connection, back, "restored", there)
            await self._audit.note_in(connection, by, "restored_intent", name, data={"version": version})
        return back

    # --- entities ---------------------------------------------------------------------------------------

    async def entities(self) -> dict[str, KeptEntity]:
        """All entities of the site, by name."""
        async with reading(self._engine) as connection:
            return await intent_rows.kept_entities(connection)

    async def save_entity(
        self, name: str, raw: Mapping[str, Any], *, base_version: int | None, by: str
    ) -> KeptEntity:
        """Store an entity made of version `base_version`, or with None a new one.

        Raises:
            BadIntent: a field is wrong.
            NotFound: it was removed meanwhile.
            EditConflict: somebody has changed it since.
        """
        try:
            entity = check_entity({**raw, "name": name})
        except RuleError as error:
            raise BadIntent(error.message, field=error.field, fault=error.code) from error
        async with writing(self._engine) as connection:
            await intent_rows.lock(connection)
            known = await intent_rows.kept_entities(connection)
            there = known.get(name)
            if there is None and base_version is not None:
                raise NotFound(f"There is no entity {name[:100]!r}.")
            if there is not None and there.version != base_version:
                raise _entity_conflict(there, entity)
            if there is None and len(known) >= MAX_ENTITIES:
                raise BadIntent(f"There are {MAX_ENTITIES} entities already.", field="name", fault="too_many")
            if there is not None and there.entity == entity:
                return there
            version = 1 if there is None else there.version + 1
            kept = KeptEntity(entity, version, self._clock.now_ms(), by)
            await intent_rows.put_entity(connection, kept)
            action = "created_entity" if there is None else "changed_entity"
            await self._audit.note_in(connection, by, action, name)
        return kept

    async def remove_entity(self, name: str, *, base_version: int, by: str) -> None:
        """Remove an entity that no example marks.

        Raises:
            NotFound: there is no such entity.
            EditConflict: somebody has changed it since `base_version`.
            BadIntent: examples mark it; `data.intents` names their intents.
        """
        async with writing(self._engine) as connection:
            await intent_rows.lock(connection)
            there = (await intent_rows.kept_entities(connection)).get(name)
            if there is None:
                raise NotFound(f"There is no entity {name[:100]!r}.")
            if there.version != base_version:
                raise _entity_conflict(there, there.entity)
            kept = await intent_rows.kept_intents(connection)
            users = sorted(
                intent.name
                for intent in kept.values()
                if any(entity == name for text in intent.examples for _, entity in marks(text))
            )
            if users:
                raise BadIntent(
                    f"Words are marked with it in {', '.join(users[:5])}. Take the marks off first.",
                    field="name",
                    fault="in_use",
                    intents=users,
                )
            await intent_rows.remove_entity(connection, name)
            await self._audit.note_in(connection, by, "removed_entity", name)

    # --- parts ------------------------------------------------------------------------------------------

    def _there(self, kept: Mapping[str, KeptIntent], name: str) -> KeptIntent:
        if name not in kept and name not in self.shipped:
            raise NotFound(f"There is no intent {name[:100]!r}.")
        return kept.get(name) or KeptIntent(name)

    async def _checked(
        self,
        connection: AsyncConnection,
        raw: Mapping[str, Any],
        examples: Sequence[str],
        there: KeptIntent | None = None,
    ) -> Fields:
        texts = await self._examples(connection, examples)
        if there is not None and there.does is None:
            return {**_fields(there), "examples": texts}
        try:
            intent = check_intent(raw)
        except RuleError as error:
            raise BadIntent(error.message, field=error.field, fault=error.code) from error
        return {"description": intent.description, "does": intent.does, "examples": texts}

    async def _examples(self, connection: AsyncConnection, texts: Sequence[str]) -> tuple[str, ...]:
        known = await intent_rows.kept_entities(connection)
        try:
            return check_examples(texts, (*known, SHIPPED_ENTITY))
        except RuleError as error:
            raise BadIntent(error.message, field=error.field, fault=error.code) from error


def _fields(kept: KeptIntent) -> Fields:
    return {"description": kept.description, "does": kept.does, "examples": kept.examples}


def _who(by: str, at: int, version: int) -> dict[str, Any]:
    return {"by": by, "at": rfc3339(at), "version": version}


def _told(value: object) -> object:
    return value.as_dict() if isinstance(value, Does) else value


def _unchanged(there: KeptIntent, base_version: int, then: str) -> None:
    if there.version != base_version:
        raise EditConflict(
            f"{there.updated_by} has changed it meanwhile. Look at it before you {then}.",
            **_who(there.updated_by, there.updated_at, there.version),
            conflicts=[],
        )


def _conflict(there: KeptIntent, merged: Merge) -> EditConflict:
    names = ", ".join(conflict.field for conflict in merged.conflicts)
    return EditConflict(
        f"{there.updated_by} has changed the same meanwhile: {names}. Nothing was saved; choose, and save again.",
        **_who(there.updated_by, there.updated_at, there.version),
        conflicts=[
            {"field": c.field, "base": _told(c.base), "theirs": _told(c.theirs), "yours": _told(c.yours)}
            for c in merged.conflicts
        ],
        theirs={name: _told(value) for name, value in _fields(there).items()},
    )


def _entity_conflict(there: KeptEntity, yours: Entity) -> EditConflict:
    theirs, mine = there.entity.as_dict(), yours.as_dict()
    return EditConflict(
        f"{there.updated_by} has saved {there.entity.name} meanwhile. Nothing was saved; choose, and save again.",
        **_who(there.updated_by, there.updated_at, there.version),
        conflicts=[
            {"field": name, "base": None, "theirs": theirs.get(name), "yours": mine.get(name)}
            for name in dict.fromkeys((*theirs, *mine))
            if theirs.get(name) != mine.get(name)
        ],
        theirs=theirs,
    )


def _free_name(description: str, taken: set[str]) -> str:
    """A name made of the description that no intent has."""
    bare = unicodedata.normalize("NFKD", description).lower().encode("ascii", "ignore").decode()
    words = [word for word in _NOT_IN_A_NAME.sub(" ", bare).split() if word not in _SMALL_WORDS]
    slug = "_".join(words)[:_LONGEST_SLUG].strip("_").lstrip("0123456789_")
    tried = [slug, *(f"{slug}_{number}" for number in range(2, 100))] if slug else []
    free = (name for name in tried if name not in taken and name not in RESERVED_INTENTS)
    return next(free, f"intent_{secrets.token_hex(4)}")
