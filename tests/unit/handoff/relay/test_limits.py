"""The token bucket: a burst at once, a rate in the long run, and the truth about when to come back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from handoff.relay.limits import TokenBucket


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
