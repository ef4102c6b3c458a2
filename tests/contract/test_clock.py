"""The time, as the relay is told it."""

from __future__ import annotations

import time

import pytest

from handoff.adapters.clock import SystemClock
from handoff.ports import Clock
from tests.contract.held_clock import HeldClock


@pytest.fixture(params=["system", "held"])
def any_clock(request: pytest.FixtureRequest) -> Clock:
    return SystemClock() if request.param == "system" else HeldClock()


def test_it_counts_whole_milliseconds_since_the_epoch(any_clock: Clock) -> None:
    now = any_clock.now_ms()
    assert isinstance(now, int)
    # Between 2020 and 2100: seconds or nanoseconds would be far outside.
    assert 1_577_836_800_000 < now < 4_102_444_800_000
    assert any_clock.now_ms() >= now


def test_the_system_clock_is_the_system_s() -> None:
    before = time.time() * 1000
    now = SystemClock().now_ms()
    assert before - 1 <= now <= time.time() * 1000 + 1


def test_the_held_clock_moves_only_when_told() -> None:
    clock = HeldClock(5)
    assert (clock.now_ms(), clock.now_ms()) == (5, 5)
    clock.pass_ms(10)
    clock.pass_s(1.5)
    assert clock.now_ms() == 1515
