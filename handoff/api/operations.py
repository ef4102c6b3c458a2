"""HTTP for agents' programs and for those who run Baton: the inbox as a list, and health."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from handoff.accounts.gate import Gate
from handoff.domain.errors import Forbidden, HandoffError
from handoff.relay.parts import Relay

PAGE = 100


def operation_routes(relay: Relay, gate: Gate) -> APIRouter:
    """`/api/v1/inbox` and `/health/*`."""
    router = APIRouter(tags=["operation"])

    @router.get("/api/v1/inbox")
    async def inbox(
        request: Request, cursor: Annotated[int, Query(ge=0, le=1_000_000)] = 0
    ) -> dict[str, Any]:
        """Items of the inbox in the queue's order; `cursor` of the answer asks for the next page."""
        user = await gate.authenticate(request.headers, request.cookies, unsafe=False)
        if not user.may("read_conversations"):
            raise Forbidden("This account may not read conversations.")
        items = relay.inbox.items()
        end = cursor + PAGE
        return {"items": items[cursor:end], "cursor": end if end < len(items) else None}

    @router.get("/health/live")
    async def live() -> dict[str, Any]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/health/ready")
    async def ready(response: Response) -> dict[str, Any]:
        """Whether everything a question needs is there; names what is not."""
        parts = {"storage": "ok", "bot": "ok" if relay.watch.is_ready else "not ready"}
        try:
            await relay.log.heads(["probe"])
        except HandoffError:
            parts["storage"] = "unavailable"
        is_ready = all(state == "ok" for state in parts.values())
        response.status_code = 200 if is_ready else 503
        return {"ready": is_ready, "parts": parts}

    return router
