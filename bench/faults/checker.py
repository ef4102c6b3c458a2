"""The verdict over a run: what was lost, doubled or out of order. Pure; reads a `History` and the database's log.

What counts as what follows section 6 of the protocol:

- **lost**: a command that got an `ack` for events which the log does not hold, and an event of the log that a reader
  entitled to it was not sent although the reader was drained.
- **duplicated**: in the log, words or an event id that stand there twice, a turn of the bot with two outcomes, or more
  events of a kind than the actor sent commands for; at a reader, a `seq` or an id that came twice.
- **out_of_order**: an event that a reader got after one with a higher `seq`, the first time that it came.

Beyond these three, the checker holds the run to what makes them provable: the log has no holes, `prev` of each event
names the one that this reader got before it, a repeated command got the `ack` it got before, and no reader was told
of an event that the log does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bench.faults.history import Ack, History, Log, Logged, Reader

HIDDEN_FROM_CUSTOMERS: Final = frozenset(
    {"agent.noted", "bot.reply_discarded", "contact.followed_up", "handoff.alerted"}
)
"""Kinds that a customer is never sent (protocol, section 3): stated here anew, not taken from the relay's code."""

MADE_BY: Final[Mapping[str, str]] = {
    "claim": "agent.joined",
    "note": "agent.noted",
    "return_to_bot": "conversation.returned_to_bot",
    "close": "conversation.closed",
}
"""Commands whose event does not carry a `client_id`, and the kind of event that each makes at most once and nothing
else makes for that actor. `request_human` is not among them: words that reopen a conversation ask for a person too."""

EXAMPLES: Final = 20


@dataclass(slots=True)
class Verdict:
    """Counts, all of which are 0 after a run without a fault of the relay, and the first of each in words."""

    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    holes: int = 0
    prev_mismatches: int = 0
    ack_mismatches: int = 0
    phantoms: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing at all was found."""
        return not any(self.figures().values())

    def figures(self) -> dict[str, int]:
        """The counts by name, those of the protocol first."""
        return {
            "lost": self.lost,
            "duplicated": self.duplicated,
            "out_of_order": self.out_of_order,
            "holes": self.holes,
            "prev_mismatches": self.prev_mismatches,
            "ack_mismatches": self.ack_mismatches,
            "phantoms": self.phantoms,
        }

    def note(self, example: str) -> None:
        """Keep an example, unless there are enough."""
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


def check(history: History, log: Log) -> Verdict:
    """What is wrong between what clients recorded and the log."""
    verdict = Verdict()
    for conversation_id, events in log.items():
        _check_log(conversation_id, events, verdict)
    _check_effects(history, log, verdict)
    _check_acks(history, log, verdict)
    for reader in history.readers:
        _check_reader(reader, log.get(reader.conversation_id, ()), verdict)
    return verdict


# --- the log by itself ------------------------------------------------------------------------------------


def _check_log(conversation_id: str, events: Iterable[Logged], verdict: Verdict) -> None:
    expected = 1
    ids: set[str] = set()
    said: set[tuple[str, str]] = set()
    outcomes: Counter[int] = Counter()
    for event in events:
        where = f"{conversation_id}:{event.seq}"
        if event.seq > expected:
            verdict.holes += event.seq - expected
            verdict.note(f"hole in the log before {where}")
        expected = event.seq + 1
        twice = event.id in ids
        ids.add(event.id)
        if event.client_id is not None:
            twice |= (event.actor, event.client_id) in said
            said.add((event.actor, event.client_id))
        if event.turn is not None and event.has_decision:
            # Several replies may belong to one outcome; the first of them carries the decision.
            outcomes[event.turn] += 1
            twice |= outcomes[event.turn] > 1
        if twice:
            verdict.duplicated += 1
            verdict.note(f"twice in the log: {event.kind} of {event.actor} at {where}")


def _check_effects(history: History, log: Log, verdict: Verdict) -> None:
    """No more events of a kind than commands that could have made them."""
    asked: Counter[tuple[str, str, str]] = Counter()
    for conversation_id, actor, _client_id, type_ in {
        (s.conversation_id, s.actor, s.client_id, s.type) for s in history.sends
    }:
        if type_ in MADE_BY:
            asked[conversation_id, actor, MADE_BY[type_]] += 1
    kinds = frozenset(MADE_BY.values())
    actors = {(reader.conversation_id, reader.actor) for reader in history.readers}
    made: Counter[tuple[str, str, str]] = Counter()
    for conversation_id, events in log.items():
        for event in events:
            if event.kind in kinds and (conversation_id, event.actor) in actors:
                made[conversation_id, event.actor, event.kind] += 1
    for key, count in made.items():
        if count > asked[key]:
            verdict.duplicated += count - asked[key]
            verdict.note(f"{count} {key[2]} by {key[1]} in {key[0]}, asked for {asked[key]} times")


# --- what was promised ------------------------------------------------------------------------------------


def _check_acks(history: History, log: Log, verdict: Verdict) -> None:
    said = {(s.conversation_id, s.actor, s.client_id) for s in history.sends if s.type == "say"}
    seqs = {conversation_id: {event.seq for event in events} for conversation_id, events in log.items()}
    words = {
        (conversation_id, event.actor, event.client_id)
        for conversation_id, events in log.items()
        for event in events
        if event.client_id is not None
    }
    first: dict[tuple[str, str, str], Ack] = {}
    for ack in history.acks:
        key = (ack.conversation_id, ack.actor, ack.client_id)
        before = first.setdefault(key, ack)
        if before is not ack:
            if (before.seq, before.events) != (ack.seq, ack.events):
                verdict.ack_mismatches += 1
                verdict.note(f"{ack.client_id} was acked as {before.seq} and then as {ack.seq}")
            continue
        if ack.events == 0:
            continue
        is_held = ack.seq in seqs.get(ack.conversation_id, ()) and (key not in said or key in words)
        if not is_held:
            verdict.lost += 1
            where = f"{ack.conversation_id}:{ack.seq}"
            verdict.note(f"acked and not in the log: {ack.client_id} of {ack.actor} at {where}")


# --- a reader -----------------------------------------------------------------------------------------------


def _check_reader(reader: Reader, events: Iterable[Logged], verdict: Verdict) -> None:
    who = f"{reader.actor} in {reader.conversation_id}"
    entitled = {
        event.seq: event.id
        for event in events
        if reader.actor != "customer" or event.kind not in HIDDEN_FROM_CUSTOMERS
    }
    seqs: set[int] = set()
    ids: set[str] = set()
    highest = 0
    for event in reader.events:
        if event.seq in seqs or event.id in ids:
            verdict.duplicated += 1
            verdict.note(f"{who} got {event.seq} twice")
            continue
        seqs.add(event.seq)
        ids.add(event.id)
        if entitled.get(event.seq) != event.id:
            verdict.phantoms += 1
            verdict.note(f"{who} got {event.seq} ({event.id}), which the log does not hold for it")
        if event.seq < highest:
            verdict.out_of_order += 1
            verdict.note(f"{who} got {event.seq} after {highest}")
        elif event.prev != highest:
            verdict.prev_mismatches += 1
            verdict.note(f"{who} got {event.seq} with prev {event.prev} while it held {highest}")
        highest = max(highest, event.seq)
    missing = sorted(entitled.keys() - seqs)
    if missing:
        verdict.lost += len(missing)
        verdict.note(f"{who} was not sent {len(missing)} events, the first of them {missing[0]}")
