"""Intents by logistic regression on the sentence vector."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.linear import LinearHead, fit

HEAD_FILE = "intents.json"


def sentence_vector(message: Message) -> NDArray[np.float32] | None:
    """The vector that `SentenceEncoder` left on the message, shape (dimension,); None without a text."""
    _, sentence = message.get_dense_features(TEXT)
    return None if sentence is None else np.asarray(sentence.features[0], dtype=np.float32)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class VectorIntentClassifier(GraphComponent, IntentClassifier):
    """Ranks all intents. Its head is stored as numbers, not as a pickled estimator."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Settings with their defaults."""
        return {
            # Inverse of the L2 penalty. 10 gave the best log loss in 5-fold cross-validation on the shipped data.
            "strength": 10.0,
        }

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "VectorIntentClassifier":
        """Called by Rasa before training."""
        return cls(config, model_storage, resource, None)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "VectorIntentClassifier":
        """Called by Rasa with a trained model."""
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, LinearHead.load(folder / HEAD_FILE))

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        head: LinearHead | None,
    ) -> None:
        self._strength = float(config["strength"])
        self._model_storage = model_storage
        self._resource = resource
        self._head = head

    def train(self, training_data: TrainingData) -> Resource:
        """Fit the head on every example that has an intent."""
        features, labels = [], []
        for example in training_data.intent_examples:
            vector = sentence_vector(example)
            if vector is not None and example.get(INTENT):
                features.append(vector)
                labels.append(str(example.get(INTENT)))
        self._head = fit(np.stack(features), labels, strength=self._strength)
        with self._model_storage.write_to(self._resource) as folder:
            self._head.save(folder / HEAD_FILE)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Set intent and ranking."""
        assert self._head is not None, "loaded before it is asked"
        for message in messages:
            vector = sentence_vector(message)
            if vector is None:
                continue
            scores = self._head.probabilities(vector.reshape(1, -1))[0]
            ranking = [
                {"name": self._head.labels[i], "confidence": float(scores[i])} for i in np.argsort(-scores)
            ]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking)
        return messages
