"""The retrain benchmark: a steady rate, and figures of a swap from turns alone."""

import pytest

from bench.programs import BenchError
from bench.rasa_project import read_articles
from bench.retrain import figures, swap_figures, with_example
from bench.retrain_load import Outcome, Plan, Turn, as_json, from_json, run
from tests.integration.relay.harness import running_relay


def test_late_and_failed_turns_are_those_that_left_after_the_publication():
    turns = [
        *(Turn(at, 10.0, "old") for at in range(10)),
        Turn(9.5, 50.0, "old"),
        Turn(10.0, 29.0, "old"),
        Turn(11.0, 31.0, "new"),
        Turn(12.0, 11.0, "new"),
    ]
    found = swap_figures(Outcome(turns, [(3.0, "before"), (10.5, "after")]), 10.0, "new")
    assert found == {
        "swap_s": 1.03,
        "p50_before_ms": 10.0,
        "p50_after_ms": 29.0,
        "slowest_after_ms": 31.0,
        "turns_after": 3,
        "late_turns": 1,
        "late_before": 1,
        "failed_turns": 1,
    }


@pytest.mark.parametrize("turns", [[], [Turn(1.0, 10.0, "old"), Turn(3.0, 10.0, "old")]])
def test_a_swap_that_nobody_saw_is_no_figure(turns):
    with pytest.raises(BenchError):
        swap_figures(Outcome(turns, []), 2.0, "new")


def test_the_names_that_scripts_read():
    one = {
        "train_s": 9.0, "swap_s": 1.0, "late_turns": 0, "failed_turns": 0, "turns_after": 400, "late_before": 1,
    }  # fmt: skip
    found = figures([one, one], {"rasa_init": [100.0], "rasa_lr": [20.0, 30.0, 40.0]}, {"cores": 2})
    assert (found["baton_s"], found["rasa_s"], found["ratio"]) == (10.0, 100.0, 0.1)
    assert (found["late_turns"], found["failed_turns"], found["turns_after"]) == (0, 0, 800)
    assert found["ratio_rasa_lr"] == 0.333


def test_each_round_adds_another_question_to_one_article():
    articles = read_articles()
    first, second = with_example(articles, 0), with_example(articles, 1)
    assert first[1:] == second[1:] == articles[1:]
    assert len({first[0].questions[-1], second[0].questions[-1], articles[0].questions[-1]}) == 3


async def test_questions_leave_when_their_time_has_come(tmp_path):
    async with running_relay(tmp_path) as relay:
        found = await run(Plan(relay.url, rate=50.0, texts=[f"question {number}" for number in range(20)]))
    assert found.failures == []
    assert {turn.release_id for turn in found.turns} == {"r1"}
    left = sorted(turn.at for turn in found.turns)
    assert len(left) == 20
    assert left[-1] - left[0] >= 19 / 50 - 0.05
    assert from_json(as_json(found)) == found
