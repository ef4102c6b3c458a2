"""The relay's services on a real file: one `Process` is what one running relay has of them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.cursors_sql import SqlCursors
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.adapters.reactions_sql import SqlReactions
from handoff.domain.commands import (
    CancelHandoff,
    ClaimConversation,
    Command,
    RequestHuman,
    ReturnToBot,
    SayAsAgent,
    SayAsCustomer,
    StartConversation,
)
from handoff.domain.errors import StorageUnavailable
from handoff.domain.events import CUSTOMER, Actor, CustomerSaid, Event, Payload
from handoff.domain.rules import Rules
from handoff.ports import Append, Clock, Customer, Hint, LogTransaction, Signal
from handoff.service.bot_watch import BotWatch
from handoff.service.conversations import Conversations, Outcome
from handoff.service.feed import Feed
from handoff.service.reactor import Reactor, TurnLimits
from tests.contract.databases import Database
from tests.contract.held_clock import HeldClock
from tests.contract.until import until_stored
from tests.unit.handoff.service.scripted_bot import ScriptedBot

ANA = Actor("agent", "usr_ana", "Ana")
BEN = Actor("agent", "usr_ben", "Ben")
QUICK = TurnLimits(turn_s=0.15, warm_s=90.0, lease_s=4.0)
LIMITS = TurnLimits(turn_s=5.0, warm_s=90.0, lease_s=4.0)

_P = TypeVar("_P", bound=Payload)
_numbers = itertools.count(1)


def client_id() -> str:
    """A client_id that was not used before."""
    return f"client-id-{next(_numbers):08}"


class BrokenAtWill(SqlEventLog):
    """The log on a storage that fails while `broken`; `at_commit` runs before each commit."""

    broken = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LogTransaction]:
        async with super().transaction() as transaction:
            yield transaction
            await self._before_commit()

    async def append(self, appends: Sequence[Append], seqs: Mapping[str, int]) -> bool:
        await self._before_commit()
        return await super().append(appends, seqs)

    async def _before_commit(self) -> None:
        await self.at_commit()
        if self.broken:
            raise StorageUnavailable("broken by the test")

    async def at_commit(self) -> None:
        """Before a commit."""


@dataclass
class Process:
    """What one relay has. Without `start` nothing of it runs."""

    name: str
    engine: AsyncEngine
    clock: Clock
    rules: Rules
    bot: ScriptedBot
    limits: TurnLimits
    pubsub: MemoryPubSub
    heard: list[Hint | Signal] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = BrokenAtWill(self.engine, self.name, int(self.limits.lease_s * 1000))
        self.feed = Feed(self.log)
        self.cursors = SqlCursors(self.engine)
        self.queue = SqlReactions(self.engine)
        self.conversations = Conversations(self.log, self.feed, self.pubsub, self.clock, self.rules)
        self.watch = BotWatch(self.bot)
        self.reactor = Reactor(
            worker=self.name,
            queue=self.queue,
            conversations=self.conversations,
            log_=self.log,
            feed=self.feed,
            bot=self.bot,
            watch=self.watch,
            pubsub=self.pubsub,
            clock=self.clock,
            limits=self.limits,
        )
        self.pubsub.subscribe(self.heard.append)
        self.conversations.when_turns_open(lambda _id, _turns: None)

    def answer_turns(self) -> None:
        """Start the reactor, which from here on is given the turns that this process appends."""
        self.conversations.when_turns_open(self.reactor._adopt_all)
        self.reactor.start()

    # --- doing ------------------------------------------------------------------------------------------------

    async def open(self, locale: str = "en", customer: Customer | None = None) -> str:
        outcome, _ = await self.conversations.open(
            client_id(), customer or Customer(), StartConversation(locale), locale
        )
        return outcome.conversation_id

    async def run(
        self, conversation_id: str, command: Command, actor: Actor = CUSTOMER, key: str | None = None
    ) -> Outcome:
        return await self.conversations.execute(conversation_id, actor, command, key or client_id())

    async def say(self, conversation_id: str, text: str, *, choice: str | None = None) -> Outcome:
        key = client_id()
        return await self.run(conversation_id, SayAsCustomer(text, key, choice), CUSTOMER, key)

    async def ask_for_a_person(self, conversation_id: str) -> Outcome:
        return await self.run(conversation_id, RequestHuman())

    async def cancel_handoff(self, conversation_id: str) -> Outcome:
        return await self.run(conversation_id, CancelHandoff())

    async def claim(self, conversation_id: str, agent: Actor = ANA) -> Outcome:
        return await self.run(conversation_id, ClaimConversation(), agent)

    async def say_as(self, agent: Actor, conversation_id: str, text: str) -> Outcome:
        key = client_id()
        return await self.run(conversation_id, SayAsAgent(text, key), agent, key)

    async def return_to_bot(self, conversation_id: str, agent: Actor = ANA, **said: str) -> Outcome:
        return await self.run(conversation_id, ReturnToBot(**said), agent)

    # --- looking ----------------------------------------------------------------------------------------------

    async def events(self, conversation_id: str) -> list[Event]:
        """The whole log of a conversation, which has no holes."""
        found = await self.log.read(conversation_id, 0, 10_000)
        assert [event.seq for event in found] == list(range(1, len(found) + 1))
        return found

    async def kinds(self, conversation_id: str) -> list[str]:
        """What happened after the conversation was opened."""
        return [event.kind for event in await self.events(conversation_id)][1:]

    async def of(self, payload: type[_P], conversation_id: str) -> list[_P]:
        """What of one kind happened."""
        return [e.payload for e in await self.events(conversation_id) if isinstance(e.payload, payload)]

    async def said(self, conversation_id: str) -> list[str]:
        """The customer's words."""
        return [payload.text for payload in await self.of(CustomerSaid, conversation_id)]

    def hints(self, conversation_id: str) -> list[int]:
        """The seqs that were told of a conversation."""
        return [m.seq for m in self.heard if isinstance(m, Hint) and m.conversation_id == conversation_id]


class Stage:
    """Processes on one database, with one clock, ended at the end of the test."""

    def __init__(self, database: Database, clock: HeldClock) -> None:
        self.database = database
        self.clock = clock
        self._processes: list[Process] = []

    def process(
        self,
        name: str | None = None,
        *,
        bot: ScriptedBot | None = None,
        rules: Rules | None = None,
        limits: TurnLimits = LIMITS,
        pubsub: MemoryPubSub | None = None,
    ) -> Process:
        """One more relay on the same database. It answers turns only after `answering`."""
        process = Process(
            name or f"relay-{len(self._processes) + 1}",
            self.database.engine(),
            self.clock,
            rules or Rules(),
            bot or ScriptedBot(),
            limits,
            pubsub or MemoryPubSub(),
        )
        process.conversations.start()
        self._processes.append(process)
        return process

    def answering(self, process: Process) -> Process:
        """Let the process answer turns."""
        process.answer_turns()
        process.watch.start()
        return process

    async def close(self) -> None:
        for process in self._processes:
            await process.watch.stop()
            await process.reactor.stop()
        for process in self._processes:
            process.log.broken = False
            await process.conversations.stop()


async def comes_to(process: Process, conversation_id: str, *kinds: str) -> None:
    """Wait until exactly this has happened since the opening."""

    async def has_come() -> bool:
        return len(await process.kinds(conversation_id)) >= len(kinds)

    await until_stored(has_come)
    assert await process.kinds(conversation_id) == list(kinds)


async def nothing_is_left(process: Process) -> None:
    """Every reaction is done, so that nothing more can happen by itself."""

    async def is_empty() -> bool:
        far = process.clock.now_ms() + 1_000_000_000
        async with process.engine.connect() as connection:
            rows = await connection.exec_driver_sql(
                "SELECT count(*) FROM reactions WHERE done_at IS NULL AND kind = 'bot_turn' AND due_at < ?",
                (far,),
            )
            return rows.scalar_one() == 0

    await until_stored(is_empty)
