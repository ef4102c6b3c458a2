"""Sentence vectors for a running bot: computed ahead of Rasa's graph, in a worker thread, many at a time.

Rasa runs its graph inside the event loop's thread, so a vector computed there would stop every other turn for
2 to 6 ms. `prepare` computes the vectors of waiting texts in one batch beside the loop and keeps them; the graph
then finds them with `get`. What is not there (tests, training) is computed on the spot.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb_index.encoder import Encoder, general_part

KEPT: Final = 4096
"""Vectors kept, 1.5 kB each with the bundled encoder."""

BATCH: Final = 8
"""Texts whose vectors are ready together. More at once are hardly cheaper, and the first of them would wait for the last."""


class Vectors:
    """An encoder with a memory. Safe to call from several threads."""

    def __init__(self, encoder: Encoder, *, kept: int = KEPT) -> None:
        self.encoder: Final = encoder
        self._kept = kept
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._drain: asyncio.Task[None] | None = None

    def get(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `texts`, shape (len(texts), dimension), computing what is not known."""
        found = {text: self._look_up(text) for text in texts}
        missing = [text for text, vector in found.items() if vector is None]
        if missing:
            for text, vector in zip(missing, self.encoder.encode(missing), strict=True):
                found[text] = vector
                self._keep(text, vector)
        if not texts:
            return np.zeros((0, self.encoder.dimension), dtype=np.float32)
        return np.stack([vector for text in texts if (vector := found[text]) is not None])

    def general(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`general_part` of the same vectors: what intents, mood and repetition are judged by."""
        return general_part(self.get(texts), self.encoder)

    async def prepare(self, texts: Sequence[str]) -> None:
        """Have the vectors of `texts` ready for `get`. Waiting callers share one batch and one failure."""
        loop = asyncio.get_running_loop()
        waits = []
        for text in texts:
            if self._look_up(text) is None:
                if text not in self._waiting:
                    self._waiting[text] = loop.create_future()
                waits.append(self._waiting[text])
        if not waits:
            return
        if self._drain is None or self._drain.done():
            self._drain = loop.create_task(self._encode_waiting(), name="encode")
        await asyncio.gather(*waits)

    async def _encode_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = list(self._waiting)[:BATCH]
            try:
                vectors = await loop.run_in_executor(self._worker, self.encoder.encode, batch)
            except Exception as error:  # noqa: BLE001 - handed on to every turn that waits for it
                for text in batch:
                    future = self._waiting.pop(text)
                    if not future.done():
                        future.set_exception(error)
                continue
            for text, vector in zip(batch, vectors, strict=True):
                self._keep(text, vector)
                future = self._waiting.pop(text)
                if not future.done():
                    future.set_result(None)

    def _look_up(self, text: str) -> NDArray[np.float32] | None:
        with self._lock:
            vector = self._known.get(text)
            if vector is not None:
                self._known.move_to_end(text)
            return vector

    def _keep(self, text: str, vector: NDArray[np.float32]) -> None:
        with self._lock:
            self._known[text] = vector
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
