"""Intents of a site's own: trained into Rasa's own rules, obeyed by a running bot, and told where they contradict."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_index.formats import write_intents
from kb_index.rules import Rules, check_entity, check_intent
from tests.integration.bot.running_bot import CONTENT, Bot, Talk, home_with, train

EXAMPLES = {
    "bulk": [
        "I want to buy in bulk",
        "do you sell wholesale",
        "wholesale prices please",
        "I run a shop and want to resell your [lamps](product)",
        "can my company open a trade account",
    ],
    "press": [
        "I am a journalist",
        "who is your press contact",
        "I write for a magazine about your [desk](product)",
        "interview request",
        "press kit please",
    ],
    "hours": [
        "can I drop by this evening",
        "is somebody in the showroom now",
        "I want to visit you, when can I come",
        "drop by the showroom",
        "visit your showroom today",
    ],
    "chase": [
        "the courier lost my parcel, find it",
        "chase my shipment for case [RMA-12345](rma)",
        "please chase up my parcel",
        "my tracking has not moved, chase it",
        "chase the courier for me",
    ],
    "draft": ["sing me a song about lamps", "sing a song", "please sing", "a song please", "sing something"],
}
DOES: dict[str, dict[str, Any]] = {
    "bulk": {"kind": "say", "texts": {"en": "Write to **trade@example.com**.", "de": "Schreiben Sie uns."}},
    "press": {"kind": "person", "reason": "Press: answer today"},
    "hours": {"kind": "article", "article_id": "opening-hours"},
    "chase": {"kind": "order_status"},
    "draft": {"kind": "nothing"},
}
ENTITIES = (
    {
        "name": "product",
        "kind": "words",
        "words": [{"value": "lamp", "synonyms": ["lamps"]}, {"value": "C++"}],
    },
    {"name": "rma", "kind": "code", "prefix": "RMA", "least": 4, "most": 8},
)


def snapshot(folder: Path, **does: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    shutil.copy(CONTENT / "content.jsonl", folder)
    write_intents(folder / "intents.yml", EXAMPLES)
    intents = tuple(
        check_intent({"name": name, "description": f"means {name}", "does": what})
        for name, what in {**DOES, **does}.items()
    )
    (folder / "rules.json").write_text(Rules(intents, tuple(map(check_entity, ENTITIES))).text())
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("own")
    built = snapshot(home / "built", gone={"kind": "article", "article_id": "not-there"})
    result = train(home, built, built)
    assert result["ok"], result
    figures = result["manifest"]["figures"]
    assert figures["own_intents"] == ["bulk", "chase", "hours", "press"]
    assert [text for text in figures["warnings"] if "gone" in text]
    return built


@pytest.fixture(scope="module")
def ruled(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    running = Bot(home_with(release, tmp_path_factory.mktemp("ruled"))).ready()
    yield running
    assert running.stop() == 0


@pytest.fixture
def talk(ruled: Bot) -> Talk:
    return ruled.talk()


def test_a_text_is_said_in_the_customers_language(talk: Talk) -> None:
    said = talk.say("do you sell wholesale?")
    assert (said["decision"]["kind"], said["decision"]["reason"]) == ("answer", "rule")
    assert said["decision"]["intent"] == "bulk"
    assert [reply["text"] for reply in said["replies"]] == ["Write to **trade@example.com**."]
    assert said["replies"][0]["article_id"] is None
    again = talk.say("do you sell wholesale?")
    assert again["decision"]["reason"] == "repeated"
    assert again["replies"][0]["text"].endswith("Write to **trade@example.com**.")
    assert talk.decide("do you sell wholesale?") == ("escalate", "repeated_failure")


def test_an_article_is_the_answer(talk: Talk) -> None:
    said = talk.say("can I drop by the showroom this evening")
    assert (said["decision"]["kind"], said["decision"]["intent"]) == ("answer", "hours")
    assert said["replies"][0]["article_id"] == "opening-hours"


def test_a_person_takes_over_with_the_reason_and_what_was_found(talk: Talk) -> None:
    said = talk.say("I am a journalist and write about your lamps, who is the press contact")
    assert (said["decision"]["kind"], said["decision"]["reason"]) == ("escalate", "policy")
    assert said["decision"]["intent"] == "press"
    assert said["decision"]["slots"] == {"rule": "Press: answer today", "product": "lamp"}


def test_the_form_is_started_and_a_code_is_found(talk: Talk) -> None:
    said = talk.say("please chase the courier, the case is rma 55555")
    assert (said["decision"]["kind"], said["decision"]["intent"]) == ("task", "chase")
    assert said["decision"]["slots"] == {"rma": "rma 55555"}
    # In the open form a rule is obeyed and the form goes on.
    between = talk.say("do you sell wholesale")
    first, asked = between["replies"]
    assert first["text"].startswith("Write")
    assert "order number" in asked["text"]
    done = talk.say("FG-1000645")
    assert done["decision"]["reason"] == "order_number"
    assert "FG-1000645" in done["replies"][0]["text"]


def test_a_draft_is_not_known_and_the_rest_is_as_before(talk: Talk, ruled: Bot) -> None:
    assert talk.decide("hello") == ("chat", "greet")
    assert ruled.talk().decide("what are your opening hours") == ("answer", "confident")
    assert ruled.talk().decide("let me talk to a human") == ("escalate", "asked")
    explained = ruled.request("POST", "/bot/explain", json={"text": "do you sell wholesale?"}).json()
    assert explained["rule"] == "The site has a rule for the intent bulk, and no article is surer."
    assert "draft" not in {entry["name"] for entry in explained["intents"]}


def test_a_name_that_the_bot_has_already_is_told(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "snapshot", greet={"kind": "say", "texts": {"en": "Hi."}})
    result = train(tmp_path, folder, tmp_path / "out")
    assert (result["ok"], result["error"]["code"]) == (False, "rule_conflict")
    assert "greet" in result["error"]["message"]


def test_rules_that_are_damaged_are_told(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "snapshot")
    (folder / "rules.json").write_text(json.dumps({"format": 9, "intents": [], "entities": []}))
    result = train(tmp_path, folder, tmp_path / "out")
    assert (result["ok"], result["error"]["code"]) == (False, "bad_rules")
