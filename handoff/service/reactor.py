"""Works off reactions: asks the bot about each open turn and records the one outcome it gets (P9)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from bot.contract import TurnOutcome, TurnRequest
from handoff.domain.commands import Command, RecordTurn, RecordTurnFailure, TellBotIsBack, TellBotIsDown
from handoff.domain.errors import HandoffError, StorageUnavailable
from handoff.domain.events import BOT, SYSTEM
from handoff.ports import (
    BotEngine,
    BotFailedError,
    BotNotReadyError,
    BotReleaseRefusedError,
    Clock,
    EventLog,
    Head,
    PubSub,
    Reaction,
    ReactionQueue,
    ReleaseTrial,
    Signal,
)
from handoff.service.bot_watch import BotWatch
from handoff.service.conversations import Conversations
from handoff.service.feed import Feed
from handoff.service.turns import turn_request

POLL_S = 1.0
TAKE_AT_ONCE = 64
TRIAL_SHARE = 0.4
"""Of a turn's limit, what a release on trial gets: the live one can still answer within the rest."""
FAILURES_AT_MOST = 3
"""Errors of the bot itself after which a turn has failed; lost connections are tried until the limit."""
OUTAGE_AT_MOST = 5_000
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Seconds: `turn_s` from hand-over to outcome, `warm_s` from the question while the bot is down."""

    turn_s: float = 5.0
    warm_s: float = 90.0
    lease_s: float = 4.0


class Reactor:
    """Holds the reactions this process works on and keeps their leases."""

    def __init__(
        self,
        *,
        worker: str,
        queue: ReactionQueue,
        conversations: Conversations,
        log_: EventLog,
        feed: Feed,
        bot: BotEngine,
        watch: BotWatch,
        pubsub: PubSub,
        clock: Clock,
        limits: TurnLimits,
    ) -> None:
        self._worker = worker
        self._queue = queue
        self._conversations = conversations
        self._log = log_
        self._feed = feed
        self._bot = bot
        self._watch = watch
        self._pubsub = pubsub
        self._clock = clock
        self._limits = limits
        self._trial: ReleaseTrial | None = None
        self._held: dict[tuple[str, int], Reaction] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._look = asyncio.Event()
        self._poll: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._stopping = False
        conversations.when_turns_open(self._adopt_all)
        watch.when_ready(self.offer_answers)

    def try_out(self, trial: ReleaseTrial) -> None:
        """Ask the release on trial about its share of conversations."""
        self._trial = trial

    def start(self) -> None:
        """Begin to take reactions."""
        self._poll = asyncio.create_task(self._poll_forever(), name="reactor-poll")
        self._renewal = asyncio.create_task(self._renew_forever(), name="reactor-renew")

    async def stop(self) -> None:
        """Stop taking and working. `hand_over` lets go of the leases, once the log's writer is done."""
        self._stopping = True
        tasks = [task for task in (self._poll, self._renewal, *self._running) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def hand_over(self) -> None:
        """Let go of every lease at once, so that another process need not wait until they run out."""
        with suppress(StorageUnavailable):
            await self._queue.release_all(self._worker)

    async def offer_answers(self) -> None:
        """The bot is back: offer its answer to those who wait only because it was gone."""
        for head in await self._log.in_states(["waiting"], OUTAGE_AT_MOST):
            if head.state.reason == "bot_error":
                await self._conversations.execute(head.state.id, SYSTEM, TellBotIsBack())

    # --- taking and keeping --------------------------------------------------------------------------------

    def _adopt_all(self, _conversation_id: str, reactions: Sequence[Reaction]) -> None:
        for reaction in reactions:
            self._adopt(reaction)

    def _adopt(self, reaction: Reaction) -> None:
        if self._stopping:
            return
        key = (reaction.conversation_id, reaction.seq)
        is_worked_on = key in self._held
        self._held[key] = reaction
        if is_worked_on:
            return
        task = asyncio.create_task(self._work(reaction), name=f"turn-{reaction.seq}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _poll_forever(self) -> None:
        lease_ms = int(self._limits.lease_s * 1000)
        while True:
            # Cleared before the look: a turn that ends meanwhile makes the next one due after it.
            self._look.clear()
            try:
                taken = await self._queue.take(self._worker, self._clock.now_ms(), lease_ms, TAKE_AT_ONCE)
            except StorageUnavailable as failure:
                log.warning("reactions_unreadable", error=failure.code)
                taken = []
            for reaction in taken:
                self._adopt(reaction)
            if not taken:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._look.wait()

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(self._limits.lease_s / 3)
            until = self._clock.now_ms() + int(self._limits.lease_s * 1000)
            try:
                await self._queue.renew(self._worker, tuple(self._held.values()), until)
            except StorageUnavailable as failure:
                log.warning("leases_not_renewed", error=failure.code)

    async def _work(self, reaction: Reaction) -> None:
        try:
            await self._answer(reaction)
        except HandoffError as failure:
            # Not stored: the reaction is still open and is taken again when its lease has run out.
            log.warning("turn_not_recorded", conversation=reaction.conversation_id, error=failure.code)
        except Exception:
            log.exception("turn_failed", conversation=reaction.conversation_id, turn=reaction.seq)
            await self._give_up(reaction)
        finally:
            newest = self._held.pop((reaction.conversation_id, reaction.seq))
            if newest is not reaction:
                # Opened again, by a cancelled handoff, while it was being put away.
                self._adopt(newest)
            if self._feed.may_have_open_turns(reaction.conversation_id):
                self._look.set()

    async def _give_up(self, reaction: Reaction) -> None:
        try:
            await self._record(reaction, RecordTurnFailure(reaction.seq))
        except HandoffError as failure:
            log.warning("turn_not_recorded", conversation=reaction.conversation_id, error=failure.code)

    # --- one turn -------------------------------------------------------------------------------------------

    async def _answer(self, reaction: Reaction) -> None:
        turn = reaction.seq
        while True:
            head = await self._head(reaction)
            if head is None:
                await self._queue.finish(self._worker, reaction, self._clock.now_ms())
                return
            if not self._watch.is_ready:
                if await self._waited_too_long(reaction):
                    return
                continue
            dialogue = await self._log.dialogue(reaction.conversation_id)
            request = await turn_request(self._feed, head, turn, dialogue)
            if request is None:
                await self._record(reaction, RecordTurnFailure(turn))
                return
            await self._typing(reaction.conversation_id, on=True)
            try:
                outcome = await self._ask(await self._on_trial(request))
            except BotNotReadyError:
                self._watch.mark_down()
                continue
            except BotFailedError as failure:
                log.warning(
                    "bot_failed", conversation=reaction.conversation_id, turn=turn, error=str(failure)
                )
                await self._record(reaction, RecordTurnFailure(turn))
                return
            finally:
                await self._typing(reaction.conversation_id, on=False)
            await self._record(reaction, RecordTurn(turn, outcome))
            return

    async def _head(self, reaction: Reaction) -> Head | None:
        """The conversation, or None where the bot owes this turn nothing (any more)."""
        head = await self._feed.head(reaction.conversation_id, at_least=reaction.seq)
        if head is None or not _is_open(head, reaction.seq):
            # What this process remembers may be old: only the log can say that a turn is to be left unanswered.
            head = await self._feed.head(reaction.conversation_id)
        return head if head is not None and _is_open(head, reaction.seq) else None

    async def _waited_too_long(self, reaction: Reaction) -> bool:
        """Tell the customer and wait for the bot. True when the wait is over and the turn has failed."""
        waited_ms = self._clock.now_ms() - reaction.created_at
        left_s = self._limits.warm_s - waited_ms / 1000
        if left_s <= 0:
            await self._record(reaction, RecordTurnFailure(reaction.seq))
            return True
        await self._conversations.execute(reaction.conversation_id, SYSTEM, TellBotIsDown(reaction.seq))
        await self._watch.wait_ready(left_s)
        return False

    async def _on_trial(self, request: TurnRequest) -> TurnRequest:
        """The request to the release on trial, where one is and this conversation is its own."""
        if self._trial is None or not self._trial.is_on:
            return request
        first = await self._feed.read(request.conversation_id, 0, 1)
        release_id = self._trial.release_for(request.conversation_id, first[0].at) if first else None
        return request if release_id is None else replace(request, release_id=release_id)

    async def _ask(self, request: TurnRequest) -> TurnOutcome:
        """One turn within its limit, retries included. What a release on trial does not answer the live one does.

        Raises:
            BotNotReadyError: the turn was never handed over.
            BotFailedError: it was, and came to nothing.
        """
        deadline = asyncio.get_running_loop().time() + self._limits.turn_s
        if request.release_id is None or self._trial is None:
            return await self._ask_live(request, deadline, handed_over=False)
        try:
            return await self._bot.turn(request, self._limits.turn_s * TRIAL_SHARE)
        except (BotReleaseRefusedError, BotFailedError) as failure:
            refused = isinstance(failure, BotReleaseRefusedError)
            log.warning("trial_failed", conversation=request.conversation_id, error=str(failure))
            outcome = await self._ask_live(
                replace(request, release_id=None), deadline, handed_over=not refused
            )
            # Only now: a bot that fell would have failed with any release.
            self._trial.went_wrong(request.release_id, refused=refused)
            return outcome

    async def _ask_live(self, request: TurnRequest, deadline: float, *, handed_over: bool) -> TurnOutcome:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            left = deadline - loop.time()
            if left <= 0:
                raise BotFailedError("no outcome in time")
            try:
                return await self._bot.turn(request, left)
            except BotNotReadyError:
                if not handed_over:
                    raise
                self._watch.mark_down()
            except BotFailedError:
                handed_over = True
                failures += 1
                if failures >= FAILURES_AT_MOST:
                    raise
            await asyncio.sleep(min(0.1 * 2**failures, max(deadline - loop.time(), 0)))

    async def _record(self, reaction: Reaction, command: Command) -> None:
        actor = BOT if isinstance(command, RecordTurn) else SYSTEM
        await self._conversations.execute(reaction.conversation_id, actor, command, finishes=reaction)

    async def _typing(self, conversation_id: str, *, on: bool) -> None:
        body = {"type": "typing", "actor": {"type": "bot"}, "on": on}
        await self._pubsub.publish(Signal(f"conversation:{conversation_id}", body))


def _is_open(head: Head, turn: int) -> bool:
    return head.state.state == "bot" and turn in head.state.open_turns
