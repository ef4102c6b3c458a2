"""What this process counts, for Prometheus. One `Metrics` for each relay, so that tests can run several.

Counting is one call of microseconds and never waits; what only a query can tell is asked for when somebody reads.
Labels are codes and kinds of the product, never anything that a client chose.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest

from handoff.domain.errors import StorageUnavailable
from handoff.ports import Clock, ReactionQueue
from handoff.service.figures import Distribution, Total
from handoff.service.inbox import Inbox

SocketKind = Literal["customer", "agent"]

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
LOOP_LAG_EVERY_S: Final = 0.5


class Metrics:
    """Counters of one relay and the text that tells them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sockets = Gauge(
            "baton_open_sockets",
            "Sockets open in this process, by kind (customer, agent).",
            ["kind"],
            registry=self.registry,
        )
        self._events = Total("baton_appends", "Events made durable by this process.", self.registry)
        self._append_s = self._seconds(
            "baton_append_seconds", "From taking a batch of commands to its durable commit."
        )
        self._batch = Distribution(
            "baton_append_batch_commands", "Commands decided in one transaction.", BATCHES, self.registry
        )
        self._hint_lag_s = self._seconds(
            "baton_hint_lag_seconds", "From an event's time to its sending to a reader that was up to date."
        )
        self._reactions = Gauge(
            "baton_reactions_open",
            "Reactions not done: all, and those that are due and nobody works on (which: all, due).",
            ["which"],
            registry=self.registry,
        )
        self._reaction_age = Gauge(
            "baton_reactions_behind_seconds",
            "Age of the oldest due reaction that nobody works on.",
            registry=self.registry,
        )
        self._bot_s = self._seconds("baton_bot_turn_seconds", "Turns the bot answered.")
        self._bot_failures = Counter(
            "baton_bot_failures",
            "Questions the bot did not answer, by reason (not_ready, too_late, nonsense, lost, refused).",
            ["reason"],
            registry=self.registry,
        )
        self._queue = Gauge(
            "baton_queue_length", "Conversations waiting for a person.", registry=self.registry
        )
        self._queue_age = Gauge(
            "baton_queue_oldest_seconds", "How long the longest of them has waited.", registry=self.registry
        )
        self._nacks = Counter(
            "baton_nacks",
            "Frames refused with `nack` or `error`, by error code.",
            ["code"],
            registry=self.registry,
        )
        self._dropped = Counter(
            "baton_sockets_dropped",
            "Sockets that this side ended, by error code.",
            ["reason"],
            registry=self.registry,
        )
        self._loop_lag_s = self._seconds(
            "baton_event_loop_lag_seconds", "How late the event loop comes to what is due."
        )
        self._loop_task: asyncio.Task[None] | None = None
        for kind in ("customer", "agent"):
            # Told as 0 from the start: a series that is missing looks like a process that is.
            self._sockets.labels(kind)

    def _seconds(self, name: str, words: str) -> Distribution:
        return Distribution(name, words, SECONDS, self.registry)

    # --- what services tell ---------------------------------------------------------------------------------

    def socket_opened(self, kind: SocketKind) -> None:
        """A socket was accepted."""
        self._sockets.labels(kind).inc()

    def socket_closed(self, kind: SocketKind) -> None:
        """It is gone."""
        self._sockets.labels(kind).dec()

    def committed(self, commands: int, events: int, seconds: float) -> None:
        """One transaction returned."""
        self._events.add(events)
        self._batch.observe(commands)
        self._append_s.observe(seconds)

    def delivered(self, lag_ms: int) -> None:
        """The newest event went to a reader that had all before it."""
        # Two machines' clocks differ by some milliseconds; a lag is never negative.
        self._hint_lag_s.observe(max(lag_ms, 0) / 1000)

    def bot_answered(self, seconds: float) -> None:
        """A turn has its outcome."""
        self._bot_s.observe(seconds)

    def bot_failed(self, reason: str) -> None:
        """A turn has none; `reason` is one of `measured_bot`'s words."""
        self._bot_failures.labels(reason).inc()

    def refused(self, code: str) -> None:
        """A `nack` or `error` frame with this code was put on its way."""
        self._nacks.labels(code).inc()

    def dropped(self, reason: str) -> None:
        """A socket was ended by this side; `reason` is the error's code."""
        self._dropped.labels(reason).inc()

    # --- what is asked for ------------------------------------------------------------------------------------

    async def text(self, clock: Clock, inbox: Inbox, queue: ReactionQueue) -> bytes:
        """Everything in Prometheus' text format. What cannot be read now keeps its last value."""
        now = clock.now_ms()
        waiting, since = inbox.waiting()
        self._queue.set(waiting)
        self._queue_age.set(max(now - since, 0) / 1000 if since is not None else 0)
        with suppress(StorageUnavailable):
            backlog = await queue.backlog(now)
            self._reactions.labels("all").set(backlog.open)
            self._reactions.labels("due").set(backlog.due)
            self._reaction_age.set(backlog.oldest_ms / 1000)
        return generate_latest(self.registry)

    # --- the event loop ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to measure the event loop."""
        self._loop_task = asyncio.create_task(self._watch_loop(), name="loop-lag")

    async def stop(self) -> None:
        """End."""
        if self._loop_task is not None:
            self._loop_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop_task

    async def _watch_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOP_LAG_EVERY_S
            await asyncio.sleep(LOOP_LAG_EVERY_S)
            self._loop_lag_s.observe(max(loop.time() - due, 0.0))
