"""Rows of the log's tables, to and from what the relay works with.

Rows to be written are tuples in the order of `COLUMNS`: thousands are made a second, and drivers take tuples as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import sqlalchemy as sa

from handoff.domain.asked import Thumb, TurnRecord
from handoff.domain.conversation import Conversation, from_snapshot
from handoff.domain.events import Actor, AgentSaid, CustomerSaid, Event, from_data, to_data
from handoff.ports import Append, Customer

Row = tuple[Any, ...]

SNAPSHOT_EVERY: Final = 32
"""Words between customer and agent after which a snapshot is written all the same: as many events are folded by who
reads a head, and a snapshot costs as much as four messages."""

COLUMNS: Final = {
    "commands": ("conversation_id", "actor", "client_id", "digest", "seq", "events"),
    "events": ("conversation_id", "seq", "id", "at", "kind", "actor_type", "actor_id", "customer_prev"),
    "event_bodies": ("id", "actor_name", "data"),
    "snapshots": ("conversation_id", "seq", "data"),
    "heads": (
        "id",
        "seq",
        "state",
        "holder_id",
        "queue_rank",
        "waiting_since",
        "due_at",
        "updated_at",
        "follow_up_since",
    ),
    "moved": ("id", "seq", "updated_at"),
    "finished": ("conversation_id", "seq", "kind", "done_at"),
    "reactions": (
        "conversation_id",
        "seq",
        "kind",
        "created_at",
        "due_at",
        "leased_by",
        "leased_until",
        "attempts",
        "done_at",
    ),
    "pickups": ("conversation_id", "seq", "at", "waiting_since"),
    "bot_dialogues": ("conversation_id", "turn", "dialogue"),
    "asked": ("conversation_id", "at", *TurnRecord._fields),
    "reply_feedback": ("conversation_id", "at", *Thumb._fields),
}
"""What is written with appends, and in which order. `heads` and `moved` are rows of `conversations`, `finished` of
`reactions`. No row of a table is written twice."""


@dataclass(slots=True)
class Rows:
    """What appends write, table by table."""

    events: list[Row] = field(default_factory=list)
    event_bodies: list[Row] = field(default_factory=list)
    commands: list[Row] = field(default_factory=list)
    snapshots: list[Row] = field(default_factory=list)
    heads: list[Row] = field(default_factory=list)
    moved: list[Row] = field(default_factory=list)
    """Heads of which nothing but the newest `seq` is new."""
    finished: list[Row] = field(default_factory=list)
    reactions: list[Row] = field(default_factory=list)
    pickups: list[Row] = field(default_factory=list)
    bot_dialogues: list[Row] = field(default_factory=list)
    asked: list[Row] = field(default_factory=list)
    reply_feedback: list[Row] = field(default_factory=list)


def rows_of(appends: Sequence[Append], worker: str, lease_ms: int) -> Rows:
    """The rows of these appends, of which several may be of one conversation.

    Turns that are asked about at once are leased to `worker` for `lease_ms`.
    """
    rows = Rows()
    newest: dict[str, Append] = {}
    first: dict[str, int] = {}
    changed: set[str] = set()
    for append in appends:
        conversation_id = append.conversation_id
        newest[conversation_id] = append
        for event in append.events:
            first.setdefault(conversation_id, event.seq)
            _add_event(rows, event)
        if not _only_words(append):
            changed.add(conversation_id)
        if append.result is not None:
            key, result = append.result
            rows.commands.append(
                (conversation_id, key.actor, key.client_id, result.digest, result.seq, result.events)
            )
    for conversation_id, append in newest.items():
        seq = append.after.seq
        if conversation_id in changed:
            rows.heads.append(head_row(append))
        else:
            rows.moved.append((conversation_id, seq, append.at))
        if (
            conversation_id in changed
            or (first[conversation_id] - 1) // SNAPSHOT_EVERY < seq // SNAPSHOT_EVERY
        ):
            rows.snapshots.append(snapshot_row(append.after))
    _add_reactions(rows, appends, worker, lease_ms)
    rows.pickups += [
        (append.conversation_id, append.after.seq, append.pickup.at, append.pickup.waiting_since)
        for append in appends
        if append.pickup is not None
    ]
    carried = {append.conversation_id: append.carries for append in appends if append.carries is not None}
    rows.bot_dialogues += [
        (conversation_id, kept.turn, kept.dialogue) for conversation_id, kept in carried.items()
    ]
    _add_turns(rows, appends)
    return rows


def _add_turns(rows: Rows, appends: Sequence[Append]) -> None:
    # The newest of a key counts: a turn that failed may have been asked again, a thumb been turned.
    asked: dict[tuple[str, int], Row] = {}
    thumbs: dict[tuple[str, int], Row] = {}
    for append in appends:
        if append.asked is not None:
            key = (append.conversation_id, append.asked.turn)
            asked[key] = (append.conversation_id, append.at, *append.asked)
        if append.thumb is not None:
            key = (append.conversation_id, append.thumb.seq)
            thumbs[key] = (append.conversation_id, append.at, *append.thumb)
    rows.asked += asked.values()
    rows.reply_feedback += thumbs.values()


def _add_reactions(rows: Rows, appends: Sequence[Append], worker: str, lease_ms: int) -> None:
    opened: dict[tuple[str, int, str], Row] = {}
    finished: dict[tuple[str, int, str], Row] = {}
    for append in appends:
        conversation_id = append.conversation_id
        if append.finishes is not None:
            done = (append.finishes.conversation_id, append.finishes.seq, append.finishes.kind)
            finished[done] = (*done, append.at)
        for turn in append.turns:
            # Whoever appends the first open turn answers it: taking the lease here saves a commit.
            held = (worker, append.at + lease_ms) if turn == append.leased_turn else (None, 0)
            key = (conversation_id, turn, "bot_turn")
            opened[key] = (*key, append.at, append.at, *held, 0, None)
        for timer in append.timers:
            key = (conversation_id, append.after.seq, timer.kind)
            opened[key] = (*key, append.at, timer.due_at, None, 0, 0, None)
    rows.reactions += opened.values()
    # What is opened anew is open, whatever it was before.
    rows.finished += (row for key, row in finished.items() if key not in opened)


def _add_event(rows: Rows, event: Event) -> None:
    conversation_id, seq, actor, payload = event.conversation_id, event.seq, event.actor, event.payload
    rows.events.append(
        (conversation_id, seq, event.id, event.at, payload.KIND, actor.type, actor.id, event.customer_prev)
    )
    rows.event_bodies.append((event.id, actor.name, orjson.dumps(to_data(payload)).decode()))


def _only_words(append: Append) -> bool:
    """Whether nothing that is listed or looked for has changed: customer and agent talk.

    An append without events may correct a deadline, so it does not count as such.
    """
    return (
        append.after.state == "agent"
        and bool(append.events)
        and all(type(event.payload) in (CustomerSaid, AgentSaid) for event in append.events)
    )


def head_row(append: Append) -> Row:
    """What an append makes of the conversation's row."""
    state = append.after
    return (
        state.id,
        state.seq,
        state.state,
        state.holder_id,
        state.queue_rank,
        state.waiting_since,
        append.due_at,
        append.at,
        state.follow_up.at if state.follow_up is not None else None,
    )


def snapshot_row(state: Conversation) -> Row:
    """A row of `snapshots`."""
    return (state.id, state.seq, orjson.dumps(state).decode())


def state_of(snapshot: str) -> Conversation:
    """The state behind a stored snapshot."""
    return from_snapshot(orjson.loads(snapshot))


def customer_of(stored: str) -> Customer:
    """A conversation's customer from the column of that name."""
    return Customer(**orjson.loads(stored))


def event_of(row: sa.Row[Any]) -> Event:
    """An event from its row and the body's."""
    return Event(
        conversation_id=row.conversation_id,
        seq=row.seq,
        id=row.id,
        at=row.at,
        actor=Actor(row.actor_type, row.actor_id, row.actor_name),
        payload=from_data(row.kind, orjson.loads(row.data)),
        customer_prev=row.customer_prev,
    )
