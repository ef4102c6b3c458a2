"""The figures of the relay benchmark, from outcomes alone."""

from typing import Any

import pytest

from bench.relay import System, figures, run
from bench.relay_load import Outcome


class StillProgram:
    """A program that is not asked anything."""


def full(messages: int) -> Outcome:
    return Outcome(messages, 2.0, [5.0] * 10, [10.0] * 10, [], [], messages * 3, 1.0, 0.5, 1.75)


def half(p99: float) -> Outcome:
    return Outcome(100, 2.0, [1.0] * 200, [1.0] * 100 + [p99] * 100, [0.5], [], 300, 0.5, 0.25, 1.0)


def system(name: str, messages: list[int], p99s: list[float]) -> System:
    still: Any = StillProgram()
    return System(
        name, "http://nowhere", still, full=[full(m) for m in messages], half=[half(p) for p in p99s]
    )


def printed(**changes: Any) -> dict[str, Any]:
    baton = system("baton", changes.get("messages", [900, 1000, 1400]), changes.get("p99s", [8.0, 9.0, 70.0]))
    return figures((baton, system("bare", [3600, 4000, 4100], [2.0, 3.0, 4.0])))


def test_the_names_that_scripts_read():
    names = {
        "baton_msgs_per_s",
        "bare_msgs_per_s",
        "ratio",
        "half_rate_p99_ms",
        "bare_half_rate_p99_ms",
    }
    assert names <= printed().keys()


def test_throughput_is_the_median_rounds():
    figures = printed()
    assert (figures["baton_msgs_per_s"], figures["bare_msgs_per_s"], figures["ratio"]) == (500, 2000, 0.25)


def test_the_tail_is_the_median_rounds():
    figures = printed()
    assert (figures["half_rate_p99_ms"], figures["bare_half_rate_p99_ms"]) == (9, 3)
    assert figures["ratio_half_rate_p99"] == 3
    assert figures["baton"]["spread"]["half_rate_p99_ms"]["max"] == 70


def test_what_a_message_costs():
    baton = printed(messages=[1000, 1000])["baton"]
    assert baton["cpu_us_per_msg"] == 1000
    assert baton["frames_per_msg"] == 3
    assert (baton["cpu_share"], baton["generator_cpu_share"], baton["others_cpu_share"]) == (0.5, 0.25, 0.125)


def test_a_relay_that_lets_nothing_through_at_half_rate_has_no_latency():
    baton = system("baton", [1000], [])
    baton.half = [Outcome(0, 2.0, [], [], [0.5], ["too_slow"], 0, 0.5, 0.25, 1.0)]
    found = figures((baton, system("bare", [4000], [2.0])))
    assert found["half_rate_p99_ms"] is None
    assert found["ratio_half_rate_p99"] is None
    assert found["baton"]["failed"] == 1


def test_postgresql_that_was_not_measured_is_said_and_null(monkeypatch, capsys, tmp_path):
    both = (system("baton", [1000], [9.0]), system("bare", [4000], [3.0]))
    monkeypatch.setattr("bench.relay.measured", lambda *_: both)
    monkeypatch.delenv("BATON_BENCH_DATABASE_URL", raising=False)
    assert run(["--json"], tmp_path) == 0
    told = capsys.readouterr()
    assert '"postgres":null' in told.out
    assert "PostgreSQL was not measured" in told.err


def test_postgresql_is_measured_where_a_database_is_named(monkeypatch, capsys, tmp_path):
    asked = []

    def measured(_store, database, *_):
        asked.append(database)
        return system("baton", [1000], [9.0]), system("bare", [4000], [3.0])

    monkeypatch.setattr("bench.relay.measured", measured)
    monkeypatch.setenv("BATON_BENCH_DATABASE_URL", "postgresql://somewhere/bench")
    assert run(["--json"], tmp_path) == 0
    assert asked == [None, "postgresql://somewhere/bench"]
    assert '"postgres":{' in capsys.readouterr().out


@pytest.mark.parametrize(("who", "code"), [(0, 1), (1, 0)])
def test_a_failure_of_baton_fails_the_command(monkeypatch, capsys, tmp_path, who, code):
    both = (system("baton", [1000], [9.0]), system("bare", [4000], [3.0]))
    both[who].full[0].failures.append("1 of 9 messages were lost")
    monkeypatch.setattr("bench.relay.measured", lambda *_: both)
    monkeypatch.delenv("BATON_BENCH_DATABASE_URL", raising=False)
    assert run(["--json"], tmp_path) == code
    assert '"failed":1' in capsys.readouterr().out
