"""Rasa's tracker between two turns: bounded, so that the thousandth turn costs what the third did.

Rasa copies a tracker at each action, and every stock store grows it with the conversation (8 ms a turn at 10 turns,
125 ms at 500). Kept here are the slots, the open form and the events of the last three turns; the relay's log is the
history. What a turn leaves is handed to its caller, who stores it together with the turn's reply or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker

from bot.dialogue import BATON, Dialogue

KEPT_TURNS: Final = 3


class TurnTrackers(TrackerStore):
    """Trackers of the turns in progress, nothing else. `begin`, Rasa's turn, `finish`."""

    def __init__(self) -> None:
        super().__init__(Domain.empty())
        self._before: dict[str, Dialogue] = {}
        self._after: dict[str, DialogueStateTracker] = {}

    @property
    def domain(self) -> Domain:
        """The loaded model's domain; Rasa sets it."""
        return self._domain

    @domain.setter
    def domain(self, domain: Domain | None) -> None:
        self._domain = domain or Domain.empty()

    def begin(self, sender_id: str, dialogue: Dialogue) -> None:
        """The next turn of `sender_id` continues `dialogue`."""
        self._before[sender_id] = dialogue

    def finish(self, sender_id: str) -> DialogueStateTracker | None:
        """The tracker after the turn, None where Rasa saved nothing; both ends are forgotten."""
        self._before.pop(sender_id, None)
        return self._after.pop(sender_id, None)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Called by Rasa at the end of a turn, and once before the first."""
        self._after[tracker.sender_id] = tracker

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Called by Rasa at the start of a turn."""
        dialogue = self._before.get(sender_id)
        if dialogue is None or not dialogue.events:
            return None
        return restored(sender_id, dialogue, self.domain)


def restored(sender_id: str, dialogue: Dialogue, domain: Domain) -> DialogueStateTracker:
    """A tracker that stands where `dialogue` stood.

    Slots and form are set before the kept events are replayed: whatever those events change ends as it did.
    Slots that the domain of a newer release has no longer are left out.
    """
    known = {slot.name for slot in domain.slots}
    start: list[Event] = [
        ActionExecuted(ACTION_SESSION_START_NAME),
        SessionStarted(),
        ActionExecuted(ACTION_LISTEN_NAME),
        *(SlotSet(name, value) for name, value in dialogue.slots.items() if name in known),
    ]
    if dialogue.loop in domain.form_names:
        start.append(ActiveLoop(dialogue.loop))
    kept = [_event(event) for event in dialogue.events]
    return DialogueStateTracker.from_events(sender_id, start + kept, domain.slots, domain=domain)


def _event(raw: Mapping[str, Any]) -> Event:
    # `Event.from_parameters` looks through every subclass of Event, for each event of each turn.
    event: Event = _event_class(raw["event"])._from_parameters(dict(raw))  # noqa: SLF001
    return event


@lru_cache(maxsize=64)
def _event_class(name: str) -> type[Event]:
    found: type[Event] = Event.resolve_by_type(name)
    return found


def kept_of(tracker: DialogueStateTracker) -> Dialogue:
    """What is worth keeping of a tracker. Only the last message keeps its decision and memory; what was told of them for an
    explanation is nothing to keep."""
    events: list[dict[str, Any]] = []
    turns = 0
    for event in reversed(tracker.events):
        raw = event.as_dict()
        if raw["event"] == "user":
            turns += 1
            parsed = {k: v for k, v in (raw.get("parse_data") or {}).items() if k != BATON or turns == 1}
            if BATON in parsed:
                parsed[BATON] = {k: v for k, v in parsed[BATON].items() if k != "evidence"}
            raw["parse_data"] = parsed
        events.append(raw)
        if turns == KEPT_TURNS:
            break
    slots = {name: value for name, value in tracker.current_slot_values().items() if value is not None}
    slots.pop("session_started_metadata", None)
    return Dialogue(slots, tracker.active_loop_name, tuple(reversed(events)))
