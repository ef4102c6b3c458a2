"""What a deadline makes happen when it comes: idle closes, waits that last too long, calls for agents. Pure."""

from __future__ import annotations

from handoff.domain.commands import RaiseAlert
from handoff.domain.conversation import Conversation
from handoff.domain.events import (
    SYSTEM,
    ConversationClosed,
    HandoffAlerted,
    HandoffExpired,
    NewEvent,
    SystemNotice,
)
from handoff.domain.rules import ASK_BOT_CHOICE, LOUDER_OR_SAME, NoticeCode, Rules


def pass_time(state: Conversation, now: int, rules: Rules) -> list[NewEvent]:
    """What the clock alone brings about at `now`, milliseconds since the epoch."""
    due = state.due_at(rules.episode_idle_ms, rules.handoff_limit_ms)
    if due is None or now < due:
        return []
    if state.state == "bot":
        return [NewEvent(SYSTEM, ConversationClosed(by="idle", episode=state.episode))]
    if rules.handoff_expiry == "contact":
        # An answer that the bot has offered meanwhile stays on offer.
        return [
            notice("leave_contact", rules, "bot_back" if ASK_BOT_CHOICE in state.offer else "leave_contact")
        ]
    return [NewEvent(SYSTEM, HandoffExpired()), notice("handoff_expired", rules)]


def raise_alert(state: Conversation, command: RaiseAlert) -> list[NewEvent]:
    """A rung of the wake-up ladder; nothing where it was set for another wait, or was called out as loudly already."""
    if state.state != "waiting" or state.waiting_since != command.waiting_since:
        return []
    if state.alert in LOUDER_OR_SAME[command.level]:
        return []
    return [NewEvent(SYSTEM, HandoffAlerted(command.level))]


def notice(code: NoticeCode, rules: Rules, offering: NoticeCode | None = None) -> NewEvent:
    """The relay's words for `code`, with the choices of `offering`, else its own."""
    choices = tuple({"id": c.id, "label": c.label} for c in rules.notices[offering or code].choices)
    return NewEvent(SYSTEM, SystemNotice(code=code, text=rules.notices[code].text, choices=choices))
