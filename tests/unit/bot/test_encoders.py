"""One copy of each encoder for the releases that share it."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path

import numpy as np
import pytest

from bot.encoders import EncodersInUse, embeddings_of, encoder_of, remembering
from bot.settings import ENCODER_FOLDER, Settings
from kb_index.embedding_cache import CachedEncoder
from kb_index.encoder import EncoderError, load_encoder
from kb_index.finetune import Lesson, fine_tune
from kb_index.fork import LowerLayers
from kb_index.tail_store import save_tail
from tests.unit.kb_index.conftest import WordEncoder

TEXTS = ["where is my parcel", "parcel not here", "cancel my order", "do not send my order"]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    release = tmp_path_factory.mktemp("tuned")
    states = LowerLayers().states(TEXTS)
    lesson = Lesson(states, load_encoder("bundled").encode(TEXTS), np.array([0, 0, 1, 1]), epochs=1)
    tail = fine_tune(lesson, deadline=float("inf"), threads=1, progress=lambda _done, _total: None)
    save_tail(release / ENCODER_FOLDER, tail, tuned_share=0.5, sample=states)
    return release


def test_a_release_has_its_own_encoder_or_that_of_the_settings(tuned: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert encoder_of(tuned, settings).dimension == 768
    assert encoder_of(tmp_path, settings).fingerprint == load_encoder("bundled").fingerprint


def test_releases_of_one_encoder_share_it_until_the_last_goes(tuned: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(tuned, again)
    encoders = EncodersInUse(Settings(home=tmp_path))
    untuned = encoders.vectors_of(tmp_path)
    assert encoders.vectors_of(tmp_path) is untuned
    first = encoders.vectors_of(tuned)
    assert first is not untuned
    assert encoders.vectors_of(again) is first
    held = first.encoder
    del first
    gc.collect()
    assert encoders.vectors_of(again).encoder is not held, "nothing used it, so it was let go"


def test_a_damaged_encoder_is_told(tuned: Path, tmp_path: Path) -> None:
    release = tmp_path / "damaged"
    shutil.copytree(tuned, release)
    encoders = EncodersInUse(Settings(home=tmp_path))
    shared = encoders.vectors_of(tuned)
    (release / ENCODER_FOLDER / "tail.onnx").write_bytes(b"x")
    with pytest.raises(EncoderError, match=r"tail\.onnx has changed"):
        encoders.vectors_of(release)
    (release / ENCODER_FOLDER / "encoder.json").unlink()
    with pytest.raises(EncoderError, match=r"encoder\.json is missing"):
        encoders.vectors_of(release)
    assert encoders.vectors_of(tuned) is shared


def test_vectors_of_articles_are_those_that_training_kept(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    words = WordEncoder()
    CachedEncoder(words, embeddings_of(settings, tuned=False)).encode(TEXTS)
    words.asked.clear()
    remembering(words, settings).encode([*TEXTS, "a new one"])
    assert words.asked == ["a new one"]
    assert embeddings_of(settings, tuned=True) != embeddings_of(settings, tuned=False)


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    words = WordEncoder()
    assert remembering(words, Settings(home=tmp_path)) is words
    assert "vectors of articles are not kept" in caplog.text
