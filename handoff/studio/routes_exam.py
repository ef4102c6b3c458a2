"""`/api/v1/studio/{exam, settings}`."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.domain.errors import BadFrame, BadJson, Forbidden, NotFound, StorageUnavailable, Unauthorized
from handoff.studio.errors import BadSetting, ExamRefused
from handoff.studio.exam import TEXT_AT_MOST
from handoff.studio.guard import guard
from handoff.studio.parts import Studio
from handoff.studio.settings import DEFAULTS
from handoff.wire.answers import refusals
from handoff.wire.bodies import single_names

REFUSALS: Final = refusals(Unauthorized, Forbidden, BadFrame)
WRITING: Final = refusals(BadJson, Unauthorized, Forbidden, BadFrame, StorageUnavailable)
CSV_AT_MOST: Final = 20_000_000
_Locale = Annotated[str | None, Field(max_length=35)]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, and errors do not repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class QuestionBody(_Body):
    """`POST /exam`; `article_id` null: it should not be answered."""

    text: Annotated[str, Field(max_length=4 * TEXT_AT_MOST)]
    article_id: Annotated[str | None, Field(max_length=100)] = None
    locale: _Locale = None


class CsvBody(_Body):
    """`POST /exam/import`: a CSV with the columns text, article_id and locale; `locale` for rows that name none."""

    csv: Annotated[str, Field(max_length=CSV_AT_MOST)]
    locale: _Locale = None


class SettingsBody(_Body):
    """`PUT /settings`: those that change."""

    risk: float | None = None
    unanswerable_share: float | None = None
    frustration: float | None = None
    minute_cost: float | None = None
    handoff_minutes: float | None = None
    approval: StrictBool | None = None
    voice: str | None = None
    currency: str | None = None


assert SettingsBody.model_fields.keys() == DEFAULTS.keys()


def exam_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints."""
    router = APIRouter()
    may_edit, may_release = Depends(guard(gate, "edit_content")), Depends(guard(gate, "release"))

    @router.get("/exam", responses=REFUSALS)
    async def exam(_user: User = may_edit) -> dict[str, Any]:
        """Every question of the exam, newest first."""
        return {"questions": await studio.exam.all()}

    @router.post(
        "/exam",
        status_code=201,
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(BadFrame, ExamRefused)},
    )
    async def add(body: QuestionBody, user: User = may_edit) -> dict[str, Any]:
        """Add one question."""
        return {"question": await studio.exam.add(body.text, body.article_id, body.locale, by=user.name)}

    @router.post(
        "/exam/import",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(BadFrame, ExamRefused)},
    )
    async def add_many(body: CsvBody, user: User = may_edit) -> dict[str, Any]:
        """Add the questions of a CSV, all of them or none."""
        return {"added": await studio.exam.add_csv(body.csv, body.locale, by=user.name)}

    @router.delete("/exam/{question_id}", responses=refusals(Unauthorized, Forbidden, NotFound))
    async def remove(question_id: str, _user: User = may_edit) -> dict[str, Any]:
        """Take a question out of the exam."""
        await studio.exam.remove(question_id)
        return {}

    @router.get("/settings", responses=REFUSALS)
    async def settings(_user: User = may_edit) -> dict[str, Any]:
        """The studio's settings, what each risk would bring as the live release found it, what that serves with, and how
        customers are addressed now."""
        return {
            "settings": await studio.settings.values(),
            "curve": await studio.releases.curve(),
            "live": await studio.releases.values(),
            "voice": await studio.voice.now(),
        }

    @router.put(
        "/settings",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(BadFrame, BadSetting)},
    )
    async def change(body: SettingsBody, user: User = may_release) -> dict[str, Any]:
        """Change some; the next training goes by them."""
        changes = body.model_dump(exclude_unset=True)
        return {"settings": await studio.settings.change(changes, user.name)}

    return router
