"""Waiting for a person over real sockets: what a customer is told, who is called, and what becomes of nobody's coming."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from handoff.ports import Hint, Signal
from handoff.service import due_rows, timers
from tests.contract.held_clock import HeldClock
from tests.integration.relay.harness import Agent, Customer, RunningRelay, running_relay, until

SECRET = "a-webhook-secret-of-the-tests"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_rows, "LOOK_S", 0.02)
    monkeypatch.setattr(timers, "LOOK_S", 0.02)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]], list[int]]]:
    """A webhook's other side: its address, what was posted to it, and the statuses it will answer before 204."""
    posted: list[tuple[dict[str, str], bytes]] = []
    refusals: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        posted.append((headers, await reader.readexactly(int(headers["content-length"]))))
        status = refusals.pop(0) if refusals else 204
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", posted, refusals


async def waiting_customer(at: RunningRelay) -> Customer:
    customer = await at.customer()
    await customer.command("request_human")
    await customer.event("handoff.requested")
    return customer


def pass_on(from_: RunningRelay, to: RunningRelay) -> None:
    """What one relay publishes reaches the other, as over a bus that they share."""

    def publish(message: Hint | Signal) -> None:
        sending.append(asyncio.ensure_future(to.relay.pubsub.publish(message)))

    sending: list[asyncio.Future[None]] = []
    from_.relay.pubsub.subscribe(publish)


def alerts(agent: Agent) -> list[tuple[str, str]]:
    return [(f["conversation_id"], f["level"]) for f in agent.frames if f["type"] == "alert"]


# --- the place and the range ------------------------------------------------------------------------------------


async def test_a_place_is_told_at_once_and_a_range_only_from_what_was_seen(
    tmp_path: Path, clock: HeldClock
) -> None:
    async with running_relay(tmp_path, clock=clock, agent_lease=1e6) as at:
        alone = await waiting_customer(at)
        told = await alone.frame("queue")
        assert told == {"type": "queue", "position": 1, "wait_s": None, "agents_online": 0}
        agent = await at.agent()
        # That somebody has come is told without anybody having moved.
        assert (await alone.frame("queue", agents_online=1))["wait_s"] is None
        await agent.command("claim", conversation_id=alone.conversation_id)
        for _ in range(5):
            taken = await waiting_customer(at)
            clock.pass_s(40)
            await agent.take(taken.conversation_id)
        last = await waiting_customer(at)
        told = await last.frame("queue")
        assert told == {"type": "queue", "position": 1, "wait_s": {"low": 40, "high": 41}, "agents_online": 1}
        token = last.token
    async with running_relay(tmp_path, clock=clock, agent_lease=1e6) as at:
        # After a restart the range is what it was, once an agent is there again.
        await at.agent("Ben")
        back = Customer(at)
        back.token = token
        await back.connect()
        told = await back.frame("queue", agents_online=1)
        assert (told["position"], told["wait_s"]) == (1, {"low": 40, "high": 41})


# --- nobody comes -----------------------------------------------------------------------------------------------


async def test_nobody_comes_and_the_customer_is_asked_for_an_address(
    tmp_path: Path, clock: HeldClock
) -> None:
    async with running_relay(tmp_path, clock=clock, handoff_limit=600) as at:
        customer = await waiting_customer(at)
        token, conversation_id = customer.token, customer.conversation_id
    clock.pass_s(600)
    # The deadline came while nothing ran.
    async with running_relay(tmp_path, clock=clock, handoff_limit=600) as at:
        customer = Customer(at)
        customer.token = token
        await customer.connect()
        assert (await customer.event("system.notice"))["data"]["code"] == "leave_contact"
        assert (await customer.frame("queue"))["position"] == 1
        left = await customer.command("leave_contact", email="eva@example.org", text="mornings")
        assert left["type"] == "ack"
        await customer.event("conversation.closed")
        # Whoever of the agents comes next finds the address, and says when it is done.
        agent = await at.agent()
        [item] = (await agent.frame("welcome"))["inbox"]
        assert (item["conversation_id"], item["state"], item["position"]) == (conversation_id, "closed", None)
        assert (item["follow_up"]["email"], item["follow_up"]["text"]) == ("eva@example.org", "mornings")
        done = await agent.command("follow_up_done", conversation_id=conversation_id, outcome="resolved")
        assert done["type"] == "ack"
        await agent.frame("inbox_removed", conversation_id=conversation_id)
        again = await agent.command("follow_up_done", conversation_id=conversation_id)
        assert again["error"]["code"] == "wrong_state"
        assert "contact.followed_up" not in [e["kind"] for e in customer.events]


async def test_nobody_comes_and_the_bot_takes_over_again_with_a_word(
    tmp_path: Path, clock: HeldClock
) -> None:
    async with running_relay(tmp_path, clock=clock, handoff_limit=600, handoff_expiry="bot") as at:
        customer = await waiting_customer(at)
        clock.pass_s(600)
        await customer.event("handoff.expired")
        notice = await customer.event("system.notice")
        assert notice["data"]["code"] == "handoff_expired"
        await customer.say("Then you tell me")
        assert (await customer.event("bot.replied"))["data"]["text"] == "You said: Then you tell me"


async def test_with_no_limit_a_customer_waits_on(tmp_path: Path, clock: HeldClock) -> None:
    async with running_relay(tmp_path, clock=clock, handoff_limit=0) as at:
        agent = await at.agent()
        customer = await waiting_customer(at)
        clock.pass_s(86_400)
        await agent.item(customer.conversation_id, alert="supervisors")
        assert [e["kind"] for e in customer.events] == ["conversation.started", "handoff.requested"]


# --- the ladder -------------------------------------------------------------------------------------------------


async def test_agents_then_supervisors_and_a_webhook_are_called_once_over_two_relays(
    tmp_path: Path, clock: HeldClock
) -> None:
    async with receiver() as (url, posted, refusals):
        refusals.append(503)
        settings: dict[str, Any] = {
            "clock": clock,
            "webhook_url": url,
            "webhook_secret": SECRET,
            "agent_lease": 1e6,
            "handoff_limit": 0,
        }
        async with running_relay(tmp_path, **settings) as at, running_relay(tmp_path, **settings) as second:
            pass_on(second, at)
            agent, supervisor = await at.agent(), await at.agent("Sue", "supervisor")
            away = await at.agent("Ben")
            await away.send("presence", status="away")
            await agent.frame("presence", status="away")
            customer = await waiting_customer(at)
            await customer.say("my card is 4111 1111 1111 1111")
            conversation_id = customer.conversation_id
            await agent.item(conversation_id, alert=None)
            clock.pass_s(30)
            first = await agent.frame("alert")
            assert (first["level"], first["item"]["alert"]) == ("agents", "agents")
            await supervisor.frame("alert", level="agents")
            clock.pass_s(90)
            await supervisor.frame("alert", level="supervisors")
            await agent.item(conversation_id, alert="supervisors")
            await until(lambda: len(posted) == 1)
            # Refused at first: there is a second try, some seconds later.
            await until(lambda: clock.pass_s(1) or len(posted) == 2)
            await agent.take(conversation_id)
            clock.pass_s(3600)
            seen = await customer.say("Are you there?")
            await until(lambda: agent.events(conversation_id)[-1]["seq"] == seen["seq"])
            assert alerts(agent) == [(conversation_id, "agents")]
            assert alerts(supervisor) == [(conversation_id, "agents"), (conversation_id, "supervisors")]
            assert alerts(away) == []
            kinds = [e["kind"] for e in agent.events(conversation_id)]
            assert kinds.count("handoff.alerted") == 2
            assert "handoff.alerted" not in [e["kind"] for e in customer.events]
        assert len(posted) == 2
        headers, body = posted[1]
        signed = f"{headers['baton-timestamp']}.".encode() + body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["baton-signature"] == f"v1={expected}"
        assert headers["baton-delivery"] == posted[0][0]["baton-delivery"]
        assert json.loads(body)["conversation_id"] == conversation_id
        assert b"4111" not in body


async def test_a_rung_whose_time_came_while_nothing_ran_is_climbed_after_the_start(
    tmp_path: Path, clock: HeldClock
) -> None:
    async with running_relay(tmp_path, clock=clock) as at:
        customer = await waiting_customer(at)
        conversation_id = customer.conversation_id
    clock.pass_s(45)
    async with running_relay(tmp_path, clock=clock) as at:
        agent = await at.agent()
        await until(lambda: at.relay.inbox.items()[0]["alert"] == "agents")
        await agent.send("subscribe", conversation_id=conversation_id, after=0)
        await until(lambda: [e["kind"] for e in agent.events(conversation_id)][-1:] == ["handoff.alerted"])


# --- an agent who vanishes --------------------------------------------------------------------------------------


async def test_an_agent_who_vanishes_gives_the_conversation_back_to_the_front(
    tmp_path: Path, clock: HeldClock
) -> None:
    async with running_relay(tmp_path, clock=clock, agent_lease=60) as at:
        agent, other = await at.agent("Ada"), await at.agent("Ben")
        customer = await waiting_customer(at)
        await agent.take(customer.conversation_id)
        queued = await waiting_customer(at)
        await queued.frame("queue", position=1)
        await agent.close()
        await other.frame("presence", status="offline")
        clock.pass_s(30)
        # Ben's lease is renewed; Ada's runs on from when her socket went.
        await Agent(at, other.token, other.id).connect()
        await queued.say("still waiting")
        assert "agent.left" not in [e["kind"] for e in customer.events]
        clock.pass_s(30)
        left = await customer.event("agent.left")
        assert (left["actor"]["type"], left["data"]["reason"]) == ("system", "lease_expired")
        front = {"type": "queue", "position": 1, "wait_s": None, "agents_online": 1}
        await until(lambda: [f for f in customer.frames if f["type"] == "queue"][-1] == front)
        await queued.frame("queue", position=2)
        await other.item(customer.conversation_id, state="waiting", position=1)
        joined = await other.command("claim", conversation_id=customer.conversation_id)
        assert joined["type"] == "ack"
        assert (await customer.event("agent.joined", count=2))["actor"]["name"] == "Ben"


async def test_a_lease_that_ran_out_while_nothing_ran_is_noticed_after_the_start(
    tmp_path: Path, clock: HeldClock
) -> None:
    async with running_relay(tmp_path, clock=clock, agent_lease=60) as at:
        agent = await at.agent("Ada")
        customer = await waiting_customer(at)
        await agent.take(customer.conversation_id)
        token = customer.token
    clock.pass_s(600)
    async with running_relay(tmp_path, clock=clock, agent_lease=60) as at:
        customer = Customer(at)
        customer.token = token
        await customer.connect()
        # Agents have the time of a lease to come back after a start.
        clock.pass_s(60)
        await customer.event("agent.left")
        await customer.frame("queue", position=1)
