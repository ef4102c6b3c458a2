"""P7 and P2 with the plug pulled: what was acked is in the log, once, after kill -9."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from pathlib import Path

import pytest
import websockets

from tests.faults.relay_process import RelayProcess, say_until_acked


async def test_every_acked_word_survives_kill_nine_once_and_in_order(tmp_path: Path) -> None:
    async with RelayProcess(tmp_path) as relay:
        conversation_id, token = await relay.open()
        lines = {secrets.token_urlsafe(18): f"line {number}" for number in range(40)}
        acked: set[str] = set()
        ready = asyncio.Event()
        saying = asyncio.create_task(say_until_acked(relay, token, lines, acked, ready))
        for _ in range(3):
            # In the middle of the stream: some lines have their ack, some are under way.
            waiting = asyncio.ensure_future(ready.wait())
            await asyncio.wait({waiting, saying}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            await relay.kill()
            ready.clear()
            acked_at_death = set(acked)
            await relay.start()
            said = [
                e["data"]["client_id"]
                for e in await relay.events(conversation_id, token)
                if e["kind"] == "customer.said"
            ]
            assert acked_at_death <= set(said)
            assert len(said) == len(set(said))
            if saying.done():
                break
        await asyncio.wait_for(saying, 60)
        events = await relay.events(conversation_id, token)
        said = [e["data"]["client_id"] for e in events if e["kind"] == "customer.said"]
        assert sorted(said) == sorted(lines)
        assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
        assert await relay.terminate() == -signal.SIGTERM


async def test_a_relay_that_is_told_to_stop_says_goodbye(tmp_path: Path) -> None:
    async with RelayProcess(tmp_path) as relay:
        _, token = await relay.open()
        connection = await relay.connect(token)
        heard = [json.loads(await connection.recv())]
        stopping = asyncio.create_task(relay.terminate())
        try:
            while True:
                heard.append(json.loads(await connection.recv()))
        except websockets.ConnectionClosed:
            pass
        assert heard[0]["type"] == "welcome"
        assert (heard[-1]["type"], heard[-1]["code"]) == ("bye", "shutting_down")
        assert heard[-1]["retry_ms"] > 0
        assert await stopping == -signal.SIGTERM


async def test_a_test_that_fails_leaves_no_relay_running(tmp_path: Path) -> None:
    relay = RelayProcess(tmp_path)

    async def failing_test() -> None:
        async with relay:
            os.kill(relay.pid, 0)
            raise RuntimeError("the test failed here")

    with pytest.raises(RuntimeError, match="the test"):
        await failing_test()
    with pytest.raises(ProcessLookupError):
        os.kill(relay.pid, 0)
