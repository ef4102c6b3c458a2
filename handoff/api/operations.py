"""HTTP for agents' programs and for those who run Baton: the inbox as a list, health, and metrics."""

from __future__ import annotations

import hmac
import shutil
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from handoff.accounts.gate import Gate
from handoff.api.admission import address_of, is_this_machine
from handoff.api.open_sockets import OpenSockets
from handoff.domain.errors import BadFrame, Forbidden, StorageUnavailable, TooLarge, Unauthorized
from handoff.relay.parts import Relay
from handoff.settings import Settings
from handoff.wire.answers import Alive, InboxPage, Readiness, refusals

PAGE = 100
BEHIND_MS: Final = 10_000
"""A reaction is taken at once, or within 5 s when its worker died; one that waits longer has nobody to take it."""
FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def operation_routes(relay: Relay, gate: Gate, settings: Settings, sockets: OpenSockets) -> APIRouter:
    """`/api/v1/inbox`, `/health/*` and `/metrics`."""
    router = APIRouter(tags=["operation"], responses=refusals(TooLarge))

    @router.get(
        "/api/v1/inbox", response_model=InboxPage, responses=refusals(Unauthorized, Forbidden, BadFrame)
    )
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

    @router.head("/health/live", include_in_schema=False)
    @router.get("/health/live", response_model=Alive)
    async def live() -> dict[str, Any]:
        """The process answers."""
        return {"status": "ok"}

    @router.head("/health/ready", include_in_schema=False)
    @router.get(
        "/health/ready",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "Something is missing"}},
    )
    async def ready(response: Response) -> dict[str, Any]:
        """Whether everything a question needs is there; names what is not."""
        parts = {
            "relay": "shutting down" if sockets.is_closing else "ok",
            **await _storage(relay),
            "bot": "ok" if relay.watch.is_ready else "not ready",
            "hints": "ok" if relay.pubsub.healthy else "unreachable",
            "disk": _disk(settings),
        }
        is_ready = all(state == "ok" for state in parts.values())
        response.status_code = 200 if is_ready else 503
        return {"ready": is_ready, "parts": parts}

    @router.get(
        "/metrics",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **refusals(Unauthorized, Forbidden),
        },
    )
    async def metrics(request: Request) -> Response:
        """Figures for Prometheus: for who has the token, or for this machine alone where none is set."""
        _may_read_figures(request, settings.metrics_token)
        text = await relay.metrics.text(relay.clock, relay.inbox, relay.queue)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


async def _storage(relay: Relay) -> dict[str, str]:
    try:
        await relay.log.heads(["probe"])
        backlog = await relay.queue.backlog(relay.clock.now_ms())
    except StorageUnavailable:
        return {"storage": "unavailable", "reactions": "unknown"}
    return {"storage": "ok", "reactions": "behind" if backlog.oldest_ms > BEHIND_MS else "ok"}


def _disk(settings: Settings) -> str:
    try:
        free = shutil.disk_usage(settings.home).free
    except OSError:
        return "unreadable"
    return "ok" if free >= settings.disk_reserve_mb * 1_000_000 else "nearly full"


def _may_read_figures(request: Request, token: str) -> None:
    if token:
        sent = request.headers.get("authorization", "")
        if not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
            raise Unauthorized("Send the token of BATON_METRICS_TOKEN as `Authorization: Bearer TOKEN`.")
        return
    # What a proxy on this machine passes on comes from anywhere.
    if not is_this_machine(address_of(request)) or any(name in request.headers for name in FORWARDED):
        raise Forbidden("Figures are for this machine alone. Set BATON_METRICS_TOKEN to read them elsewhere.")
