"""What goes live, and when: at once, at a time, or once somebody else has agreed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from handoff.domain.errors import BadFrame, NotFound
from handoff.ports import Clock
from handoff.studio.articles import ArticleDesk
from handoff.studio.canary import Canaries
from handoff.studio.errors import NothingLive
from handoff.studio.journal import Entry
from handoff.studio.live import LiveContent, Published
from handoff.studio.plans import Action, Plan, Plans
from handoff.studio.releases import Releases
from handoff.studio.settings import StudioSettings, check_values
from handoff.studio.taking_up import TakingUp
from kb_index.article import Article

LATEST_MS: Final = 366 * 24 * 3600 * 1000


class Publishing:
    """Makes things live for editors. Each method returns what was done, or the plan by which it will be."""

    def __init__(
        self,
        *,
        desk: ArticleDesk,
        live: LiveContent,
        releases: Releases,
        canaries: Canaries,
        taking_up: TakingUp,
        settings: StudioSettings,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._live = live
        self._releases = releases
        self._canaries = canaries
        self._taking_up = taking_up
        self._settings = settings
        self._clock = clock
        self._plans: Plans | None = None

    def plans(self, plans: Plans) -> None:
        """Where what is not done at once is kept; it calls `do`."""
        self._plans = plans

    async def articles(
        self, ids: Collection[str] | None, *, by: str, why: str | None, at: str | None = None
    ) -> Published | Plan:
        """Publish the working copy of these articles, None for all that differ. Raises as `LiveContent.publish`."""
        due_at, needs_approval = await self._when(at)
        if due_at is None and not needs_approval:
            return await self._live.publish(ids, by=by, why=why)
        chosen = await self._live.choose(ids)
        if not chosen:
            raise NotFound("All of this is live already.")
        subject = next(iter(chosen)) if len(chosen) == 1 else f"{len(chosen)} articles"
        return await self._plan(
            "publish_articles", subject, {"articles": chosen}, by=by, why=why, due_at=due_at
        )

    async def release(
        self, release_id: str, *, by: str, why: str | None, at: str | None = None
    ) -> str | Plan:
        """Make a release live; returns its id. Raises as `Releases.publish`."""
        due_at, needs_approval = await self._when(at)
        if due_at is None and not needs_approval:
            return await self._publish_release(release_id, by, why)
        release = await self._releases.checked(release_id)
        params = {"release_id": release.id}
        return await self._plan("publish_release", release.id, params, by=by, why=why, due_at=due_at)

    async def promote(self, *, by: str, why: str | None) -> str | Plan:
        """Make the release on trial live for everybody. Raises `NoCanary`, or as `release`."""
        canary = await self._canaries.running()
        _, needs_approval = await self._when(None)
        if canary is None or not needs_approval:
            return await self._canaries.promote(by, why)
        # Its trial ends as promoted once this is done.
        return await self.release(canary.release_id, by=by, why=why)

    async def values(
        self,
        *,
        risk: float | None,
        frustration: float | None,
        voice: str | None = None,
        by: str,
        why: str | None,
    ) -> str | Plan:
        """Serve with other values from now on, and train with them; returns the release that does.

        It is the live one with other values, some files on the same disk: nothing is learnt anew.

        Raises:
            BadSetting: a value cannot be; nothing was changed.
            NothingLive: there is nothing to serve with them.
            ReleaseRefused: the live release cannot be derived from, or does not know that risk.
        """
        given = {"risk": risk, "frustration": frustration, "voice": voice}
        changes = {name: value for name, value in given.items() if value is not None}
        check_values(changes)
        live = await self._live.now()
        if live is None:
            raise NothingLive("Nothing is live yet. Train and publish a first release.")
        derived = await self._releases.derived(live.release_id, changes, at_ms=self._clock.now_ms())
        return await self.release(derived.id, by=by, why=why or _told(changes))

    async def roll_back(self, *, by: str, why: str | None, to: str | None = None) -> str:
        """Make live what was so before; `to` is the one that is meant. Whoever sees that something is wrong waits for nobody."""
        moved = await self._releases.roll_back(by=by, why=why, to=to)
        await self._canaries.went_live(by)
        return moved.release_id

    async def do(self, action: Action, params: Mapping[str, Any], by: str, why: str | None) -> None:
        """Do what a plan says; it is over when customers get it. Raises `HandoffError`; nothing is half done."""
        if action == "publish_release":
            await self._publish_release(params["release_id"], by, why)
        else:
            await self._publish_articles(params["articles"], by, why)
        await self._taking_up.done()

    async def _publish_articles(self, versions: Mapping[str, int | None], by: str, why: str | None) -> None:
        chosen: dict[str, Article | None] = {}
        for article_id, version in versions.items():
            kept = None if version is None else await self._desk.version(article_id, version)
            chosen[article_id] = None if kept is None else kept.article
        await self._live.publish_versions(chosen, by=by, why=why)

    async def _publish_release(self, release_id: str, by: str, why: str | None) -> str:
        moved = await self._releases.publish(release_id, by=by, why=why)
        await self._canaries.went_live(by)
        return moved.release_id

    async def keep_values(self, entry: Entry) -> None:
        """What belongs to a release that went live: the next training goes by the values that somebody chose for it."""
        chosen = await self._releases.chosen_values(entry.release_id)
        if chosen:
            await self._settings.change(chosen, entry.by)

    async def _when(self, at: str | None) -> tuple[int | None, bool]:
        """The time in epoch milliseconds, None for now, and whether somebody else must agree."""
        needs_approval = bool((await self._settings.values())["approval"])
        if at is None:
            return None, needs_approval
        try:
            moment = datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise BadFrame("`at` is a time in UTC such as 2026-12-01T08:00:00Z.", fields=["at"]) from None
        due_at, now = int(moment.timestamp() * 1000), self._clock.now_ms()
        if not now < due_at < now + LATEST_MS:
            raise BadFrame("`at` lies in the past, or more than a year ahead.", fields=["at"])
        return due_at, needs_approval

    async def _plan(
        self,
        action: Action,
        subject: str,
        params: Mapping[str, Any],
        *,
        by: str,
        why: str | None,
        due_at: int | None,
    ) -> Plan:
        assert self._plans is not None, "given by bootstrap"
        needs_approval = bool((await self._settings.values())["approval"])
        return await self._plans.make(
            action, subject, params, by=by, why=why, due_at=due_at, needs_approval=needs_approval
        )


def _told(changes: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, 'g')}" for name, value in changes.items()
    )
