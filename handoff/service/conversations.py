"""The one door through which events get into the log.

Commands that arrive while a transaction is being committed are decided together in the next one (group
commit): each is decided inside the transaction against the state the one before left, and fails alone. What a
command came to is told, its hint published and its `ack` possible only after the commit returned (P1).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from handoff.domain.commands import Command, StartConversation
from handoff.domain.errors import HandoffError, StorageUnavailable
from handoff.domain.events import SYSTEM, Actor, Event
from handoff.domain.rules import NOTICES, Rules, Voice
from handoff.ports import (
    Clock,
    CommandKey,
    CommandResult,
    Customer,
    EventLog,
    Head,
    Hint,
    Opened,
    Opening,
    PubSub,
    Reaction,
    RunBeforeError,
)
from handoff.service.batch import Batch, Job, Outcome, Settle, digest_of
from handoff.service.feed import Feed

__all__ = ["Conversations", "Outcome", "Settle"]

MAX_BATCH = 512
log = structlog.get_logger(__name__)


class Conversations:
    """Runs commands: decide, append, hint. Start it with `start` and end it with `stop`."""

    def __init__(self, log: EventLog, feed: Feed, pubsub: PubSub, clock: Clock, rules: Rules) -> None:
        self._log = log
        self._feed = feed
        self._pubsub = pubsub
        self._clock = clock
        self._rules = rules
        self._waiting: list[Job] = []
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

    def speak(self, voice: Voice) -> None:
        """Say notices in this voice from the next command on."""
        self._rules = replace(self._rules, notices=NOTICES[voice])

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
        opening = Opening(
            f"cnv_{secrets.token_urlsafe(18)}", client_id, digest_of(content.encode()), customer
        )
        answer = _Answer()
        self._take(Job(opening.conversation_id, SYSTEM, command, answer.settle, opening=opening))
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
        self._take(Job(conversation_id, actor, command, answer.settle, client_id, finishes=finishes))
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
        self._take(Job(conversation_id, actor, command, settle, client_id))

    # --- the writer -------------------------------------------------------------------------------------

    def _take(self, job: Job) -> None:
        if self._writer is not None and self._writer.done():
            gone = StorageUnavailable("This relay has stopped, so nothing was stored. Send it again.")
            asyncio.get_running_loop().call_soon(job.tell, gone)
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

    async def _write(self, jobs: Sequence[Job]) -> None:
        try:
            await self._commit(jobs)
        except HandoffError as failure:
            cause = failure.__cause__ or failure
            log.warning("append_refused", error=failure.code, cause=type(cause).__name__, jobs=len(jobs))
            _fail(jobs, failure)
        except Exception:
            log.exception("append_failed", jobs=len(jobs))
            _fail(jobs, StorageUnavailable("The message could not be stored. Send it again."))

    async def _commit(self, jobs: Sequence[Job]) -> None:
        began = time.monotonic()
        try:
            batch = await self._append(jobs)
        except RunBeforeError:
            batch = await self._append(jobs, with_repeats=True)
        appended = _appended(jobs)
        self._on_commit(len(jobs), sum(map(len, appended.values())), time.monotonic() - began)
        for conversation_id, events in appended.items():
            self._feed.remember(batch.heads[conversation_id], events)
        for job in jobs:
            assert job.result is not None, "every job was decided"
            job.tell(job.result)
        self._hand_over_turns(jobs)
        for conversation_id, events in appended.items():
            if events:
                await self._pubsub.publish(Hint(conversation_id, events[-1].seq))

    async def _append(self, jobs: Sequence[Job], *, with_repeats: bool = False) -> Batch:
        """Decide and write the jobs in one transaction; what they came to is durable when this returns.

        Nearly no command is a repeat, so results are asked for only where one shows itself: what is refused now may
        have been done before, and the log takes no second result of a command; then this is run `with_repeats`.

        Raises:
            RunBeforeError: some of the commands were run before; nothing was stored.
        """
        batch = None if with_repeats else await self._append_to_known(jobs)
        if batch is not None:
            return batch
        async with self._log.transaction() as transaction:
            opened = await transaction.opened({job.opening.client_id for job in jobs if job.opening})
            known = {job.conversation_id for job in jobs if job.opening is None}
            known.update(before.conversation_id for before in opened.values())
            heads = await transaction.lock(known, self._feed.known)
            batch = None if with_repeats else self._decided(jobs, heads, opened, {})
            if batch is None or any(job.key and isinstance(job.result, HandoffError) for job in jobs):
                results = await transaction.results([job.key for job in jobs if job.key is not None])
                if batch is None or results:
                    batch = self._decided(jobs, heads, opened, results)
            for opening, append in batch.openings:
                await transaction.open(opening, append)
            await transaction.write(batch.appends)
        return batch

    async def _append_to_known(self, jobs: Sequence[Job]) -> Batch | None:
        """Decide the jobs from the heads that are known here, and write them if nothing else was written meanwhile.

        None where nothing was written: a head is not known or not the newest, a conversation is to be made, a command
        is refused or was run before. All of that is looked into under lock.
        """
        heads = {}
        for job in jobs:
            head = None if job.opening is not None else self._feed.known(job.conversation_id)
            if head is None:
                return None
            heads[job.conversation_id] = head
        batch = self._decided(jobs, heads, {}, {})
        if not batch.appends or any(isinstance(job.result, HandoffError) for job in jobs):
            return None
        seqs = {conversation_id: head.state.seq for conversation_id, head in heads.items()}
        return batch if await self._log.append(batch.appends, seqs) else None

    def _decided(
        self,
        jobs: Sequence[Job],
        heads: Mapping[str, Head],
        opened: Mapping[str, Opened],
        results: Mapping[CommandKey, CommandResult],
    ) -> Batch:
        batch = Batch(self._rules, self._clock.now_ms(), dict(heads), dict(results), dict(opened))
        for job in jobs:
            batch.decide(job)
        return batch

    def _hand_over_turns(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            append = job.append
            if append is not None and append.leased_turn:
                turn = Reaction(append.conversation_id, append.leased_turn, "bot_turn", append.at, 1)
                self._on_turns(append.conversation_id, [turn])


def _appended(jobs: Sequence[Job]) -> dict[str, list[Event]]:
    """What a batch has appended to each conversation that it was allowed to touch, in order."""
    events: dict[str, list[Event]] = {}
    for job in jobs:
        if job.append is not None:
            events.setdefault(job.conversation_id, []).extend(job.append.events)
    return events


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


def _fail(jobs: Sequence[Job], failure: HandoffError) -> None:
    for job in jobs:
        job.tell(failure)
