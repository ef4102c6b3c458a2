"""Bounds for senders: a burst at once, a rate in the long run, the truth about when to come back, and so many at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.relay import limits
from handoff.relay.limits import Occupancy, RatePerKey, TokenBucket


def test_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=2.0, burst=3, now_s=100.0)
    assert [bucket.take(100.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take(100.0) == 0.5
    assert bucket.take(100.5) == 0.0
    assert bucket.take(100.5) == 0.5


def test_what_is_saved_up_is_bounded_by_the_burst() -> None:
    bucket = TokenBucket(rate=10.0, burst=2, now_s=0.0)
    assert [bucket.take(1e6) for _ in range(2)] == [0.0, 0.0]
    assert bucket.take(1e6) > 0


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 50),
    steps=st.lists(st.floats(0, 2), max_size=60),
)
def test_never_more_than_burst_and_rate_allow_and_the_told_wait_is_enough(
    rate: float, burst: int, steps: list[float]
) -> None:
    bucket, now, taken = TokenBucket(rate, burst, 0.0), 0.0, 0
    for step in steps:
        now += step
        wait = bucket.take(now)
        if wait == 0.0:
            taken += 1
        else:
            now += wait + 1e-6
            assert bucket.take(now) == 0.0
            taken += 1
        assert taken <= burst + rate * now + 1e-6


def test_each_key_has_places_of_its_own_and_they_come_back() -> None:
    places = Occupancy(2)
    assert [places.enter("a") for _ in range(3)] == [True, True, False]
    assert places.enter("b")
    places.leave("a")
    assert [places.enter("a") for _ in range(2)] == [True, False]


def test_a_key_that_nobody_is_under_costs_nothing() -> None:
    places = Occupancy(1)
    for number in range(100):
        places.enter(str(number))
        places.enter(str(number))
        places.leave(str(number))
    assert not places._inside


def test_each_key_has_a_rate_of_its_own() -> None:
    rates = RatePerKey(rate=1.0, burst=1)
    assert rates.take("a", 0.0) == 0.0
    assert rates.take("a", 0.0) == 1.0
    assert rates.take("b", 0.0) == 0.0


def test_keys_are_forgotten_when_they_could_begin_anew_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "KEYS_KEPT", 3)
    rates = RatePerKey(rate=1.0, burst=2)
    for _ in range(2):
        rates.take("greedy", 0.0)
    for name in "bc":
        rates.take(name, 0.5)
    # b and c have had the time for one, greedy has not had the time for two.
    rates.take("e", 1.6)
    assert set(rates._buckets) == {"greedy", "e"}
    assert rates.take("greedy", 1.6) == 0.0
    assert rates.take("greedy", 1.6) > 0.0
