"""Times on the wire: RFC 3339, UTC, with milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(at_ms: int) -> str:
    """`2026-01-31T12:00:00.250Z` for milliseconds since the epoch."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
