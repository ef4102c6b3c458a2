"""`/api/v1/studio/*`: for editors' browsers and programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.domain.errors import BadFrame, Forbidden, TooLarge, Unauthorized
from handoff.studio.audit import PAGE
from handoff.studio.guard import guard
from handoff.studio.parts import Studio
from handoff.studio.routes_articles import article_routes
from handoff.studio.routes_exam import exam_routes
from handoff.studio.routes_import import import_routes
from handoff.studio.routes_incidents import incident_routes
from handoff.studio.routes_intents import intent_routes
from handoff.studio.routes_plans import plan_routes
from handoff.studio.routes_review import review_routes
from handoff.studio.routes_training import release_routes, training_routes
from handoff.studio.routes_try import try_routes
from handoff.studio.summary import summarised
from handoff.wire.answers import refusals

REFUSALS = refusals(Unauthorized, Forbidden, BadFrame)


def studio_routes(studio: Studio, gate: Gate) -> APIRouter:
    """All endpoints of the studio."""
    router = APIRouter(prefix="/api/v1/studio", tags=["studio"], responses=refusals(TooLarge))
    editor = Depends(guard(gate, "edit_content"))

    @router.get("/audit", responses=REFUSALS)
    async def audit(
        before: Annotated[int | None, Query(ge=1)] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = 50,
        _user: User = editor,
    ) -> dict[str, Any]:
        """Who did what, newest first; `before` asks for the page after the entry with that id."""
        return {"entries": await studio.audit.entries(before=before, limit=limit)}

    @router.get("/summary", responses=REFUSALS)
    async def summary(_user: User = editor) -> dict[str, Any]:
        """What an editor sees first: what is live, what is not yet, what waits, what runs."""
        return await summarised(studio)

    router.include_router(article_routes(studio, gate))
    router.include_router(import_routes(studio, gate))
    router.include_router(incident_routes(studio, gate))
    router.include_router(intent_routes(studio, gate))
    router.include_router(training_routes(studio, gate))
    router.include_router(release_routes(studio, gate))
    router.include_router(exam_routes(studio, gate))
    router.include_router(plan_routes(studio, gate))
    router.include_router(try_routes(studio, gate))
    router.include_router(review_routes(studio, gate))
    return router
