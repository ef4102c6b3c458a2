"""Intents of a site's own and entities: what is allowed, what files hold, what patterns find and how fast."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from kb_index.rule_file import read_rules
from kb_index.rules import (
    Does,
    Entity,
    RuleError,
    Rules,
    Word,
    check_entity,
    check_examples,
    check_intent,
    marked_words,
    plain,
)


def intent(**changes: Any) -> dict[str, Any]:
    return {"name": "press", "description": "asks for press", "does": {"kind": "nothing"}, **changes}


def entity(**changes: Any) -> dict[str, Any]:
    return {"name": "product", "kind": "words", "words": [{"value": "tent"}], **changes}


def test_what_is_written_is_read_again_and_equal_rules_are_equal_bytes(tmp_path: Path) -> None:
    rules = Rules(
        (
            check_intent(
                intent(does={"kind": "say", "texts": {"en": "Write to us.", "de": "Schreiben Sie."}})
            ),
            check_intent(intent(name="bulk", does={"kind": "person", "reason": "Large order"})),
        ),
        (check_entity(entity(words=[{"value": "tent", "synonyms": ["tents"]}])),),
    )
    (tmp_path / "rules.json").write_text(rules.text(), encoding="utf-8")
    read = read_rules(tmp_path / "rules.json")
    assert read.text() == rules.text()
    assert [one.name for one in read.intents] == ["bulk", "press"]
    assert Rules(rules.intents[::-1], rules.entities).text() == rules.text()
    assert not read_rules(tmp_path / "none.json")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"format": 2, "intents": [], "entities": []}', "\xff"])
def test_a_damaged_file_is_named(tmp_path: Path, body: str) -> None:
    (tmp_path / "rules.json").write_text(body, encoding="latin-1")
    with pytest.raises(RuleError, match=r"rules\.json"):
        read_rules(tmp_path / "rules.json")


@pytest.mark.parametrize(
    ("raw", "code", "field"),
    [
        (intent(name="Press"), "bad_name", "name"),
        (intent(name=""), "bad_name", "name"),
        (intent(name="restart"), "reserved_name", "name"),
        (intent(name="a" * 51), "bad_name", "name"),
        (intent(other=1), "unknown_field", "intent"),
        (intent(does={"kind": "fly"}), "bad_does", "does"),
        (intent(does={"kind": "say", "texts": {}}), "missing_text", "does"),
        (intent(does={"kind": "say", "texts": {"en": "  "}}), "missing_text", "does"),
        (intent(does={"kind": "say", "texts": {"../x": "hi"}}), "bad_locale", "does"),
        (intent(does={"kind": "article", "article_id": "No Id"}), "bad_does", "does"),
        (intent(does={"kind": "person", "reason": ""}), "missing_reason", "does"),
        (intent(description="x\u202ey"), "bad_character", "description"),
    ],
)
def test_a_wrong_intent_is_refused_at_its_field(raw: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(RuleError) as refused:
        check_intent(raw)
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("raw", "code", "field"),
    [
        (entity(name="order_number"), "reserved_name", "name"),
        (entity(kind="regex"), "bad_kind", "kind"),
        (entity(words=[{"value": ""}]), "empty_entry", "words"),
        (
            entity(words=[{"value": "a", "synonyms": ["x"]}, {"value": "b", "synonyms": ["X"]}]),
            "word_twice",
            "words",
        ),
        (entity(kind="code", prefix="(a+)+", least=1, most=4), "bad_prefix", "prefix"),
        (entity(kind="code", prefix="RMA", least=5, most=4), "bad_digits", "least"),
        (entity(kind="code", prefix="RMA", least=True, most=4), "bad_digits", "least"),
        (entity(kind="code", prefix="RMA", least=1, most=99), "bad_digits", "least"),
    ],
)
def test_a_wrong_entity_is_refused_at_its_field(raw: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(RuleError) as refused:
        check_entity(raw)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_examples_are_normalised_and_marks_must_be_known() -> None:
    texts = ["  my [tent](product)  broke ", "my [tent](product) broke", "", "no marks"]
    assert check_examples(texts, ["product"]) == ("my [tent](product) broke", "no marks")
    with pytest.raises(RuleError, match="colour"):
        check_examples(["a [red](colour) one"], ["product"])
    assert plain("my [tent](product) broke") == "my tent broke"
    assert marked_words({"a": ["my [tent](product)", "[Tents](product)"]}) == {"product": {"tent", "Tents"}}


def test_a_text_is_said_in_the_nearest_locale() -> None:
    does = Does("say", {"en": "Hello", "de": "Hallo", "de-AT": "Servus"})
    assert [does.text_for(tag) for tag in ("de-AT", "de-CH", "en-GB", "fr")] == [
        "Servus", "Hallo", "Hello", "Hello",
    ]  # fmt: skip


FOUND = [
    ("number", "I have 3 kids and 2.5 cats", ["3", "2.5"]),
    ("number", "v1.2.3 of FG-100", []),
    ("amount", "paid €20.50 twice, 1,000 dollars in 20 years", ["€20.50", "1,000 dollars"]),
    ("email", "write to me@shop.co.uk, not a@b", ["me@shop.co.uk"]),
    ("date", "on 2026-11-30 or 3/4/26", ["2026-11-30", "3/4/26"]),
    ("phone", "call +49 30 1234567 at 12", ["+49 30 1234567"]),
]


@pytest.mark.parametrize(("kind", "text", "found"), FOUND)
def test_a_known_form_is_found(kind: Any, text: str, found: list[str]) -> None:
    pattern = Entity("it", "", kind).pattern()
    assert pattern is not None
    assert [match[0] for match in re.finditer(pattern, text, re.IGNORECASE)] == found


def test_a_code_is_found_however_it_is_written() -> None:
    pattern = check_entity(entity(kind="code", prefix="RMA-", least=4, most=6)).pattern()
    assert pattern is not None
    text = "RMA-1234, rma 12345, RMA123456, RMA-123, XRMA-1234, RMA-1234567"
    assert re.findall(pattern, text, re.IGNORECASE) == ["RMA-1234", "rma 12345", "RMA123456"]


EVIL = ("1" * 4000, "1 " * 2000, "a." * 2000, "a@" * 2000, "+1" + "-" * 3998, "0" * 4000, "a@" + "a-." * 1300,
        "1.1/" * 1000, "EUR " * 1000, "RMA-1" * 800, "111 " * 1000)  # fmt: skip


@pytest.mark.parametrize("kind", ["number", "amount", "email", "date", "phone", "code"])
def test_no_message_makes_a_pattern_slow(kind: Any) -> None:
    pattern = Entity("it", "", kind, prefix="RMA", least=4, most=20).pattern()
    assert pattern is not None
    compiled = re.compile(pattern, re.IGNORECASE)
    for text in EVIL:
        began = time.perf_counter()
        list(compiled.finditer(text))
        # Some milliseconds; one that tracks back through 4,000 characters takes minutes.
        assert time.perf_counter() - began < 1.0, text[:10]


def test_words_are_an_entity_of_their_own_kind() -> None:
    found = check_entity(entity(words=[{"value": "tent", "synonyms": ["tents", "Tent", "tents"]}]))
    assert found.words == (Word("tent", ("tents",)),)
    assert found.pattern() is None
