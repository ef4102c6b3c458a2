"""The bot with a fault planted in each of its parts: a message that says "fault in PART" meets it once.

The first such message of a text fails, the same text asked again does not: so a test sees whether a failed turn left
the dialogue where it was.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from typing import Any

import bot.components.decision as decision_component
import bot.components.intents as intents_component
from bot.components.decision import TurnDecision
from bot.mood.head import MoodHead
from bot.nlg import KnowledgeResponses
from bot.orders import DemoOrders
from bot.serve import main
from kb_index.encoder import OnnxEncoder
from kb_index.knowledge import Knowledge

MET: set[tuple[str, str]] = set()


class PlantedFault(Exception):
    """What a test expects to find in the log and never in an answer."""


def met(part: str, text: str) -> bool:
    """Whether `text` asks for a fault in `part` and has not met it yet."""
    if not re.search(rf"fault in (the )?{part}", text) or (part, text) in MET:
        return False
    MET.add((part, text))
    return True


def plant(owner: Any, name: str, part: str, text_of: Callable[..., str]) -> None:
    """Make `owner.name` raise where its arguments carry a text that names `part`."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def faulty(*args: Any, **kwargs: Any) -> Any:
        if met(part, text_of(*args, **kwargs)):
            raise PlantedFault(part)
        return original(*args, **kwargs)

    setattr(owner, name, faulty)


plant(OnnxEncoder, "encode", "encoder", lambda _self, texts: " ".join(texts))
plant(Knowledge, "search", "retriever", lambda _self, text, *_args, **_kwargs: text)
plant(
    intents_component.VectorIntentClassifier,
    "process",
    "classifier",
    lambda _self, messages: messages[0].get("text"),
)
plant(MoodHead, "read", "mood", lambda _self, text, *_args: text)
plant(decision_component, "decide", "decision", lambda evidence, *_: evidence.text)
plant(
    KnowledgeResponses,
    "generate",
    "nlg",
    lambda _self, _action, tracker, *_args, **_kwargs: tracker.latest_message.text,
)
plant(KnowledgeResponses, "_say", "response", lambda _self, _action, tracker: tracker.latest_message.text)
plant(DemoOrders, "find", "orders", lambda _self, number: "fault in orders" if number.endswith("666") else "")

_process = TurnDecision.process
_say = KnowledgeResponses._say


def undecided(self: TurnDecision, messages: Any, tracker: Any) -> Any:
    """A pipeline that comes to no decision and notices nothing."""
    return messages if met("silence", messages[0].get("text")) else _process(self, messages, tracker)


async def speechless(self: KnowledgeResponses, action: str, tracker: Any) -> Any:
    """A response step that finds nothing to say and notices nothing."""
    return None if met("speech", tracker.latest_message.text) else await _say(self, action, tracker)


TurnDecision.process = undecided
KnowledgeResponses._say = speechless

if __name__ == "__main__":
    sys.exit(main())
