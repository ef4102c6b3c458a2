"""A backup of a relay that works, restored: every conversation is there, and clients that know more begin anew."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests.faults.relay_process import PROJECT, RelayProcess, say_until_acked

EXIT_BOUND_S = 10.0


def baton(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "handoff.cli", "--home", str(home), *arguments, "--json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_a_backup_under_load_brings_every_conversation_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_MESSAGE_BURST", "1000")
    home, path = tmp_path / "home", tmp_path / "backup.tgz"
    async with RelayProcess(home) as relay:
        opened = [await relay.open() for _ in range(3)]
        acked: set[str] = set()
        ready = asyncio.Event()
        lines = [{secrets.token_urlsafe(18): f"line {n}" for n in range(200)} for _ in opened]
        saying = [
            asyncio.create_task(say_until_acked(relay, token, words, acked, ready))
            for (_, token), words in zip(opened, lines, strict=True)
        ]
        await ready.wait()
        before = set(acked)
        made = await asyncio.to_thread(baton, home, "backup", str(path))
        assert made.returncode == 0, made.stderr
        refused = await asyncio.to_thread(baton, home, "restore", str(path))
        assert (refused.returncode, answer(refused)["error"]["code"]) == (1, "home_busy")
        await asyncio.gather(*saying)
        known = {name: await relay.events(name, token) for name, token in opened}
        await relay.terminate()
        restored = await asyncio.to_thread(baton, home, "restore", str(path))
        assert restored.returncode == 0, restored.stderr
        await relay.start()
        said: set[str] = set()
        for name, token in opened:
            events = await relay.events(name, token)
            # What is in it is what was there, from the beginning on, without a hole.
            assert events == known[name][: len(events)]
            said |= {e["data"]["client_id"] for e in events if e["kind"] == "customer.said"}
            await knows_more(relay, token, len(known[name]), events)
        assert before <= said
        assert answer(made)["conversations"] == 3


async def knows_more(relay: RelayProcess, token: str, after: int, events: list[dict[str, Any]]) -> None:
    """A client with more than the log is told to forget, and is sent everything from the beginning."""
    async with websockets.connect(f"ws://127.0.0.1:{relay.port}/ws/customer") as connection:
        await connection.send(json.dumps({"type": "hello", "token": token, "after": after}))
        welcome = json.loads(await connection.recv())
        assert welcome["reset"] is (after > len(events))
        if welcome["reset"]:
            sent: list[int] = []
            while len(sent) < len(events):
                frame = json.loads(await connection.recv())
                sent += [frame["event"]["seq"]] if frame["type"] == "event" else []
            assert sent == [e["seq"] for e in events]


async def test_serve_ends_within_a_bound(tmp_path: Path) -> None:
    """Relay, bot and an open socket: all of it is gone before systemd or a person would lose patience."""
    env = {**os.environ, "BATON_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "handoff.cli", "--home", str(tmp_path), "serve", "--empty", "--port", "0"),
        cwd=PROJECT,
        env=env,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        port = 0
        async with asyncio.timeout(60):
            while not port:
                line = (await process.stderr.readline()).decode()
                if "/demo" in line:
                    port = int(line.rpartition(":")[2].partition("/")[0])
        reading = asyncio.create_task(process.stderr.read())
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws/customer") as connection:
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            goodbye = json.loads(await connection.recv())
            assert (goodbye["type"], goodbye["code"]) == ("bye", "shutting_down")
            await asyncio.wait_for(process.wait(), EXIT_BOUND_S)
        assert time.monotonic() - began < EXIT_BOUND_S
        assert process.returncode == 0
        await reading
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
