"""Rasa's response step: article answers from the loaded index, everything else in the site's voice.

Named in `bot/endpoints.yml`. It subclasses Rasa's template generator because only such a generator is told the
domain's responses when a model is loaded.
"""

from contextvars import ContextVar
from typing import Any

from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot import runtime
from bot.components.decision import ORDER_NUMBER
from bot.components.keys import last_baton
from bot.orders import Order
from bot.voice import Phrases
from kb_index.rasa_rules import ARTICLE, HAND_OVER, SAY

SLOW_SIGNALS = {
    "repeated_question": "repeated",
    "rejected_answer": "failed",
    "failed_turn": "failed",
}
"""Frustration signals that name a problem of their own."""

CLOSE_ARTICLE = 0.25
"""Least confidence at which an escalation says what the question was about."""


FAILURES: ContextVar[list[Exception] | None] = ContextVar("baton_response_failures", default=None)
"""What the response step raised in this turn; None where nobody asks."""


class KnowledgeResponses(TemplatedNaturalLanguageGenerator):
    """Says `utter_...` for a turn. Every reply of a kind exists in every voice, see `bot/texts`."""

    def __init__(self, endpoint_config: EndpointConfig, domain: Domain) -> None:
        super().__init__(domain.responses)
        here = runtime.current()
        self._wording = here.wording
        self._orders = here.orders
        self._rules = here.rules

    async def generate(
        self, utter_action: str, tracker: DialogueStateTracker, output_channel: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """The reply for an action: `{text, buttons?, article_id?}`. A button is `{title, payload}` with an opaque id.

        What is raised goes to `FAILURES` too: Rasa logs it and goes on without a reply.
        """
        try:
            return await self._say(utter_action, tracker)
        except Exception as error:
            failures = FAILURES.get()
            if failures is not None:
                failures.append(error)
            raise

    async def _say(self, utter_action: str, tracker: DialogueStateTracker) -> dict[str, Any]:
        verdict = last_baton(tracker)
        phrases = self._wording.for_locale(verdict.get("locale", "en"))
        if utter_action == "utter_answer":
            return self._answer(verdict, phrases)
        if utter_action == "utter_clarify":
            return self._clarify(verdict, phrases)
        if utter_action == "utter_order_status":
            return {"text": await self._order_status(tracker, phrases)}
        if utter_action == "utter_greet" and verdict.get("name"):
            return {"text": phrases.say("utter_greet_name", name=verdict["name"])}
        if utter_action.startswith(ARTICLE):
            return self._answer(verdict, phrases)
        if utter_action.startswith(SAY):
            return {"text": self._own_words(utter_action.removeprefix(SAY), verdict, phrases)}
        if utter_action.startswith(HAND_OVER):
            return {"text": phrases.say("utter_escalate_rule")}
        if utter_action == "utter_escalate_language":
            return {"text": self._wording.uncovered(verdict["language"], verdict["locale"])}
        if utter_action.startswith("utter_escalate_"):
            # What an own intent is about no article's title says.
            titled = self._rules.intent(verdict["decision"]["intent"]) is None
            problem = _problem(utter_action, verdict, phrases, titled=titled)
            return {"text": phrases.say(utter_action, problem=problem)}
        return {"text": phrases.say(utter_action)}

    def _answer(self, verdict: Any, phrases: Phrases) -> dict[str, Any]:
        article_id = verdict["article_id"]
        try:
            article = runtime.content().knowledge.article(article_id)
        except KeyError:
            # An option offered earlier, whose article has been withdrawn since.
            return {"text": phrases.say("utter_answer_missing")}
        text = article.answer
        if verdict["decision"]["reason"] == "repeated":
            text = f"{phrases.say('utter_answer_repeated')}\n\n{text}"
        return {"text": text, "article_id": article_id}

    def _own_words(self, name: str, verdict: Any, phrases: Phrases) -> str:
        intent = self._rules.intent(name)
        assert intent is not None, "a rule is trained with the text that it says"
        text = intent.does.text_for(verdict["locale"])
        if verdict["decision"]["reason"] == "repeated":
            text = f"{phrases.say('utter_answer_repeated')}\n\n{text}"
        return text

    def _clarify(self, verdict: Any, phrases: Phrases) -> dict[str, Any]:
        knowledge = runtime.content().knowledge
        buttons = [
            {
                "title": knowledge.article(article).title if article else phrases.labels["none_of_these"],
                "payload": option,
            }
            for option, article in verdict["options"]
        ]
        return {"text": phrases.say("utter_clarify"), "buttons": buttons}

    async def _order_status(self, tracker: DialogueStateTracker, phrases: Phrases) -> str:
        number = str(tracker.get_slot(ORDER_NUMBER))
        order = await self._orders.find(number)
        if order is None:
            return phrases.say("utter_order_unknown", number=number)
        return phrases.say(f"utter_order_{order.state}", **_shown(order))


def _shown(order: Order) -> dict[str, str]:
    return {
        "number": order.number,
        "items": order.items,
        "expected": order.expected or "-",
        "carrier": order.carrier or "-",
    }


def _problem(action: str, verdict: Any, phrases: Phrases, *, titled: bool) -> str:
    decision = verdict["decision"]
    near = titled and decision["passages"] and decision["confidence"] >= CLOSE_ARTICLE
    title = decision["passages"][0]["title"] if near else None
    if action == "utter_escalate_repeated_failure":
        return phrases.problem("order" if verdict["closes_form"] else "topic", title)
    if verdict["closes_form"]:
        return phrases.problem("order", None)
    told = [SLOW_SIGNALS[s["name"]] for s in decision["signals"] if s["name"] in SLOW_SIGNALS]
    return phrases.problem(told[0] if told else "about", title)
