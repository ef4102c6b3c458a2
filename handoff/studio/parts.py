"""The studio's parts, put together by `bootstrap.make_studio`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from handoff.content.imports import Imports
from handoff.content.sources import Sources
from handoff.content.store import ContentStore
from handoff.content.voice import SiteVoice
from handoff.ports import Clock, Workbench
from handoff.studio.articles import ArticleDesk
from handoff.studio.audit import Audit
from handoff.studio.canary import Canaries
from handoff.studio.exam import Exam
from handoff.studio.incidents import Incidents
from handoff.studio.intents import IntentDesk
from handoff.studio.job_keeper import JobKeeper
from handoff.studio.jobs import Jobs
from handoff.studio.journal import Journal
from handoff.studio.live import LiveContent
from handoff.studio.meanings import Meanings
from handoff.studio.past_talk import PastTalk
from handoff.studio.plans import Plans
from handoff.studio.publishing import Publishing
from handoff.studio.releases import Releases
from handoff.studio.replaying import Replaying
from handoff.studio.review import Review
from handoff.studio.review_watch import ReviewWatch
from handoff.studio.settings import StudioSettings
from handoff.studio.settling import Settling
from handoff.studio.shelf import Shelf
from handoff.studio.speaking import Speaking
from handoff.studio.taking_up import TakingUp


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
    journal: Journal
    intents: IntentDesk
    meanings: Meanings
    keeper: JobKeeper
    jobs: Jobs
    releases: Releases
    canaries: Canaries
    exam: Exam
    settings: StudioSettings
    plans: Plans
    publishing: Publishing
    taking_up: TakingUp
    review: Review
    settling: Settling
    review_watch: ReviewWatch
    past_talk: PastTalk
    replaying: Replaying
    content: ContentStore
    imports: Imports
    sources: Sources
    voice: SiteVoice
    speaking: Speaking
    locale: str
    """Of what names none."""

    async def start(self) -> None:
        """Begin what runs beside requests."""
        # Before anything else goes live: what a relay that was killed had begun.
        await self.journal.start()
        await self.speaking.start()
        self.live.start()
        await self.incidents.start()
        self.keeper.start()
        self.canaries.start()
        self.plans.start()
        self.review_watch.start()

    async def stop(self) -> None:
        """End it."""
        await self.review_watch.stop()
        await self.plans.stop()
        await self.canaries.stop()
        await self.keeper.stop()
        await self.incidents.stop()
        await self.live.stop()
        await self.speaking.stop()
        await self.journal.stop()

    def now(self) -> str:
        """The time, RFC 3339 in UTC to the second."""
        return datetime.fromtimestamp(self.clock.now_ms() // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
