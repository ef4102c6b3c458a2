"""`/api/v1/studio/articles`, `/changes` and `/publish`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.content.versions import Version
from handoff.domain.errors import BadFrame, BadJson, Forbidden, NotFound, StorageUnavailable, Unauthorized
from handoff.studio.advice import advise
from handoff.studio.articles import MAX_NOTE, Status
from handoff.studio.errors import ArticleExists, BadArticle, CannotPublish, EditConflict, NothingLive
from handoff.studio.exam_advice import in_exam
from handoff.studio.guard import guard
from handoff.studio.listing import Sort, State, Wanted, article_page, changes, whole_article
from handoff.studio.parts import Studio
from handoff.studio.personal_advice import personal_data
from handoff.studio.plans import Plan
from handoff.wire.answers import refusals
from handoff.wire.bodies import single_names
from handoff.wire.times import rfc3339
from kb_index.article import MAX_ANSWER, MAX_QUESTION, MAX_QUESTIONS, MAX_TAGS, MAX_TITLE

REFUSALS: Final = refusals(Unauthorized, Forbidden, BadFrame)
WRITING: Final = refusals(BadJson, Unauthorized, Forbidden, BadFrame, StorageUnavailable)
PAGE: Final = 200
"""Articles in one answer, at most."""
PUBLISHED_AT_ONCE: Final = 10_000

_Id = Annotated[str, Field(max_length=100)]
_Text = Annotated[str, Field(max_length=4 * MAX_QUESTION)]
_Why = Annotated[str | None, Field(max_length=MAX_NOTE, pattern=r"^[^\x00]*$")]
_Version = Annotated[int, Field(ge=1, le=2_000_000_000)]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, and errors do not repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ListQuery(_Body):
    """`GET /articles`."""

    q: Annotated[str, Field(max_length=200)] = ""
    tag: Annotated[str | None, Field(max_length=50)] = None
    locale: Annotated[str | None, Field(max_length=35)] = None
    state: State = "all"
    sort: Sort = "updated"
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=PAGE)] = 50


class ArticleBody(_Body):
    """An article as an editor sends it; `kb_index.article.check_article` says what is allowed."""

    id: _Id | None = None
    title: Annotated[str, Field(max_length=4 * MAX_TITLE)]
    answer: Annotated[str, Field(max_length=4 * MAX_ANSWER)]
    questions: Annotated[list[_Text], Field(max_length=2 * MAX_QUESTIONS)] = []
    tags: Annotated[list[_Text], Field(max_length=2 * MAX_TAGS)] = []
    locale: Annotated[str, Field(max_length=35)] = "en"
    valid_from: Annotated[str | None, Field(max_length=20)] = None
    valid_until: Annotated[str | None, Field(max_length=20)] = None
    owner: Annotated[str | None, Field(max_length=80)] = None
    status: Status = "ready"

    def fields(self) -> dict[str, Any]:
        """What `check_article` takes: empty lines between questions are no questions."""
        raw = self.model_dump(exclude={"owner", "status"})
        for name in ("questions", "tags"):
            raw[name] = [text for text in raw[name] if text.strip()]
        return {name: value for name, value in raw.items() if value is not None}


class NewBody(_Body):
    """`POST /articles`."""

    article: ArticleBody
    note: _Why = None


class SaveBody(_Body):
    """`PUT /articles/{id}`: `base_version` is the version that the editor opened."""

    base_version: _Version
    article: ArticleBody
    note: _Why = None


class AdviceBody(_Body):
    """`POST /articles/advice`."""

    article: ArticleBody


class RestoreBody(_Body):
    """`POST /articles/{id}/restore`: `base_version` null restores an article that was removed."""

    version: _Version
    base_version: _Version | None = None


class PublishBody(_Body):
    """`POST /publish`: null publishes everything that differs and is no draft."""

    articles: Annotated[list[_Id] | None, Field(max_length=PUBLISHED_AT_ONCE)] = None
    why: _Why = None
    at: Annotated[str | None, Field(max_length=20)] = None


def article_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints."""
    router = APIRouter()
    may_edit, may_release = Depends(guard(gate, "edit_content")), Depends(guard(gate, "release"))

    @router.get("/articles", responses=REFUSALS)
    async def articles(query: Annotated[ListQuery, Query()], _user: User = may_edit) -> dict[str, Any]:
        """A page of the articles that fit, and all tags and locales to choose by."""
        shelved, live = await studio.shelf.refreshed(), await studio.live.now()
        wanted = Wanted(
            **{"text" if name == "q" else name: value for name, value in query.model_dump().items()}
        )
        return article_page(shelved, live, wanted, now=studio.now())

    @router.get("/articles/{article_id}", responses=refusals(Unauthorized, Forbidden, NotFound))
    async def article(article_id: str, _user: User = may_edit) -> dict[str, Any]:
        """An article to work on, and what customers are told now (null: nothing)."""
        kept = await studio.articles.get(article_id)
        live = await studio.live.now()
        there = None if live is None else live.articles.get(article_id)
        return {"article": whole_article(kept), "live": None if there is None else there.as_dict()}

    @router.post(
        "/articles",
        status_code=201,
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(ArticleExists, BadFrame, BadArticle)},
    )
    async def create(body: NewBody, user: User = may_edit) -> dict[str, Any]:
        """A new article; without an id one is made of the title."""
        kept = await studio.articles.create(
            body.article.fields(),
            status=body.article.status,
            owner=body.article.owner,
            by=user.name,
            note=body.note,
        )
        return {"article": whole_article(kept)}

    @router.put(
        "/articles/{article_id}",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(NotFound, EditConflict, BadFrame, BadArticle)},
    )
    async def save(article_id: str, body: SaveBody, user: User = may_edit) -> dict[str, Any]:
        """Save what was made of `base_version`; `merged` names fields that somebody else had changed meanwhile."""
        saved = await studio.articles.save(
            article_id,
            body.article.fields(),
            base_version=body.base_version,
            status=body.article.status,
            owner=body.article.owner,
            by=user.name,
            note=body.note,
        )
        return {"article": whole_article(saved.kept), "merged": list(saved.merged)}

    @router.delete("/articles/{article_id}", responses={**WRITING, **refusals(NotFound, EditConflict)})
    async def remove(
        article_id: str,
        base_version: Annotated[int, Query(ge=1, le=2_000_000_000)],
        user: User = may_edit,
    ) -> dict[str, Any]:
        """Take the article out of the working copy. Customers get it until that is published."""
        await studio.articles.remove(article_id, base_version=base_version, by=user.name)
        return {}

    @router.get("/articles/{article_id}/history", responses=refusals(Unauthorized, Forbidden, NotFound))
    async def history(article_id: str, _user: User = may_edit) -> dict[str, Any]:
        """Who changed the article and when, newest first; also of one that was removed."""
        return {"versions": [_line(line) for line in await studio.articles.history(article_id)]}

    @router.get(
        "/articles/{article_id}/history/{version}", responses=refusals(Unauthorized, Forbidden, NotFound)
    )
    async def version(article_id: str, version: int, _user: User = may_edit) -> dict[str, Any]:
        """The article as that version had it."""
        return {"article": whole_article(await studio.articles.version(article_id, version))}

    @router.post(
        "/articles/{article_id}/restore",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(NotFound, EditConflict, ArticleExists)},
    )
    async def restore(article_id: str, body: RestoreBody, user: User = may_edit) -> dict[str, Any]:
        """Make an earlier version the newest one."""
        kept = await studio.articles.restore(
            article_id, body.version, base_version=body.base_version, by=user.name
        )
        return {"article": whole_article(kept)}

    @router.post(
        "/articles/advice", dependencies=[Depends(single_names)], responses={**WRITING, **refusals(BadFrame)}
    )
    async def advice(body: AdviceBody, _user: User = may_edit) -> dict[str, Any]:
        """What is doubtful about an article as it is being written; nothing is stored."""
        shelved = await studio.shelf.refreshed()
        drafted = await studio.live.write_draft()
        checks = personal_data, in_exam(await studio.exam.asked())
        found = await advise(body.article.fields(), shelved, studio.bench, checks, draft=drafted is not None)
        return {"warnings": [one.as_dict() for one in found]}

    @router.get("/changes", responses={**REFUSALS, **refusals(NothingLive)})
    async def not_live(_user: User = may_edit) -> dict[str, Any]:
        """What customers do not get as it stands here."""
        shelved, live = await studio.shelf.refreshed(), await studio.live.now()
        if live is None:
            raise NothingLive("Nothing is live yet. Train and publish a first release.")
        gone = [article_id for article_id in live.articles if article_id not in shelved]
        return {
            "changes": changes(shelved, live, await studio.articles.removals(gone)),
            "release_id": live.release_id,
            "revision": live.revision,
        }

    @router.post(
        "/publish",
        response_model=None,
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(NotFound, CannotPublish), 202: {"description": "Planned"}},
    )
    async def publish(body: PublishBody, user: User = may_release) -> dict[str, Any] | JSONResponse:
        """Make articles live without a training; `live` says whether every bot that is there answers from them already.

        With `at`, or where somebody else must agree, it is planned: 202 `{plan}`.
        """
        done = await studio.publishing.articles(body.articles, by=user.name, why=body.why, at=body.at)
        if isinstance(done, Plan):
            return JSONResponse({"plan": done.as_dict()}, 202)
        return {
            "release_id": done.release_id,
            "revision": done.revision,
            "published": list(done.ids),
            "live": await studio.taking_up.done(),
        }

    return router


def _line(line: Version) -> dict[str, Any]:
    action: Literal["created", "edited", "imported", "restored", "removed"] = line.action
    return {
        "version": line.version,
        "at": rfc3339(line.at),
        "by": line.by,
        "action": action,
        "note": line.note,
    }
