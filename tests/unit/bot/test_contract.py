"""The shape of a turn: what one side writes the other reads, and what has not the shape is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.contract import (
    MAX_TEXT,
    Choice,
    ContractError,
    Decision,
    DecisionKind,
    EscalationReason,
    Handback,
    Passage,
    Reply,
    Said,
    Signal,
    TurnContext,
    TurnOutcome,
    TurnRequest,
    decision_from_json,
    decision_to_json,
    outcome_from_json,
    outcome_to_json,
    request_from_json,
    request_to_json,
)

TEXT = st.text(max_size=20)
MAYBE = st.none() | TEXT
SHARE = st.floats(0, 1)
PLAIN = st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, max_size=3)


def tuples(of: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, min_size=least, max_size=3).map(tuple)


DECISIONS = st.builds(
    Decision,
    kind=st.sampled_from(get_args(DecisionKind)),
    reason=st.sampled_from(get_args(EscalationReason)),
    confidence=SHARE,
    threshold=SHARE,
    frustration=SHARE,
    frustration_threshold=SHARE,
    signals=tuples(st.builds(Signal, TEXT, st.floats(-2, 2))),
    intent=MAYBE,
    passages=tuples(st.builds(Passage, TEXT, TEXT, SHARE)),
    slots=PLAIN,
    revision=st.integers(0, 2**31),
)
REQUESTS = st.builds(
    TurnRequest,
    conversation_id=TEXT,
    episode=st.integers(1, 2**31),
    turn=st.integers(1, 2**31),
    text=st.text(min_size=1, max_size=50),
    choice=MAYBE,
    locale=TEXT,
    customer=PLAIN,
    release_id=MAYBE,
    context=st.builds(
        TurnContext,
        handback=st.none() | st.builds(Handback, MAYBE, MAYBE),
        said_since_last_turn=tuples(st.builds(Said, st.sampled_from(["customer", "agent"]), TEXT)),
        discarded_turns=tuples(st.integers(1, 2**31)),
    ),
)
OUTCOMES = st.builds(
    TurnOutcome,
    turn=st.integers(1, 2**31),
    release_id=TEXT,
    decision=DECISIONS,
    replies=tuples(
        st.builds(Reply, TEXT.filter(str.strip), tuples(st.builds(Choice, TEXT, TEXT)), MAYBE), least=1
    ),
)


def over_the_wire(body: Any) -> Any:
    return json.loads(json.dumps(body))


@given(request=REQUESTS)
def test_a_request_is_read_as_it_was_written(request: TurnRequest) -> None:
    assert request_from_json(over_the_wire(request_to_json(request))) == request


@given(outcome=OUTCOMES)
def test_an_outcome_is_read_as_it_was_written(outcome: TurnOutcome) -> None:
    assert outcome_from_json(over_the_wire(outcome_to_json(outcome))) == outcome


@given(decision=DECISIONS)
def test_a_decision_is_read_as_it_was_written(decision: Decision) -> None:
    assert decision_from_json(over_the_wire(decision_to_json(decision))) == decision


# --- the smallest shapes ----------------------------------------------------------------------------------------

REQUEST = {"conversation_id": "cnv_1", "episode": 1, "turn": 2, "text": "Hi"}
DECISION = {"kind": "chat", "reason": "greet", "confidence": 0, "threshold": 1}
OUTCOME = {"turn": 2, "release_id": "rel_1", "decision": DECISION, "replies": [{"text": "Hello"}]}


def test_what_may_be_left_out_has_its_default() -> None:
    assert request_from_json(REQUEST) == TurnRequest("cnv_1", 1, 2, "Hi")
    assert outcome_from_json(OUTCOME) == TurnOutcome(
        2, "rel_1", Decision("chat", "greet", 0.0, 1.0), (Reply("Hello"),)
    )


def test_fields_that_a_newer_side_added_are_let_by() -> None:
    assert request_from_json({**REQUEST, "mood": "new"}) == request_from_json(REQUEST)
    assert outcome_from_json({**OUTCOME, "cost": 1}) == outcome_from_json(OUTCOME)


@pytest.mark.parametrize("field", REQUEST)
def test_each_of_the_smallest_requests_fields_is_needed(field: str) -> None:
    with pytest.raises(ContractError, match=field):
        request_from_json({key: value for key, value in REQUEST.items() if key != field})


@pytest.mark.parametrize("field", OUTCOME)
def test_each_of_the_smallest_outcomes_fields_is_needed(field: str) -> None:
    with pytest.raises(ContractError, match=field):
        outcome_from_json({key: value for key, value in OUTCOME.items() if key != field})


@pytest.mark.parametrize("field", DECISION)
def test_each_of_the_smallest_decisions_fields_is_needed(field: str) -> None:
    with pytest.raises(ContractError, match=rf"decision\.{field}"):
        decision_from_json({key: value for key, value in DECISION.items() if key != field})


# --- every way to be wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [request_from_json, outcome_from_json, decision_from_json])
@pytest.mark.parametrize("body", [None, [], "x", 1, True], ids=str)
def test_what_is_not_an_object_is_refused(read: Callable[[Any], Any], body: object) -> None:
    with pytest.raises(ContractError, match="must be an object"):
        read(body)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": ""}, "text must have 1 to"),
        ({"text": "x" * (MAX_TEXT + 1)}, "text must have 1 to"),
        ({"text": 5}, "text must be a string"),
        ({"conversation_id": None}, "conversation_id must be a string"),
        ({"episode": 0}, "episode must be a whole number of at least 1"),
        ({"episode": 1.0}, "episode must be a whole number"),
        ({"turn": True}, "turn must be a whole number"),
        ({"turn": "2"}, "turn must be a whole number"),
        ({"choice": 5}, "choice must be a string"),
        ({"locale": 5}, "locale must be a string"),
        ({"customer": ["x"]}, "customer must be an object"),
        ({"release_id": 5}, "release_id must be a string"),
        ({"context": ["x"]}, "context must be an object"),
        ({"context": {"handback": "x"}}, "context.handback must be an object"),
        ({"context": {"handback": {"outcome": 5}}}, "handback.outcome must be a string"),
        ({"context": {"handback": {"note": 5}}}, "handback.note must be a string"),
        ({"context": {"said_since_last_turn": {"a": 1}}}, "said_since_last_turn must be a list"),
        ({"context": {"said_since_last_turn": ["x"]}}, "said_since_last_turn must be an object"),
        ({"context": {"said_since_last_turn": [{"actor": "bot", "text": "x"}]}}, "actor must be customer"),
        ({"context": {"said_since_last_turn": [{"actor": "agent"}]}}, "said_since_last_turn.text"),
        ({"context": {"discarded_turns": {"a": 1}}}, "discarded_turns must be a list"),
        ({"context": {"discarded_turns": [0]}}, "discarded_turns must be a whole number"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_request_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said):
        request_from_json({**REQUEST, **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"replies": []}, "replies must not be empty"),
        ({"replies": {"text": "x"}}, "replies must be a list"),
        ({"replies": ["x"]}, "reply must be an object"),
        ({"replies": [{}]}, "reply.text must be a string"),
        ({"replies": [{"text": " "}]}, "reply.text must not be blank"),
        (
            {"decision": {**DECISION, "confidence": float("nan")}},
            "decision.confidence must be a finite number",
        ),
        ({"decision": {**DECISION, "threshold": 10**400}}, "decision.threshold must be a finite number"),
        ({"replies": [{"text": "x", "choices": {"a": 1}}]}, "reply.choices must be a list"),
        ({"replies": [{"text": "x", "choices": ["a"]}]}, "choice must be an object"),
        ({"replies": [{"text": "x", "choices": [{"id": "a"}]}]}, "choice.label"),
        ({"replies": [{"text": "x", "choices": [{"label": "a"}]}]}, "choice.id"),
        ({"replies": [{"text": "x", "article_id": 5}]}, "reply.article_id"),
        ({"turn": 0}, "turn must be a whole number"),
        ({"release_id": None}, "release_id must be a string"),
        ({"decision": None}, "decision must be an object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_outcome_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said):
        outcome_from_json({**OUTCOME, **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "guess"}, "decision.kind must be one of answer, clarify"),
        ({"kind": ["chat"]}, "decision.kind must be one of"),
        ({"kind": "escalate", "reason": "bored"}, "must name a handoff reason"),
        ({"reason": None}, "decision.reason must be a string"),
        ({"confidence": "high"}, "decision.confidence must be a number"),
        ({"confidence": True}, "decision.confidence must be a number"),
        ({"threshold": None}, "decision.threshold must be a number"),
        ({"frustration": None}, "decision.frustration must be a number"),
        ({"frustration_threshold": "x"}, "decision.frustration_threshold must be a number"),
        ({"signals": {"a": 1}}, "decision.signals must be a list"),
        ({"signals": ["x"]}, "signal must be an object"),
        ({"signals": [{"weight": 1}]}, "signal.name"),
        ({"signals": [{"name": "caps", "weight": "1"}]}, "signal.weight"),
        ({"intent": 5}, "decision.intent must be a string"),
        ({"passages": {"a": 1}}, "decision.passages must be a list"),
        ({"passages": ["x"]}, "passage must be an object"),
        ({"passages": [{"title": "T", "score": 1}]}, "passage.article_id"),
        ({"passages": [{"article_id": "a", "score": 1}]}, "passage.title"),
        ({"passages": [{"article_id": "a", "title": "T"}]}, "passage.score"),
        ({"slots": ["x"]}, "decision.slots must be an object"),
        ({"revision": -1}, "decision.revision must be a whole number of at least 0"),
        ({"revision": "1"}, "decision.revision must be a whole number"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_decision_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said):
        decision_from_json({**DECISION, **change})


def test_a_decision_of_a_bot_that_knows_no_editions_has_revision_0() -> None:
    decision = {name: value for name, value in DECISION.items() if name != "revision"}
    assert decision_from_json(decision).revision == 0


@pytest.mark.parametrize("reason", get_args(EscalationReason))
def test_an_escalation_names_a_reason_that_the_relay_knows(reason: str) -> None:
    decision = {**DECISION, "kind": "escalate", "reason": reason}
    assert decision_from_json(decision).reason == reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [*REQUEST, *OUTCOME, *DECISION, "context", "customer", "choice", "locale", "signals", "slots"]
)


@given(change=st.dictionaries(NAMES, JSON, max_size=4))
def test_any_object_is_read_or_refused(change: dict[str, Any]) -> None:
    bodies: list[tuple[Callable[[Any], Any], dict[str, Any]]] = [
        (request_from_json, {**REQUEST, **change}),
        (outcome_from_json, {**OUTCOME, **change}),
        (decision_from_json, {**DECISION, **change}),
    ]
    for read, body in bodies:
        refusal = " must "
        try:
            read(body)
        except ContractError as error:
            refusal = str(error)
        assert " must " in refusal
