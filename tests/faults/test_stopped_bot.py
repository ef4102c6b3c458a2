"""P9 with the real product: the bot is stopped in mid-question, killed, and comes back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

PROJECT = Path(__file__).resolve().parents[2]
FIRST_START_S = 420.0


class Product:
    """`baton serve --empty` on a new home."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.home = home

    def bot_pid(self) -> int:
        """The process that answers for this home."""
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"bot.serve" in words and str(self.home).encode() in words:
                return int(folder.name)
        raise AssertionError("no bot runs for this home")

    async def until_ready(self, patience_s: float) -> None:
        """Wait until relay and bot both say so."""
        async with asyncio.timeout(patience_s), httpx.AsyncClient(base_url=self.url) as http:
            while (await http.get("/health/ready")).status_code != 200:
                await asyncio.sleep(0.2)

    @asynccontextmanager
    async def customer(self) -> AsyncIterator[Customer]:
        """A connected customer."""
        async with httpx.AsyncClient(base_url=self.url) as http:
            body = {"client_id": secrets.token_urlsafe(18)}
            token = (await http.post("/api/v1/conversations", json=body)).json()["token"]
        socket = self.url.replace("http", "ws", 1) + "/ws/customer"
        async with websockets.connect(socket) as connection:
            await connection.send(json.dumps({"type": "hello", "token": token, "after": 0}))
            yield Customer(connection)


class Customer:
    """Says things and waits for events."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self._connection = connection
        self.events: list[dict[str, Any]] = []

    async def say(self, text: str, **fields: Any) -> None:
        """One message."""
        frame = {"type": "say", "client_id": secrets.token_urlsafe(18), "text": text, **fields}
        await self._connection.send(json.dumps(frame))

    async def until(self, wanted: Callable[[dict[str, Any]], bool], patience_s: float) -> dict[str, Any]:
        """The next event that is wanted."""
        async with asyncio.timeout(patience_s):
            async for message in self._connection:
                frame = json.loads(message)
                if frame["type"] == "event":
                    self.events.append(frame["event"])
                    if wanted(frame["event"]):
                        return self.events[-1]
        raise AssertionError("the socket ended")


@asynccontextmanager
async def _product(home: Path) -> AsyncIterator[Product]:
    argv = [sys.executable, "-m", "handoff.cli", "--home", str(home), "serve", "--empty", "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    output: list[str] = []
    address = asyncio.get_running_loop().create_future()

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            output.append(line.decode(errors="replace"))
            found = re.search(r"(http://[\w.:]+)/demo", output[-1])
            if found and not address.done():
                address.set_result(found.group(1))

    reading = asyncio.create_task(read())
    try:
        url = await asyncio.wait_for(address, 60)
        product = Product(url, home.absolute())
        await product.until_ready(FIRST_START_S)
        yield product
    except TimeoutError:
        pytest.fail("".join(output[-40:]))
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)
        await reading


def _is(kind: str, **data: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda e: e["kind"] == kind and all(e["data"].get(key) == value for key, value in data.items())


@pytest.mark.timeout(900)
async def test_a_bot_that_stops_dies_and_returns_never_means_silence(tmp_path: Path) -> None:
    async with _product(tmp_path / "home") as product, product.customer() as customer:
        await customer.say("hello")
        await customer.until(_is("bot.replied"), 30)

        # Stopped in mid-question: one handoff after the limit, and its answer offered when it is back.
        stopped = product.bot_pid()
        os.kill(stopped, signal.SIGSTOP)
        try:
            await customer.say("thank you very much")
            handoff = await customer.until(_is("handoff.requested"), 30)
            assert handoff["data"]["reason"] == "bot_error"
        finally:
            os.kill(stopped, signal.SIGCONT)
        await customer.until(_is("system.notice", code="bot_back"), 60)
        await customer.say("Show me the answer", choice="relay:ask_bot")
        reply = await customer.until(_is("bot.replied"), 30)
        asked = next(e for e in customer.events if e["data"].get("text") == "thank you very much")
        assert reply["data"]["turn"] == asked["seq"]

        # Killed: the question waits for the bot that the supervisor starts again, and the customer knows.
        os.kill(product.bot_pid(), signal.SIGKILL)
        async with asyncio.timeout(30), httpx.AsyncClient(base_url=product.url) as http:
            while (await http.get("/health/ready")).status_code == 200:
                await asyncio.sleep(0.1)
        await customer.say("hello again")
        await customer.until(_is("system.notice", code="bot_warming"), 30)
        await customer.until(_is("bot.replied"), 120)
        assert [e["kind"] for e in customer.events].count("handoff.requested") == 1
