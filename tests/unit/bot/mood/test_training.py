"""Fitting the head, on conversations made up of few words."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.lexicon import parse_lexicon
from bot.mood.history import History
from bot.mood.labelled import LabelledTurn
from bot.mood.training import FOLDS, fit_mood, fold_of

LEXICON = {"en": parse_lexicon({"contempt": "useless, hopeless, dire", "thanks": "thanks, ta"})}
UPSET = ("useless", "hopeless", "dire")


def talks(count: int) -> list[LabelledTurn]:
    """Half of them upset from their second message on, each message in words of its own."""
    turns = []
    for number in range(count):
        for place in range(3):
            upset = number % 2 == 0 and place > 0
            word = UPSET[(number + place) % 3] if upset else "thanks"
            turns.append(LabelledTurn(f"t{number}", f"{word} item{number}x{place}", upset, "shop"))
    traps = [LabelledTurn(f"trap {n}", f"thanks, useless {n}", False, "trap") for n in range(12)]
    return turns + traps


def vectors(turns: list[LabelledTurn]) -> dict[str, NDArray[np.float32]]:
    chance = np.random.default_rng(1)
    found = {turn.text: chance.normal(size=8).astype(np.float32) for turn in turns}
    return {text: vector / np.float32(np.linalg.norm(vector)) for text, vector in found.items()}


def test_it_tells_them_apart_where_it_has_not_seen_the_conversation() -> None:
    turns = talks(60)
    known = vectors(turns)
    head, figures = fit_mood(turns, known, LEXICON, encoder="print")
    assert head is not None
    assert head.encoder == "print"
    assert (figures["n"], figures["conversations"], figures["traps"]) == (len(turns), 60, 12)
    assert figures["auroc"] > 0.95
    assert 0.0 < figures["threshold"] == head.threshold < 1.0
    assert figures["by_conversation"]["with_frustration"] == 30
    reading = head.read("dire, really", known[turns[0].text], History())
    assert reading.anger > head.threshold
    assert "contempt" in [name for name, weight in reading.parts if weight > 0]


def test_it_is_the_same_each_time() -> None:
    turns = talks(40)
    known = vectors(turns)
    first, second = (fit_mood(turns, known, LEXICON, encoder="e") for _ in range(2))
    assert first[1] == second[1]
    assert first[0] is not None
    assert second[0] is not None
    assert first[0].words.phrases == second[0].words.phrases


@pytest.mark.parametrize("count", [0, 2, 18])
def test_from_too_few_conversations_nothing_is_learned(count: int) -> None:
    turns = talks(count)
    head, figures = fit_mood(turns, vectors(turns), LEXICON, encoder="e")
    assert head is None
    assert figures["turns"] == len(turns)


def test_a_conversation_is_in_one_fold_and_folds_are_of_like_size() -> None:
    turns = talks(50)
    folds = fold_of(turns)
    of: dict[str, set[int]] = {}
    for turn, fold in zip(turns, folds, strict=True):
        of.setdefault(turn.conversation_id, set()).add(int(fold))
    assert all(len(found) == 1 for found in of.values())
    sizes = [sum(found == {fold} for found in of.values()) for fold in range(FOLDS)]
    assert max(sizes) - min(sizes) <= 1
