"""`/api/v1/studio/{trainings, jobs, releases, rollback, canary}`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.content.errors import ReleaseRefused
from handoff.domain.errors import (
    BadFrame,
    BadJson,
    BotUnavailable,
    Forbidden,
    NotFound,
    StorageUnavailable,
    Unauthorized,
)
from handoff.studio.canary import LEAST, MOST
from handoff.studio.errors import (
    BadSetting,
    CanaryRefused,
    JobQueueFull,
    NoCanary,
    NothingLive,
    ReportMissing,
)
from handoff.studio.guard import guard
from handoff.studio.jobs import NOTE_AT_MOST
from handoff.studio.parts import Studio
from handoff.studio.plans import Plan
from handoff.studio.reports import PAGE, Part
from handoff.wire.answers import refusals
from handoff.wire.bodies import single_names

REFUSALS: Final = refusals(Unauthorized, Forbidden, BadFrame)
WRITING: Final = refusals(BadJson, Unauthorized, Forbidden, BadFrame, StorageUnavailable)
DELETING: Final = refusals(Unauthorized, Forbidden, BadFrame, StorageUnavailable)

_Words = Annotated[str | None, Field(max_length=NOTE_AT_MOST, pattern=r"^[^\x00]*$")]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, and errors do not repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TrainingBody(_Body):
    """`POST /trainings`."""

    note: _Words = None
    fine_tune: bool = True


class WhyBody(_Body):
    """Why something is done, for the audit log."""

    why: _Words = None


class RollBackBody(WhyBody):
    """Going back: `to` is the release that whoever asks saw as the one before."""

    to: Annotated[str | None, Field(max_length=100)] = None


class SimulationBody(_Body):
    """`POST /simulations`: values to try on the conversations of the last `days`; those left out stay as they are."""

    risk: Annotated[float | None, Field(allow_inf_nan=False)] = None
    frustration: Annotated[float | None, Field(allow_inf_nan=False)] = None
    days: Annotated[int, Field(ge=1, le=90)] = 7


class ValuesBody(WhyBody):
    """`POST /values`: values to serve with from now on; those left out stay as they are."""

    risk: Annotated[float | None, Field(allow_inf_nan=False)] = None
    frustration: Annotated[float | None, Field(allow_inf_nan=False)] = None
    voice: Annotated[str | None, Field(max_length=40)] = None


class PublishBody(WhyBody):
    """`POST /releases/{id}/publish`: `at` a time in UTC, to the second; without it at once."""

    at: Annotated[str | None, Field(max_length=20)] = None


class CanaryBody(_Body):
    """`POST /releases/{id}/canary`: the share of new conversations that it answers."""

    share: Annotated[float, Field(ge=LEAST, le=MOST, allow_inf_nan=False)]


class ReportQuery(_Body):
    """`GET /releases/{id}/report`: without `set` the report, with it a page of its changes."""

    set: Part | None = None
    verdict: Annotated[str | None, Field(max_length=40)] = None
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=PAGE)] = 100


def training_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints of jobs."""
    router = APIRouter()
    may_edit, may_release = Depends(guard(gate, "edit_content")), Depends(guard(gate, "release"))

    @router.post(
        "/trainings",
        status_code=202,
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(JobQueueFull)},
    )
    async def train(body: TrainingBody, user: User = may_release) -> dict[str, Any]:
        """Have what is ready trained and judged, in the background. Nothing live moves."""
        return {"job": await studio.jobs.train(note=body.note, fine_tune=body.fine_tune, asked_by=user.name)}

    @router.post(
        "/simulations",
        status_code=202,
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(JobQueueFull, BadSetting, BadFrame)},
    )
    async def simulate(body: SimulationBody, user: User = may_edit) -> dict[str, Any]:
        """Hold past conversations again under other values, in the background."""
        job = await studio.jobs.simulate(
            risk=body.risk, frustration=body.frustration, days=body.days, asked_by=user.name
        )
        return {"job": job}

    @router.get("/simulations/{job_id}", responses={**REFUSALS, **refusals(NotFound, BadFrame)})
    async def simulation(job_id: str, _user: User = may_edit) -> dict[str, Any]:
        """What a simulation that is done came to."""
        return {"simulation": await studio.jobs.simulation(job_id)}

    @router.get("/jobs", responses=REFUSALS)
    async def jobs(_user: User = may_edit) -> dict[str, Any]:
        """The newest jobs, newest first."""
        return {"jobs": await studio.jobs.all()}

    @router.get("/jobs/{job_id}", responses=refusals(Unauthorized, Forbidden, NotFound))
    async def job(job_id: str, _user: User = may_edit) -> dict[str, Any]:
        """One job."""
        return {"job": await studio.jobs.one(job_id)}

    @router.post("/jobs/{job_id}/cancel", responses={**DELETING, **refusals(NotFound)})
    async def cancel(job_id: str, _user: User = may_release) -> dict[str, Any]:
        """End a job: at once where it waits, within two seconds where it runs."""
        return {"job": await studio.jobs.cancel(job_id)}

    return router


def release_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints of releases."""
    router = APIRouter()
    may_edit, may_release = Depends(guard(gate, "edit_content")), Depends(guard(gate, "release"))

    @router.get("/releases", responses=REFUSALS)
    async def releases(_user: User = may_edit) -> dict[str, Any]:
        """All releases, newest first."""
        canary = await studio.canaries.running()
        return {"releases": await studio.releases.all(None if canary is None else canary.release_id)}

    @router.get(
        "/releases/{release_id}/report",
        response_model=None,
        responses={**REFUSALS, **refusals(ReleaseRefused, ReportMissing)},
    )
    async def report(
        release_id: str, query: Annotated[ReportQuery, Query()], _user: User = may_edit
    ) -> Response | dict[str, Any]:
        """What the judge found; with `set` a page of its changes."""
        reports = studio.releases.reports
        release = await studio.releases.known(release_id)
        if query.set is not None:
            page = await asyncio.to_thread(
                reports.page, release.id, query.set, query.verdict, query.offset, query.limit
            )
            return {"changes": page.changes, "total": page.total}
        text = await asyncio.to_thread(reports.text, release.id)
        return Response(b'{"report":' + text + b"}", media_type="application/json")

    @router.post(
        "/releases/{release_id}/publish",
        response_model=None,
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(ReleaseRefused), 202: {"description": "Planned"}},
    )
    async def publish(
        release_id: str, body: PublishBody | None = None, user: User = may_release
    ) -> dict[str, Any] | JSONResponse:
        """Make a release live; `live` says whether every bot that is there answers from it already. No turn waits for it.

        With `at`, or where somebody else must agree, it is planned: 202 `{plan}`.
        """
        given = body or PublishBody()
        done = await studio.publishing.release(release_id, by=user.name, why=given.why, at=given.at)
        if isinstance(done, Plan):
            return JSONResponse({"plan": done.as_dict()}, 202)
        return await _went_live(studio, done)

    @router.post(
        "/values",
        response_model=None,
        dependencies=[Depends(single_names)],
        responses={
            **WRITING,
            **refusals(ReleaseRefused, NothingLive, BadSetting, BadFrame),
            202: {"description": "Planned"},
        },
    )
    async def values(body: ValuesBody, user: User = may_release) -> dict[str, Any] | JSONResponse:
        """Have what is live answer with other values, without a training: a release of its own, so that a rollback brings the old ones back.

        Where somebody else must agree, it is planned: 202 `{plan}`.
        """
        done = await studio.publishing.values(
            risk=body.risk, frustration=body.frustration, voice=body.voice, by=user.name, why=body.why
        )
        if isinstance(done, Plan):
            return JSONResponse({"plan": done.as_dict()}, 202)
        return await _went_live(studio, done)

    @router.post(
        "/rollback",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(ReleaseRefused)},
    )
    async def roll_back(body: RollBackBody | None = None, user: User = may_release) -> dict[str, Any]:
        """Make live what was so before, its texts included. Nobody else need agree.

        With `to` nothing happens where that is live already, and it is refused where something else was live before.
        """
        given = body or RollBackBody()
        done = await studio.publishing.roll_back(by=user.name, why=given.why, to=given.to)
        return await _went_live(studio, done)

    router.include_router(canary_routes(studio, gate))
    return router


def canary_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints of releases on trial."""
    router = APIRouter()
    may_edit, may_release = Depends(guard(gate, "edit_content")), Depends(guard(gate, "release"))

    @router.post(
        "/releases/{release_id}/canary",
        dependencies=[Depends(single_names)],
        responses={
            **WRITING,
            **refusals(ReleaseRefused, CanaryRefused, NothingLive),
            **refusals(BotUnavailable, StorageUnavailable),
        },
    )
    async def begin(release_id: str, body: CanaryBody, user: User = may_release) -> dict[str, Any]:
        """Have a release answer a share of the conversations that begin from now on."""
        return {"canary": await studio.canaries.begin(release_id, body.share, user.name)}

    @router.get("/canary", responses=REFUSALS)
    async def canary(_user: User = may_edit) -> dict[str, Any]:
        """The release on trial with the figures of both (null: none is)."""
        return {"canary": await studio.canaries.current()}

    @router.post(
        "/canary/promote",
        response_model=None,
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(NoCanary, ReleaseRefused), 202: {"description": "Planned"}},
    )
    async def promote(body: WhyBody | None = None, user: User = may_release) -> dict[str, Any] | JSONResponse:
        """Make the release on trial live for everybody; where somebody else must agree, 202 `{plan}`."""
        done = await studio.publishing.promote(by=user.name, why=body.why if body else None)
        if isinstance(done, Plan):
            return JSONResponse({"plan": done.as_dict()}, 202)
        return await _went_live(studio, done)

    @router.post(
        "/canary/stop",
        dependencies=[Depends(single_names)],
        responses={**WRITING, **refusals(NoCanary)},
    )
    async def stop(body: WhyBody | None = None, user: User = may_release) -> dict[str, Any]:
        """End the trial: every conversation goes to the live release."""
        return {"release_id": await studio.canaries.end(user.name, body.why if body else None)}

    return router


async def _went_live(studio: Studio, release_id: str) -> dict[str, Any]:
    """The answer about a release that was made live."""
    return {"release_id": release_id, "live": await studio.taking_up.done()}
