"""The studio's parts, put together by `bootstrap.make_studio`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from handoff.ports import Clock, Workbench
from handoff.studio.articles import ArticleDesk
from handoff.studio.audit import Audit
from handoff.studio.incidents import Incidents
from handoff.studio.intents import IntentDesk
from handoff.studio.live import LiveContent
from handoff.studio.meanings import Meanings
from handoff.studio.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Studio:
    """What the studio's routes call."""

    clock: Clock
    audit: Audit
    articles: ArticleDesk
    shelf: Shelf
    live: LiveContent
    bench: Workbench
    incidents: Incidents
    intents: IntentDesk
    meanings: Meanings

    async def start(self) -> None:
        """Begin what runs beside requests."""
        await self.incidents.start()

    async def stop(self) -> None:
        """End it."""
        await self.incidents.stop()

    def now(self) -> str:
        """The time, RFC 3339 in UTC to the second."""
        return datetime.fromtimestamp(self.clock.now_ms() // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
