from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.accounts.throttle import WINDOW_MS, Count, Limit, by_name, by_network, network_of, wait_ms

NAME = Limit("name:x", free=5)


def test_the_free_failures_cost_nothing() -> None:
    for failures in range(5):
        assert wait_ms(NAME, Count(failures, 1_000), 1_000) == 0


def test_each_further_failure_doubles_the_wait_up_to_five_minutes() -> None:
    waits = [wait_ms(NAME, Count(failures, 1_000), 1_000) for failures in range(5, 15)]
    assert waits == [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]


def test_waiting_counts_from_the_last_failure() -> None:
    assert wait_ms(NAME, Count(6, 1_000), 3_500) == 1_500
    assert wait_ms(NAME, Count(6, 1_000), 5_000) == 0


@given(failures=st.integers(0, 10**6), last=st.integers(0, 2**45), now=st.integers(0, 2**45))
def test_no_wait_is_longer_than_the_longest_even_if_the_clock_was_set_back(
    failures: int, last: int, now: int
) -> None:
    assert 0 <= wait_ms(NAME, Count(failures, last), now) <= 300_000 < WINDOW_MS


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "other"),
        ("", "other"),
    ],
)
def test_addresses_are_counted_by_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_name_is_not_stored_as_it_was_typed() -> None:
    assert "hunter2" not in by_name("hunter2hunter2").key
    assert len(by_name("x" * 10_000).key) <= 160
    assert len(by_network(network_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).key) <= 160
