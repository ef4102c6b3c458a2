"""What the Rasa components of one loaded release share and Rasa itself knows nothing of.

Rasa builds components from a model archive alone. The encoder, the article index beside the model and the site's
settings reach them through a context variable that is set while the model is loaded or trained; a component
keeps what it finds there, so two releases can be live in one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from bot.answering import LowConfidence
from bot.languages import Languages
from bot.mood.head import MoodHead
from bot.orders import DemoOrders, OrderService
from bot.searches import Searches
from bot.vectors import Vectors
from bot.voice import Wording, load
from kb_index.knowledge import Knowledge
from kb_index.rules import Rules


@dataclass(frozen=True, slots=True)
class Runtime:
    """`knowledge`, `searches` and `languages` are None only while a model is trained; `mood` only where the release has no head that
    can be used.
    """

    vectors: Vectors
    knowledge: Knowledge | None = None
    mood: MoodHead | None = None
    searches: Searches | None = None
    languages: Languages | None = None
    low_confidence: LowConfidence = "handoff"
    wording: Wording = field(default_factory=lambda: load("formal"))
    orders: OrderService = field(default_factory=DemoOrders)
    rules: Rules = field(default_factory=Rules)


_CURRENT: ContextVar[Runtime] = ContextVar("baton_runtime")


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
