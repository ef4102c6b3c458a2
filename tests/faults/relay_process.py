"""A relay as a process of its own, to be killed; and a customer that survives it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx
import websockets

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0


class RelayProcess:
    """`baton relay` on a home, with no bot behind it unless one is given; `async with` starts it and leaves none behind."""

    def __init__(self, home: Path, **variables: str) -> None:
        """`variables` are added to the environment of the process."""
        self.home = home
        self._variables = variables
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    async def start(self) -> None:
        """Start it and wait until it answers."""
        env = {
            **os.environ,
            "BATON_HOME": str(self.home),
            "BATON_PORT": str(self.port),
            "BATON_BOT_URL": "http://127.0.0.1:1",
            **self._variables,
        }
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "handoff.cli", "relay", env=env, cwd=PROJECT
        )
        try:
            await self._until_it_answers(self._process)
        except BaseException:
            await self.kill()
            raise

    async def _until_it_answers(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as http:
            while True:
                with suppress(httpx.HTTPError):
                    if (await http.get(f"{self.url}/health/live")).is_success:
                        return
                assert process.returncode is None, "the relay ended while it was starting"
                await asyncio.sleep(0.05)

    @property
    def pid(self) -> int:
        """Its process, running or gone."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """kill -9: it gets no chance to finish anything."""
        await self._end(signal.SIGKILL)

    async def gone(self) -> None:
        """Wait until it has ended by itself."""
        assert self._process is not None
        await asyncio.wait_for(self._process.wait(), PATIENCE_S)

    async def terminate(self) -> int:
        """SIGTERM; its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        return await asyncio.wait_for(self._process.wait(), PATIENCE_S)

    async def open(self) -> tuple[str, str]:
        """A conversation's id and token."""
        async with httpx.AsyncClient(base_url=self.url) as http:
            body = {"client_id": secrets.token_urlsafe(18)}
            made = (await http.post("/api/v1/conversations", json=body)).json()
        return made["conversation_id"], made["token"]

    async def events(self, conversation_id: str, token: str) -> list[dict[str, Any]]:
        """The conversation's log as its customer may read it."""
        async with httpx.AsyncClient(base_url=self.url) as http:
            answer = await http.get(
                f"/api/v1/conversations/{conversation_id}/events",
                headers={"Authorization": f"Bearer {token}"},
            )
        events: list[dict[str, Any]] = answer.json()["events"]
        return events

    async def connect(self, token: str) -> websockets.ClientConnection:
        """A customer's socket that has said hello."""
        connection = await websockets.connect(
            f"ws://127.0.0.1:{self.port}/ws/customer", subprotocols=[websockets.Subprotocol("baton.v1")]
        )
        await connection.send(json.dumps({"type": "hello", "token": token, "after": 0}))
        return connection


AT_ONCE = 4
"""Lines under way together: enough that a kill meets some of them between commit and ack."""


async def say_until_acked(
    relay: RelayProcess, token: str, lines: dict[str, str], acked: set[str], ready: asyncio.Event
) -> None:
    """Send every line under its client_id until each has its ack, through any number of lost connections."""
    while len(acked) < len(lines):
        try:
            connection = await relay.connect(token)
            try:
                while len(acked) < len(lines):
                    await _say_some(connection, lines, acked, ready)
            finally:
                # The relay may be dead: no goodbye is waited for.
                connection.transport.abort()
        except (OSError, websockets.WebSocketException):
            await asyncio.sleep(0.05)


async def _say_some(
    connection: websockets.ClientConnection, lines: dict[str, str], acked: set[str], ready: asyncio.Event
) -> None:
    under_way = [client_id for client_id in lines if client_id not in acked][:AT_ONCE]
    for client_id in under_way:
        await connection.send(json.dumps({"type": "say", "client_id": client_id, "text": lines[client_id]}))
    while not acked.issuperset(under_way):
        answer = json.loads(await connection.recv())
        if answer["type"] == "ack":
            acked.add(answer["client_id"])
            ready.set()
