"""The frustration signal of a message and the conversation's level after it."""

from dataclasses import replace
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot import runtime
from bot.answering import ASK_HUMAN, LIKELY, REJECT
from bot.components.intents import sentence_vector
from bot.components.keys import HISTORY, LANGUAGE, MOOD, REPEATED, memory_of, turn_input
from bot.frustration import TurnSignals, assess, similarity

UNREAD = 0.5
"""The anger of a message where there is no head: words then say nothing."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class FrustrationSignal(GraphComponent):
    """Gathers the signals of one turn and adds them to the level that the tracker remembers."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "FrustrationSignal":
        """Called by Rasa."""
        return cls()

    def __init__(self) -> None:
        here = runtime.current()
        self._vectors = here.vectors
        self._head = here.mood
        self._threshold = here.frustration_threshold

    def process(self, messages: list[Message], tracker: DialogueStateTracker) -> list[Message]:
        """Leave mood and repetition on the message."""
        memory = memory_of(tracker)
        for message in messages:
            vector = sentence_vector(message)
            if vector is None:
                continue
            intents = {entry["name"]: entry["confidence"] for entry in message.get(INTENT_RANKING_KEY, [])}
            repeated = similarity(vector, self._vectors.general(memory.questions))
            signals = TurnSignals(
                anger=UNREAD,
                repeated=repeated,
                rejected=memory.last_kind == "answer" and intents.get(REJECT, 0.0) >= LIKELY,
                failed=memory.last_kind == "unsure" or memory.form_failures > 0,
                asked_person=intents.get(ASK_HUMAN, 0.0) >= LIKELY,
            )
            history = memory.mood
            if self._head is not None:
                # The page's language says which words to look for only where the customer's own is not certain.
                found = message.get(LANGUAGE)
                locale = (found and found.language) or memory.language or turn_input(message).locale
                reading = self._head.read(message.get(TEXT), vector, history, locale)
                history = reading.history
                signals = replace(
                    signals, anger=reading.anger, threshold=self._head.threshold, parts=reading.parts
                )
            message.set(MOOD, assess(memory.level, memory.tripped, signals, self._threshold))
            message.set(HISTORY, history)
            message.set(REPEATED, repeated)
        return messages
