"""A site's own intents and entities as Rasa has them: NLU entries, domain, rules.

Whoever goes on with `rasa` alone finds real rules and responses. Baton reads the same rules; what a response says is taken
from the release when it is said, so that an article's newest words are told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kb_index.article import Article
from kb_index.rules import Does, Entity, Intent, Rules, marked_words, plain

FORM: Final = "order_status_form"
SAY: Final = "utter_say_"
ARTICLE: Final = "utter_article_"
HAND_OVER: Final = "utter_hand_over_"
"""How the actions of own intents begin; the intent's name follows."""

HANDED_OVER: Final = "A colleague takes over and answers here."
"""What the response of a handover says without Baton, which says it in the site's voice."""


@dataclass(frozen=True, slots=True)
class RasaRules:
    """What joins the project's files. `nlu` are entries of `nlu`, `rules` of `rules`; `domain` is a domain file.

    `intents` are those that are trained; `warnings` says which are not, and what contradicts itself.
    """

    intents: tuple[Intent, ...]
    nlu: list[dict[str, str]]
    domain: dict[str, Any]
    rules: list[dict[str, Any]]
    warnings: list[str]


def action_of(intent: Intent) -> str | None:
    """The action that carries out what Baton does; None for a draft."""
    starts = {"say": SAY, "article": ARTICLE, "person": HAND_OVER}
    if intent.does.kind == "order_status":
        return FORM
    return f"{starts[intent.does.kind]}{intent.name}" if intent.does.kind in starts else None


def rasa_rules(
    rules: Rules, examples: Mapping[str, Sequence[str]], articles: Mapping[str, Article]
) -> RasaRules:
    """`examples` are all of the site, `articles` all that are trained, by id."""
    warnings: list[str] = []
    trained: list[Intent] = []
    for intent in rules.intents:
        if intent.does.kind == "nothing":
            continue
        if not examples.get(intent.name):
            warnings.append(f"The intent {intent.name} has no examples and is left out.")
        elif intent.does.kind == "article" and intent.does.article_id not in articles:
            warnings.append(
                f"The intent {intent.name} answers with the article {intent.does.article_id}, which is not there; it "
                "is left out."
            )
        else:
            trained.append(intent)
    used = {intent.name for intent in rules.intents} - {intent.name for intent in trained}
    taught = {name: texts for name, texts in examples.items() if name not in used}
    warnings += _said_twice(taught, frozenset(intent.name for intent in trained))
    marked = marked_words(taught)
    entities = [entity for entity in rules.entities if entity.name in marked]
    warnings += _word_twice(entities)
    domain: dict[str, Any] = {}
    if trained:
        domain["intents"] = [intent.name for intent in trained]
        responses = {action_of(i): [_response(i.does, articles)] for i in trained if action_of(i) != FORM}
        if responses:
            domain["responses"] = responses
    if entities:
        domain["entities"] = [entity.name for entity in entities]
        domain["slots"] = {
            entity.name: {
                "type": "text",
                "influence_conversation": False,
                "mappings": [{"type": "from_entity", "entity": entity.name}],
            }
            for entity in entities
        }
    return RasaRules(
        intents=tuple(trained),
        nlu=[entry for entity in entities for entry in _entries(entity, marked[entity.name])],
        domain=domain,
        rules=[_rule(intent) for intent in trained],
        warnings=warnings,
    )


def _rule(intent: Intent) -> dict[str, Any]:
    steps: list[dict[str, str]] = [{"intent": intent.name}, {"action": str(action_of(intent))}]
    if intent.does.kind == "order_status":
        steps.append({"active_loop": FORM})
    words = f"when a customer {intent.description}" if intent.description else f"on {intent.name}"
    return {"rule": f"{words} ({intent.name})", "steps": steps}


def _response(does: Does, articles: Mapping[str, Article]) -> dict[str, Any]:
    if does.kind == "article":
        assert does.article_id is not None, "an article is chosen by its id"
        return {"text": articles[does.article_id].answer, "metadata": {"article_id": does.article_id}}
    if does.kind == "person":
        return {"text": HANDED_OVER, "metadata": {"reason": does.reason}}
    return {"text": does.text_for("en"), "metadata": {"texts": dict(does.texts)}}


def _entries(entity: Entity, marked: set[str]) -> list[dict[str, str]]:
    pattern = entity.pattern()
    if pattern is not None:
        return [{"regex": entity.name, "examples": _lines([pattern])}]
    words = {text for word in entity.words for text in (word.value, *word.synonyms)} | marked
    ordered = sorted(words, key=lambda text: (-len(text), text))  # of two that fit, the longer one is meant
    # Rasa puts a word boundary on both sides of a word, which "C++" has not.
    plain_words = [text for text in ordered if _is_word(text[0]) and _is_word(text[-1])]
    entries = [{"lookup": entity.name, "examples": _lines(plain_words)}] if plain_words else []
    entries += [
        {"regex": entity.name, "examples": _lines([rf"(?<!\w){_escaped(text)}(?!\w)"])}
        for text in ordered
        if text not in plain_words
    ]
    entries += [
        {"synonym": word.value, "examples": _lines(word.synonyms)} for word in entity.words if word.synonyms
    ]
    return entries


def _said_twice(examples: Mapping[str, Sequence[str]], own: frozenset[str]) -> list[str]:
    """One example under an own intent and another: the bot cannot tell which is meant."""
    holders: dict[str, list[str]] = defaultdict(list)
    for name, texts in examples.items():
        for text in dict.fromkeys(plain(text).casefold() for text in texts):
            holders[text].append(name)
    return [
        f"{text!r} is an example of {' and of '.join(names)}."
        for text, names in holders.items()
        if len(names) > 1 and not own.isdisjoint(names)
    ]


def _word_twice(entities: Sequence[Entity]) -> list[str]:
    """Rasa has one table of synonyms for all entities."""
    meant: dict[str, tuple[str, str]] = {}
    warnings = []
    for entity in entities:
        for word in entity.words:
            for text in word.synonyms:
                name, value = meant.setdefault(text.lower(), (entity.name, word.value))
                if value != word.value:
                    warnings.append(
                        f"{text!r} stands for {value!r} ({name}) and for {word.value!r} ({entity.name}); the first is kept."
                    )
    return warnings


def _lines(texts: Sequence[str]) -> str:
    return "".join(f"- {text}\n" for text in texts)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _escaped(text: str) -> str:
    return "".join(c if c.isalnum() or c == " " else f"\\{c}" for c in text)
