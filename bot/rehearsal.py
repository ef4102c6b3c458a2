"""A processor for `rasa test` whose messages know their conversation, see bot/golden.py."""

from __future__ import annotations

from typing import Any

from rasa.core.actions.action import Action
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.shared.core.trackers import DialogueStateTracker

from bot.dialogue import BATON
from bot.engine import Engine


class RehearsalProcessor(MessageProcessor):
    """Parses a message within the one conversation under test and keeps the decision for its predictions."""

    def __init__(self, live: MessageProcessor) -> None:
        """Shares everything that is loaded with `live`; the base class would load the model again."""
        self.__dict__.update(live.__dict__)
        self._tracker: DialogueStateTracker | None = None
        self._baton: Any = None

    async def parse_message(
        self,
        message: UserMessage,
        tracker: DialogueStateTracker | None = None,
        only_output_properties: bool = True,
    ) -> dict[str, Any]:
        """Called by `rasa test` without a tracker."""
        parsed: dict[str, Any] = await super().parse_message(message, self._tracker, only_output_properties)
        self._baton = parsed.get(BATON)
        return parsed

    def predict_next_with_tracker_if_should(
        self, tracker: DialogueStateTracker
    ) -> tuple[Action, PolicyPrediction]:
        """Called by `rasa test` for each action it expects."""
        self._tracker = tracker
        if tracker.latest_message is not None and self._baton is not None:
            tracker.latest_message.parse_data[BATON] = self._baton
        action, prediction = super().predict_next_with_tracker_if_should(tracker)
        return action, prediction


def rehearsing(engine: Engine) -> Agent:
    """An agent for one test conversation with the engine's model."""
    live = engine.agent
    agent = Agent(domain=live.domain, generator=live.nlg, tracker_store=live.tracker_store)
    agent.processor = RehearsalProcessor(live.processor)
    return agent
