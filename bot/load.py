"""Loading releases for a command: the same engine that answers customers, without a door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.encoders import EncodersInUse
from bot.settings import Settings
from kb_index.releases import ReleaseStore, UnknownRelease
from kb_index.serving import Serving, read_serving

if TYPE_CHECKING:
    from bot.engine import Engine


def load_release(
    settings: Settings, release_id: str | None = None, *, changed: Mapping[str, float] | None = None
) -> Engine:
    """The named release, or the live one, verified and loaded.

    `changed` holds values of `Serving` in the place of those that the release was published with.

    Raises:
        UnknownRelease: it does not exist, or nothing has been published.
        ServingError: a value that cannot be.
        CorruptRelease, IndexMismatch, EncoderError, RiskUnknown: it cannot be used; the message says what to do.
    """
    # A home is not made by asking it something: `serve` would take it for one that somebody has filled.
    store = ReleaseStore(settings.releases) if settings.releases.is_dir() else None
    wanted = None if store is None else release_id or store.current()
    if store is None or wanted is None:
        raise UnknownRelease("No release is live: train one with `baton train --publish`.")
    return _load(store, wanted, settings, EncodersInUse(settings), changed or {})


def load_two(settings: Settings, first: str | None, second: str) -> tuple[Engine | None, Engine]:
    """Two releases with one copy of the encoder where it is the same; `first` may be none. Raises as `load_release`.

    Each has its own memory of vectors: what one has encoded is no faster for the other.
    """
    if not settings.releases.is_dir():
        raise UnknownRelease(f"There is no release {second}; `baton release list` shows them.")
    store, encoders = ReleaseStore(settings.releases), EncodersInUse(settings)
    for release_id in filter(None, (first, second)):
        store.get(release_id)  # before 15 s of importing
    loaded = _load(store, second, settings, encoders, {})
    return None if first is None else _load(store, first, settings, encoders, {}), loaded


def _load(
    store: ReleaseStore,
    release_id: str,
    settings: Settings,
    encoders: EncodersInUse,
    changed: Mapping[str, float],
) -> Engine:
    release = store.verify(release_id)
    serving = _with(read_serving(release.path), changed)
    # Rasa and TensorFlow, 15 s: not before everything cheap has been checked.
    from bot.engine import Engine  # noqa: PLC0415
    from bot.vectors import Vectors  # noqa: PLC0415

    vectors = Vectors(encoders.vectors_of(release.path).encoder)
    return Engine.load(release_id, release.path, vectors, settings, serving)


def _with(serving: Serving, changed: Mapping[str, float]) -> Serving:
    if "risk" in changed or "unanswerable_share" in changed:
        serving = replace(serving, threshold=None)  # one that was chosen stood for another risk
    return Serving.from_dict({**serving.as_dict(), **changed})
