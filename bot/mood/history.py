"""What a message means after the ones before it. Pure.

`History` is twelve numbers, whatever the conversation's length: it travels in the bot's memory of an episode, and no
earlier text is needed to read the next message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from bot.mood.text import TONE

KEPT: Final = 0.6
"""Share of the weight of earlier messages that is left after one more."""

CALM: Final = 0.3
"""Below this, a message after an angry one counts as calm."""

ANGRY: Final = 0.5

CONTEXT: Final = (
    "last",
    "most",
    "level",
    "courtesy_lost",
    "unheard_before",
    "longer",
    "louder",
    "capitals_rise",
    "calm_since",
    "both",
    "thanks_after",
    "joy_after",
    "cooperation_after",
    "facts_after",
)
"""Names of the numbers of `context`, in order. Those that end in `after` count once somebody has been upset."""

_AT: Final = {name: position for position, name in enumerate(TONE)}


@dataclass(frozen=True, slots=True)
class Shown:
    """What later messages are compared with. `anger` is the probability by the message alone, the rest 0..1."""

    anger: float
    courtesy: float
    unheard: float
    thanks: float
    joy: float
    cooperation: float
    length: float
    exclamations: float
    capitals: float
    digits: float

    @classmethod
    def of(cls, anger: float, names: Sequence[str], groups: Sequence[float], tone: Sequence[float]) -> Shown:
        """From the message's groups of words, named by `names`, and its tone."""
        group = dict(zip(names, groups, strict=True)).get
        thanks = group("thanks", 0.0)
        return cls(
            anger=anger,
            courtesy=group("courtesy", 0.0) + thanks,
            unheard=max(group("unheard", 0.0), group("repetition", 0.0)),
            thanks=thanks,
            joy=group("joy", 0.0),
            cooperation=group("cooperation", 0.0),
            length=tone[_AT["length"]],
            exclamations=tone[_AT["exclamations"]],
            capitals=tone[_AT["capitals"]],
            digits=tone[_AT["digits"]],
        )


@dataclass(frozen=True, slots=True)
class History:
    """Sums over an episode's earlier messages; all 0 before the first."""

    messages: int = 0
    last: float = 0.0
    most: float = 0.0
    level: float = 0.0
    courtesy: float = 0.0
    unheard: float = 0.0
    length: float = 0.0
    exclamations: float = 0.0
    capitals: float = 0.0
    calm_since: int = 0

    def after(self, shown: Shown) -> History:
        """The history with one more message."""
        return History(
            messages=self.messages + 1,
            last=round(shown.anger, 4),
            most=round(max(self.most, shown.anger), 4),
            level=round(KEPT * self.level + shown.anger, 4),
            courtesy=self.courtesy + shown.courtesy,
            unheard=self.unheard + shown.unheard,
            length=round(self.length + shown.length, 4),
            exclamations=round(self.exclamations + shown.exclamations, 4),
            capitals=round(max(self.capitals, shown.capitals), 4),
            calm_since=self.calm_since + 1 if shown.anger < CALM else 0,
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def context(history: History, shown: Shown) -> tuple[float, ...]:
    """How the message stands to those before it, in the order of `CONTEXT`; all 0 for a first message."""
    if not history.messages:
        return (0.0,) * len(CONTEXT)
    most = history.most
    return (
        history.last,
        most,
        history.level,
        max(0.0, history.courtesy / history.messages - shown.courtesy),
        history.unheard / 3,
        shown.length - history.length / history.messages,
        shown.exclamations - history.exclamations / history.messages,
        shown.capitals - history.capitals,
        min(history.calm_since, 4) / 4 if most > ANGRY else 0.0,
        shown.anger * most,
        shown.thanks * most,
        shown.joy * most,
        shown.cooperation * most,
        shown.digits * most,
    )
