"""Figures that are counted for every message: plain numbers, put into Prometheus' form when somebody reads them.

The library's own take a lock and some microseconds for each observation (7 to 11 measured, against under 1 here); all
counting happens on the event loop's thread, which needs no lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Distribution(Collector):
    """How many observations lie at or under each bound. `bounds` ascend; the last bucket has none."""

    def __init__(self, name: str, words: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._words = words
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """For the registry."""
        buckets: list[tuple[str, float]] = []
        under = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            under += count
            buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), under))
        yield HistogramMetricFamily(self._name, self._words, buckets=buckets, sum_value=self._sum)


class Total(Collector):
    """A number that only grows."""

    def __init__(self, name: str, words: str, registry: CollectorRegistry) -> None:
        self._name = name
        self._words = words
        self._value = 0
        registry.register(self)

    def add(self, count: int) -> None:
        """Count some."""
        self._value += count

    def collect(self) -> Iterator[CounterMetricFamily]:
        """For the registry."""
        yield CounterMetricFamily(self._name, self._words, value=self._value)
