"""Names under which the components leave their results on a message, and the turn's input beside the text."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import METADATA
from rasa.shared.nlu.training_data.message import Message

from bot.dialogue import BATON
from bot.memory import Memory

RANKING: Final = "baton_ranking"
MOOD: Final = "baton_mood"
HISTORY: Final = "baton_mood_history"
REPEATED: Final = "baton_repeated"
LANGUAGE: Final = "baton_language"


@dataclass(frozen=True, slots=True)
class TurnInput:
    """What a turn carries beside its text."""

    turn: int = 0
    locale: str = "en"
    choice: str | None = None
    name: str | None = None
    explain: bool = False
    """Leave on the message what the decision went by, for a reader; too much for a tracker that is kept."""

    def as_metadata(self) -> dict[str, Any]:
        """The message metadata that `turn_input` reads."""
        return asdict(self)


def turn_input(message: Message) -> TurnInput:
    """The turn's input; defaults for a message that did not come from the relay (`rasa test`)."""
    raw = message.get(METADATA) or {}
    return TurnInput(
        turn=raw.get("turn", 0),
        locale=raw.get("locale", "en"),
        choice=raw.get("choice"),
        name=raw.get("name"),
        explain=bool(raw.get("explain")),
    )


def last_baton(tracker: DialogueStateTracker | None) -> Mapping[str, Any]:
    """What the last customer message left in the tracker; empty before the first."""
    if tracker is None or tracker.latest_message is None:
        return {}
    found: Mapping[str, Any] = tracker.latest_message.parse_data.get(BATON) or {}
    return found


def memory_of(tracker: DialogueStateTracker | None) -> Memory:
    """The episode's memory before this message."""
    return Memory.from_dict(last_baton(tracker).get("memory"))
