"""What a run left behind: what clients recorded while it went on, and what the database's log holds at its end.

Plain records, made by the recorded clients (clients.py) and by the reading of the database (database.py), and read by
the checker alone. Nothing of the relay's own code is used here, so that it cannot vouch for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Send:
    """A command as its client first sent it. `actor` is `customer` or `agent:<user id>`; `type` the frame's."""

    conversation_id: str
    actor: str
    client_id: str
    type: str


@dataclass(frozen=True, slots=True)
class Ack:
    """An `ack` as it came; one command may have several, when it was sent again."""

    conversation_id: str
    actor: str
    client_id: str
    seq: int
    events: int


@dataclass(frozen=True, slots=True)
class Received:
    """An event as a reader got it."""

    seq: int
    prev: int
    id: str


@dataclass(slots=True)
class Reader:
    """One reader of one conversation through all its sockets; `events` in the order they came.

    `actor` is `customer` or `agent:<user id>`; it is entitled to every event of the conversation that its kind of
    actor may see, because at the end of a run each reader is drained.
    """

    conversation_id: str
    actor: str
    events: list[Received] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Logged:
    """An event in the database. `client_id`, `turn` and `has_decision` are of its data, where it has them."""

    seq: int
    id: str
    kind: str
    actor: str
    client_id: str | None = None
    turn: int | None = None
    has_decision: bool = False


Log = Mapping[str, Sequence[Logged]]
"""The events of each conversation, by `seq`."""


@dataclass(slots=True)
class History:
    """Everything that clients recorded."""

    sends: list[Send] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
