"""`/api/v1/studio/review` and `/conversations`."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.domain.errors import BadFrame, BadJson, Forbidden, NotFound, StorageUnavailable, Unauthorized
from handoff.studio.errors import (
    AlreadySettled,
    ArticleExists,
    BadArticle,
    JobQueueFull,
    NothingToTeach,
    PersonalData,
    UnknownIntent,
)
from handoff.studio.guard import guard
from handoff.studio.parts import Studio
from handoff.studio.past_talk import CONVERSATIONS_AT_MOST
from handoff.studio.review import GROUPS_AT_MOST
from handoff.studio.settling import How, Order
from handoff.wire.answers import refusals
from handoff.wire.bodies import single_names
from kb_index.article import MAX_ANSWER, MAX_QUESTION, MAX_TAGS, MAX_TITLE

REFUSALS: Final = refusals(Unauthorized, Forbidden, BadFrame)
WRITING: Final = refusals(BadJson, Unauthorized, Forbidden, BadFrame, StorageUnavailable)
TEXTS_AT_MOST: Final = 500

_Id = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]+$")]
_Text = Annotated[str, Field(max_length=4 * MAX_QUESTION)]
_Texts = Annotated[list[_Text], Field(max_length=TEXTS_AT_MOST)]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, and errors do not repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class DraftBody(_Body):
    """The article that a group becomes. What is left out is made of the group: title, questions, and the agent's answer."""

    id: _Id | None = None
    title: Annotated[str | None, Field(max_length=4 * MAX_TITLE)] = None
    answer: Annotated[str | None, Field(max_length=4 * MAX_ANSWER)] = None
    questions: _Texts | None = None
    tags: Annotated[list[_Text] | None, Field(max_length=2 * MAX_TAGS)] = None
    locale: Annotated[str | None, Field(max_length=35)] = None


class SettleBody(_Body):
    """`POST /review/{id}/settle`. `texts` left out: what the group asks, without whatever holds personal data."""

    how: How
    article_id: _Id | None = None
    article: DraftBody | None = None
    texts: _Texts | None = None
    intent: Annotated[str | None, Field(max_length=100)] = None

    def order(self) -> Order:
        """As the inbox takes it."""
        article = None if self.article is None else self.article.model_dump(exclude_none=True)
        return Order(self.how, self.article_id, article, self.texts, self.intent)


def review_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints."""
    router = APIRouter()
    may_edit = Depends(guard(gate, "edit_content"))

    @router.get("/review", responses=REFUSALS)
    async def inbox(
        days: Annotated[int, Query(ge=1, le=90)] = 30,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        limit: Annotated[int, Query(ge=1, le=GROUPS_AT_MOST)] = 100,
        _user: User = may_edit,
    ) -> dict[str, Any]:
        """Groups of questions that the bot did not answer well, the dearest first."""
        return await studio.review.page(days=days, offset=offset, limit=limit)

    @router.post(
        "/review/regroup",
        status_code=202,
        responses={**refusals(Unauthorized, Forbidden, StorageUnavailable), **refusals(JobQueueFull)},
    )
    async def regroup(user: User = may_edit) -> dict[str, Any]:
        """Group the open questions anew. One that waits already is the answer."""
        return {"job": await studio.review_watch.regroup(by=user.name)}

    @router.get("/review/{group_id}", responses=refusals(Unauthorized, Forbidden, NotFound, AlreadySettled))
    async def group(group_id: str, _user: User = may_edit) -> dict[str, Any]:
        """A group with its newest questions, and what agents answered."""
        return await studio.review.group(group_id)

    @router.post(
        "/review/{group_id}/settle",
        dependencies=[Depends(single_names)],
        responses={
            **WRITING,
            **refusals(NotFound, AlreadySettled, ArticleExists),
            **refusals(BadFrame, BadArticle, PersonalData, NothingToTeach, UnknownIntent),
        },
    )
    async def settle(group_id: str, body: SettleBody, user: User = may_edit) -> dict[str, Any]:
        """Deal with all questions of a group at once. Customers get nothing new until it is published."""
        return await studio.settling.settle(group_id, body.order(), by=user.name)

    @router.get("/conversations", responses=REFUSALS)
    async def conversations(
        limit: Annotated[int, Query(ge=1, le=CONVERSATIONS_AT_MOST)] = 20, _user: User = may_edit
    ) -> dict[str, Any]:
        """The conversations in which the bot was asked last."""
        return {"conversations": await studio.past_talk.newest(limit)}

    @router.get(
        "/conversations/{conversation_id}/turns", responses=refusals(Unauthorized, Forbidden, NotFound)
    )
    async def turns(conversation_id: str, _user: User = may_edit) -> dict[str, Any]:
        """What the bot was asked in a conversation, and what it decided."""
        return {"turns": await studio.past_talk.turns(conversation_id)}

    return router
