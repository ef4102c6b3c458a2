"""The decision on a message, taken once, with everything the other components found."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot import runtime
from bot.answering import COMPETING, FORM, PLAUSIBLE, Evidence, Form, Verdict, decide
from bot.asking import ways_of
from bot.components.keys import HISTORY, LANGUAGE, MOOD, RANKING, REPEATED, memory_of, turn_input
from bot.contract import Decision, Passage, Signal, decision_to_json
from bot.dialogue import BATON
from bot.frustration import Mood
from bot.incidents import key_of
from bot.languages import Reading
from kb_index.knowledge import Knowledge, Ranking
from kb_index.rules import Does

ORDER_NUMBER = "order_number"
PASSAGES = 5
SIGNALS = 6


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class TurnDecision(GraphComponent):
    """Calls `answering.decide` and leaves its verdict in the message's output under "baton".

    The message's intent becomes the one the verdict goes by, so that rules, forms and test conversations follow
    what was decided.
    """

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "TurnDecision":
        """Called by Rasa."""
        return cls()

    def __init__(self) -> None:
        here = runtime.current()
        self._vectors = here.vectors
        self._low_confidence = here.low_confidence
        self._rules = {intent.name: intent.does for intent in here.rules.intents}
        self._frustration_threshold = here.frustration_threshold

    def process(self, messages: list[Message], tracker: DialogueStateTracker) -> list[Message]:
        """Decide on each message that has a text."""
        for message in messages:
            if message.get(MOOD) is not None:
                self._decide(message, tracker)
        return messages

    def _decide(self, message: Message, tracker: DialogueStateTracker) -> None:
        content = runtime.content()
        ranking, mood, given = message.get(RANKING), message.get(MOOD), turn_input(message)
        intents = {entry["name"]: entry["confidence"] for entry in message.get(INTENT_RANKING_KEY)}
        passages = tuple(
            Passage(c.article_id, c.title, round(float(c.score), 4)) for c in ranking.candidates[:PASSAGES]
        )
        reading = message.get(LANGUAGE) or Reading(None, True, given.locale)
        evidence = Evidence(
            turn=given.turn,
            text=message.get(TEXT),
            confidence=float(ranking.confidence),
            threshold=float(content.knowledge.threshold),
            passages=passages,
            intents=intents,
            mood=mood,
            history=message.get(HISTORY),
            form=_form(message, tracker),
            repeated=message.get(REPEATED),
            choice=given.choice,
            language=reading.language,
            covered=reading.covered,
            rules=_usable(self._rules, intents, content.knowledge),
            tied=_tied(content.knowledge, passages),
        )
        memory = memory_of(tracker)
        verdict = decide(evidence, memory, self._low_confidence)
        incident = None
        if len(content.incidents):
            texts = [evidence.text, *ways_of(evidence.text, memory, given.locale).parts]
            incident = content.incidents.about(
                concerned(verdict, ranking),
                self._vectors.general(texts if content.incidents.has_phrases else []),
                locale=reading.locale,
                told=memory.told,
            )
        if incident is not None:
            verdict = replace(verdict, memory=verdict.memory.with_incident(key_of(incident)))
        decision = Decision(
            kind=verdict.kind,
            reason=verdict.reason,
            confidence=round(evidence.confidence, 4),
            threshold=round(evidence.threshold, 4),
            frustration=round(mood.score, 4),
            frustration_threshold=self._frustration_threshold,
            signals=tuple(Signal(name, weight) for name, weight in mood.weights[:SIGNALS]),
            intent=verdict.intent,
            passages=passages,
            answerable=round(float(ranking.answerable), 4),
            revision=content.revision,
        )
        message.set(
            INTENT,
            {"name": verdict.intent, "confidence": intents.get(verdict.intent, 0.0)},
            add_to_output=True,
        )
        packed = _packed(verdict, decision, reading, given.name)
        does = evidence.rules.get(verdict.intent)
        if verdict.reason == "policy" and does is not None:
            packed["rule"] = does.reason
        if incident is not None:
            packed["incident"] = {"id": incident.id, "text": incident.text}
        if given.explain:
            packed["evidence"] = _told(intents, mood, reading)
        message.set(BATON, packed, add_to_output=True)


def concerned(verdict: Verdict, ranking: Ranking) -> set[str]:
    """The articles that a message is about, also where it is not answered with one of them (`answering.PLAUSIBLE`)."""
    found = {verdict.article_id, *(option.article_id for option in verdict.options)}
    if verdict.kind != "chat" and ranking.candidates and ranking.confidence >= PLAUSIBLE:
        found.add(ranking.candidates[0].article_id)
    return {article_id for article_id in found if article_id is not None}


def _packed(verdict: Verdict, decision: Decision, reading: Reading, name: str | None) -> dict[str, Any]:
    return {
        "decision": decision_to_json(decision),
        "actions": list(verdict.actions),
        "article_id": verdict.article_id,
        "options": [[option.id, option.article_id] for option in verdict.options],
        "closes_form": verdict.closes_form,
        "clears_number": verdict.clears_number,
        "memory": verdict.memory.as_dict(),
        "locale": reading.locale,
        "language": reading.language,
        "name": name,
    }


def _usable(
    rules: Mapping[str, Does], intents: Mapping[str, float], knowledge: Knowledge
) -> Mapping[str, Does]:
    """The rules of intents that were trained, without those whose article is not to be had now."""
    return {
        name: does
        for name, does in rules.items()
        if name in intents and (does.article_id is None or _is_there(knowledge, does.article_id))
    }


def _is_there(knowledge: Knowledge, article_id: str) -> bool:
    try:
        knowledge.article(article_id)
    except KeyError:
        return False
    return True


def _tied(knowledge: Knowledge, passages: Sequence[Passage]) -> bool:
    # A calibrated confidence is not high then anyway; one that nothing was there to calibrate by knows only how near the
    # words are.
    if len(passages) < 2 or passages[1].score < COMPETING * passages[0].score:
        return False
    return len({knowledge.article(passage.article_id).answer for passage in passages[:2]}) == 2


def _told(intents: Mapping[str, float], mood: Mood, reading: Reading) -> dict[str, Any]:
    """What the decision went by beside the articles, as JSON values."""
    return {
        "intents": [{"name": name, "probability": round(p, 4)} for name, p in intents.items()],
        "signals": [{"name": name, "weight": weight} for name, weight in mood.weights],
        "language": {
            "found": reading.language,
            "covered": reading.covered,
            "locale": reading.locale,
            "likeliest": [{"language": name, "probability": p} for name, p in reading.shares],
            "known_words": reading.known,
        },
    }


def _form(message: Message, tracker: DialogueStateTracker) -> Form:
    found = [e for e in message.get(ENTITIES) or [] if e["entity"] == ORDER_NUMBER]
    number = str(found[0]["value"]) if found else None
    return Form(
        active=tracker.active_loop_name == FORM,
        number=number,
        number_only=number is not None and len(message.get(TEXT)) <= len(number) + 12,
    )
