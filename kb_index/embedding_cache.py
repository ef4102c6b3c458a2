"""An encoder that remembers: on disk for training, in memory for serving."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from kb_index.encoder import Encoder, Vectors

MOST_ON_DISK: Final = 500_000
"""Vectors in one file, 0.8 GB at 384 dimensions; beyond, the oldest go."""

_LOOKUP: Final = 500  # SQLite's least limit of parameters in one statement is 999


class CachedEncoder:
    """`encoder`, asked once for each text. Vectors are those it gave, bit for bit.

    `folder`: where training keeps vectors by the sha256 of their text (never the text itself), in one SQLite file
    per fingerprint; None keeps nothing on disk. `recent`: how many texts are remembered in memory. Safe in threads.
    A damaged file is thrown away, because everything in it can be made again.
    """

    def __init__(self, encoder: Encoder, folder: Path | None = None, *, recent: int = 1024) -> None:
        self._encoder = encoder
        self._recent: OrderedDict[str, Vectors] = OrderedDict()
        self._most_recent = recent
        self._lock = threading.Lock()
        self.made = 0
        """Texts that `encoder` was asked for, because no memory had them."""
        self._path: Path | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._path = folder / f"embeddings-{encoder.fingerprint[:16]}.sqlite"

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def general(self) -> int:
        return self._encoder.general

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`."""
        wanted = dict.fromkeys(texts)
        with self._lock:
            known = {text: self._recent[text] for text in wanted if text in self._recent}
        missing = [text for text in wanted if text not in known]
        if missing and self._path is not None:
            known |= self._from_disk(missing)
            missing = [text for text in missing if text not in known]
        if missing:
            made = dict(zip(missing, self._encoder.encode(missing), strict=True))
            with self._lock:
                self.made += len(made)
            if self._path is not None:
                self._to_disk(made)
            known |= made
        self._remember(known)
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([known[text] for text in texts])

    def _remember(self, vectors: dict[str, Vectors]) -> None:
        with self._lock:
            for text, vector in vectors.items():
                self._recent[text] = vector
                self._recent.move_to_end(text)
            while len(self._recent) > self._most_recent:
                self._recent.popitem(last=False)

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=30.0)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS vectors (text_hash BLOB UNIQUE NOT NULL, vector BLOB NOT NULL)"
        )
        return connection

    def _from_disk(self, texts: Sequence[str]) -> dict[str, Vectors]:
        assert self._path is not None
        hashes = {_text_hash(text): text for text in texts}
        found: dict[str, Vectors] = {}
        keys = list(hashes)
        try:
            with closing(self._open(self._path)) as connection:
                for start in range(0, len(keys), _LOOKUP):
                    some = keys[start : start + _LOOKUP]
                    marks = ",".join("?" * len(some))
                    query = f"SELECT text_hash, vector FROM vectors WHERE text_hash IN ({marks})"  # noqa: S608 - only ?
                    for key, data in connection.execute(query, some):
                        vector = np.frombuffer(data, dtype=np.float32)
                        if self._usable(vector):
                            found[hashes[key]] = vector
        except sqlite3.DatabaseError as error:
            self._discard_if_damaged(error)
            return {}
        return found

    def _to_disk(self, vectors: dict[str, Vectors]) -> None:
        assert self._path is not None
        rows = [(_text_hash(text), vector.tobytes()) for text, vector in vectors.items()]
        try:
            with closing(self._open(self._path)) as connection, connection:
                connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
                connection.execute(
                    "DELETE FROM vectors WHERE rowid <= (SELECT max(rowid) FROM vectors) - ?", (MOST_ON_DISK,)
                )
        except sqlite3.DatabaseError as error:
            self._discard_if_damaged(error)

    def _usable(self, vector: Vectors) -> bool:
        """A vector that is not one (a NaN, another length) is made again rather than believed."""
        return vector.shape == (self.dimension,) and bool(np.isfinite(vector).all())

    def _discard_if_damaged(self, error: sqlite3.DatabaseError) -> None:
        """Busy, full and the like concern this call only, and the cache is an aid; a damaged file is removed."""
        if self._path is not None and not isinstance(error, sqlite3.OperationalError):
            self._path.unlink(missing_ok=True)


def _text_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
