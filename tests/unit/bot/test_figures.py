"""Histograms in Prometheus' form, and a clock that notices when the loop stands still."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.figures import EVERY_S, Figures, Histogram


def test_buckets_count_what_lies_at_or_under_their_bound() -> None:
    histogram = Histogram("baton_x_seconds", "Words.", (0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    assert list(histogram.lines()) == [
        "# HELP baton_x_seconds Words.",
        "# TYPE baton_x_seconds histogram",
        'baton_x_seconds_bucket{le="0.1"} 2',
        'baton_x_seconds_bucket{le="1.0"} 3',
        'baton_x_seconds_bucket{le="+Inf"} 4',
        "baton_x_seconds_count 4",
        "baton_x_seconds_sum 7.65",
    ]
    assert (histogram.count, histogram.over(0.1), histogram.over(1.0)) == (4, 2, 1)
    with pytest.raises(ValueError, match="not in tuple"):
        histogram.over(0.2)


async def test_a_loop_that_stands_still_is_noticed() -> None:
    figures = Figures()
    figures.start()
    await asyncio.sleep(4 * EVERY_S)
    time.sleep(0.12)
    await asyncio.sleep(4 * EVERY_S)
    figures.stop()
    seen = figures.stalls.count
    assert seen > 2
    assert figures.stalls.over(0.1) == 1
    await asyncio.sleep(4 * EVERY_S)
    assert figures.stalls.count == seen, "it goes on after its end"


def test_everything_is_told_from_the_start() -> None:
    text = Figures().text()
    assert text.count("# TYPE") == 4
    assert "baton_bot_loop_stall_seconds_count 0\n" in text
    assert text.endswith("\n")
