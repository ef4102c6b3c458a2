"""How long turns were at the bot, as the relay counts it: the histogram `baton_bot_turn_seconds` of its `/metrics`."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

LIMIT_S: Final = 0.025
"""A bound of the histogram: what 95 % of one customer's turns should not exceed."""

NAME: Final = "baton_bot_turn_seconds"


@dataclass(frozen=True)
class BotTurns:
    """Turns that the bot answered, and those of them within `LIMIT_S`."""

    all: int = 0
    within: int = 0

    def __add__(self, other: BotTurns) -> BotTurns:
        return BotTurns(self.all + other.all, self.within + other.within)

    def __sub__(self, other: BotTurns) -> BotTurns:
        return BotTurns(self.all - other.all, self.within - other.within)


def read_bot_turns(url: str) -> BotTurns:
    """What the relay at `url`, on this machine, has counted so far. Raises `OSError` where it does not answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/metrics", timeout=5) as answer:
        return in_metrics(answer.read().decode())


def in_metrics(text: str) -> BotTurns:
    """What Prometheus' text form tells. Raises `ValueError` where the histogram has not the bound `LIMIT_S`."""
    samples = [
        sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in (f"{NAME}_bucket", f"{NAME}_count")
    ]
    if not samples:
        return BotTurns()
    under = [sample for sample in samples if "le" in sample.labels and float(sample.labels["le"]) == LIMIT_S]
    if not under:
        raise ValueError(f"{NAME} has no bucket of {LIMIT_S} s")
    everything = sum(sample.value for sample in samples if sample.name.endswith("_count"))
    return BotTurns(int(everything), int(sum(sample.value for sample in under)))
