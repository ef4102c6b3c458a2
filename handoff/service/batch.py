"""Commands that become durable together: each decided against the state the one before left, each failing alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import orjson
import structlog

from handoff.domain.asked import record_of, thumb_of
from handoff.domain.commands import Command, PassTime, RecordTurn
from handoff.domain.conversation import Conversation, apply, turns_now_due
from handoff.domain.decide import decide
from handoff.domain.errors import ClientIdReused, HandoffError, NotFound, StorageUnavailable
from handoff.domain.events import Actor, BotReplied, Event, NewEvent
from handoff.domain.ladder import timers_set
from handoff.domain.rules import Rules
from handoff.domain.waits import pickup_of
from handoff.ports import Append, Carried, CommandKey, CommandResult, Head, Opened, Opening, Reaction

DRAWN: Final = 256
log = structlog.get_logger(__name__)


class Outcome(NamedTuple):
    """What a command came to. `seq` is that of its last event, or the head's, as its actor may see it."""

    conversation_id: str
    seq: int
    events: int


Settle = Callable[[Outcome | HandoffError], None]
"""Who is told, once, what a command came to or why it was refused."""


class Job:
    """A command on its way: who wants it, and, once it was decided, what it writes and what it came to."""

    __slots__ = (
        "actor",
        "append",
        "command",
        "conversation_id",
        "finishes",
        "key",
        "opening",
        "result",
        "settle",
    )

    def __init__(
        self,
        conversation_id: str,
        actor: Actor,
        command: Command,
        settle: Settle,
        client_id: str | None = None,
        *,
        opening: Opening | None = None,
        finishes: Reaction | None = None,
    ) -> None:
        self.conversation_id = conversation_id
        self.actor = actor
        self.command = command
        self.settle: Settle | None = settle
        self.key = None if client_id is None else CommandKey(conversation_id, actor.key, client_id)
        self.opening = opening
        self.finishes = finishes
        self.append: Append | None = None
        self.result: Outcome | HandoffError | None = None

    def tell(self, result: Outcome | HandoffError) -> None:
        """Settle it, unless it is settled."""
        settle, self.settle = self.settle, None
        if settle is None:
            return
        try:
            settle(result)
        except Exception:
            # The command is stored or refused all the same, and the others of its batch have no part in this.
            log.exception("settle_failed", command=type(self.command).__name__)


class Batch:
    """The commands of one transaction. Knows what they have come to so far, and writes nothing itself."""

    def __init__(
        self,
        rules: Rules,
        now: int,
        heads: dict[str, Head],
        results: dict[CommandKey, CommandResult],
        opened: dict[str, Opened],
    ) -> None:
        self._rules = rules
        self._now = now
        self._results = results
        self._opened = opened
        self.heads = heads
        self.appends: list[Append] = []
        """What is to be appended to conversations that are there already."""
        self.openings: list[tuple[Opening, Append]] = []

    def decide(self, job: Job) -> None:
        """Give the job its result, and its append if it comes to one. What it was given before is forgotten."""
        job.append = job.result = None
        key = job.key
        # Only a command that can be repeated is compared; a bot's outcome is long.
        digest = "" if key is None else _digest_of_command(job.command)
        if key is not None and (before := self._results.get(key)) is not None:
            if before.digest != digest:
                job.result = ClientIdReused("This client_id was used for another command. Make a new one.")
            else:
                job.result = Outcome(job.conversation_id, before.seq, before.events)
            return
        head = self._head(job)
        if head is None:
            return
        now = max(self._now, head.state.at)
        try:
            events, after = _numbered(
                head.state, decide(head.state, job.actor, job.command, now, self._rules), now
            )
        except HandoffError as refusal:
            job.result = refusal
            return
        except Exception:
            # A defect that this command met; the others of the batch have no part in it.
            log.exception("decision_failed", command=type(job.command).__name__)
            job.result = StorageUnavailable("The message could not be stored. Send it again.")
            return
        seq = after.customer_seq if job.actor.type == "customer" else after.seq
        result = None
        if key is not None:
            result = self._results[key] = CommandResult(digest, seq, len(events))
        job.result = Outcome(job.conversation_id, seq, len(events))
        job.append = self._append(job, head.state, after, events, now=now, result=result)
        self.heads[job.conversation_id] = Head(after, head.customer)
        if job.opening is not None:
            self._opened[job.opening.client_id] = Opened(job.conversation_id, job.opening.digest)
            self.openings.append((job.opening, job.append))
        elif events or key is not None or job.finishes is not None or isinstance(job.command, PassTime):
            # The clock's call is written even without events: it corrects a deadline that a setting has moved.
            self.appends.append(job.append)

    def _head(self, job: Job) -> Head | None:
        """What the job is decided against; None where that settles it."""
        if job.opening is None:
            head = self.heads.get(job.conversation_id)
            if head is None:
                job.result = NotFound("There is no such conversation.")
            return head
        before = self._opened.get(job.opening.client_id)
        if before is None:
            return Head(Conversation(job.conversation_id), job.opening.customer)
        if before.digest != job.opening.digest:
            job.result = ClientIdReused(
                "This client_id opened a conversation with other details. Make a new one."
            )
        else:
            found = self.heads[before.conversation_id]
            job.result = Outcome(before.conversation_id, found.state.customer_seq, 0)
        return None

    def _append(
        self,
        job: Job,
        state: Conversation,
        after: Conversation,
        events: tuple[Event, ...],
        *,
        now: int,
        result: CommandResult | None,
    ) -> Append:
        turns = turns_now_due(state, after)
        return Append(
            conversation_id=job.conversation_id,
            events=events,
            after=after,
            at=now,
            due_at=after.due_at(self._rules.episode_idle_ms, self._rules.handoff_limit_ms),
            result=None if job.key is None or result is None else (job.key, result),
            turns=turns,
            leased_turn=after.open_turns[0] if turns and after.open_turns[0] in turns else 0,
            finishes=job.finishes,
            timers=timers_set(state, after, self._rules),
            pickup=pickup_of(state, after),
            carries=_carried(job.command, events),
            asked=record_of(state, job.command, events),
            thumb=thumb_of(events),
        )


def digest_of(content: bytes) -> str:
    """What tells a repeat from a reuse, kept instead of the content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _digest_of_command(command: Command) -> str:
    return digest_of(type(command).__name__.encode() + orjson.dumps(command, option=orjson.OPT_SORT_KEYS))


def _drawn() -> Iterator[str]:
    """48 random bits each, as hexadecimal digits. The kernel is asked once for many of them."""
    while True:
        drawn = secrets.token_hex(6 * DRAWN)
        for start in range(0, len(drawn), 12):
            yield drawn[start : start + 12]


_random = _drawn()


def _event_id(at: int) -> str:
    """An id that grows with time: what is stored by it goes to one end of an index."""
    return f"evt_{at:012x}{next(_random)}"


def _numbered(
    state: Conversation, decided: Sequence[NewEvent], now: int
) -> tuple[tuple[Event, ...], Conversation]:
    events = []
    for new in decided:
        event = Event(
            state.id, state.seq + 1, _event_id(now), now, new.actor, new.payload, state.customer_seq
        )
        state = apply(state, event)
        events.append(event)
    return tuple(events), state


def _carried(command: Command, events: Sequence[Event]) -> Carried | None:
    """The dialogue that an outcome leaves; an outcome that was discarded leaves none."""
    if not isinstance(command, RecordTurn) or not any(isinstance(e.payload, BotReplied) for e in events):
        return None
    return Carried(command.turn, command.outcome.dialogue)
