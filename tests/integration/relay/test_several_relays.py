"""Several relays on one PostgreSQL: one conversation on all of them, and what happens when a part goes missing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from bot.contract import TurnOutcome, TurnRequest
from handoff.ports import BotFailedError
from tests.contract.databases import PostgresServer
from tests.integration.relay.cable import Cable, cable_to
from tests.integration.relay.harness import Customer, RunningRelay, ScriptedBot, running_relay, until

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_redis]
TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def postgres() -> AsyncIterator[PostgresServer]:  # type: ignore[misc]
    server = PostgresServer(os.environ["BATON_TEST_DATABASE_URL"])
    yield server
    server.close()


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    return postgres.emptied()


class Farm:
    """Relays on one database, started and stopped by the test."""

    def __init__(self, stack: AsyncExitStack, home: Path, database_url: str) -> None:
        self._stack = stack
        self._home = home
        self._number = 0
        self.database_url = database_url
        self.redis_url = os.environ["BATON_TEST_REDIS_URL"]

    async def relay(self, bot: ScriptedBot | None = None, **settings: object) -> RunningRelay:
        """One more relay, with a home of its own as on a machine of its own."""
        self._number += 1
        home = self._home / str(self._number)
        home.mkdir()
        given = {"database_url": self.database_url, "redis_url": self.redis_url, **settings}
        relay = await self._stack.enter_async_context(running_relay(home, bot=bot, **given))
        if relay.settings.redis_url == os.environ["BATON_TEST_REDIS_URL"]:
            await until(lambda: relay.relay.pubsub.healthy)
        return relay


@pytest.fixture
async def farm(tmp_path: Path, database_url: str) -> AsyncIterator[Farm]:
    async with AsyncExitStack() as stack:
        yield Farm(stack, tmp_path, database_url)


async def customer_elsewhere(customer: Customer, at: RunningRelay) -> Customer:
    """The same customer's second tab, on another relay."""
    other = Customer(at)
    other.conversation_id, other.token = customer.conversation_id, customer.token
    await other.connect()
    return other


def texts(events: list[dict[str, object]]) -> list[str]:
    return [e["data"]["text"] for e in events if "text" in e["data"]]  # type: ignore[index,operator]


async def test_one_conversation_on_three_relays(farm: Farm) -> None:
    first, second, third = [await farm.relay() for _ in range(3)]
    here = await first.customer()
    there = await customer_elsewhere(here, second)
    await here.say("Where is my parcel?")
    await there.event("bot.replied")
    agent = await third.agent()
    await there.command("request_human")
    assert (await agent.take(here.conversation_id))["type"] == "ack"
    await agent.command("say", conversation_id=here.conversation_id, text="I have it here.")
    for customer in (here, there):
        await customer.event("agent.said")
        seqs = [event["seq"] for event in customer.events]
        assert seqs == sorted(set(seqs))
    assert texts(here.events) == texts(there.events)
    # One relay answered, though three of them saw the question.
    assert sum(len(relay.bot.requests) for relay in (first, second, third)) == 1


async def test_of_claims_on_several_relays_one_wins(farm: Farm) -> None:
    relays = [await farm.relay() for _ in range(3)]
    customer = await relays[0].customer()
    agents = [await relay.agent(f"agent-{n}") for n, relay in enumerate(relays)]
    await customer.command("request_human")
    answers = await asyncio.gather(*(agent.take(customer.conversation_id) for agent in agents))
    assert sorted(answer["type"] for answer in answers) == ["ack", "nack", "nack"]
    [winner] = [agent.id for agent, answer in zip(agents, answers, strict=True) if answer["type"] == "ack"]
    for answer in answers:
        if answer["type"] == "nack":
            assert answer["error"]["code"] == "already_claimed"
    joined = await customer.event("agent.joined")
    assert joined["actor"]["id"] == winner


async def test_a_turn_whose_relay_dies_is_answered_by_another_within_the_lease(farm: Farm) -> None:
    silent = ScriptedBot()
    asked = asyncio.Event()

    async def never(_request: TurnRequest) -> TurnOutcome:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody waits for this")

    silent.answer = never
    dying = await farm.relay(silent)
    living = await farm.relay()
    customer = await dying.customer()
    elsewhere = await customer_elsewhere(customer, living)
    await customer.say("Where is my parcel?")
    await asked.wait()
    # As a process that is gone: nothing renews the lease, and nothing is given back.
    reactor = dying.relay.reactor
    await reactor.stop()
    reply = await elsewhere.event("bot.replied")
    assert reply["data"]["text"] == "You said: Where is my parcel?"
    assert [request.turn for request in living.bot.requests] == [silent.requests[0].turn]


async def test_without_redis_everything_arrives_by_asking_the_log(farm: Farm) -> None:
    target = urlsplit(farm.redis_url)
    async with cable_to(str(target.hostname), target.port or 6379) as cable:
        url = f"redis://127.0.0.1:{cable.port}/0"
        first, second = await farm.relay(redis_url=url), await farm.relay(redis_url=url)
        await until(lambda: first.relay.pubsub.healthy and second.relay.pubsub.healthy)
        await cable.cut()
        await until(lambda: not first.relay.pubsub.healthy and not second.relay.pubsub.healthy)
        customer = await first.customer()
        agent = await second.agent()
        await customer.command("request_human")
        assert (await agent.take(customer.conversation_id))["type"] == "ack"
        await agent.command("say", conversation_id=customer.conversation_id, text="Without hints.")
        assert (await customer.event("agent.said"))["data"]["text"] == "Without hints."
        await cable.mend()
        await until(lambda: first.relay.pubsub.healthy and second.relay.pubsub.healthy)


async def through(cable: Cable, url: str) -> str:
    """`url` with the cable's port."""
    return sa.make_url(url).set(port=cable.port).render_as_string(hide_password=False)


async def test_a_relay_that_loses_its_database_keeps_its_sockets_and_goes_on(farm: Farm) -> None:
    target = sa.make_url(farm.database_url)
    async with cable_to(str(target.host), target.port or 5432) as cable:
        relay = await farm.relay(database_url=await through(cable, farm.database_url))
        customer = await relay.customer()
        agent = await relay.agent()
        await customer.command("request_human")
        await agent.take(customer.conversation_id)
        await customer.say("Before the cut")
        await cable.cut()
        client_id = "a-client-id-of-the-cut"
        refused = await customer.say("While it is cut", client_id=client_id)
        assert refused["type"] == "nack"
        assert refused["error"]["code"] == "storage_unavailable"
        refused = await agent.command("say", conversation_id=customer.conversation_id, text="Me too")
        assert refused["error"]["code"] == "storage_unavailable"
        await customer.send("ping")
        await customer.frame("pong")
        await cable.mend()
        # The sockets are the same ones, and nobody restarted anything.
        answer = refused

        async def taken() -> bool:
            nonlocal answer
            answer = await customer.say("While it is cut", client_id=client_id)
            return bool(answer["type"] == "ack")

        async with asyncio.timeout(TIMEOUT_S):
            while not await taken():
                pass
        await until(
            lambda: texts(agent.events(customer.conversation_id)) == ["Before the cut", "While it is cut"]
        )
        seqs = [event["seq"] for event in agent.events(customer.conversation_id)]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_a_bot_that_dies_in_mid_turn_is_asked_again_with_the_same_turn(farm: Farm) -> None:
    bot = ScriptedBot()
    turns: list[int] = []

    async def once_broken(request: TurnRequest) -> TurnOutcome:
        turns.append(request.turn)
        if len(turns) == 1:
            raise BotFailedError("it died")
        return await bot.echo(request)

    bot.answer = once_broken
    relay = await farm.relay(bot)
    customer = await relay.customer()
    await customer.say("Where is my parcel?")
    await customer.event("bot.replied")
    assert turns == [turns[0]] * 2
