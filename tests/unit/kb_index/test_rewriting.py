"""Texts changed in place: what did not change keeps every byte, and what is written reads back as it should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_index.article import Article, ArticleError, check_article
from kb_index.rewriting import intents_of, read_article, rewrite_article, rewrite_intents
from kb_index.yaml_text import YamlError, front_matter_text

PROJECT = Path(__file__).parents[3]

TEXT = """---
# who wrote this
id: pay
title: "How can I pay?"   # as customers say
tags: [payment, cards]
questions:
  # short ones
  - which cards
  - 'do you take: visa'

  # long ones
  - "can I pay when the parcel comes"
locale: en
---

By **card**.

Or by invoice.
"""
PAY = read_article(TEXT, stem="pay", locale="en")
assert PAY is not None


def rewritten(text: str, article: Article) -> str:
    written = rewrite_article(text, article, stem="pay", locale="en")
    assert read_article(written, stem="pay", locale="en") == article
    return written


@pytest.mark.parametrize(
    "path", sorted((PROJECT / "kb_index" / "articles").glob("*.md")), ids=lambda p: p.stem
)
def test_the_shipped_articles_stay_as_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    article = read_article(text, stem=path.stem, locale="en")
    assert article is not None
    assert rewrite_article(text, article, stem=path.stem, locale="en") == text


def test_one_field_changes_one_line_and_keeps_its_comment() -> None:
    changed = rewritten(TEXT, replace(PAY, title="Which ways to pay are there?"))
    assert changed == TEXT.replace('"How can I pay?"   #', "Which ways to pay are there?   #")
    changed = rewritten(TEXT, replace(PAY, locale="en-GB"))
    assert changed == TEXT.replace("locale: en\n", "locale: en-GB\n")


def test_a_list_in_brackets_stays_one() -> None:
    changed = rewritten(TEXT, replace(PAY, tags=("payment", "a, b")))
    assert changed == TEXT.replace("[payment, cards]", '[payment, "a, b"]')
    assert "tags" not in rewritten(TEXT, replace(PAY, tags=()))


def test_entries_come_and_go_one_by_one() -> None:
    first, second, third = PAY.questions
    added = rewritten(TEXT, replace(PAY, questions=(first, "by paypal?", second, third, "cash")))
    assert added == TEXT.replace("  - which cards\n", "  - which cards\n  - by paypal?\n").replace(
        'comes"\n', 'comes"\n  - cash\n'
    )
    gone = rewritten(TEXT, replace(PAY, questions=(first, third)))
    assert gone == TEXT.replace("  - 'do you take: visa'\n", "")
    assert "# long ones" in rewritten(TEXT, replace(PAY, questions=(second,)))
    assert "which cards" not in rewritten(TEXT, replace(PAY, questions=()))


def test_the_answer_alone_is_replaced() -> None:
    changed = rewritten(TEXT, replace(PAY, answer="By card.\n\n---\n\nThat is all."))
    assert changed == TEXT.replace("By **card**.\n\nOr by invoice.\n", "By card.\n\n---\n\nThat is all.\n")


def test_new_fields_stand_at_the_end_of_the_front_matter() -> None:
    changed = rewritten(TEXT, replace(PAY, valid_from="2026-12-01T00:00:00Z"))
    assert changed == TEXT.replace("locale: en\n", 'locale: en\nvalid_from: "2026-12-01T00:00:00Z"\n')
    assert rewritten(changed, PAY) == TEXT


def test_line_ends_and_the_mark_of_order_stay() -> None:
    windows = "\ufeff" + TEXT.replace("\n", "\r\n")
    assert rewritten(windows, PAY) == windows
    changed = rewritten(windows, replace(PAY, title="Pay", answer="One\nTwo"))
    assert changed.startswith("\ufeff---\r\n")
    assert changed.count("\n") == changed.count("\r\n")


def test_what_is_no_article_is_written_anew() -> None:
    assert rewrite_article("# Notes\n", PAY, stem="pay", locale="en") == front_matter_text(PAY)


WORDS = st.text(st.sampled_from("ab c:#'\"-[]{},\\|é\u00a0?!"), min_size=1, max_size=12)
ARTICLES = st.builds(
    dict,
    id=st.sampled_from(["pay", "a-1"]),
    title=WORDS,
    answer=st.lists(WORDS, min_size=1, max_size=4).map("\n".join),
    questions=st.lists(st.one_of(WORDS, st.sampled_from(PAY.questions)), max_size=5),
    tags=st.lists(WORDS, max_size=3),
    locale=st.sampled_from(["en", "no", "de-AT"]),
    valid_until=st.sampled_from([None, "2026-12-01T00:00:00Z"]),
)


@settings(max_examples=200, deadline=None)
@given(ARTICLES, ARTICLES)
def test_whatever_changes_is_read_back(one: dict[str, object], other: dict[str, object]) -> None:
    try:
        first, second = check_article(one), check_article(other)
    except ArticleError:
        return
    for text in (TEXT, TEXT.replace("\n", "\r\n"), front_matter_text(first)):
        written = rewritten(text, second)
        # Twice is as once.
        assert rewritten(written, second) == written


NLU = """version: "3.1"

# Small talk.
nlu:
  - intent: greet
    examples: |
      - hi
      - hello   there
      - hi

  # Numbers.
  - regex: number
    examples: |
      - \\d+

  - intent: bye
    examples:
      - "bye: now"   # formal
      - ciao

  - intent: greet
    examples: |
      - good morning [Ann](name)
rules:
  - rule: greet
    steps: []
"""


def test_examples_come_and_go_line_by_line() -> None:
    assert intents_of(NLU) == {
        "greet": ["hi", "hello there", "good morning [Ann](name)"],
        "bye": ["bye: now", "ciao"],
    }
    same = {name: list(examples) for name, examples in (intents_of(NLU) or {}).items()}
    assert rewrite_intents(NLU, same) == NLU
    added = rewrite_intents(NLU, {"greet": ["hi", "hey", "hello there", "good morning [Ann](name)", "yo"]})
    assert added == NLU.replace(
        "      - hi\n      - hello", "      - hi\n      - hey\n      - hello"
    ).replace("(name)\n", "(name)\n      - yo\n")
    gone = rewrite_intents(NLU, {"greet": ["hello there", "good morning [Ann](name)"]})
    assert gone == NLU.replace("      - hi\n", "")
    listed = rewrite_intents(NLU, {"bye": ["bye: now", "see: you", "ciao"]})
    assert listed == NLU.replace("# formal\n", '# formal\n      - "see: you"\n')


def test_a_new_intent_stands_at_the_end_of_nlu() -> None:
    written = rewrite_intents(NLU, {"thanks": ["thanks", "- dash: yes"]})
    assert written == NLU.replace(
        "(name)\n", "(name)\n\n  - intent: thanks\n    examples: |\n      - thanks\n      - - dash: yes\n"
    )
    for empty in (
        'version: "3.1"\nnlu: []\n',
        'version: "3.1"\nrules:\n- rule: a\n  steps: []\n',
    ):
        assert intents_of(rewrite_intents(empty, {"thanks": ["ta"]})) == {"thanks": ["ta"]}


def test_an_intent_without_examples_is_taken_out() -> None:
    written = rewrite_intents(NLU, {"greet": []})
    assert intents_of(written) == {"bye": ["bye: now", "ciao"]}
    assert "# Numbers." in written
    assert "rule: greet" in written


def test_a_file_with_faults_is_not_touched() -> None:
    with pytest.raises(YamlError):
        rewrite_intents("nlu:\n- intent: a\n  examples: |\n    no dash\n", {"a": ["x"]})


EXAMPLES = st.lists(
    st.text(st.sampled_from("ab :#-[]'\"?"), min_size=1, max_size=6)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
    | st.sampled_from(["hi", "hello there", "ciao", "bye: now"]),
    unique=True,
    min_size=1,
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(EXAMPLES, EXAMPLES)
def test_whatever_examples_are_wanted_are_read_back(greet: list[str], bye: list[str]) -> None:
    wanted = {"greet": greet, "bye": bye, "new": greet}
    for text in (NLU, NLU.replace("\n", "\r\n")):
        written = rewrite_intents(text, wanted)
        assert intents_of(written) == wanted
        assert rewrite_intents(written, wanted) == written
        assert "# Numbers." in written
        assert "regex: number" in written


@pytest.mark.parametrize("path", sorted((PROJECT / "nlu_data" / "nlu").glob("*.yml")), ids=lambda p: p.name)
def test_the_shipped_examples_stay_and_take_one_more(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    there = intents_of(text)
    assert there
    assert rewrite_intents(text, there) == text
    for name, examples in there.items():
        more = rewrite_intents(text, {name: [*examples, "one more of these"]})
        assert len(more.split("\n")) == len(text.split("\n")) + 1
        assert rewrite_intents(more, {name: examples}) == text
