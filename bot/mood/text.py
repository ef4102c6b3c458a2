"""What a message shows without its meaning: groups of words, tone, phrases. Pure.

Nothing here knows a language: groups of words come from a `bot.lexicon.Lexicon`, casing and letters from Unicode. What each feature is worth is learned (`bot.mood.training`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

READ: Final = 1_500
"""Characters of a message that are read for words and tone, half from its start and half from its end: a message of
4,000 would take 10 ms, and what upsets somebody stands at its beginning or at its end."""

LONG: Final = 4.0
"""`log(1 + words)` that counts as 1, about 54 words."""

_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_TOKEN: Final = re.compile(r"\w[\w']*|[!?.]+")
_ANY: Final = re.compile(r"\w+")
_SENTENCE_END: Final = re.compile(r"[.!?\u2026\u3002\uff01\uff1f]+(?:\s|$)")
_MARKS: Final = re.compile(r"[!?]{2,}")
_STRETCHED: Final = re.compile(r"([^\W\d_])\1\1")
_QUOTES: Final = re.compile('["\u201c\u201d\u201e\u00ab\u00bb]')
_GLAD: Final = re.compile(
    "[:;]-?[)D]|<3|[\U0001f600-\U0001f60d\U0001f642\U0001f970\u2764\U0001f44d\U0001f64f]"
)
_CROSS: Final = re.compile(
    r"(?:^|\s):-?[(/](?=\s|$)|[\U0001f620-\U0001f624\U0001f62d\U0001f92c\U0001f644\U0001f44e\U0001f612]"
)

TONE: Final = (
    "capitals",
    "stressed_words",
    "repeated_marks",
    "exclamations",
    "questions_marked",
    "dots",
    "length",
    "sentences",
    "sentence_length",
    "stretched",
    "quotes",
    "digits",
    "ends_asking",
    "ends_exclaiming",
    "glad_signs",
    "cross_signs",
)
"""Names of the numbers of `tone`, in order."""


def read_part(text: str) -> str:
    """`text`, or its start and end where it is longer than `READ` characters."""
    return text if len(text) <= READ else f"{text[: READ // 2]} {text[-READ // 2 :]}"


def phrases(text: str) -> Iterator[str]:
    """Words and runs of marks of `text`, which is `plain`, and each two that follow one another."""
    tokens = _TOKEN.findall(text)
    yield from tokens
    yield from (f"{first} {second}" for first, second in pairwise(tokens))


def tone(text: str) -> tuple[float, ...]:
    """What stands out in `text` as it was written, each about 0..1, in the order of `TONE`.

    One shouted word alone (an acronym, an order number) is no shouting: `capitals` needs two. `stressed_words` are
    shouted words of three letters and more among others that are not.
    """
    words = _WORD.findall(text)
    shouted = [word for word in words if word.isupper()]
    count = len(_ANY.findall(text))
    sentences = sum(1 for part in _SENTENCE_END.split(text) if part.strip())
    ended = text.rstrip()
    return (
        len(shouted) / len(words) if len(shouted) >= 2 else 0.0,
        min(1.0, sum(len(word) >= 3 for word in shouted) / 3) if len(shouted) < len(words) else 0.0,
        min(1.0, sum(len(marks) - 1 for marks in _MARKS.findall(text)) / 4),
        min(1.0, text.count("!") / 3),
        min(1.0, text.count("?") / 2),
        float("..." in text or "\u2026" in text),
        math.log1p(count) / LONG,
        min(1.0, sentences / 5),
        min(2.0, count / max(1, sentences) / 20),
        float(_STRETCHED.search(text) is not None),
        min(1.0, len(_QUOTES.findall(text)) / 2),
        min(1.0, sum(character.isdigit() for character in text) / 6),
        float(ended.endswith(("?", "\uff1f"))),
        float(ended.endswith(("!", "\uff01"))),
        float(_GLAD.search(text) is not None),
        float(_CROSS.search(text) is not None),
    )
