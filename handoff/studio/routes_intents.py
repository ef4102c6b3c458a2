"""`/api/v1/studio/intents` and `/entities`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.domain.errors import BadFrame, BadJson, Forbidden, NotFound, StorageUnavailable, Unauthorized
from handoff.studio.errors import BadIntent, EditConflict, IntentExists
from handoff.studio.guard import guard
from handoff.studio.intent_advice import Written, doubts, plain_doubts, surroundings
from handoff.studio.intent_articles import Articles
from handoff.studio.intent_shapes import version_line, whole_entity, whole_intent
from handoff.studio.parts import Studio
from handoff.wire.answers import refusals
from handoff.wire.bodies import single_names
from handoff.wire.times import rfc3339
from kb_index.article import MAX_ANSWER, MAX_QUESTION
from kb_index.rules import (
    MAX_DESCRIPTION,
    MAX_EXAMPLES,
    MAX_LOCALES,
    MAX_REASON,
    MAX_WORD,
    MAX_WORDS,
    Does,
    DoesKind,
    EntityKind,
    RuleError,
    check_does,
)

WRITING: Final = refusals(BadJson, Unauthorized, Forbidden, BadFrame, StorageUnavailable)
READING: Final = refusals(Unauthorized, Forbidden)

_Name = Annotated[str, Field(max_length=100)]
_Example = Annotated[str, Field(max_length=4 * MAX_QUESTION)]
_Line = Annotated[str, Field(max_length=4 * MAX_DESCRIPTION)]
_Version = Annotated[int, Field(ge=1, le=2_000_000_000)]
_Word = Annotated[str, Field(max_length=4 * MAX_WORD)]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, and errors do not repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class DoesBody(_Body):
    """What Baton does; fields that the kind has not are left aside."""

    kind: DoesKind
    texts: Annotated[
        dict[Annotated[str, Field(max_length=35)], Annotated[str, Field(max_length=4 * MAX_ANSWER)]],
        Field(max_length=MAX_LOCALES),
    ] = {}
    article_id: Annotated[str | None, Field(max_length=100)] = None
    reason: Annotated[str, Field(max_length=4 * MAX_REASON)] = ""


class IntentBody(_Body):
    """An intent as an editor sends it; `kb_index.rules` says what is allowed. Of a shipped one the examples are taken."""

    name: _Name | None = None
    description: _Line = ""
    examples: Annotated[list[_Example], Field(max_length=2 * MAX_EXAMPLES)] = []
    does: DoesBody | None = None

    def raw(self) -> dict[str, Any]:
        """What `kb_index.rules.check_intent` takes."""
        does = {"kind": "nothing"} if self.does is None else self.does.model_dump()
        return {"name": self.name, "description": self.description, "does": does}


class NewIntent(_Body):
    """`POST /intents`."""

    intent: IntentBody


class SaveIntent(_Body):
    """`PUT /intents/{name}`: `base_version` is the version that the editor opened."""

    base_version: _Version
    intent: IntentBody


class RestoreIntent(_Body):
    """`POST /intents/{name}/restore`: `base_version` null restores an own intent that was removed."""

    version: _Version
    base_version: _Version | None = None


class WordBody(_Body):
    """A word and other words for it."""

    value: _Word
    synonyms: Annotated[list[_Word], Field(max_length=MAX_WORDS)] = []


class EntityBody(_Body):
    """An entity as an editor sends it."""

    description: _Line = ""
    kind: EntityKind
    words: Annotated[list[WordBody], Field(max_length=MAX_WORDS)] = []
    prefix: Annotated[str, Field(max_length=50)] = ""
    least: Annotated[int, Field(ge=0, le=1000)] = 0
    most: Annotated[int, Field(ge=0, le=1000)] = 0


class SaveEntity(_Body):
    """`PUT /entities/{name}`: `base_version` null makes a new one."""

    base_version: _Version | None = None
    entity: EntityBody


def intent_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints."""
    router = APIRouter()
    may_edit = Depends(guard(gate, "edit_content"))

    def shipped() -> Mapping[str, Sequence[str]]:
        return studio.intents.shipped

    @router.get("/intents", responses=READING)
    async def intents(_user: User = may_edit) -> dict[str, Any]:
        """All intents in name order, own ones first, each with the codes of doubts that need no bot."""
        kept, shelved = await studio.intents.intents(), await studio.shelf.refreshed()
        beside = surroundings(kept, shipped(), shelved, exam=await studio.exam.asked())
        lines = []
        for name, intent in sorted(kept.items(), key=lambda item: (item[1].does is None, item[0])):
            written = Written(name, intent.examples, intent.does)
            ours = shipped().get(name, ())
            found = dict.fromkeys(one.code for one in plain_doubts(written, ours, beside))
            lines.append(
                {
                    "name": name,
                    "description": intent.description,
                    "shipped": intent.does is None,
                    "examples": len(intent.examples) + len(ours),
                    "added": len(intent.examples),
                    "does": None if intent.does is None else intent.does.as_dict(),
                    "warnings": list(found),
                    "version": intent.version,
                    "updated_at": rfc3339(intent.updated_at) if intent.updated_at else None,
                    "updated_by": intent.updated_by,
                }
            )
        return {"intents": lines}

    @router.get("/intents/{name}", responses=refusals(Unauthorized, Forbidden, NotFound))
    async def intent(name: str, _user: User = may_edit) -> dict[str, Any]:
        """An intent to work on."""
        kept = await studio.intents.get(name)
        return {"intent": whole_intent(kept, shipped().get(name, ()))}

    @router.post(
        "/intents",
        status_code=201,
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(IntentExists, BadFrame, BadIntent)},
    )
    async def create(body: NewIntent, user: User = may_edit) -> dict[str, Any]:
        """A new intent; without a name one is made of the description. It works from the next training on."""
        kept = await studio.intents.create(body.intent.raw(), body.intent.examples, by=user.name)
        return {"intent": whole_intent(kept, ())}

    @router.put(
        "/intents/{name}",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(NotFound, EditConflict, BadFrame, BadIntent)},
    )
    async def save(name: str, body: SaveIntent, user: User = may_edit) -> dict[str, Any]:
        """Save what was made of `base_version`; `merged` names fields that somebody else had changed meanwhile."""
        saved = await studio.intents.save(
            name, body.intent.raw(), body.intent.examples, base_version=body.base_version, by=user.name
        )
        return {"intent": whole_intent(saved.kept, shipped().get(name, ())), "merged": list(saved.merged)}

    @router.delete("/intents/{name}", responses={**WRITING, **refusals(NotFound, EditConflict)})
    async def remove(
        name: str, base_version: Annotated[int, Query(ge=1, le=2_000_000_000)], user: User = may_edit
    ) -> dict[str, Any]:
        """Remove an own intent; of a shipped one the examples that were added. The live release keeps what it learned."""
        await studio.intents.remove(name, base_version=base_version, by=user.name)
        return {}

    @router.post(
        "/intents/advice",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(BadFrame)},
    )
    async def advice(body: NewIntent, _user: User = may_edit) -> dict[str, Any]:
        """What is doubtful about an intent as it is being written."""
        name = body.intent.name or ""
        kept, shelved = await studio.intents.intents(), await studio.shelf.refreshed()
        examples = tuple(text.strip() for text in body.intent.examples if text.strip())
        written = Written(name, examples, _does(body.intent), body.intent.description.strip())
        beside = surroundings(kept, shipped(), shelved, written, await studio.exam.asked())
        draft = await studio.live.write_draft() is not None
        articles = Articles(studio.bench, studio.locale, draft)
        found = await doubts(written, shipped().get(name, ()), beside, studio.meanings, articles)
        return {"warnings": [one.as_dict() for one in found]}

    @router.get("/entities", responses=READING)
    async def entities(_user: User = may_edit) -> dict[str, Any]:
        """The site's entities, in name order."""
        return {"entities": [whole_entity(kept) for kept in (await studio.intents.entities()).values()]}

    @router.put(
        "/entities/{name}",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(NotFound, EditConflict, BadFrame, BadIntent)},
    )
    async def save_entity(name: str, body: SaveEntity, user: User = may_edit) -> dict[str, Any]:
        """Save what was made of `base_version`, or with null a new entity."""
        raw = body.entity.model_dump()
        kept = await studio.intents.save_entity(name, raw, base_version=body.base_version, by=user.name)
        return {"entity": whole_entity(kept)}

    @router.delete("/entities/{name}", responses={**WRITING, **refusals(NotFound, EditConflict, BadIntent)})
    async def remove_entity(
        name: str, base_version: Annotated[int, Query(ge=1, le=2_000_000_000)], user: User = may_edit
    ) -> dict[str, Any]:
        """Remove an entity that no example marks."""
        await studio.intents.remove_entity(name, base_version=base_version, by=user.name)
        return {}

    router.include_router(history_routes(studio, gate))
    return router


def history_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints of intents' earlier versions."""
    router = APIRouter()
    may_edit = Depends(guard(gate, "edit_content"))

    @router.get("/intents/{name}/history", responses=refusals(Unauthorized, Forbidden, NotFound))
    async def history(name: str, _user: User = may_edit) -> dict[str, Any]:
        """Who changed the intent and when, newest first; also of one that was removed."""
        return {"versions": [version_line(line) for line in await studio.intents.history(name)]}

    @router.get(
        "/intents/{name}/history/{version}", responses=refusals(Unauthorized, Forbidden, NotFound, BadFrame)
    )
    async def version(
        name: str, version: Annotated[int, Path(ge=1, le=2_000_000_000)], _user: User = may_edit
    ) -> dict[str, Any]:
        """The intent as that version had it."""
        kept = await studio.intents.version(name, version)
        return {"intent": whole_intent(kept, studio.intents.shipped.get(name, ()))}

    @router.post(
        "/intents/{name}/restore",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(NotFound, EditConflict, IntentExists, BadFrame, BadIntent)},
    )
    async def restore(name: str, body: RestoreIntent, user: User = may_edit) -> dict[str, Any]:
        """Make an earlier version the newest one. It works from the next training on."""
        kept = await studio.intents.restore(name, body.version, base_version=body.base_version, by=user.name)
        return {"intent": whole_intent(kept, studio.intents.shipped.get(name, ()))}

    return router


def _does(body: IntentBody) -> Does | None:
    """What Baton does, as far as it is written already."""
    try:
        return None if body.does is None else check_does(body.does.model_dump())
    except RuleError:
        return None
