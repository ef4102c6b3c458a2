"""Other values beside those that are live: counts by conversation, not by what is said after a person would have come."""

from __future__ import annotations

from handoff.studio.simulating import Fact, Replayed, compared

DAY = 1_795_996_800_000


def turn(
    conversation: str, number: int, kind: str, article: str | None = None, reason: str = "x"
) -> Replayed:
    return Replayed((conversation, number), kind, reason, article, None, 0.5)


def fact(article: str | None = None, *, disliked: bool = False, needed: bool = False, day: int = 0) -> Fact:
    return Fact(DAY + day * 86_400_000, article, disliked, needed)


def test_what_is_said_after_a_person_would_have_come_is_not_counted() -> None:
    before = [turn("a", 1, "answer", "x"), turn("a", 3, "answer", "y"), turn("b", 1, "clarify")]
    after = [turn("a", 1, "escalate"), turn("a", 3, "answer", "y"), turn("b", 1, "answer", "z")]
    facts = {("a", 1): fact("x"), ("a", 3): fact("y"), ("b", 1): fact(day=1)}
    found = compared(before, after, facts, minutes=6)
    assert found["before"] | {"hours": 0} == {
        "answered": 2, "clarified": 1, "unsure": 0, "handed_over": 0, "other": 0, "hours": 0, "missed": 0, "disliked": 0,
    }  # fmt: skip
    assert (found["after"]["answered"], found["after"]["handed_over"], found["after"]["hours"]) == (1, 1, 0.1)
    assert found["days_seen"] == [
        {"day": "2026-11-30", "before": {"answered": 2}, "after": {"handed_over": 1}},
        {"day": "2026-12-01", "before": {"clarified": 1}, "after": {"answered": 1}},
    ]
    assert [(one["conversation_id"], one["turn"], one["after"]["kind"]) for one in found["changes"]] == [
        ("a", 1, "escalate"),
        ("b", 1, "answer"),
    ]


def test_a_customer_who_needed_a_person_and_gets_none_is_missed() -> None:
    facts = {("a", 1): fact(), ("a", 3): fact(needed=True), ("b", 1): fact(needed=True)}
    calm = [turn("a", 1, "answer", "x"), turn("a", 3, "answer", "y"), turn("b", 1, "chat")]
    early = [turn("a", 1, "escalate"), turn("a", 3, "answer", "y"), turn("b", 1, "escalate")]
    late = [
        turn("a", 1, "answer", "x"),
        turn("a", 3, "answer", "y"),
        turn("a", 5, "escalate"),
        turn("b", 1, "chat"),
    ]
    assert compared(calm, early, facts, minutes=6)["before"]["missed"] == 2
    assert compared(calm, early, facts, minutes=6)["after"]["missed"] == 0
    assert compared(calm, late, facts, minutes=6)["after"]["missed"] == 2


def test_an_answer_that_was_turned_down_counts_where_it_is_given_again() -> None:
    facts = {("a", 1): fact("x", disliked=True), ("b", 1): fact("x", disliked=True)}
    before = [turn("a", 1, "answer", "x"), turn("b", 1, "answer", "other")]
    after = [turn("a", 1, "clarify", "x"), turn("b", 1, "answer", "x")]
    found = compared(before, after, facts, minutes=6)
    assert (found["before"]["disliked"], found["after"]["disliked"]) == (1, 1)


def test_the_same_values_change_nothing() -> None:
    turns = [turn("a", 1, "answer", "x"), turn("a", 3, "escalate")]
    found = compared(turns, turns, {}, minutes=6)
    assert found["before"] == found["after"]
    assert (found["changes"], found["more_changes"]) == ([], 0)
