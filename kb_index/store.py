"""The index folder: articles, vectors and what was learnt, with a manifest that names what made them.

manifest.json    encoder, dimension, content hash, library versions, figures, sha256 of each file
articles.jsonl   the articles, in the order of their positions
questions.faiss  passages.faiss
model.npz        owners of the rows, words, weights; plain arrays, never pickled
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import sparse

from kb_index.article import Article, ArticleError, check_article, content_hash
from kb_index.calibration import SIGNALS, Calibration, Confidence
from kb_index.encoder import Encoder, Vectors, file_digest
from kb_index.index import IndexFileError, VectorIndex
from kb_index.ranking import FEATURES, Ranker
from kb_index.risk import Tried
from kb_index.words import PIECES, WordIndex

FORMAT: Final = 3
MANIFEST: Final = "manifest.json"
_FILES: Final = ("articles.jsonl", "questions.faiss", "passages.faiss", "model.npz")
_TRIED: Final = ("confidence", "right", "there")
_LIBRARIES: Final = ("faiss-cpu", "numpy", "scipy")


class IndexMismatch(RuntimeError):
    """The index was made by another encoder. `code` is `index_mismatch`; the message says what to do."""

    code = "index_mismatch"


class CorruptIndex(RuntimeError):
    """A file of the index is missing or changed. `code` is `corrupt_index`."""

    code = "corrupt_index"


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """All that `Knowledge` is made of. `content_hash` is None where articles changed since it was taken; `centre`
    (dimension,) has been taken from all vectors (`kb_index.centre`)."""

    articles: tuple[Article, ...]
    encoder_name: str
    encoder_fingerprint: str
    content_hash: str | None
    centre: Vectors
    ranker: Ranker
    calibration: Calibration


def save_index(folder: Path, stored: StoredIndex) -> None:
    """Write the folder; the manifest comes last, so that a folder cut short is seen as corrupt."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(article.as_dict(), ensure_ascii=False) + "\n" for article in stored.articles)
    (folder / "articles.jsonl").write_text(lines, encoding="utf-8")
    ranker, learnt = stored.ranker, stored.calibration
    questions, passages = ranker.questions.compact(), ranker.passages.compact()
    words = ranker.words.compact()
    questions.save(folder / "questions.faiss")
    passages.save(folder / "passages.faiss")
    arrays: dict[str, Any] = {
        "question_owners": questions.owners,
        "passage_owners": passages.owners,
        "centre": stored.centre,
        "word_owners": words.owners,
        "word_idf": words.idf,
        "word_data": words.sums.data,
        "word_indices": words.sums.indices,
        "word_starts": words.sums.indptr,
        "rank_weights": ranker.weights,
        "confidence_weights": learnt.confidence.weights,
        "confidence_bias": np.array(learnt.confidence.bias),
        "answerable_weights": learnt.answerable.weights,
        "answerable_bias": np.array(learnt.answerable.bias),
        "threshold": np.array(learnt.threshold),
    }
    if learnt.tried is not None:
        arrays |= {f"tried_{name}": getattr(learnt.tried, name) for name in _TRIED}
    np.savez(folder / "model.npz", **arrays)
    manifest = {
        "format": FORMAT,
        "encoder": {
            "name": stored.encoder_name,
            "fingerprint": stored.encoder_fingerprint,
            "dimension": questions.dimension,
        },
        "content_hash": stored.content_hash or content_hash(stored.articles),
        "articles": len(stored.articles),
        "vectors": len(questions) + len(passages),
        "indexes": {"questions": questions.described, "passages": passages.described},
        "versions": {name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()},
        "figures": learnt.figures,
        "files": {name: file_digest(folder / name) for name in _FILES},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_index(folder: Path, encoder: Encoder) -> StoredIndex:
    """Read and check the folder. Raises `IndexMismatch` or `CorruptIndex`."""
    manifest = read_manifest(folder)
    made_by = manifest["encoder"]
    for what, found in (("dimension", encoder.dimension), ("fingerprint", encoder.fingerprint)):
        if made_by[what] != found:
            raise IndexMismatch(
                f"The index was made with the encoder {made_by['name']!r} ({what} {_short(made_by[what])}), but "
                f"{encoder.name!r} ({what} {_short(found)}) is in use. Train again (baton train --publish), or set "
                f"BATON_ENCODER to {made_by['name']!r}."
            )
    for name in _FILES:
        if not (folder / name).is_file():
            raise _corrupt(name, "is missing")
        if file_digest(folder / name) != manifest["files"].get(name):
            raise _corrupt(name, "has changed since the index was made")
    try:
        return _read(folder, manifest)
    except (OSError, ValueError, KeyError, IndexFileError, ArticleError) as error:
        raise _corrupt("the folder", f"cannot be read: {error}") from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an index, its shape checked. Raises `CorruptIndex`."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise _corrupt(MANIFEST, "is missing") from None
    except (ValueError, RecursionError):
        raise _corrupt(MANIFEST, "is not valid JSON") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _corrupt(MANIFEST, f"has not the format {FORMAT}")
    encoder = manifest.get("encoder")
    if not isinstance(encoder, dict) or not {"name", "fingerprint", "dimension"} <= encoder.keys():
        raise _corrupt(MANIFEST, "names no encoder")
    if not isinstance(manifest.get("files"), dict) or not isinstance(manifest.get("figures"), dict):
        raise _corrupt(MANIFEST, "lists no files or figures")
    return manifest


def _read(folder: Path, manifest: dict[str, Any]) -> StoredIndex:
    with (folder / "articles.jsonl").open(encoding="utf-8") as stream:
        articles = tuple(check_article(json.loads(line)) for line in stream)
    if content_hash(articles) != manifest.get("content_hash"):
        raise _corrupt("articles.jsonl", "does not hold the articles that the manifest names")
    dimension = int(manifest["encoder"]["dimension"])
    with np.load(folder / "model.npz", allow_pickle=False) as model:
        arrays = {name: model[name] for name in model.files}
    centre = arrays["centre"]
    if centre.shape != (dimension,) or not np.isfinite(centre).all():
        raise ValueError(f"the centre does not have {dimension} finite numbers")
    learnt_shapes = [arrays[f"{name}_weights"].shape for name in ("rank", "confidence", "answerable")]
    if learnt_shapes != [(len(FEATURES),), (len(SIGNALS),), (len(SIGNALS),)]:
        raise ValueError("the weights have other shapes")
    ranker = Ranker(
        VectorIndex.load(folder / "questions.faiss", arrays["question_owners"], dimension),
        VectorIndex.load(folder / "passages.faiss", arrays["passage_owners"], dimension),
        _words(arrays),
        len(articles),
        arrays["rank_weights"],
    )
    learnt = Calibration(
        arrays["rank_weights"],
        Confidence(arrays["confidence_weights"], float(arrays["confidence_bias"])),
        Confidence(arrays["answerable_weights"], float(arrays["answerable_bias"])),
        float(arrays["threshold"]),
        manifest["figures"],
        _tried(arrays),
    )
    made_by = manifest["encoder"]
    return StoredIndex(
        articles, made_by["name"], made_by["fingerprint"], manifest["content_hash"], centre, ranker, learnt
    )


def _tried(arrays: dict[str, Any]) -> Tried | None:
    """What the threshold was chosen from; an index of an earlier version does not hold it."""
    if "tried_confidence" not in arrays:
        return None
    confidence, right, there = (arrays[f"tried_{name}"] for name in _TRIED)
    if confidence.ndim != 1 or not confidence.shape == right.shape == there.shape:
        raise ValueError("what the threshold was chosen from has other shapes")
    if right.dtype != np.bool_ or there.dtype != np.bool_ or not 0 < there.sum() < len(there):
        raise ValueError("what the threshold was chosen from lacks a kind of questions")
    return Tried(confidence, right, there)


def _words(arrays: dict[str, Any]) -> WordIndex:
    parts = (arrays["word_data"], arrays["word_indices"], arrays["word_starts"])
    sums = sparse.csr_matrix(parts, shape=(len(arrays["word_owners"]), PIECES))
    sums.check_format(full_check=True)
    return WordIndex(arrays["word_idf"], sums, arrays["word_owners"])


def _corrupt(name: str, problem: str) -> CorruptIndex:
    return CorruptIndex(
        f"The index is damaged: {name} {problem}. Publish another release, or train again (baton train)."
    )


def _short(value: object) -> str:
    return str(value)[:12]
