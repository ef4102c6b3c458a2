"""What the Rasa components of one loaded release share and Rasa itself knows nothing of.

Rasa builds components from a model archive alone. The encoder and the site's settings reach them through a context variable
that is set while the model is loaded or trained; a component keeps what it finds there, so two releases can be live in
one process. What changes while a release is live, its content, is set for each turn and asked for by each turn: so a turn
goes by one content from its beginning to its end, whatever takes its place meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from bot.answering import LowConfidence
from bot.content import Content
from bot.frustration import THRESHOLD
from bot.mood.head import MoodHead
from bot.orders import DemoOrders, OrderService
from bot.vectors import Vectors
from bot.voice import Wording, load
from kb_index.rules import Rules


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a release keeps as long as it is loaded. `mood` is None where it has no head that can be used."""

    vectors: Vectors
    mood: MoodHead | None = None
    low_confidence: LowConfidence = "handoff"
    frustration_threshold: float = THRESHOLD
    wording: Wording = field(default_factory=lambda: load("casual"))
    orders: OrderService = field(default_factory=DemoOrders)
    rules: Rules = field(default_factory=Rules)


_CURRENT: ContextVar[Runtime] = ContextVar("baton_runtime")
_CONTENT: ContextVar[Content] = ContextVar("baton_content")


@contextmanager
def using(runtime: Runtime) -> Iterator[None]:
    """Components built inside the block belong to `runtime`."""
    token = _CURRENT.set(runtime)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current() -> Runtime:
    """The runtime of the components being built.

    Raises:
        RuntimeError: the model is not being loaded by Baton, which alone knows the index that belongs to it.
    """
    try:
        return _CURRENT.get()
    except LookupError:
        raise RuntimeError(
            "this model needs its article index: train it with `baton train` and serve it with `baton serve`"
        ) from None


@contextmanager
def answering_from(content: Content) -> Iterator[None]:
    """Turns taken inside the block go by `content`."""
    token = _CONTENT.set(content)
    try:
        yield
    finally:
        _CONTENT.reset(token)


def content() -> Content:
    """What the turn in progress goes by.

    Raises:
        RuntimeError: there is no turn of Baton's in progress: a message reached the model by another way.
    """
    try:
        return _CONTENT.get()
    except LookupError:
        raise RuntimeError("this model answers turns that Baton hands it, see bot/engine.py") from None
