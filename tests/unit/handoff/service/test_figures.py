"""What is counted cheaply reads as the library's own figures would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from handoff.service.figures import Distribution, Total

BOUNDS = (0.5, 1, 10.0)


def lines(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 5.0, 10.0, 10.5, 1e9])))
def test_a_distribution_is_told_as_the_librarys_histogram(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = Distribution("x_seconds", "Words.", BOUNDS, ours)
    reference = Histogram("x_seconds", "Words.", buckets=BOUNDS, registry=theirs)
    for value in values:
        mine.observe(value)
        reference.observe(value)
    assert lines(ours) == lines(theirs)


def test_a_total_grows() -> None:
    registry = CollectorRegistry()
    total = Total("x", "Words.", registry)
    total.add(2)
    total.add(3)
    assert registry.get_sample_value("x_total") == 5
