"""What customers are answered from now: the live release's own articles as its edition has them. Files are the one truth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import structlog

from handoff.content.store import CONTENT_FILE
from handoff.domain.errors import NotFound, StorageUnavailable
from handoff.domain.storage import why
from handoff.ports import Clock
from handoff.studio.articles import ArticleDesk
from handoff.studio.errors import CannotPublish, NothingLive
from handoff.studio.journal import Entry, Journal
from handoff.studio.shelf import Shelf, Shelved
from handoff.wire.times import rfc3339
from kb_index.article import Article, clean_text
from kb_index.editions import CorruptEdition, Edition, EditionMoved, EditionStore, Incident
from kb_index.formats import parse
from kb_index.releases import ReleaseError, ReleaseStore

TRIES: Final = 5
"""How often a publication is worked out anew because another one came first."""

Articles = Mapping[str, Article]
log = structlog.get_logger(__name__)
T = TypeVar("T")
NAMED: Final = 100
"""Articles that an entry of the audit log names."""


class LiveDamaged(StorageUnavailable):
    """What is live cannot be read, however often one tries: its files, or the pointer to it, are damaged."""


@dataclass(frozen=True, slots=True)
class Live:
    """What is live. `base` are the release's own articles, `articles` those with its edition; `revision` 0: none.

    `at` and `by` say when and by whom what is live was last changed.
    """

    release_id: str
    revision: int
    at: str
    by: str
    base: Articles
    articles: Articles
    edition: Edition | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did: the ids that are live now as the working copy has them, and the edition that says so."""

    release_id: str
    revision: int
    ids: tuple[str, ...]


class LiveContent:
    """Reads what is live, and publishes articles without a training."""

    def __init__(self, home: Path, shelf: Shelf, desk: ArticleDesk, clock: Clock, journal: Journal) -> None:
        self._journal = journal
        self._releases = home / "releases"
        self._editions = EditionStore(home / "editions")
        self._shelf = shelf
        self._desk = desk
        self._clock = clock
        self._cached: tuple[object, Live] | None = None
        self._drafted: object = None
        self._one_at_a_time = asyncio.Lock()
        self._one_reads = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read what lists and searches need: thousands of articles take a second, which nobody is to wait for."""
        self._reading = asyncio.create_task(self._read_ahead(), name="live")

    async def stop(self) -> None:
        """End; what is not read yet is read when it is asked for."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read_ahead(self) -> None:
        # Whoever asks meanwhile is told what is wrong; here nobody is.
        with suppress(StorageUnavailable):
            await self._shelf.refreshed()
            await self.now()

    async def now(self) -> Live | None:
        """What is live, or None before the first release. Raises `StorageUnavailable` where it cannot be read."""
        async with self._one_reads:  # a second one would read all of it once more beside the first
            return await _in_thread(self._now)

    async def publish(self, ids: Collection[str] | None, *, by: str, why: str | None = None) -> Published:
        """Make the working copy of these articles live, or with None of every article that differs and is no draft.

        An id that the working copy lacks is taken back. What is live already stays as it is. The audit log says so.

        Raises:
            NothingLive: there is no release to publish into.
            NotFound: an id is neither in the working copy nor live.
            CannotPublish: one of these articles is a draft.
            StorageUnavailable: it could not be written; what was live still is.
        """

        def chosen(live: Live, shelved: Mapping[str, Shelved]) -> Mapping[str, Article | None]:
            changed = differing(live, shelved)
            wanted = publishable(changed, shelved) if ids is None else frozenset(ids)
            _check(wanted, shelved, live)
            return {key: shelved[key].kept.article if key in shelved else None for key in wanted}

        return await self._publish(chosen, by, why)

    async def choose(self, ids: Collection[str] | None) -> dict[str, int | None]:
        """What `publish` would make live now: versions by id, None for what would be taken back. Raises as it does."""
        shelved = await self._shelf.refreshed()
        live = await self.now()
        if live is None:
            raise NothingLive("Nothing is live yet. Train and publish a first release.")
        changed = differing(live, shelved)
        wanted = publishable(changed, shelved) if ids is None else frozenset(ids)
        _check(wanted, shelved, live)
        return {
            key: shelved[key].kept.version if key in shelved else None for key in sorted(wanted & changed)
        }

    async def publish_versions(
        self, articles: Mapping[str, Article | None], *, by: str, why: str | None = None
    ) -> Published:
        """Make these very articles live, whatever has been written since; None takes one back. Raises as `publish`."""
        return await self._publish(lambda _live, _shelved: articles, by, why)

    async def _publish(
        self,
        chosen: Callable[[Live, Mapping[str, Shelved]], Mapping[str, Article | None]],
        by: str,
        why: str | None,
    ) -> Published:
        async with self._one_at_a_time:
            await self._journal.settle()
            for _ in range(TRIES):
                shelved = await self._shelf.refreshed()
                live = await self.now()
                if live is None:
                    raise NothingLive("Nothing is live yet. Train and publish a first release.")
                moved = {
                    key: article
                    for key, article in chosen(live, shelved).items()
                    if live.articles.get(key) != article
                }
                if not moved:
                    return Published(live.release_id, live.revision, ())
                target = {key: article for key, article in live.articles.items() if key not in moved}
                target |= {key: article for key, article in moved.items() if article is not None}
                edition, ids = self._edition(live, target, by), tuple(sorted(moved))
                try:
                    async with self._journal.entry(_told(edition, ids, why)):
                        await self._write(edition)
                except EditionMoved:
                    continue
                return Published(live.release_id, edition.revision, ids)
        raise StorageUnavailable("Others publish all the time. Try again in a moment.")

    async def carry_over(self, release_id: str, *, by: str) -> int:
        """Prepare a release to go live: what was published while it was trained stays live. Returns how many articles.

        Without it, a correction that went live after the training had begun would be taken back by the training. Open
        incidents go along too: they are of the day and not of a release.

        Raises:
            StorageUnavailable: it could not be read or written; what was live still is.
        """
        async with self._one_at_a_time:
            try:
                live = await self.now()
            except LiveDamaged:
                # Nobody is answered from it as it stands, and going live with another is what helps.
                log.warning("nothing_carried_over", release=release_id)
                return 0
            if live is None or live.release_id == release_id:
                return 0
            base = await _in_thread(lambda: self._content(release_id))
            there = await _in_thread(lambda: self._read_edition(release_id))
            # One with other values alone holds the same articles: what is live stays as it is.
            target = dict(live.articles if base == live.base else base)
            for article_id in live.articles.keys() | base.keys():
                now, trained = live.articles.get(article_id), base.get(article_id)
                if now == trained or not await self._is_newer(article_id, now, trained):
                    continue
                if now is None:
                    target.pop(article_id, None)
                else:
                    target[article_id] = now
            revision = 0 if there is None else there.revision
            then = Live(release_id, revision, "", "", base, base, live.edition)
            edition = self._edition(then, target, by)
            carried = len(edition.articles) + len(edition.removed)
            if carried or edition.incidents or there is not None:
                await self._write(edition)
            return carried

    async def set_incidents(
        self, change: Callable[[tuple[Incident, ...]], tuple[Incident, ...]], entry: Entry
    ) -> None:
        """Make other incidents the open ones. `change` gives them from those that are, and may be called again.

        `entry` is what the journal is to hold of it; where and when are filled in.

        Raises:
            NothingLive: there is no release whose answers they could go before.
            StorageUnavailable: it could not be written; what was open still is.
        """
        async with self._one_at_a_time:
            await self._journal.settle()
            for _ in range(TRIES):
                live = await self.now()
                if live is None:
                    raise NothingLive("Nothing is live yet. Train and publish a first release.")
                there = live.edition.incidents if live.edition is not None else ()
                edition = replace(self._edition(live, live.articles, entry.by), incidents=change(there))
                told = replace(
                    entry,
                    by=edition.by,
                    release_id=edition.release_id,
                    revision=edition.revision,
                    at=edition.at,
                )
                try:
                    async with self._journal.entry(told):
                        await self._write(edition)
                except EditionMoved:
                    continue
                return
        raise StorageUnavailable("Others publish all the time. Try again in a moment.")

    async def write_draft(self) -> str | None:
        """Have the difference of the working copy to the live release written, for the bot to try.

        Returns the release that it differs from, None where nothing is live.
        """
        shelved = await self._shelf.refreshed()
        live = await self.now()
        if live is None:
            return None
        state = (live.release_id, live.revision, self._shelf.moves)
        if self._drafted != state:
            target = {key: entry.kept.article for key, entry in shelved.items()}
            draft = replace(self._edition(live, target, "studio"), revision=1)
            await _in_thread(lambda: self._editions.write(draft, draft=True))
            self._drafted = state
        return live.release_id

    async def _is_newer(self, article_id: str, one: Article | None, other: Article | None) -> bool:
        """Whether `one` is of a later version than `other`; None is an article that is not there."""
        versions: dict[Article | None, int] = {}
        with suppress(NotFound):
            for line in reversed(await self._desk.history(article_id)):
                versions[None if line.kept is None else line.kept.article] = line.version
        return versions.get(one, 0) > versions.get(other, 0)

    async def _write(self, edition: Edition) -> None:
        await _in_thread(lambda: self._editions.write(edition))

    def _edition(self, live: Live, target: Articles, by: str) -> Edition:
        """The next edition, by which the release's own articles become `target`."""
        return Edition(
            release_id=live.release_id,
            revision=live.revision + 1,
            at=rfc3339(self._clock.now_ms()),
            by=clean_text(by, "by", 80, line_breaks=False),
            articles=tuple(target[key] for key in sorted(target) if live.base.get(key) != target[key]),
            removed=tuple(sorted(live.base.keys() - target.keys())),
            incidents=live.edition.incidents if live.edition is not None else (),
        )

    def _now(self) -> Live | None:
        store = ReleaseStore(self._releases)
        release_id = store.current()
        if release_id is None:
            return None
        stamp = (release_id, self._editions.stamp(release_id))
        cached = self._cached
        if cached is None or cached[0] != stamp:
            same_release = cached is not None and cached[1].release_id == release_id
            base = cached[1].base if cached is not None and same_release else self._content(release_id)
            edition = self._read_edition(release_id)
            if edition is None:
                at, by = _published(store, release_id)
                live = Live(release_id, 0, at, by, base, base)
            else:
                articles = {article.id: article for article in edition.applied_to(base.values())}
                live = Live(release_id, edition.revision, edition.at, edition.by, base, articles, edition)
            self._cached = cached = (stamp, live)
        return cached[1]

    def _read_edition(self, release_id: str) -> Edition | None:
        try:
            return self._editions.current(release_id)
        except CorruptEdition:
            # A bot goes on with the last good one; what is published next takes the place of this one.
            return None

    def _content(self, release_id: str) -> Articles:
        path = self._releases / release_id / CONTENT_FILE
        if not path.is_file():
            raise LiveDamaged(f"Release {release_id} has no {CONTENT_FILE}. Publish another release.")
        if not path.stat().st_size:
            return {}
        parsed = parse(path)
        if parsed.errors:
            raise LiveDamaged(
                f"The articles of release {release_id} cannot be read. Publish another release."
            )
        return {article.id: article for article in parsed.articles}


def differing(live: Live, shelved: Mapping[str, Shelved]) -> frozenset[str]:
    """Ids of the articles whose working copy is not what is live."""
    return frozenset(
        article_id
        for article_id in shelved.keys() | live.articles.keys()
        if article_id not in shelved or shelved[article_id].kept.article != live.articles.get(article_id)
    )


def publishable(ids: Collection[str], shelved: Mapping[str, Shelved]) -> frozenset[str]:
    """Those of `ids` that are no drafts."""
    return frozenset(key for key in ids if key not in shelved or shelved[key].kept.status != "draft")


def _check(ids: Collection[str], shelved: Mapping[str, Shelved], live: Live) -> None:
    for article_id in sorted(ids):
        if article_id not in shelved and article_id not in live.articles:
            raise NotFound(f"There is no article {article_id[:100]!r}.")
        if article_id in shelved and shelved[article_id].kept.status == "draft":
            title = shelved[article_id].kept.article.title
            raise CannotPublish(f"“{title}” is a draft. Mark it as ready first.", article_id=article_id)


def _told(edition: Edition, ids: tuple[str, ...], why: str | None) -> Entry:
    """What the audit log says of a publication."""
    return Entry(
        by=edition.by,
        action="published_articles",
        subject=ids[0] if len(ids) == 1 else f"{len(ids)} articles",
        release_id=edition.release_id,
        revision=edition.revision,
        at=edition.at,
        why=why,
        data={
            "release_id": edition.release_id,
            "revision": edition.revision,
            "ids": list(ids[:NAMED]),
        },
    )


def _published(store: ReleaseStore, release_id: str) -> tuple[str, str]:
    for entry in reversed(store.history()):
        if entry.get("release") == release_id:
            return str(entry.get("at", "")), str(entry.get("by", ""))
    return "", ""


async def _in_thread(work: Callable[[], T]) -> T:
    """File work beside the loop. Raises `StorageUnavailable` for what a disk or a damaged file does."""
    try:
        return await asyncio.to_thread(work)
    except ReleaseError as error:
        raise LiveDamaged(str(error)) from error
    except OSError as error:
        raise StorageUnavailable(
            f"This could not be read or written: {why(error)}. What was live still is; try again in a moment."
        ) from error
