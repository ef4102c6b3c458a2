"""`/api/v1/studio/try` and `/replay`: conversations with the draft, of which nothing is stored."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from bot.contract import MAX_DIALOGUE, MAX_TEXT
from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.domain.errors import (
    BadFrame,
    BadJson,
    BotUnavailable,
    Forbidden,
    NotFound,
    StorageUnavailable,
    Unauthorized,
)
from handoff.ports import BotFailedError, BotNotReadyError
from handoff.studio.guard import guard
from handoff.studio.parts import Studio
from handoff.wire.answers import refusals
from handoff.wire.bodies import single_names

T = TypeVar("T")


class TryBody(BaseModel):
    """One message. `dialogue` is what the answer before gave; null begins anew. `draft`: with what is not live yet."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    choice: Annotated[str | None, Field(max_length=200)] = None
    locale: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    dialogue: Annotated[str | None, Field(max_length=MAX_DIALOGUE)] = None
    draft: bool = True
    release_id: Annotated[str | None, Field(max_length=100)] = None


class ReplayBody(BaseModel):
    """A past conversation, and of whom its questions are asked again."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    conversation_id: Annotated[str, Field(max_length=64)]
    draft: bool = True
    release_id: Annotated[str | None, Field(max_length=100)] = None


def try_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints."""
    router = APIRouter()
    may_edit = Depends(guard(gate, "edit_content"))

    @router.post(
        "/try",
        dependencies=[Depends(single_names)],
        responses=refusals(BadJson, Unauthorized, Forbidden, BadFrame, StorageUnavailable, BotUnavailable),
    )
    async def try_out(body: TryBody, _user: User = may_edit) -> dict[str, Any]:
        """What the bot would answer, and all that led to it; nothing is stored."""
        if body.draft:
            await studio.live.write_draft()
        asked = {name: value for name, value in body.model_dump().items() if value is not None}
        return await _answered(studio.bench.try_turn(asked))

    @router.post(
        "/replay",
        dependencies=[Depends(single_names)],
        responses=refusals(
            BadJson, Unauthorized, Forbidden, NotFound, BadFrame, StorageUnavailable, BotUnavailable
        ),
    )
    async def replay(body: ReplayBody, _user: User = may_edit) -> dict[str, Any]:
        """A past conversation asked again: what the bot did then beside what it would do now."""
        if body.draft:
            await studio.live.write_draft()
        asking = studio.replaying.replay(body.conversation_id, draft=body.draft, release_id=body.release_id)
        return {"turns": await _answered(asking)}

    return router


async def _answered(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except BotNotReadyError as failure:
        raise BotUnavailable("The bot is not ready yet. Try again in a moment.") from failure
    except BotFailedError as failure:
        raise BotUnavailable("The bot could not answer this. Try again, or another release.") from failure
