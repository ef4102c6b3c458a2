"""Times on the wire."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.wire.times import rfc3339


@pytest.mark.parametrize(
    ("at_ms", "shown"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (1_709_164_799_001, "2024-02-28T23:59:59.001Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
    ],
)
def test_utc_with_milliseconds(at_ms: int, shown: str) -> None:
    assert rfc3339(at_ms) == shown


@given(at_ms=st.integers(0, 4_000_000_000_000))
def test_nothing_is_lost_and_order_is_kept(at_ms: int) -> None:
    shown = rfc3339(at_ms)
    assert round(datetime.fromisoformat(shown).timestamp() * 1000) == at_ms
    assert shown < rfc3339(at_ms + 1)
