"""The knowledge retriever: which articles could answer the message."""

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
from bot.answering import LIKELY, REJECT, TALK
from bot.asking import read, ways_of
from bot.components.keys import LANGUAGE, RANKING, memory_of, turn_input


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class KnowledgeRetriever(GraphComponent):
    """Leaves the article ranking on the message, for this turn only: it is not copied into the tracker."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Settings with their defaults."""
        return {}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "KnowledgeRetriever":
        """Called by Rasa."""
        return cls()

    def process(self, messages: list[Message], tracker: DialogueStateTracker) -> list[Message]:
        """Search the index with each message's vector, and with those of its other readings where they matter."""
        searches = runtime.content().searches
        for message in messages:
            text = message.get(TEXT)
            if text:
                reading = message.get(LANGUAGE)  # None in a model that was trained before languages were read
                given = turn_input(message).locale
                locale = given if reading is None else reading.locale
                ways = ways_of(text, memory_of(tracker), given)
                if _is_remark(message):
                    ways = replace(ways, joined=None)
                found = searches.ranking(text, locale)
                if ways.matter(found, searches.threshold):
                    parts = [searches.ranking(part, locale) for part in ways.parts]
                    joined = None if ways.joined is None else searches.ranking(ways.joined, locale)
                    found = read(found, parts, joined, searches.threshold)
                message.set(RANKING, found)
        return messages


def _is_remark(message: Message) -> bool:
    """Whether a message says something of the last answer, and asks nothing more of it ("that's not what I asked")."""
    intents = {entry["name"]: entry["confidence"] for entry in message.get(INTENT_RANKING_KEY, [])}
    return any(intents.get(name, 0.0) >= LIKELY for name in (REJECT, *TALK))
