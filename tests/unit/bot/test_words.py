"""Texts, voices, and how a problem is named."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.nlg import _problem
from bot.voice import TEXTS, VoiceError, load

DOMAIN = Path(__file__).parents[3] / "bot" / "domain" / "domain.yml"
FROM_ELSEWHERE = {"utter_answer", "utter_order_status"}


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("voice", ["formal", "casual"])
def test_every_action_has_words_in_every_voice(voice: str, language: str) -> None:
    actions = yaml.safe_load(DOMAIN.read_text())["actions"]
    phrases = load(voice).for_locale(language)
    assert [a for a in actions if a not in phrases.texts and a not in FROM_ELSEWHERE] == []


@pytest.mark.parametrize("voice", ["formal", "casual"])
def test_every_language_fills_in_the_same(voice: str) -> None:
    languages = load(voice).languages
    for phrases in languages.values():
        for part in ("texts", "problems"):
            wanted, given = getattr(languages["en"], part), getattr(phrases, part)
            assert {key: placeholders(text) for key, text in given.items()} == {
                key: placeholders(text) for key, text in wanted.items()
            }


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_that_a_language_is_not_covered_is_said_in_it_or_in_the_pages() -> None:
    wording = load("formal")
    assert "polsku" in wording.uncovered("pl", "en")
    assert "auf Deutsch" in wording.uncovered("de", "en")
    assert wording.uncovered("xx", "de") == wording.for_locale("de").say("utter_escalate_language")
    assert wording.uncovered(None, "yy") == wording.for_locale("en").say("utter_escalate_language")


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_the_voices_differ(language: str) -> None:
    formal, casual = (load(v).for_locale(language).texts for v in ("formal", "casual"))
    assert [key for key in formal if formal[key] == casual[key]] == []


@pytest.mark.parametrize("locale", ["en", "en-GB", "EN_us", "xx", ""])
def test_a_language_without_texts_is_answered_in_english(locale: str) -> None:
    assert load("formal").for_locale(locale).say("utter_goodbye").startswith("Goodbye")


def test_a_missing_text_is_found_at_start(tmp_path: Path) -> None:
    english = yaml.safe_load((TEXTS / "en.yml").read_text())
    (tmp_path / "en.yml").write_text(yaml.safe_dump(english))
    del english["texts"]["formal"]["utter_greet"]
    (tmp_path / "de.yml").write_text(yaml.safe_dump(english))
    with pytest.raises(VoiceError, match=r"de\.yml lacks texts\.formal: utter_greet"):
        load("formal", tmp_path)


def test_an_unknown_voice() -> None:
    with pytest.raises(VoiceError, match="shouting"):
        load("shouting")


def verdict(*signals: str, confidence: float = 0.5, closes_form: bool = False) -> dict[str, Any]:
    return {
        "closes_form": closes_form,
        "decision": {
            "confidence": confidence,
            "passages": [{"article_id": "a", "title": "Where is my refund?", "score": 1.0}],
            "signals": [{"name": name, "weight": 1.0} for name in signals],
        },
    }


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (verdict("words"), 'the trouble with "Where is my refund"'),
        (verdict("words", "repeated_question"), 'having to ask about "Where is my refund" more than once'),
        (verdict("words", "failed_turn"), 'my answers on "Where is my refund" not having helped'),
        (verdict("words", "rejected_answer", confidence=0.1), "my answers not having helped"),
        (verdict("words", confidence=0.1), "the trouble you have had"),
        (verdict("words", "repeated_question", closes_form=True), "the trouble with your order"),
    ],
)
def test_an_upset_customer_is_told_what_went_wrong(given: dict[str, Any], named: str) -> None:
    assert (
        _problem("utter_escalate_frustration", given, load("formal").for_locale("en"), titled=True) == named
    )


def test_a_repeated_failure_names_the_topic_or_none() -> None:
    phrases = load("formal").for_locale("en")
    action = "utter_escalate_repeated_failure"
    assert _problem(action, verdict(), phrases, titled=True) == '"Where is my refund"'
    assert _problem(action, verdict(confidence=0.1), phrases, titled=True) == "this"
    # What an own intent is about no article's title says.
    assert _problem(action, verdict(), phrases, titled=False) == "this"
