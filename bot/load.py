"""Loading releases for a command: the same engine that answers customers, without a door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from bot.editions import now_utc
from bot.encoders import EncodersInUse, encoder_of
from bot.settings import Settings
from kb_index.edition import Edition
from kb_index.editions import EditionStore
from kb_index.releases import ReleaseStore, UnknownRelease
from kb_index.serving import Serving, read_serving

if TYPE_CHECKING:
    from bot.engine import Engine

Which = Literal["live", "draft", "trained"]


def load_release(
    settings: Settings,
    release_id: str | None = None,
    *,
    content: Which = "live",
    changed: Mapping[str, float] | None = None,
) -> Engine:
    """The named release, or the live one, verified and loaded, with the content that is live on it, its draft (what is live
    where it has none), or what it was `trained` with.

    `changed` holds values of `Serving` in the place of those that the release was published with.

    Raises:
        UnknownRelease: it does not exist, or nothing has been published.
        ServingError: a value that cannot be.
        CorruptRelease, CorruptEdition, IndexMismatch, EncoderError, RiskUnknown: it cannot be used; the message says what
            to do.
    """
    # A home is not made by asking it something: `serve` would take it for one that somebody has filled.
    store = ReleaseStore(settings.releases) if settings.releases.is_dir() else None
    wanted = None if store is None else release_id or store.current()
    if store is None or wanted is None:
        raise UnknownRelease("No release is live: train one with `baton train --publish`.")
    release = store.verify(wanted)
    edition = edition_of(settings, wanted, content)
    serving = _with(read_serving(release.path), changed or {})
    # Rasa and TensorFlow, 15 s: not before everything cheap has been checked.
    from bot.engine import Engine  # noqa: PLC0415
    from bot.vectors import Vectors  # noqa: PLC0415

    vectors = Vectors(encoder_of(release.path, settings))
    return Engine.load(
        wanted, release.path, vectors, settings, at=now_utc(), edition=edition, serving=serving
    )


def load_two(settings: Settings, first: str | None, second: str) -> tuple[Engine | None, Engine]:
    """Two releases with the contents that are live on them, and one copy of the encoder where it is the same; `first` may be
    none. Raises as `load_release`.

    Each has its own memory of vectors: what one has encoded is no faster for the other.
    """
    if not settings.releases.is_dir():
        raise UnknownRelease(f"There is no release {second}; `baton release list` shows them.")
    store, encoders = ReleaseStore(settings.releases), EncodersInUse(settings)
    named = [release_id for release_id in (second, first) if release_id is not None]
    verified = [(store.verify(release_id), edition_of(settings, release_id, "live")) for release_id in named]
    from bot.engine import Engine  # noqa: PLC0415 - as above
    from bot.vectors import Vectors  # noqa: PLC0415

    at = now_utc()
    loaded = [
        Engine.load(
            release.id,
            release.path,
            Vectors(encoders.vectors_of(release.path).encoder),
            settings,
            at=at,
            edition=edition,
        )
        for release, edition in verified
    ]
    return (loaded[1] if first is not None else None), loaded[0]


def edition_of(settings: Settings, release_id: str, content: Which) -> Edition | None:
    """The edition of a release that `content` names; None where it is as it was trained. Raises `CorruptEdition`."""
    editions = EditionStore(settings.editions)
    found = editions.draft(release_id) if content == "draft" else None
    if found is None and content != "trained":
        found = editions.current(release_id)
    return found


def _with(serving: Serving, changed: Mapping[str, float]) -> Serving:
    if "risk" in changed or "unanswerable_share" in changed:
        serving = replace(serving, threshold=None)  # one that was chosen stood for another risk
    return Serving.from_dict({**serving.as_dict(), **changed})
