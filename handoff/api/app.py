"""The relay as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog
from fastapi import FastAPI, WebSocket
from starlette.middleware.cors import CORSMiddleware

from handoff.accounts.gate import Gate
from handoff.accounts.routes import auth_routes
from handoff.api.admission import Admission, address_of
from handoff.api.agent_socket import AgentSocket, Credentials
from handoff.api.body_limit import BodyLimit
from handoff.api.connection import connection_of
from handoff.api.customer_socket import CustomerSocket
from handoff.api.customers import customer_routes
from handoff.api.errors import install_error_handlers
from handoff.api.open_sockets import OpenSockets
from handoff.api.operations import operation_routes
from handoff.api.pages import install_pages
from handoff.api.passes import Passes
from handoff.api.running import Running
from handoff.settings import Settings
from handoff.studio.allowance import body_allowance
from handoff.studio.routes import studio_routes

STOP_S = 3.0
"""How long the relay's parts have to stop in."""
HINTS_STOP_S = 0.5
"""For the tasks that hear and send hints, where the other parts have used up all the time."""
log = structlog.get_logger(__name__)


def make_app(settings: Settings, running: Running, pages: Path) -> FastAPI:
    """The application; starting it starts the relay, and its shutdown stops it."""
    relay = running.relay
    admission = Admission(
        sockets_per_address=settings.sockets_per_address,
        sockets_per_conversation=settings.sockets_per_conversation,
        openings_per_minute=settings.openings_per_minute,
    )
    sockets = OpenSockets(admission)
    passes = Passes()
    gate = Gate(running.accounts, settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await relay.start()
            await running.studio.start()
            sockets.start()
            yield
        finally:
            # Also what a start that failed has begun: a task that swallows its cancelling, as a Redis client does in
            # mid-connect, would keep the process from ending, and nobody would start it again.
            sockets.stop()
            try:
                async with asyncio.timeout(STOP_S):
                    await running.studio.stop()
                    await relay.stop()
            except TimeoutError:
                # A storage that hangs: what it was given is decided there, and nobody was told that it is done.
                log.warning("stopped_unfinished")
                with suppress(TimeoutError):
                    async with asyncio.timeout(HINTS_STOP_S):
                        await relay.pubsub.stop()
            await running.close()

    app = FastAPI(title="Baton", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.sockets = sockets
    install_error_handlers(app)
    app.include_router(
        customer_routes(
            relay,
            running.tokens,
            gate,
            settings,
            identity_secret=running.identity_secret,
            admission=admission,
        )
    )
    app.include_router(auth_routes(running.accounts, settings))
    app.include_router(operation_routes(relay, gate, settings, sockets))
    app.include_router(studio_routes(running.studio, gate))

    @app.websocket("/ws/customer")
    async def customer(socket: WebSocket) -> None:
        sockets.serve(
            CustomerSocket(connection_of(socket), relay, passes, running.tokens, admission),
            address_of(socket),
        )

    @app.websocket("/ws/agent")
    async def agent(socket: WebSocket) -> None:
        sockets.serve(
            AgentSocket(
                connection_of(socket),
                relay,
                passes,
                gate=gate,
                settings=settings,
                credentials=Credentials(
                    socket.cookies, socket.headers.get("origin"), socket.headers.get("host")
                ),
            ),
            address_of(socket),
        )

    install_pages(app, pages)
    app.add_middleware(BodyLimit, limit=settings.max_frame_bytes, allowance=body_allowance(gate))
    # No credentials: customers' pages send a token of their own, and agents work on this origin alone.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.widget_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        max_age=3600,
    )
    return app
