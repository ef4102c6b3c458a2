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
from handoff.studio.routes_incidents import incident_routes
from handoff.studio.routes_intents import intent_routes
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

    router.include_router(article_routes(studio, gate))
    router.include_router(incident_routes(studio, gate))
    router.include_router(intent_routes(studio, gate))
    return router
