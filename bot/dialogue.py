"""The state of one episode between two turns, as JSON values. Pure: the store and the door know nothing of Rasa."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bot.contract import MAX_DIALOGUE, ContractError
from bot.memory import Memory

BATON: Final = "baton"
"""Under this name a message carries its decision, the memory and the turn's input, as small JSON."""

UNPACKED_AT_MOST: Final = 1_000_000
"""Bytes; a dialogue of three turns of 4,000 characters has some 40,000."""

REQUESTED_SLOT: Final = "requested_slot"
"""Rasa's slot for what an open form has asked."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Set slots, the open form, and the last turns' events in Rasa's form."""

    slots: Mapping[str, Any] = field(default_factory=dict)
    loop: str | None = None
    events: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"slots": dict(self.slots), "loop": self.loop, "events": list(self.events)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any] | None) -> Dialogue:
        """What `as_dict` gave; an empty dialogue for None."""
        if not raw:
            return cls()
        return cls(raw["slots"], raw["loop"], tuple(raw["events"]))

    def packed(self, episode: int) -> str | None:
        """For the relay to keep and give back with the next turn, to this bot or to another.

        None where it is too long to be carried: then this bot alone can go on from it.
        """
        text = json.dumps([episode, self.as_dict()], ensure_ascii=False, separators=(",", ":"))
        # Level 1: a third of the size for a tenth of a millisecond.
        packed = base64.b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 1)).decode("ascii")
        return packed if len(packed) <= MAX_DIALOGUE else None

    def handed_back(self) -> Dialogue:
        """After a person had the conversation: an open form is over and the memory is eased.

        The form is closed and not resumed: what it was about has usually been settled by the person, and asking
        for the number again would ignore that. A customer who still wants it starts it with a word.
        """
        ended: list[Mapping[str, Any]] = [{"event": "active_loop", "timestamp": None, "name": None}]
        ended += [
            {"event": "slot", "timestamp": None, "name": name, "value": None}
            for name in dict.fromkeys((REQUESTED_SLOT, *self.slots))
        ]
        return replace(self, slots={}, loop=None, events=(*map(_eased, self.events), *ended))


def remembered(dialogue: Dialogue) -> Memory:
    """What the last message left in memory; an empty one before the first."""
    for event in reversed(dialogue.events):
        left = (event.get("parse_data") or {}).get(BATON)
        if left is not None:
            return Memory.from_dict(left["memory"])
    return Memory()


def unpacked(packed: str) -> tuple[int, Dialogue]:
    """The episode and the dialogue that `Dialogue.packed` was given.

    Raises:
        ContractError: it is not such a text, or that of a bot with another form of it.
    """
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode(packed, validate=True), UNPACKED_AT_MOST)
        episode, state = json.loads(raw.decode("utf-8", "surrogatepass"))
        return int(episode), Dialogue.from_dict(state)
    except (binascii.Error, zlib.error, KeyError, TypeError, ValueError) as error:
        raise ContractError("dialogue is not one that a bot has packed") from error


def _eased(event: Mapping[str, Any]) -> Mapping[str, Any]:
    parsed = event.get("parse_data") or {}
    if BATON not in parsed:
        return event
    memory = Memory.from_dict(parsed[BATON]["memory"]).handed_back().as_dict()
    return {**event, "parse_data": {**parsed, BATON: {**parsed[BATON], "memory": memory}}}
