"""`/api/v1/studio/incidents`."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.domain.errors import BadFrame, BadJson, Forbidden, NotFound, StorageUnavailable, Unauthorized
from handoff.studio.errors import BadIncident, NothingLive
from handoff.studio.guard import guard
from handoff.studio.parts import Studio
from handoff.wire.answers import refusals
from handoff.wire.bodies import single_names
from kb_index.edition import MAX_INCIDENT_ARTICLES, MAX_INCIDENT_TEXT, MAX_PHRASE, MAX_PHRASES

WRITING: Final = refusals(
    BadJson, Unauthorized, Forbidden, BadFrame, BadIncident, NothingLive, StorageUnavailable
)

_Text = Annotated[str, Field(max_length=4 * MAX_INCIDENT_TEXT)]
_Time = Annotated[str | None, Field(max_length=40)]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, and errors do not repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class IncidentBody(_Body):
    """What is down: `kb_index.editions.check_incident` says what is allowed."""

    text: _Text
    article_ids: Annotated[
        list[Annotated[str, Field(max_length=100)]], Field(max_length=MAX_INCIDENT_ARTICLES)
    ] = []
    phrases: Annotated[
        list[Annotated[str, Field(max_length=4 * MAX_PHRASE)]], Field(max_length=MAX_PHRASES)
    ] = []
    since: _Time = None
    next_news: _Time = None
    locale: Annotated[str, Field(max_length=35)] = "en"

    def fields(self) -> dict[str, Any]:
        """What `check_incident` takes."""
        raw = self.model_dump()
        raw["phrases"] = [phrase for phrase in raw["phrases"] if phrase.strip()]
        return {name: value for name, value in raw.items() if value is not None}


class ReportBody(_Body):
    """`POST /incidents` and `PUT /incidents/{id}`; `tell_open`: say it in open conversations too."""

    incident: IncidentBody
    tell_open: bool = True


class EndBody(_Body):
    """`POST /incidents/{id}/end`; with `text`, that is said in open conversations."""

    text: _Text | None = None


def incident_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints."""
    router = APIRouter()
    may_edit, may_release = Depends(guard(gate, "edit_content")), Depends(guard(gate, "release"))
    checked = Depends(single_names)

    @router.get("/incidents", responses=refusals(Unauthorized, Forbidden))
    async def incidents(_user: User = may_edit) -> dict[str, Any]:
        """What is down, and how many conversations would hear of another."""
        found = await studio.incidents.open_now()
        return {
            "incidents": [incident.as_dict() for incident in found],
            "open_conversations": await studio.incidents.reach(),
        }

    @router.post("/incidents", status_code=201, dependencies=[checked], responses=WRITING)
    async def report(body: ReportBody, user: User = may_release) -> dict[str, Any]:
        """Tell of an incident, at once."""
        incident = await studio.incidents.report(
            body.incident.fields(), tell_open=body.tell_open, by=user.name
        )
        return {"incident": incident.as_dict(), "live": await studio.taking_up.done()}

    @router.put(
        "/incidents/{incident_id}", dependencies=[checked], responses={**WRITING, **refusals(NotFound)}
    )
    async def change(incident_id: str, body: ReportBody, user: User = may_release) -> dict[str, Any]:
        """Say something else about an open incident."""
        incident = await studio.incidents.change(
            incident_id, body.incident.fields(), tell_open=body.tell_open, by=user.name
        )
        return {"incident": incident.as_dict(), "live": await studio.taking_up.done()}

    @router.post(
        "/incidents/{incident_id}/end", dependencies=[checked], responses={**WRITING, **refusals(NotFound)}
    )
    async def end(incident_id: str, body: EndBody, user: User = may_release) -> dict[str, Any]:
        """It works again."""
        await studio.incidents.end(incident_id, text=body.text, by=user.name)
        return {"live": await studio.taking_up.done()}

    return router
