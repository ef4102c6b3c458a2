"""What a benchmark prints: percentiles, the spread of its rounds, ratios, one JSON object on one line."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of `values` do not exceed, interpolated between neighbours (Hyndman-Fan 7).

    Raises:
        ValueError: no values, or a share outside 0 to 1.
    """
    if not values or not 0.0 <= share <= 1.0:
        raise ValueError(f"no {share} percentile of {len(values)} values")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Least, median and greatest of one figure over rounds, and their distance as a share of the median."""
    middle = statistics.median(values)
    width = (max(values) - min(values)) / middle if middle else 0.0
    return {
        "min": rounded(min(values)),
        "median": rounded(middle),
        "max": rounded(max(values)),
        "width": rounded(width),
    }


def ratio(ours: float, theirs: float) -> float:
    """Ours / theirs. Raises `ValueError` where there is nothing to compare with."""
    if theirs <= 0:
        raise ValueError("a ratio needs a peer that did something")
    return rounded(ours / theirs)


def rounded(value: float) -> float:
    """Three significant digits for what is small, two places for the rest: noise is not printed as news."""
    return round(value, 2) if abs(value) >= 1 else float(f"{value:.3g}")


def machine() -> dict[str, Any]:
    """Where it was measured: cores this process may use, and how busy they are (1-minute load)."""
    return {"cores": len(os.sched_getaffinity(0)), "load_1m": round(os.getloadavg()[0], 2)}


def say(line: str) -> None:
    """A line of progress, on standard error."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()


def result(figures: Mapping[str, Any], *, as_json: bool) -> None:
    """The figures: one line of JSON, last on standard output, or a list for people."""
    if as_json:
        sys.stdout.write(json.dumps(figures, separators=(",", ":")) + "\n")
    else:
        for name, value in figures.items():
            sys.stdout.write(f"{name:24} {json.dumps(value)}\n")
    sys.stdout.flush()
