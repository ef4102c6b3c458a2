"""Loading one release for a command: the same engine that answers customers, without a door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bot.editions import now_utc
from bot.encoders import encoder_of
from bot.settings import Settings
from kb_index.editions import EditionStore
from kb_index.releases import ReleaseStore, UnknownRelease

if TYPE_CHECKING:
    from bot.engine import Engine

Which = Literal["live", "draft", "trained"]


def load_release(settings: Settings, release_id: str | None = None, *, content: Which = "live") -> Engine:
    """The named release, or the live one, verified and loaded, with the content that is live on it, its draft (what is live
    where it has none), or what it was `trained` with.

    Raises:
        UnknownRelease: it does not exist, or nothing has been published.
        CorruptRelease, CorruptEdition, IndexMismatch, EncoderError: it cannot be used; the message says what to do.
    """
    # A home is not made by asking it something: `serve` would take it for one that somebody has filled.
    store = ReleaseStore(settings.releases) if settings.releases.is_dir() else None
    wanted = None if store is None else release_id or store.current()
    if store is None or wanted is None:
        raise UnknownRelease("No release is live: train one with `baton train --publish`.")
    release = store.verify(wanted)
    editions = EditionStore(settings.editions)
    edition = editions.draft(wanted) if content == "draft" else None
    if edition is None and content != "trained":
        edition = editions.current(wanted)
    # Rasa and TensorFlow, 15 s: not before everything cheap has been checked.
    from bot.engine import Engine  # noqa: PLC0415
    from bot.vectors import Vectors  # noqa: PLC0415

    vectors = Vectors(encoder_of(release.path, settings))
    return Engine.load(wanted, release.path, vectors, settings, at=now_utc(), edition=edition)
