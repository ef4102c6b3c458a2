"""An explanation shows whatever features there are, and names the rule."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from bot.contract import Choice, Decision, Passage, Reply, Signal, TurnOutcome
from bot.explanation import _RULES, as_lines, explanation, rule_of
from kb_index.explain import Explanation, Match, Part, Weighed


class FakeEncoder:
    name = "words"
    fingerprint = "f" * 64
    dimension = 64


def told(**changes: Any) -> dict[str, Any]:
    decision = Decision(
        "answer",
        "confident",
        0.97,
        0.9,
        0.1,
        0.7,
        signals=(Signal("words", 0.1),),
        intent="question",
        passages=(Passage("a", "A", 1.0),),
    )
    given: dict[str, Any] = {
        "text": "/Where is\nit?",
        "read_as": "Where is\nit?",
        "outcome": TurnOutcome(1, "r1", decision, (Reply("Here.", (Choice("human", "A person"),), "a"),)),
        "told": {
            "intents": [{"name": "question", "probability": 0.9}, {"name": "greet", "probability": 0.1}],
            "signals": [{"name": "words", "weight": 0.1}],
            "language": {
                "found": "en",
                "covered": True,
                "locale": "en-GB",
                "likeliest": [{"language": "en", "probability": 0.93}],
                "known_words": 1.0,
            },
        },
        "search": Explanation(
            (Match("a", "question", "where is it", 0.98765),),
            (Weighed("a", "A", 1.0, (Part("a feature of tomorrow", 2.0, 1.5, 3.0),)),),
            (Part("another", 1.0, 2.0, 2.0),),
            -1.5,
            0.97,
        ),
        "training": {"risk": 0.02, "unanswerable_share": 0.1, "wrong_answer_bound": 0.019},
        "encoder": FakeEncoder(),
    }
    return explanation(**{**given, **changes})


def test_everything_is_there_as_json() -> None:
    found = told()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["candidates"][0]["parts"] == [
        {"name": "a feature of tomorrow", "value": 2.0, "weight": 1.5, "contribution": 3.0}
    ]
    assert found["confidence"] == {
        "value": 0.97,
        "threshold": 0.9,
        "bias": -1.5,
        "signals": [{"name": "another", "value": 1.0, "weight": 2.0, "contribution": 2.0}],
        "risk": 0.02,
        "unanswerable_share": 0.1,
        "wrong_answer_bound": 0.019,
        "wrong_answer_upper95": None,
        "answerable": 0.0,
    }
    assert found["rule"] == "The confidence is at least the threshold."


@pytest.mark.parametrize(
    "words",
    [
        '"/Where is\\nit?"',
        "en, covered; looked up as en-GB (100% of its words are known, en 0.93)",
        "words (64 numbers)",
        "0.988  question a: where is it",
        "+3.000  a feature of tomorrow (2.000 x 1.500)",
        "Confidence   0.9700, needed 0.9000 (for at most 2.0% wrong answers)",
        "-1.500  bias",
        "question 0.900, greet 0.100",
        "+0.100 words",
        "answer (confident), intent question",
        "Because      The confidence is at least the threshold.",
        "[A person]",
    ],
)
def test_a_reader_at_a_terminal_sees_it(words: str) -> None:
    assert words in "\n".join(as_lines(told()))


def test_a_release_without_evidence_is_explained_as_far_as_it_goes() -> None:
    found = told(told={}, search=Explanation(), training={})
    assert (found["language"], found["intents"], found["matches"]) == (None, [], [])
    assert as_lines(found)


def test_every_reason_of_the_decision_has_its_rule() -> None:
    source = (Path(__file__).parents[3] / "bot" / "answering.py").read_text()
    strings = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert {reason for reason in _RULES if reason not in strings} == set()
    chat = Decision("chat", "thanks", 0.1, 0.9)
    assert "thanks" in rule_of(chat)
    assert rule_of(Decision("answer", "of another version", 0.1, 0.9)) == "of another version"
