"""Own intents and entities as Rasa's files have them."""

from __future__ import annotations

import re
from typing import Any

from kb_index.article import Article
from kb_index.rasa_rules import RasaRules, rasa_rules
from kb_index.rules import Rules, check_entity, check_intent

ARTICLES = {"jobs": Article("jobs", "Are you hiring?", "See our **jobs** page.")}
EXAMPLES = {
    "press": ["I am a journalist", "press kit for the [tent](product)"],
    "hiring": ["are you hiring"],
    "bulk": ["I run a shop"],
    "chase": ["chase my parcel"],
}


def made(does: dict[str, dict[str, Any]], entities: tuple[Any, ...] = (), **examples: list[str]) -> RasaRules:
    intents = tuple(
        check_intent({"name": name, "description": f"means {name}", "does": what})
        for name, what in does.items()
    )
    return rasa_rules(Rules(intents, tuple(map(check_entity, entities))), EXAMPLES | examples, ARTICLES)


def test_each_kind_becomes_a_rule_and_its_response() -> None:
    found = made(
        {
            "press": {"kind": "person", "reason": "Press"},
            "hiring": {"kind": "article", "article_id": "jobs"},
            "bulk": {"kind": "say", "texts": {"en": "Write to us.", "de": "Schreiben Sie."}},
            "chase": {"kind": "order_status"},
        }
    )
    assert [rule["steps"] for rule in found.rules] == [
        [{"intent": "press"}, {"action": "utter_hand_over_press"}],
        [{"intent": "hiring"}, {"action": "utter_article_hiring"}],
        [{"intent": "bulk"}, {"action": "utter_say_bulk"}],
        [{"intent": "chase"}, {"action": "order_status_form"}, {"active_loop": "order_status_form"}],
    ]
    assert found.domain["intents"] == ["press", "hiring", "bulk", "chase"]
    assert found.domain["responses"]["utter_article_hiring"] == [
        {"text": "See our **jobs** page.", "metadata": {"article_id": "jobs"}}
    ]
    assert found.domain["responses"]["utter_say_bulk"][0]["text"] == "Write to us."
    assert "utter_hand_over_press" in found.domain["responses"]
    assert found.warnings == []


def test_a_draft_is_left_out_in_silence_and_what_cannot_work_is_told() -> None:
    found = made(
        {
            "press": {"kind": "nothing"},
            "hiring": {"kind": "article", "article_id": "gone"},
            "empty": {"kind": "say", "texts": {"en": "Hi."}},
        }
    )
    assert (found.intents, found.rules, found.domain) == ((), [], {})
    assert [text.split(" ")[2] for text in found.warnings] == ["hiring", "empty"]


def test_one_example_of_two_intents_is_told() -> None:
    found = made(
        {"bulk": {"kind": "say", "texts": {"en": "Hi."}}}, greet=["hello", "i run a SHOP"], thanks=["hello"]
    )
    assert found.warnings == ["'i run a shop' is an example of bulk and of greet."]


def test_words_are_looked_up_longest_first_with_the_marked_ones_and_synonyms_are_mapped() -> None:
    product = {
        "name": "product",
        "kind": "words",
        "words": [{"value": "card", "synonyms": ["cards"]}, {"value": "credit card"}, {"value": "C++"}],
    }
    unused = {"name": "colour", "kind": "words", "words": [{"value": "red"}]}
    found = made({"press": {"kind": "person", "reason": "Press"}}, (product, unused))
    assert found.nlu[0] == {"lookup": "product", "examples": "- credit card\n- cards\n- card\n- tent\n"}
    odd = found.nlu[1]["examples"].removeprefix("- ").strip()
    assert found.nlu[1]["regex"] == "product"
    assert re.findall(odd, "I like c++ and abc++", re.IGNORECASE) == ["c++"]
    assert found.nlu[2] == {"synonym": "card", "examples": "- cards\n"}
    assert found.domain["entities"] == ["product"]
    assert found.domain["slots"]["product"]["mappings"] == [{"type": "from_entity", "entity": "product"}]


def test_marks_in_drafts_teach_nothing() -> None:
    product = {"name": "product", "kind": "words", "words": [{"value": "card"}]}
    found = made({"press": {"kind": "nothing"}}, (product,))
    assert (found.nlu, found.domain) == ([], {})


def test_a_synonym_of_two_words_is_told() -> None:
    entities = tuple(
        {"name": name, "kind": "words", "words": [{"value": value, "synonyms": ["big"]}]}
        for name, value in (("product", "tent"), ("size", "large"))
    )
    marks = ["a [big](product) [big](size) one"]
    found = made({"press": {"kind": "person", "reason": "Press"}}, entities, press=marks)
    assert len(found.warnings) == 1
    assert "'big'" in found.warnings[0]
