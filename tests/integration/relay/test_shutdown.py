"""A relay that is told to go finishes what it took, says goodbye, and leaves its work to the others at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.contract import TurnOutcome, TurnRequest
from handoff.adapters.clock import SystemClock
from handoff.adapters.database import open_engine
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.schema import agent_leases, conversations, reactions
from handoff.api import open_sockets
from handoff.api import socket as socket_module
from handoff.api.app import make_app
from handoff.api.running import Running
from handoff.api.tokens import ConversationTokens
from handoff.bootstrap import make_accounts, make_relay, make_studio, open_database
from handoff.domain.conversation import State
from handoff.domain.errors import StorageUnavailable
from handoff.ports import Append, EventLog, Head
from handoff.settings import Settings
from tests.integration.relay.harness import (
    Agent,
    Client,
    Customer,
    RunningRelay,
    ScriptedBot,
    outcome,
    running_relay,
    until,
)

LONGER_THAN_A_TEST_S = 30.0


class SlowCommits(SqlEventLog):
    """A log whose commits wait while `held`."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine, "slow", 4000)
        self.held: asyncio.Event | None = None
        self.reached = asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with super().transaction() as transaction:
            yield transaction
            await self._wait()

    async def append(self, appends: Sequence[Append], seqs: Mapping[str, int]) -> bool:
        await self._wait()
        return await super().append(appends, seqs)

    async def _wait(self) -> None:
        if self.held is not None:
            self.reached.set()
            await self.held.wait()


async def ends(client: Client) -> dict[str, Any]:
    """The last frame, after the server has hung up."""
    await client.closed()
    return client.frames[-1]


@asynccontextmanager
async def stoppable(
    home: Path, **options: Any
) -> AsyncIterator[tuple[RunningRelay, Callable[[], asyncio.Task[None]]]]:
    """A relay and what begins to stop it; the test may watch it going."""
    relay = running_relay(home, **options)
    at = await relay.__aenter__()
    stopping: list[asyncio.Task[None]] = []

    async def leave() -> None:
        await relay.__aexit__(None, None, None)

    def stop() -> asyncio.Task[None]:
        if not stopping:
            stopping.append(asyncio.create_task(leave()))
        return stopping[0]

    try:
        yield at, stop
    finally:
        await stop()


@asynccontextmanager
async def stoppable_with_slow_commits(
    home: Path,
) -> AsyncIterator[tuple[RunningRelay, Callable[[], asyncio.Task[None]], SlowCommits]]:
    """The same over a log whose commits a test can hold up."""
    logs: list[SlowCommits] = []

    def wrap(log: EventLog) -> EventLog:
        assert isinstance(log, SqlEventLog)
        logs.append(SlowCommits(log._engine))
        return logs[0]

    async with stoppable(home, wrap_log=wrap) as (at, stop):
        yield at, stop, logs[0]


async def going_with_a_commit_held(
    at: RunningRelay, stop: Callable[[], asyncio.Task[None]], log: SlowCommits, customer: Customer, text: str
) -> tuple[asyncio.Task[dict[str, Any]], asyncio.Task[None]]:
    """The saying of `text` and the relay's stopping, both under way until the log lets go."""
    log.held = asyncio.Event()
    saying = asyncio.create_task(customer.say(text))
    await log.reached.wait()
    stopping = stop()
    await until(lambda: at.sockets.is_closing)
    return saying, stopping


async def test_every_socket_is_told_to_come_back(tmp_path: Path) -> None:
    async with stoppable(tmp_path) as (at, stop):
        customer, agent = await at.customer(), await at.agent()
        nobody = Customer(at)
        await nobody.dial()
        await stop()
        for client in (customer, agent, nobody):
            goodbye = await ends(client)
            assert (goodbye["type"], goodbye["code"]) == ("bye", "shutting_down")
            assert goodbye["retry_ms"] > 0


async def test_a_command_that_was_taken_is_finished_and_acked_before_the_goodbye(tmp_path: Path) -> None:
    async with stoppable_with_slow_commits(tmp_path) as (at, stop, log):
        customer = await at.customer()
        saying, stopping = await going_with_a_commit_held(at, stop, log, customer, "the last word")
        assert not saying.done()
        assert log.held is not None
        log.held.set()
        ack = await saying
        assert (ack["type"], ack["events"]) == ("ack", 1)
        assert (await ends(customer))["code"] == "shutting_down"
        await stopping
    async with running_relay(tmp_path) as again:
        back = Customer(again)
        back.token = customer.token
        await back.connect()
        assert (await back.event("customer.said"))["data"]["text"] == "the last word"


async def test_whoever_comes_while_it_goes_is_sent_away_and_a_storage_that_hangs_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "FINISH_S", 0.5)
    monkeypatch.setattr(open_sockets, "GOODBYE_S", 2.0)
    async with stoppable_with_slow_commits(tmp_path) as (at, stop, log):
        customer = await at.customer()
        saying, stopping = await going_with_a_commit_held(at, stop, log, customer, "never acked")
        late = Customer(at)
        await late.dial()
        assert (await ends(late))["code"] == "shutting_down"
        # The commit still hangs: the goodbye does not wait for it.
        assert (await ends(customer))["code"] == "shutting_down"
        saying.cancel()
        # Nor does the process, although the storage never comes back.
        async with asyncio.timeout(8):
            await stopping
        assert log.held is not None
        log.held.set()


async def hang(request: TurnRequest) -> TurnOutcome:
    await asyncio.sleep(LONGER_THAN_A_TEST_S)
    return outcome(request, "too late")


async def echo(request: TurnRequest) -> TurnOutcome:
    return outcome(request, f"From the other: {request.text}")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of relays on one database."""
    if request.param == "postgres":
        return {"database_url": request.getfixturevalue("postgres_server").emptied()}
    return {"database_url": f"sqlite+loop:///{tmp_path / 'shared.db'}"}


@pytest.fixture
async def engine(shared: dict[str, Any]) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(shared["database_url"])
    yield engine
    await engine.dispose()


async def test_a_turn_under_way_is_gone_on_with_by_another_relay_at_once(
    tmp_path: Path, shared: dict[str, Any], engine: AsyncEngine
) -> None:
    going, staying = ScriptedBot(), ScriptedBot()
    going.answer, staying.answer = hang, echo
    async with (
        stoppable(tmp_path / "a", bot=going, turn_limit=LONGER_THAN_A_TEST_S, **shared) as (one, stop),
        running_relay(tmp_path / "b", bot=staying, **shared) as other,
    ):
        customer = await one.customer()
        await customer.say("who answers?")
        await until(lambda: going.requests)
        await stop()
        assert (await ends(customer))["code"] == "shutting_down"
        # Let go before the process ended, long before the lease would have run out by itself.
        async with engine.connect() as connection:
            lease = (
                await connection.execute(sa.select(reactions.c.leased_until, reactions.c.leased_by))
            ).one()
        assert lease.leased_until == 0 or lease.leased_by == other.worker
        back = Customer(other)
        back.token = customer.token
        await back.connect()
        reply = await back.event("bot.replied")
        assert reply["data"]["text"] == "From the other: who answers?"
        assert reply["data"]["turn"] == going.requests[0].turn == staying.requests[0].turn


async def test_an_agents_conversations_stay_theirs_through_a_rolling_restart(
    tmp_path: Path, shared: dict[str, Any], engine: AsyncEngine
) -> None:
    async with (
        stoppable(tmp_path / "a", agent_lease=60.0, **shared) as (one, stop),
        running_relay(tmp_path / "b", agent_lease=60.0, **shared) as other,
    ):
        customer, agent = await one.customer(), await one.agent()
        await customer.command("request_human")
        await agent.take(customer.conversation_id)
        before = one.relay.clock.now_ms()
        await stop()
        async with engine.connect() as connection:
            until_ = await connection.scalar(sa.select(agent_leases.c.leased_until))
        assert until_ is not None
        # The whole length from the moment that the socket ended, not what was left of it.
        assert until_ >= before + 60_000
        await other.relay.timers.look()
        async with engine.connect() as connection:
            holder = await connection.scalar(sa.select(conversations.c.holder_id))
        assert holder == agent.id
        back = Agent(other, agent.token, agent.id)
        await back.connect()
        ack = await back.command("say", conversation_id=customer.conversation_id, text="Here again.")
        assert ack["type"] == "ack"


class Unreadable(SqlEventLog):
    """A log that cannot be read when a relay starts."""

    async def in_states(self, _states: Collection[State], _limit: int) -> list[Head]:
        raise StorageUnavailable("told so by the test")


async def test_a_start_that_fails_ends_what_it_began(tmp_path: Path) -> None:
    """Whatever is left would keep the process from ending, and nobody would start it again."""
    before = asyncio.all_tasks()
    settings = Settings(home=tmp_path, redis_url="redis://127.0.0.1:1/0")
    engine = await open_database(settings)
    relay = make_relay(
        settings,
        engine=engine,
        log=Unreadable(engine, "relay-that-fails", 4000),
        bot=ScriptedBot(),
        clock=SystemClock(),
        worker="relay-that-fails",
    )
    closed = asyncio.Event()

    async def close() -> None:
        await engine.dispose()
        closed.set()

    running = Running(
        relay,
        make_accounts(engine, settings),
        ConversationTokens("s" * 32, 1, 1),
        "i" * 32,
        make_studio(engine, settings, relay, ScriptedBot()),
        close,
    )
    app = make_app(settings, running, tmp_path / "no-pages")
    with pytest.raises(StorageUnavailable):
        async with app.router.lifespan_context(app):
            raise AssertionError("it has not started")
    assert closed.is_set()
    assert {task.get_name() for task in asyncio.all_tasks() - before} == set()
