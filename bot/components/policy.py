"""The policy that carries out what was decided, and Rasa's own two for the turns it leaves to them."""

from typing import Any

from rasa.core.policies.memoization import MemoizationPolicy
from rasa.core.policies.policy import Policy, PolicyPrediction, SupportedData
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.constants import REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from rasa.shared.core.generator import TrackerWithCachedStates
from rasa.shared.core.trackers import DialogueStateTracker

from bot.components.decision import ORDER_NUMBER
from bot.components.keys import last_baton


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True)
class DecisionPolicy(Policy):
    """Predicts the actions that the turn's verdict names, in order, ending with `action_listen`.

    A verdict without actions (small talk, the form's own way) is left to the rules. Its predictions carry
    `is_no_user_prediction`: RulePolicy's do so while a form is open, and that flag overrules confidence and
    priority, so without it an open form would swallow an escalation.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Settings with their defaults."""
        return {
            # Above RulePolicy (4), which wins at equal confidence otherwise.
            "priority": 10,
        }

    @staticmethod
    def supported_data() -> SupportedData:
        """It learns nothing from stories or rules."""
        return SupportedData.ML_AND_RULE_DATA

    def train(
        self, training_trackers: list[TrackerWithCachedStates], domain: Domain, **kwargs: Any
    ) -> Resource:
        """Nothing to learn."""
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "DecisionPolicy":
        """Called by Rasa; nothing was stored."""
        return cls(config, model_storage, resource, execution_context)

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> PolicyPrediction:
        """The verdict's next action, or no opinion."""
        verdict = last_baton(tracker)
        actions = verdict.get("actions") or []
        done = _actions_since_message(tracker)
        events = _consequences(verdict) if done == 0 else []
        if done >= len(actions):
            return self._prediction(self._default_predictions(domain), events=events)
        probabilities = self._default_predictions(domain)
        probabilities[domain.index_for_action(actions[done])] = 1.0
        return self._prediction(probabilities, events=events, is_no_user_prediction=True)


class _Undecided(Policy):
    """Beside one of Rasa's policies: asks it only where the verdict leaves the turn to it; otherwise no opinion."""

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> PolicyPrediction:
        """See `Policy`."""
        if _is_decided(tracker):
            return self._prediction(self._default_predictions(domain))
        return super().predict_action_probabilities(tracker, domain, rule_only_data, **kwargs)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True)
class TalkRules(_Undecided, RulePolicy):
    """Rasa's rules where the verdict leaves the turn to them."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True)
class TalkStories(_Undecided, MemoizationPolicy):
    """Rasa's remembered stories where the verdict leaves the turn to them."""


def _is_decided(tracker: DialogueStateTracker) -> bool:
    """Whether the turn's verdict names another action."""
    return _actions_since_message(tracker) < len(last_baton(tracker).get("actions") or [])


def _actions_since_message(tracker: DialogueStateTracker) -> int:
    count = 0
    for event in reversed(tracker.events):
        if isinstance(event, UserUttered):
            break
        if isinstance(event, ActionExecuted):
            count += 1
    return count


def _consequences(verdict: Any) -> list[Event]:
    """What the verdict changes in the dialogue; applied whichever policy predicts the first action."""
    events: list[Event] = []
    if verdict.get("closes_form"):
        events += [ActiveLoop(None), SlotSet(REQUESTED_SLOT, None)]
    if verdict.get("clears_number"):
        events.append(SlotSet(ORDER_NUMBER, None))
    return events
