"""The encoder that a release was made with: the one of the settings, or its own fine-tuned one."""

from __future__ import annotations

import logging
from pathlib import Path
from weakref import WeakValueDictionary

from bot.settings import ENCODER_FOLDER, Settings
from bot.vectors import Vectors
from kb_index.embedding_cache import CachedEncoder
from kb_index.encoder import Encoder, load_encoder
from kb_index.tail_store import fingerprint_of, load_tuned

log = logging.getLogger(__name__)


def encoder_of(release: Path, settings: Settings) -> Encoder:
    """Load the encoder of the release in this folder. Raises `EncoderError`; the message says what to do."""
    tuned = release / ENCODER_FOLDER
    return load_tuned(tuned) if tuned.is_dir() else load_encoder(settings.encoder)


def remembering(encoder: Encoder, settings: Settings) -> Encoder:
    """`encoder` for articles, whose texts come again and again: with the vectors that training has kept on disk."""
    tuned = encoder.general != encoder.dimension
    try:
        return CachedEncoder(encoder, embeddings_of(settings, tuned=tuned))
    except OSError as error:
        log.warning("vectors of articles are not kept: %s", error)
        return encoder


def embeddings_of(settings: Settings, *, tuned: bool) -> Path:
    """Where training keeps the vectors of an encoder as it came, or of the site's own."""
    return (settings.cache / "fine-tuning" if tuned else settings.cache) / "embeddings"


class EncodersInUse:
    """One copy of each encoder, with its memory of vectors, as long as a loaded release uses it.

    The untuned one stays: most releases share it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._untuned: Vectors | None = None
        self._tuned: WeakValueDictionary[str, Vectors] = WeakValueDictionary()

    def vectors_of(self, release: Path) -> Vectors:
        """See `encoder_of`. Takes half a second where it has to load; call it off the event loop."""
        tuned = release / ENCODER_FOLDER
        if not tuned.is_dir():
            if self._untuned is None:
                self._untuned = Vectors(encoder_of(release, self._settings))
            return self._untuned
        key = fingerprint_of(tuned)
        found = self._tuned.get(key)
        if found is None:
            found = self._tuned[key] = Vectors(encoder_of(release, self._settings))
        return found
