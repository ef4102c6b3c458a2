"""Climbs the wake-up ladder: calls agents, then supervisors and a webhook, for a customer whom nobody has taken.

A rung is a row that was written with the event which began the wait. What it was set for is decided anew when its
time has come, so a rung of a wait that is over does nothing.
"""

from __future__ import annotations

from typing import Any, Final

import structlog

from handoff.domain.commands import RaiseAlert
from handoff.domain.conversation import Conversation
from handoff.domain.events import SYSTEM
from handoff.domain.rules import AlertLevel
from handoff.ports import Clock, EventLog, Reaction, ReactionQueue, Webhook, WebhookFailedError
from handoff.service.conversations import Conversations
from handoff.wire.times import rfc3339

LEVELS: Final[dict[str, AlertLevel]] = {"wake_agents": "agents", "wake_supervisors": "supervisors"}
WEBHOOK_KINDS: Final = frozenset({"wake_webhook"})
TRIES_AT_MOST: Final = 6
FIRST_PAUSE_MS: Final = 5_000
PAUSE_GROWS: Final = 3
"""Tries are 5, 15, 45, 135 and 405 s apart: after some ten minutes a wait is no news any more."""
log = structlog.get_logger(__name__)


class Callers:
    """Calls agents and supervisors. The call is an event, so that consoles on every relay show it, once."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    async def climb(self, reaction: Reaction) -> None:
        """Raise the alert of this rung, or finish it where the wait is over."""
        command = RaiseAlert(LEVELS[reaction.kind], reaction.created_at)
        await self._conversations.execute(reaction.conversation_id, SYSTEM, command, finishes=reaction)


class WebhookCaller:
    """Tells a webhook of a wait: which conversation and since when, and nothing that the customer wrote or is."""

    def __init__(
        self, *, worker: str, queue: ReactionQueue, log_: EventLog, clock: Clock, webhook: Webhook | None
    ) -> None:
        self._worker = worker
        self._queue = queue
        self._log = log_
        self._clock = clock
        self._webhook = webhook

    async def climb(self, reaction: Reaction) -> None:
        """Tell it, or give the row back for a later try."""
        head = await self._log.head(reaction.conversation_id)
        now = self._clock.now_ms()
        if self._webhook is None or head is None or not _waits_still(head.state, reaction):
            await self._queue.finish(self._worker, reaction, now)
            return
        delivery = f"{reaction.conversation_id}.{reaction.seq}"
        try:
            await self._webhook.post(delivery, _notice(head.state, now))
        except WebhookFailedError as failure:
            await self._try_later(reaction, failure)
            return
        await self._queue.finish(self._worker, reaction, self._clock.now_ms())

    async def _try_later(self, reaction: Reaction, failure: WebhookFailedError) -> None:
        now = self._clock.now_ms()
        gives_up = reaction.attempts >= TRIES_AT_MOST
        log.warning(
            "webhook_given_up" if gives_up else "webhook_failed",
            conversation=reaction.conversation_id,
            attempt=reaction.attempts,
            error=str(failure),
        )
        if gives_up:
            await self._queue.finish(self._worker, reaction, now)
            return
        pause_ms = FIRST_PAUSE_MS * PAUSE_GROWS ** (reaction.attempts - 1)
        await self._queue.release(self._worker, reaction, now + pause_ms)


def _waits_still(state: Conversation, reaction: Reaction) -> bool:
    return state.state == "waiting" and state.waiting_since == reaction.created_at


def _notice(state: Conversation, now: int) -> dict[str, Any]:
    since = state.waiting_since or now
    return {
        "type": "handoff.waiting",
        "level": "supervisors",
        "conversation_id": state.id,
        "handoff_id": state.handoff_id,
        "reason": state.reason,
        "waiting_since": rfc3339(since),
        "waited_s": max(now - since, 0) // 1000,
    }
