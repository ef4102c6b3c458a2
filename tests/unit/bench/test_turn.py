"""The figures of the turn benchmark, from outcomes alone."""

from typing import Any

import pytest
from prometheus_client import generate_latest

from bench.bot_time import BotTurns, in_metrics
from bench.load import Outcome, Turn
from bench.programs import Usage, used_between
from bench.questions import read_questions
from bench.rasa_project import read_articles
from bench.turn import Measured, System, answered_right, figures
from handoff.service.metrics import Metrics


class StillProgram:
    """A program that has used what it has used."""

    def usage(self) -> dict[int, Usage]:
        return {1: Usage(3.0, 120_000_000), 2: Usage(0.1, 9_000_000)}


def system(name: str, kind: Any, ms: float, per_s: int, answer: str = "") -> System:
    asked = read_questions()[0].text
    alone = [
        Outcome([Turn(asked, 1, ms, 0.1, answer, "answer"), Turn("x", 2, ms + 2, 0.2, "", "none")], [], 1.0)
    ] * 3
    many = [
        Outcome([Turn("y", 1, ms * 10, 0.5, "", "answer")] * (per_s + extra), [], 1.0) for extra in (-1, 0, 1)
    ]
    return System(
        name,
        kind,
        "http://nowhere",
        StillProgram(),
        Measured(alone, bot=BotTurns(8, 6)),
        Measured(many, cpu_s=3 * per_s * 0.02),
        {asked: read_questions()[0].article_id, "x": "returns", "y": "returns"},
    )


@pytest.fixture
def printed() -> dict[str, Any]:
    first = read_questions()[0].article_id
    answer = next(article.answer for article in read_articles() if article.id == first)
    systems = [
        system("baton", "baton", 10.0, 60, first),
        system("rasa_init", "rasa", 30.0, 20, answer),
        system("rasa_lr", "rasa", 20.0, 15, "Bye"),
    ]
    return figures(systems, {"cores": 2})


def test_the_names_that_scripts_read(printed):
    for name in ("baton", "rasa_init", "rasa_lr"):
        assert {"p50_ms", "p95_ms", "turns_per_s"} <= printed[name].keys()
    assert printed["machine"]["cores"] == 2
    assert printed["rounds"] == 3


def test_each_ratio_is_against_the_peer_that_is_faster_at_it(printed):
    assert printed["ratio_p50"] == pytest.approx(11 / 21, abs=0.005)
    assert printed["ratio_turns_per_s"] == 3.0


def test_a_systems_figures(printed):
    baton = printed["baton"]
    assert (baton["p50_ms"], baton["fresh_p50_ms"], baton["following_p50_ms"]) == (11.0, 10.0, 12.0)
    assert baton["turns_per_s"] == 60
    assert baton["cpu_ms_per_turn"] == 20
    assert baton["mb"] == [120]


def test_what_the_turns_came_to(printed):
    shares = printed["baton"]["decisions"]
    assert shares["answer"] > shares["none"] > 0
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)


def test_the_spread_is_that_of_the_rounds(printed):
    assert printed["spread"]["rasa_init"]["turns_per_s"] == {"min": 19, "median": 20, "max": 21, "width": 0.1}


def test_answers_are_judged_by_their_article(printed):
    # 3 of 3 x 2 + (59 + 60 + 61) or (19 + 20 + 21) questions got an article; the rest got none.
    baton, init, lr = (printed["answered_right"][name] for name in ("baton", "rasa_init", "rasa_lr"))
    assert baton == {
        "right": pytest.approx(3 / 186, abs=1e-4),
        "wrong": 0,
        "none": pytest.approx(183 / 186, abs=1e-3),
    }
    assert init["right"] == pytest.approx(3 / 66, abs=1e-4)
    assert lr == {"right": 0, "wrong": 0, "none": 1}


def test_an_answer_with_another_article_is_wrong():
    first = read_questions()[0]
    asked = system("baton", "baton", 10.0, 60, "another-article")
    assert answered_right(asked, {})["wrong"] == pytest.approx(3 / 186, abs=1e-4)
    assert asked.expected[first.text] == first.article_id


def test_cpu_time_is_that_of_processes_alive_at_both_moments():
    before = {1: Usage(1.0, 0), 2: Usage(5.0, 0)}
    after = {1: Usage(1.5, 0), 3: Usage(9.0, 0)}
    assert used_between(before, after) == 0.5


def test_the_bots_share_is_told(printed):
    assert printed["bot_within_25_ms"] == 0.75


def test_the_bots_time_is_read_from_the_relays_own_histogram():
    metrics = Metrics()
    for seconds in (0.004, 0.02, 0.025, 0.026, 3.0):
        metrics.bot_answered(seconds)
    text = generate_latest(metrics.registry).decode()
    assert in_metrics(text) == BotTurns(5, 3)
    assert in_metrics("") == BotTurns()
