"""The one door through which events get into the log.

Commands that arrive while a transaction is being committed are decided together in the next one (group
commit): each is decided inside the transaction against the state the one before left, and fails alone. What a
command came to is told, its hint published and its `ack` possible only after the commit returned (P1).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from handoff.domain.commands import Command, PassTime, RecordTurn, StartConversation
from handoff.domain.conversation import Conversation, apply, turns_now_due
from handoff.domain.decide import decide
from handoff.domain.errors import ClientIdReused, HandoffError, NotFound, StorageUnavailable
from handoff.domain.events import SYSTEM, Actor, BotReplied, Event, NewEvent
from handoff.domain.ladder import timers_set
from handoff.domain.rules import Rules
from handoff.domain.waits import pickup_of
from handoff.ports import (
    Append,
    Carried,
    Clock,
    CommandKey,
    CommandResult,
    Customer,
    EventLog,
    Head,
    Hint,
    LogTransaction,
    Opened,
    Opening,
    PubSub,
    Reaction,
)
from handoff.service.feed import Feed

MAX_BATCH = 512
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command came to. `seq` is that of its last event, or the head's, as its actor may see it."""

    conversation_id: str
    seq: int
    events: int


Settle = Callable[[Outcome | HandoffError], None]
"""Who is told, once, what a command came to or why it was refused."""


@dataclass(slots=True)
class _Job:
    conversation_id: str
    actor: Actor
    command: Command
    settle: Settle
    client_id: str | None = None
    opening: Opening | None = None
    finishes: Reaction | None = None
    append: Append | None = None
    result: Outcome | HandoffError | None = None
    is_settled: bool = False

    @property
    def key(self) -> CommandKey | None:
        if self.client_id is None or self.opening is not None:
            return None
        return CommandKey(self.conversation_id, self.actor.key, self.client_id)


@dataclass(slots=True)
class _Batch:
    """What the commands of one transaction have come to so far."""

    heads: dict[str, Head]
    results: dict[CommandKey, CommandResult]
    opened: dict[str, Opened]
    appends: list[Append] = field(default_factory=list)


class Conversations:
    """Runs commands: decide, append, hint. Start it with `start` and end it with `stop`."""

    def __init__(self, log: EventLog, feed: Feed, pubsub: PubSub, clock: Clock, rules: Rules) -> None:
        self._log = log
        self._feed = feed
        self._pubsub = pubsub
        self._clock = clock
        self._rules = rules
        self._waiting: list[_Job] = []
        self._arrived = asyncio.Event()
        self._ends = False
        self._writer: asyncio.Task[None] | None = None
        self._on_turns: Callable[[str, Sequence[Reaction]], None] = lambda _id, _turns: None
        self._on_commit: Callable[[int, int, float], None] = lambda _commands, _events, _seconds: None

    def when_turns_open(self, handler: Callable[[str, Sequence[Reaction]], None]) -> None:
        """Whom to give the turns whose lease this process took while appending."""
        self._on_turns = handler

    def when_committed(self, handler: Callable[[int, int, float], None]) -> None:
        """Whom to tell of each transaction: its commands, its events, its seconds."""
        self._on_commit = handler

    def start(self) -> None:
        """Begin to take commands."""
        self._writer = asyncio.create_task(self._write_forever(), name="log-writer")

    async def stop(self) -> None:
        """Finish what was taken, then end."""
        if self._writer is None:
            return
        self._ends = True
        self._arrived.set()
        # Not awaited itself: whoever loses patience with this must not take a commit under way with them.
        await asyncio.wait([self._writer])

    async def open(
        self, client_id: str, customer: Customer, command: StartConversation, content: str
    ) -> tuple[Outcome, bool]:
        """A new conversation, or the one this `client_id` opened before; True when it is new.

        Raises:
            ClientIdReused: the client_id opened a conversation with other `content`.
            StorageUnavailable: nothing was stored.
        """
        opening = Opening(f"cnv_{secrets.token_urlsafe(18)}", client_id, _digest(content), customer)
        answer = _Answer()
        self._take(_Job(opening.conversation_id, SYSTEM, command, answer.settle, opening=opening))
        outcome = await answer.future
        return outcome, outcome.conversation_id == opening.conversation_id

    async def execute(
        self,
        conversation_id: str,
        actor: Actor,
        command: Command,
        client_id: str | None = None,
        *,
        finishes: Reaction | None = None,
    ) -> Outcome:
        """Run one command; it is durable when this returns.

        Raises:
            HandoffError: it was refused, or could not be stored; then nothing was.
        """
        answer = _Answer()
        self._take(_Job(conversation_id, actor, command, answer.settle, client_id, finishes=finishes))
        # The command goes on when its caller goes away: what was taken is never half done.
        return await answer.future

    def submit(
        self, conversation_id: str, actor: Actor, command: Command, client_id: str | None, settle: Settle
    ) -> None:
        """Run one command as `execute` does, at the price of no task and no future.

        `settle` is called once, later and on the loop: with the outcome when it is durable, else with the refusal.
        Those of one transaction are called in the order of submission, then its hints are published, and nothing
        else runs between.
        """
        self._take(_Job(conversation_id, actor, command, settle, client_id))

    # --- the writer -------------------------------------------------------------------------------------

    def _take(self, job: _Job) -> None:
        if self._writer is not None and self._writer.done():
            gone = StorageUnavailable("This relay has stopped, so nothing was stored. Send it again.")
            asyncio.get_running_loop().call_soon(_settle, job, gone)
            return
        self._waiting.append(job)
        self._arrived.set()

    async def _write_forever(self) -> None:
        while self._waiting or not self._ends:
            await self._arrived.wait()
            jobs, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if not self._waiting:
                self._arrived.clear()
            if jobs:
                await self._write(jobs)

    async def _write(self, jobs: Sequence[_Job]) -> None:
        try:
            await self._commit(jobs)
        except HandoffError as failure:
            cause = failure.__cause__ or failure
            log.warning("append_refused", error=failure.code, cause=type(cause).__name__, jobs=len(jobs))
            _fail(jobs, failure)
        except Exception:
            log.exception("append_failed", jobs=len(jobs))
            _fail(jobs, StorageUnavailable("The message could not be stored. Send it again."))

    async def _commit(self, jobs: Sequence[_Job]) -> None:
        began = time.monotonic()
        async with self._log.transaction() as transaction:
            opened = await transaction.opened({job.opening.client_id for job in jobs if job.opening})
            known = {job.conversation_id for job in jobs if job.opening is None}
            batch = _Batch(
                opened=opened,
                heads=await transaction.lock(
                    known | {before.conversation_id for before in opened.values()}, self._feed.known
                ),
                results=await transaction.results({job.key for job in jobs if job.key is not None}),
            )
            for job in jobs:
                await self._decide(job, batch, transaction)
            await transaction.write(batch.appends)
        events = sum(len(job.append.events) for job in jobs if job.append is not None)
        self._on_commit(len(jobs), events, time.monotonic() - began)
        self._remember(jobs, batch)
        for job in jobs:
            assert job.result is not None, "every job was decided"
            _settle(job, job.result)
        self._hand_over_turns(jobs)
        for conversation_id, seq in _newest(jobs).items():
            await self._pubsub.publish(Hint(conversation_id, seq))

    async def _decide(self, job: _Job, batch: _Batch, transaction: LogTransaction) -> None:
        key = job.key
        # Only a command that can be repeated is compared; a bot's outcome is long.
        digest = "" if key is None else _digest(repr(job.command))
        if key is not None and key in batch.results:
            before = batch.results[key]
            if before.digest != digest:
                job.result = ClientIdReused("This client_id was used for another command. Make a new one.")
            else:
                job.result = Outcome(job.conversation_id, before.seq, before.events)
            return
        if job.opening is not None:
            if job.opening.client_id in batch.opened:
                _find_opened(job, batch.opened[job.opening.client_id], batch.heads)
                return
            head = Head(Conversation(job.conversation_id), job.opening.customer)
        elif job.conversation_id in batch.heads:
            head = batch.heads[job.conversation_id]
        else:
            job.result = NotFound("There is no such conversation.")
            return
        now = max(self._clock.now_ms(), head.state.at)
        try:
            decided = decide(head.state, job.actor, job.command, now, self._rules)
            events, after = _number(head.state, decided, now)
        except HandoffError as refusal:
            job.result = refusal
            return
        except Exception:
            # A defect that this command met; the others of the batch have no part in it.
            log.exception("decision_failed", command=type(job.command).__name__)
            job.result = StorageUnavailable("The message could not be stored. Send it again.")
            return
        seq = after.customer_seq if job.actor.type == "customer" else after.seq
        result = CommandResult(digest, seq, len(events))
        turns = turns_now_due(head.state, after)
        job.result = Outcome(job.conversation_id, seq, len(events))
        job.append = Append(
            conversation_id=job.conversation_id,
            events=events,
            after=after,
            at=now,
            due_at=after.due_at(self._rules.episode_idle_ms, self._rules.handoff_limit_ms),
            result=None if key is None else (key, result),
            turns=turns,
            leased_turn=after.open_turns[0] if turns and after.open_turns[0] in turns else 0,
            finishes=job.finishes,
            timers=timers_set(head.state, after, self._rules),
            pickup=pickup_of(head.state, after),
            carries=_carried(job.command, events),
        )
        batch.heads[job.conversation_id] = Head(after, head.customer)
        if key is not None:
            batch.results[key] = result
        if job.opening is not None:
            batch.opened[job.opening.client_id] = Opened(job.conversation_id, job.opening.digest)
            await transaction.open(job.opening, job.append)
        elif events or key is not None or job.finishes is not None or isinstance(job.command, PassTime):
            # The clock's call is written even without events: it corrects a deadline that a setting has moved.
            batch.appends.append(job.append)

    def _remember(self, jobs: Sequence[_Job], batch: _Batch) -> None:
        for job in jobs:
            if job.append is not None:
                head = Head(job.append.after, batch.heads[job.conversation_id].customer)
                self._feed.remember(head, job.append.events)

    def _hand_over_turns(self, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            append = job.append
            if append is not None and append.leased_turn:
                turn = Reaction(append.conversation_id, append.leased_turn, "bot_turn", append.at, 1)
                self._on_turns(append.conversation_id, [turn])


class _Answer:
    """What a caller awaits who has nothing to do before its command is durable."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def settle(self, result: Outcome | HandoffError) -> None:
        if self.future.done():
            return
        if isinstance(result, HandoffError):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


def _find_opened(job: _Job, before: Opened, heads: dict[str, Head]) -> None:
    assert job.opening is not None
    if before.digest != job.opening.digest:
        job.result = ClientIdReused(
            "This client_id opened a conversation with other details. Make a new one."
        )
    else:
        head = heads[before.conversation_id]
        job.result = Outcome(before.conversation_id, head.state.customer_seq, 0)


def _number(
    state: Conversation, decided: Sequence[NewEvent], now: int
) -> tuple[tuple[Event, ...], Conversation]:
    events = []
    for new in decided:
        event = Event(
            conversation_id=state.id,
            seq=state.seq + 1,
            id=f"evt_{secrets.token_hex(12)}",
            at=now,
            actor=new.actor,
            payload=new.payload,
            customer_prev=state.customer_seq,
        )
        state = apply(state, event)
        events.append(event)
    return tuple(events), state


def _carried(command: Command, events: Sequence[Event]) -> Carried | None:
    """The dialogue that an outcome leaves; an outcome that was discarded leaves none."""
    if not isinstance(command, RecordTurn) or not any(isinstance(e.payload, BotReplied) for e in events):
        return None
    return Carried(command.turn, command.outcome.dialogue)


def _newest(jobs: Sequence[_Job]) -> dict[str, int]:
    return {job.conversation_id: job.append.after.seq for job in jobs if job.append and job.append.events}


def _fail(jobs: Sequence[_Job], failure: HandoffError) -> None:
    for job in jobs:
        _settle(job, failure)


def _settle(job: _Job, result: Outcome | HandoffError) -> None:
    if job.is_settled:
        return
    job.is_settled = True
    try:
        job.settle(result)
    except Exception:
        # The command is stored or refused all the same, and the others of its transaction have no part in this.
        log.exception("settle_failed", command=type(job.command).__name__)


def _digest(content: str) -> str:
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
