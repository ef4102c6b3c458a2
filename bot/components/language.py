"""Which language a message is in, before anything is looked up."""

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot import runtime
from bot.components.keys import LANGUAGE, memory_of, turn_input


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class LanguageReader(GraphComponent):
    """Leaves a `bot.languages.Reading` on each message that has a text."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "LanguageReader":
        """Called by Rasa."""
        return cls()

    def process(self, messages: list[Message], tracker: DialogueStateTracker) -> list[Message]:
        """Read each message, knowing what an earlier one was written in."""
        languages = runtime.content().languages
        earlier = memory_of(tracker).language
        for message in messages:
            if message.get(TEXT):
                reading = languages.read(
                    message.get(TEXT), locale=turn_input(message).locale, earlier=earlier
                )
                message.set(LANGUAGE, reading)
        return messages
