"""The cache gives the same vectors, asks once, and survives damage."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np

from kb_index.embedding_cache import CachedEncoder

from .conftest import WordEncoder


def test_a_text_is_asked_once(words: WordEncoder) -> None:
    cached = CachedEncoder(words)
    first = cached.encode(["a b", "c", "a b"])
    assert words.asked == ["a b", "c"]
    assert np.array_equal(cached.encode(["c", "a b"]), first[[1, 0]])
    assert words.asked == ["a b", "c"]


def test_it_is_the_encoder_it_wraps(words: WordEncoder) -> None:
    cached = CachedEncoder(words)
    assert (cached.name, cached.fingerprint, cached.dimension) == (words.name, words.fingerprint, 64)
    assert cached.encode([]).shape == (0, 64)


def test_the_oldest_are_forgotten(words: WordEncoder) -> None:
    cached = CachedEncoder(words, recent=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        cached.encode([text])
    assert words.asked == ["a", "b", "c", "b"]


def test_vectors_on_disk_outlive_the_process(words: WordEncoder, tmp_path: Path) -> None:
    first = CachedEncoder(words, tmp_path).encode(["a", "b"])
    again = WordEncoder()
    assert np.array_equal(CachedEncoder(again, tmp_path).encode(["b", "a"]), first[[1, 0]])
    assert again.asked == []


def test_more_texts_than_one_statement_holds(words: WordEncoder, tmp_path: Path) -> None:
    texts = [f"word{number}" for number in range(1203)]
    first = CachedEncoder(words, tmp_path).encode(texts)
    again = WordEncoder()
    assert np.array_equal(CachedEncoder(again, tmp_path, recent=10).encode(texts), first)
    assert again.asked == []


def test_another_encoder_shares_nothing(words: WordEncoder, tmp_path: Path) -> None:
    CachedEncoder(words, tmp_path).encode(["a"])
    other = WordEncoder("other")
    CachedEncoder(other, tmp_path).encode(["a"])
    assert other.asked == ["a"]


def test_no_text_is_written_to_disk(words: WordEncoder, tmp_path: Path) -> None:
    CachedEncoder(words, tmp_path).encode(["my card number is 4111"])
    assert all(b"4111" not in path.read_bytes() for path in tmp_path.iterdir())


def test_a_damaged_file_is_replaced(words: WordEncoder, tmp_path: Path) -> None:
    first = CachedEncoder(words, tmp_path).encode(["a"])
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"this is not a database at all" * 100)
    cached = CachedEncoder(WordEncoder(), tmp_path, recent=0)
    assert np.array_equal(cached.encode(["a"]), first)
    again = WordEncoder()
    assert np.array_equal(CachedEncoder(again, tmp_path).encode(["a"]), first)
    assert again.asked == []


def test_a_stored_nan_is_made_again(words: WordEncoder, tmp_path: Path) -> None:
    first = CachedEncoder(words, tmp_path).encode(["a"])
    (path,) = tmp_path.iterdir()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE vectors SET vector = ?", (np.full(64, np.nan, dtype=np.float32).tobytes(),)
        )
    connection.close()
    assert np.array_equal(CachedEncoder(WordEncoder(), tmp_path).encode(["a"]), first)


def test_threads_get_the_right_vectors(words: WordEncoder, tmp_path: Path) -> None:
    cached = CachedEncoder(words, tmp_path, recent=5)
    expected = {f"w{n}": words.encode([f"w{n}"])[0] for n in range(40)}
    wrong: list[str] = []

    def ask() -> None:
        for text, vector in expected.items():
            if not np.array_equal(cached.encode([text])[0], vector):
                wrong.append(text)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
