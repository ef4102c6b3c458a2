from handoff.supervisor.backoff import Backoff


def test_waits_double_up_to_the_last() -> None:
    backoff = Backoff()
    assert [backoff.after(0) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_minute_of_health_starts_anew_and_less_does_not() -> None:
    backoff = Backoff()
    backoff.after(0)
    backoff.after(0)
    assert backoff.after(59.9) == 2
    assert backoff.after(60) == 0.5
    assert backoff.after(0) == 1
