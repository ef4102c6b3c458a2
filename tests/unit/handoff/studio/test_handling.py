"""Whose question an agent's time went to."""

from __future__ import annotations

from handoff.studio.handling import LONGEST_MIN, Handling, Step, handlings

MINUTE = 60_000


def steps(*told: tuple[int, float, str]) -> list[Step]:
    return [Step(seq, int(minute * MINUTE), kind) for seq, minute, kind in told]


def test_time_counts_from_joining_to_closing_and_goes_to_the_last_question_before() -> None:
    told = steps(
        (8, 0, "handoff.requested"),
        (9, 5, "agent.joined"),
        (10, 6, "agent.said"),
        (12, 9, "conversation.closed"),
    )
    assert handlings(told, [2, 6]) == {6: Handling(4.0, answered=True, over=True)}


def test_a_handoff_without_a_question_in_its_episode_is_nobodys() -> None:
    told = steps(
        (4, 0, "conversation.closed"),
        (5, 1, "episode.started"),
        (7, 1, "handoff.requested"),
        (8, 2, "agent.joined"),
        (9, 3, "agent.said"),
        (10, 4, "conversation.closed"),
    )
    assert handlings(told, [2]) == {}
    assert handlings(told, []) == {}


def test_two_handoffs_of_one_question_are_added_up() -> None:
    told = steps(
        (3, 0, "handoff.requested"),
        (4, 1, "agent.joined"),
        (5, 3, "conversation.returned_to_bot"),
        (7, 10, "handoff.requested"),
        (8, 11, "agent.joined"),
        (9, 12, "agent.said"),
        (10, 14, "conversation.closed"),
    )
    assert handlings(told, [2]) == {2: Handling(5.0, answered=True, over=True)}


def test_a_conversation_passed_on_counts_both_agents_and_not_the_wait_between() -> None:
    told = steps(
        (3, 0, "handoff.requested"),
        (4, 1, "agent.joined"),
        (5, 3, "conversation.transferred"),
        (6, 20, "agent.joined"),
        (7, 21, "agent.left"),
        (8, 30, "agent.joined"),
        (9, 30.5, "conversation.closed"),
    )
    assert handlings(told, [2]) == {2: Handling(3.5, answered=False, over=True)}


def test_what_goes_on_is_not_over() -> None:
    told = steps((3, 0, "handoff.requested"), (4, 1, "agent.joined"), (5, 2, "agent.said"))
    assert handlings(told, [2]) == {2: Handling(0.0, answered=True, over=False)}
    assert handlings(told[:1], [2]) == {2: Handling(0.0, answered=False, over=False)}


def test_a_handoff_that_nobody_took_cost_nothing() -> None:
    for end in ("handoff.cancelled", "handoff.expired", "conversation.closed"):
        told = steps((3, 0, "handoff.requested"), (4, 9, end))
        assert handlings(told, [2]) == {2: Handling(0.0, answered=False, over=True)}


def test_a_night_is_not_all_worked_through() -> None:
    told = steps((3, 0, "handoff.requested"), (4, 1, "agent.joined"), (5, 900, "conversation.closed"))
    assert handlings(told, [2])[2].minutes == LONGEST_MIN
