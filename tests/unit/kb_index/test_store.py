"""The index folder: whole, of the right encoder, or refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kb_index.article import Article
from kb_index.calibration import RiskUnknown
from kb_index.knowledge import CorruptIndex, IndexMismatch, Knowledge
from kb_index.store import read_manifest

from .conftest import WordEncoder


@pytest.fixture
def folder(shop: list[Article], words: WordEncoder, tmp_path: Path) -> Path:
    Knowledge.build(shop, words).save(tmp_path / "index")
    return tmp_path / "index"


def test_what_is_loaded_answers_as_what_was_saved(
    shop: list[Article], words: WordEncoder, folder: Path
) -> None:
    built, loaded = Knowledge.build(shop, words), Knowledge.load(folder, words)
    for text in ("refund for jacket", "problem with gift card balance", "moons of a planet"):
        vector = words.encode([text])[0]
        assert loaded.search(text, vector) == built.search(text, vector)
    assert loaded.threshold == built.threshold
    assert loaded.figures == built.figures
    assert list(loaded.articles) == list(built.articles)


def test_the_manifest_says_what_made_it(words: WordEncoder, folder: Path) -> None:
    manifest = read_manifest(folder)
    assert manifest["encoder"] == {"name": "words", "fingerprint": words.fingerprint, "dimension": 64}
    assert manifest["articles"] == 12
    assert manifest["versions"].keys() >= {"faiss-cpu", "numpy", "python"}
    assert len(manifest["content_hash"]) == 64
    assert manifest["figures"]["questions_asked"] == 96


def test_another_encoder_is_refused_with_what_to_do(folder: Path) -> None:
    with pytest.raises(IndexMismatch, match=r"'words'.*'other'.*baton train.*BATON_ENCODER") as caught:
        Knowledge.load(folder, WordEncoder("other"))
    assert caught.value.code == "index_mismatch"


def test_another_dimension_is_refused(folder: Path) -> None:
    with pytest.raises(IndexMismatch, match=r"dimension 64.*dimension 32"):
        Knowledge.load(folder, WordEncoder("words", 32))


FILES = ("articles.jsonl", "questions.faiss", "passages.faiss", "model.npz")


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_named(words: WordEncoder, folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(CorruptIndex, match=name) as caught:
        Knowledge.load(folder, words)
    assert caught.value.code == "corrupt_index"


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_named(words: WordEncoder, folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CorruptIndex, match=f"{name} is missing"):
        Knowledge.load(folder, words)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": 9}',
        '{"format": 1, "encoder": {"name": "x"}}',
        "[" * 99999,
    ],
)
def test_a_manifest_of_another_shape_is_corrupt(words: WordEncoder, folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(CorruptIndex, match=r"manifest\.json"):
        Knowledge.load(folder, words)


def resign(folder: Path) -> None:
    """Give the manifest the sha256 of the files as they are: what an attacker or a careless tool would do."""
    from kb_index.encoder import file_digest

    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {name: file_digest(folder / name) for name in FILES}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def swap_article(folder: Path) -> None:
    path = folder / "articles.jsonl"
    path.write_text(path.read_text().replace("All about", "Nothing about"))


def drop_article(folder: Path) -> None:
    path = folder / "articles.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def pickle_model(folder: Path) -> None:
    np.savez(folder / "model.npz", question_owners=np.array([object()], dtype=object))


def shorten_model(folder: Path) -> None:
    rewrite_model(folder, lambda arrays: {**arrays, "question_owners": arrays["question_owners"][:-1]})


def rewrite_model(folder: Path, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> None:
    with np.load(folder / "model.npz") as model:
        arrays = {name: model[name] for name in model.files}
    np.savez(folder / "model.npz", **change(arrays))


@pytest.mark.parametrize("damage", [swap_article, drop_article, pickle_model, shorten_model])
def test_parts_that_do_not_belong_together_are_refused(
    words: WordEncoder, folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)
    resign(folder)
    with pytest.raises(CorruptIndex):
        Knowledge.load(folder, words)


def test_what_the_threshold_was_chosen_from_is_kept(
    shop: list[Article], words: WordEncoder, folder: Path
) -> None:
    built, loaded = Knowledge.build(shop, words), Knowledge.load(folder, words)
    assert loaded.curve == built.curve != []
    assert loaded.for_risk(0.3).threshold == built.for_risk(0.3).threshold < built.threshold
    changed = loaded.for_risk(0.3).without_article("topic-00")
    assert changed.threshold == built.for_risk(0.3).threshold


def test_an_index_of_an_earlier_version_answers_as_it_did(words: WordEncoder, folder: Path) -> None:
    now = Knowledge.load(folder, words)
    rewrite_model(folder, lambda arrays: {n: a for n, a in arrays.items() if not n.startswith("tried_")})
    resign(folder)
    older = Knowledge.load(folder, words)
    assert older.threshold == now.threshold
    assert older.curve == []
    with pytest.raises(RiskUnknown):
        older.for_risk(0.3)


@pytest.mark.parametrize(
    "change",
    [
        {"tried_right": np.zeros(3, bool)},
        {"tried_confidence": np.zeros((2, 2))},
        {"tried_confidence": np.zeros(2), "tried_right": np.zeros(2, bool), "tried_there": np.ones(2, bool)},
        {"tried_confidence": np.zeros(2), "tried_right": np.zeros(2), "tried_there": np.ones(2, bool)},
    ],
)
def test_what_cannot_have_been_tried_is_corrupt(
    words: WordEncoder, folder: Path, change: dict[str, np.ndarray]
) -> None:
    rewrite_model(folder, lambda arrays: {**arrays, **change})
    resign(folder)
    with pytest.raises(CorruptIndex):
        Knowledge.load(folder, words)
