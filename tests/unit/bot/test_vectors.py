"""Vectors computed ahead, in batches, and remembered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.vectors import Vectors


class Lengths:
    """Encodes a text as its length and counts the calls."""

    name = "lengths"
    fingerprint = "f"
    dimension = 2
    general = 1

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.threads: set[int] = set()
        self.may_go = threading.Event()
        self.may_go.set()
        self.fails = False

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.may_go.wait(10)
        self.calls.append(list(texts))
        self.threads.add(threading.get_ident())
        if self.fails:
            raise RuntimeError("planted")
        return np.asarray([[len(text), 1] for text in texts], dtype=np.float32)


async def test_prepared_texts_are_not_encoded_again_and_never_on_the_loop() -> None:
    encoder = Lengths()
    vectors = Vectors(encoder)
    await vectors.prepare(["abc"])
    assert vectors.get(["abc"]).tolist() == [[3, 1]]
    assert encoder.calls == [["abc"]]
    assert threading.get_ident() not in encoder.threads


async def test_waiting_texts_share_a_batch() -> None:
    encoder = Lengths()
    vectors = Vectors(encoder)
    encoder.may_go.clear()
    first = asyncio.create_task(vectors.prepare(["a"]))
    await asyncio.sleep(0)
    rest = [asyncio.create_task(vectors.prepare([text])) for text in ("bb", "ccc", "bb", "a")]
    await asyncio.sleep(0)
    encoder.may_go.set()
    await asyncio.gather(first, *rest)
    assert sorted(text for call in encoder.calls for text in call) == ["a", "bb", "ccc"]
    assert len(encoder.calls) <= 2


async def test_a_failure_reaches_everyone_who_waits_and_is_not_remembered() -> None:
    encoder = Lengths()
    vectors = Vectors(encoder)
    encoder.fails = True
    results = await asyncio.gather(*(vectors.prepare(["a"]) for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["planted"] * 3
    encoder.fails = False
    await vectors.prepare(["a"])
    assert vectors.get(["a"]).tolist() == [[1, 1]]


def test_the_least_recently_used_goes() -> None:
    encoder = Lengths()
    vectors = Vectors(encoder, kept=2)
    for texts in (["a"], ["bb"], ["a"], ["ccc"], ["a"], ["bb"]):
        vectors.get(texts)
    assert encoder.calls == [["a"], ["bb"], ["ccc"], ["bb"]]


@pytest.mark.parametrize("texts", [[], ["a", "a"], ["bb", "a"]])
def test_one_row_for_each_text_in_order(texts: list[str]) -> None:
    assert Vectors(Lengths()).get(texts).tolist() == [[len(text), 1] for text in texts]
    assert Vectors(Lengths()).get(texts).shape == (len(texts), 2)


def test_the_general_part_is_the_beginning_at_length_one() -> None:
    vectors = Vectors(Lengths())
    np.testing.assert_array_equal(vectors.general(["abc", "a"]), [[1.0], [1.0]])
    np.testing.assert_array_equal(vectors.get(["abc"]), [[3.0, 1.0]])
