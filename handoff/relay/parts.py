"""The running relay as its sockets and routes see it: built once by bootstrap.py, passed everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from handoff.ports import BotEngine, Clock, Cursors, EventLog, PubSub, ReactionQueue
from handoff.relay.session import SessionLimits
from handoff.service.bot_watch import BotWatch
from handoff.service.conversations import Conversations
from handoff.service.due_rows import DueRows
from handoff.service.feed import Feed
from handoff.service.inbox import Inbox
from handoff.service.metrics import Metrics
from handoff.service.presence import AgentPresence
from handoff.service.reactor import Reactor
from handoff.service.readers import Readers
from handoff.service.timers import Timers
from handoff.wire.encoding import EventEncoder

FIRST_ANSWER_S = 0.5


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Seconds and counts that bound what one socket may cost."""

    session: SessionLimits
    hello_s: float = 10.0
    idle_s: float = 300.0
    send_s: float = 20.0
    send_buffer: int = 1000
    commands_at_once: int = 64


@dataclass(frozen=True, slots=True)
class Relay:
    """Everything that runs in a relay's process."""

    clock: Clock
    log: EventLog
    cursors: Cursors
    pubsub: PubSub
    bot: BotEngine
    feed: Feed
    conversations: Conversations
    readers: Readers
    inbox: Inbox
    presence: AgentPresence
    watch: BotWatch
    reactor: Reactor
    timers: Timers
    ladder: tuple[DueRows, ...]
    limits: SocketLimits
    queue: ReactionQueue
    metrics: Metrics
    encoder: EventEncoder = field(default_factory=EventEncoder)

    async def start(self) -> None:
        """Start every part, those that others need first."""
        self.metrics.start()
        await self.pubsub.start()
        self.conversations.start()
        self.readers.start()
        self.presence.start()
        await self.inbox.start()
        self.watch.start()
        # Turns that a restart left open must not be told of an outage only because nobody has asked yet.
        await self.watch.first_answer(FIRST_ANSWER_S)
        self.reactor.start()
        self.timers.start()
        for rows in self.ladder:
            rows.start()

    async def stop(self) -> None:
        """Stop every part; commands that were taken are finished first."""
        for rows in self.ladder:
            await rows.stop()
        await self.timers.stop()
        await self.watch.stop()
        await self.reactor.stop()
        await self.conversations.stop()
        await self.reactor.hand_over()
        await self.inbox.stop()
        await self.presence.stop()
        await self.readers.stop()
        await self.metrics.stop()
        await self.pubsub.stop()
