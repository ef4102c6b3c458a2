"""Questions of a run: no two alike, so that no system's memory of texts flatters it.

Every question of questions.txt is asked bare once; after that each comes in ever new words of politeness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from typing import Final

FILE: Final = Path(__file__).parent / "questions.txt"

_BEFORE: Final = (
    "", "Hi, ", "Hello there, ", "Good morning. ", "Sorry to bother you, ", "Quick question: ", "Hey, ",
    "One more thing: ", "Evening all, ", "I looked around your site first: ", "Just wondering, ", "Dear team, ",
    "My partner asks: ", "Before I forget, ",
)  # fmt: skip
_AFTER: Final = (
    "", ", thanks", ", please", ". Many thanks", ", cheers", ". Any ideas?", ". Thank you so much", ", if you can say",
    ". I am a bit lost here", ", could you look", ". I'd be glad of a short answer", ". Best wishes, Sam",
    ". Kind regards", ". That would help a lot",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A text and the id of the article that answers it."""

    text: str
    article_id: str


def read_questions(path: Path = FILE) -> list[Question]:
    """The bare questions. Raises `ValueError` for a line that is not `article_id: question`."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        article_id, colon, text = line.partition(": ")
        if not colon or not text.strip():
            raise ValueError(f"{path.name}:{number}: not `article_id: question`")
        found.append(Question(text.strip(), article_id))
    return found


def endless(questions: list[Question], seed: int) -> Iterator[Question]:
    """Each question bare, in an order that `seed` decides, then all of them in one dress after another.

    Ends when every question has worn every dress: 196 times the number of questions.
    """
    chance = Random(seed)
    dresses = [dress for dress in product(_BEFORE, _AFTER) if dress != ("", "")]
    chance.shuffle(dresses)
    for turn, (before, after) in enumerate([("", ""), *dresses]):
        order = list(questions)
        Random(seed + turn).shuffle(order)
        for question in order:
            yield Question(f"{before}{question.text}{after}", question.article_id)
