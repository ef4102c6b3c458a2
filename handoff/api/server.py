"""Running the application under uvicorn, with a goodbye to every socket before it goes."""

from __future__ import annotations

import gc
import socket
import sys
from pathlib import Path

import structlog
import uvicorn

from handoff.api.app import make_app
from handoff.api.connection import Connection
from handoff.api.open_sockets import OpenSockets
from handoff.api.request_ids import RequestIds
from handoff.api.running import Running
from handoff.settings import Settings

PROTOCOL_MAX_FACTOR = 16
"""Frames over `max_frame_bytes` are answered with an error; those over this many times it end the socket."""
COLLECT = (10_000, 10, 10)
"""When the collector looks for cycles. A message makes none: looking every 700 objects took a tenth of the time."""
SWITCH_S = 0.001
"""How long the loop may keep Python to itself while a commit has returned."""
REQUESTS_S = 2
"""How long a shutdown waits for HTTP requests. With GOODBYE_S and STOP_S less than the 10 s that `serve` gives a part."""
log = structlog.get_logger(__name__)


class RelayServer(uvicorn.Server):
    """Uvicorn closes sockets without a word; this says `bye` to them first."""

    def __init__(self, config: uvicorn.Config, sockets: OpenSockets) -> None:
        super().__init__(config)
        self.open_sockets = sockets

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.open_sockets.dismiss_all()
        await super().shutdown(sockets)


def make_server(settings: Settings, running: Running, pages: Path) -> RelayServer:
    """The server for this relay, not started yet."""
    app = make_app(settings, running, pages)
    config = uvicorn.Config(
        # Outside of the application: what answers for a defect in it stands outside of all its own layers.
        RequestIds(app),
        host=settings.host,
        port=settings.port,
        ws=Connection,
        ws_max_size=settings.max_frame_bytes * PROTOCOL_MAX_FACTOR,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=REQUESTS_S,
        server_header=False,
        # Off by default: uvicorn would believe X-Forwarded-For from every program on this machine.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        # Its own handlers would print past the log's, in another form.
        log_config=None,
    )
    return RelayServer(config, app.state.sockets)


async def run_relay(settings: Settings, running: Running, pages: Path) -> None:
    """Serve until told to stop by SIGTERM or SIGINT."""
    log.info("relay_starting", host=settings.host, port=settings.port)
    server = make_server(settings, running, pages)
    # What is loaded now stays: the collector would walk through all of it again and again, with every socket waiting.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    # The thread that commits must not wait 5 ms for its turn each time while the loop is busy.
    sys.setswitchinterval(SWITCH_S)
    await server.serve()
