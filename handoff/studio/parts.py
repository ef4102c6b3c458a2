"""The studio's parts, put together by `bootstrap.make_studio`."""

from __future__ import annotations

from dataclasses import dataclass

from handoff.studio.audit import Audit


@dataclass(frozen=True, slots=True)
class Studio:
    """What the studio's routes call."""

    audit: Audit

    async def start(self) -> None:
        """Begin what runs beside requests."""

    async def stop(self) -> None:
        """End it."""
