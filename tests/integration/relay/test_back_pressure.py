"""P8: a reader that does not read costs a bounded amount, and is told all it missed when it comes back."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from pathlib import Path
from typing import Any

import pytest

from handoff.api import open_sockets
from tests.integration.relay.harness import Agent, Customer, RunningRelay, running_relay, until

LONG = "x" * 3900
MANY: dict[str, Any] = {"message_rate": 100_000, "message_burst": 100_000}


def narrow(at: RunningRelay) -> socket.socket:
    """A connection that takes little before its reader has read."""
    narrow_ = socket.socket()
    narrow_.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow_.setblocking(False)
    narrow_.connect_ex(("127.0.0.1", at.settings.port))
    return narrow_


def somebody_does_not_read(at: RunningRelay) -> bool:
    return any(open_.connection.paused_at is not None for open_ in at.sockets)


async def stalled(at: RunningRelay, customer: Customer) -> tuple[Customer, asyncio.Transport]:
    """The same customer over a narrow connection, greeted and reading nothing of the history that is sent."""
    slow = Customer(at)
    slow.conversation_id, slow.token = customer.conversation_id, customer.token
    await slow.dial(sock=narrow(at), max_queue=1)
    assert slow.connection is not None
    slow.connection.transport.pause_reading()
    await slow.send("hello", token=slow.token, after=0)
    await until(lambda: somebody_does_not_read(at))
    return slow, slow.connection.transport


async def conversation_of(at: RunningRelay, messages: int) -> tuple[Customer, Agent]:
    """A conversation with so many long messages in it."""
    customer, agent = await at.customer(), await at.agent()
    await customer.command("request_human")
    await agent.take(customer.conversation_id)
    await say_much(agent, customer.conversation_id, messages)
    return customer, agent


async def say_much(agent: Agent, conversation_id: str, messages: int) -> None:
    seen = len(agent.frames)
    for first in range(0, messages, 50):
        for _ in range(min(50, messages - first)):
            await agent.send(
                "say", conversation_id=conversation_id, client_id=secrets.token_urlsafe(18), text=LONG
            )
        want = min(first + 50, messages)
        await until(lambda want=want: sum(f["type"] == "ack" for f in agent.frames[seen:]) >= want)


async def test_events_wait_in_the_log_for_a_reader_that_pauses(tmp_path: Path) -> None:
    async with running_relay(tmp_path, **MANY) as at:
        customer, agent = await conversation_of(at, 1200)
        slow, transport = await stalled(at, customer)
        # More comes than any buffer holds, and the relay's own part of it stays small.
        await say_much(agent, customer.conversation_id, 300)
        transport.resume_reading()
        head = customer.events[-1]["seq"]
        await until(lambda: bool(slow.events) and slow.events[-1]["seq"] >= head)
        told = [(event["prev"], event["seq"]) for event in slow.events]
        assert [prev for prev, _ in told[1:]] == [seq for _, seq in told[:-1]]
        assert len(told) == len({seq for _, seq in told}) >= 1500


async def test_a_reader_with_too_many_answers_waiting_is_dropped_and_resumes(tmp_path: Path) -> None:
    async with running_relay(tmp_path, send_buffer=50, **MANY) as at:
        customer, _ = await conversation_of(at, 1200)
        slow, transport = await stalled(at, customer)
        for _ in range(51):
            await slow.send("ping")
        await until(lambda: len(at.sockets) == 2)
        assert at.relay.metrics.registry.get_sample_value(
            "baton_sockets_dropped_total", {"reason": "too_slow"}
        )
        transport.resume_reading()
        await slow.closed()
        # It was hung up on in the middle, and loses nothing by it.
        held = slow.events[-1]["seq"] if slow.events else 0
        back = Customer(at)
        back.token = customer.token
        await back.connect(after=held)
        await until(lambda: bool(back.events) and back.events[-1]["seq"] == customer.events[-1]["seq"])
        assert back.events[0]["prev"] == held


async def test_a_reader_that_stays_away_for_too_long_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_sockets, "LOOK_S", 0.05)
    async with running_relay(tmp_path, send_limit=0.3, **MANY) as at:
        customer, agent = await conversation_of(at, 1200)
        _, transport = await stalled(at, customer)
        await until(lambda: len(at.sockets) == 2)
        # The others have felt nothing.
        ack = await agent.command("say", conversation_id=customer.conversation_id, text="Still there?")
        assert ack["type"] == "ack"
        transport.resume_reading()


async def test_a_client_whose_messages_wait_is_not_read_from(tmp_path: Path) -> None:
    async with running_relay(tmp_path, **MANY) as at:
        customer = await at.customer()
        agent = await at.agent()
        # Each of these waits for the storage; far more than may wait are sent at once and none is lost.
        ids = [(await at.customer()).conversation_id for _ in range(5)]
        for _ in range(60):
            for conversation_id in ids:
                await agent.raw(
                    json.dumps({"type": "subscribe", "conversation_id": conversation_id, "after": 0})
                )
        async with asyncio.timeout(20):
            await until(lambda: sum(f["type"] == "subscribed" for f in agent.frames) == 300)
        assert (await customer.say("Hello"))["type"] == "ack"
