"""What a message may be asking beyond its words as a whole: one sentence of several, two things, or more on the last answer.

The whole message comes first: it is read otherwise only where no article answers it surely, or where two of its
sentences may ask something each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.lexicon import Lexicon, plain, read_some_lexicons
from bot.memory import Memory
from kb_index.knowledge import Candidate, Ranking
from kb_index.passages import sentences

MOST_PARTS: Final = 4
"""Sentences read by themselves; each costs an encoding, 2 to 6 ms off the loop."""

SHORTEST: Final = 8
"""Characters of a sentence that may be a question of its own."""

LONGEST_FOLLOW_UP: Final = 80
"""Characters. What is longer says itself what it is about."""

TWO: Final = 2
_WORD: Final = re.compile(r"\w+")
_ASKS: Final = re.compile(r"[?？؟;]\s*$")  # noqa: RUF001 - question marks of other scripts; Greek's is a semicolon

NAMED: Final = 1
"""Words that may stand behind a courtesy that asks nothing: a name."""

_WORDS: Final = Path(__file__).parents[1] / "nlu_data"
_POINTING: Final[Mapping[str, Lexicon]] = read_some_lexicons(_WORDS / "follow_ups")
"""Words by which a message points back at what was said, by language. In others nothing is taken for a follow-up."""

_COURTESIES: Final[Mapping[str, Lexicon]] = read_some_lexicons(_WORDS / "courtesies")
"""Sentences that ask nothing, by language. In others every sentence may ask something."""

_NONE: Final = Lexicon({})


@dataclass(frozen=True, slots=True)
class Ways:
    """Other readings of a message: its sentences, and itself behind the question before it, where it points back."""

    parts: tuple[str, ...] = ()
    joined: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them."""
        return self.parts if self.joined is None else (*self.parts, self.joined)

    def matter(self, whole: Ranking, threshold: float) -> bool:
        """Whether `read` can come to anything else by them than the ranking of the message as a `whole`."""
        return len(self.parts) >= TWO or (whole.confidence < threshold and bool(self.texts))


def ways_of(text: str, memory: Memory, locale: str) -> Ways:
    """The other readings of `text` in an episode of which `memory` is left, on a page in `locale`."""
    language = (memory.language or locale).lower().split("-")[0]
    return Ways(_parts(text, language), _joined(text, memory, language))


def read(whole: Ranking, parts: Sequence[Ranking], joined: Ranking | None, threshold: float) -> Ranking:
    """The ranking to decide by, of a message's readings (`Ways`) in their order; the whole alone where they do not matter.

    Of n readings each may mislead, all together at most n times as often as one: the probability that one is wrong
    counts n times (Boole's inequality), so that reading in more ways breaks no promise. Two sentences that surely ask
    for different articles compete: either may be what matters first.
    """
    tried = 1 + len(parts) + (joined is not None)
    sure = [
        ranking
        for ranking in (_warier(part, len(parts)) for part in parts)
        if ranking.confidence >= threshold
    ]
    sure.sort(key=lambda ranking: -ranking.confidence)
    best = {ranking.candidates[0].article_id: ranking for ranking in reversed(sure)}
    if len(best) >= TWO:
        first, second = sorted(best.values(), key=lambda ranking: -ranking.confidence)[:2]
        return _two(first, second)
    if whole.confidence >= threshold:
        return whole
    others = [_warier(part, tried) for part in (*parts, *(() if joined is None else (joined,)))]
    best_other = max(others, key=lambda ranking: ranking.confidence, default=whole)
    return best_other if best_other.confidence >= threshold else whole


def _parts(text: str, language: str) -> tuple[str, ...]:
    found = [part for part in dict.fromkeys(sentences(text)) if len(part) >= SHORTEST]
    if len(found) < TWO:
        return ()
    # Where all seem to ask nothing one of them asks all the same.
    found = [part for part in found if not _asks_nothing(part, language)] or found
    # Questions before statements, long before short; then in the order in which they were said.
    chosen = sorted(found, key=lambda part: (_ASKS.search(part) is None, -len(part)))[:MOST_PARTS]
    return tuple(part for part in found if part in chosen)


def _asks_nothing(sentence: str, language: str) -> bool:
    words, folded = _COURTESIES.get(language, _NONE), plain(sentence)
    named = 0 if _ASKS.search(sentence) else NAMED
    behind = [(words.behind(folded, "courtesy"), named), (words.behind(folded, "filler"), 0)]
    return any(rest is not None and len(_WORD.findall(rest)) <= most for rest, most in behind)


def _joined(text: str, memory: Memory, language: str) -> str | None:
    if memory.last_kind != "answer" or not memory.questions or len(text) > LONGEST_FOLLOW_UP:
        return None
    words, folded = _POINTING.get(language, _NONE), plain(text)
    if not words.begins(folded, "opening") and not any(words.shown(folded, ("pointing",))):
        return None
    return f"{memory.questions[-1]} {text}"


def _warier(ranking: Ranking, times: int) -> Ranking:
    return replace(ranking, confidence=max(0.0, 1.0 - times * (1.0 - ranking.confidence)))


def _two(first: Ranking, second: Ranking) -> Ranking:
    """Both best articles, each as likely what is wanted first."""
    halves = tuple(
        Candidate(ranking.candidates[0].article_id, ranking.candidates[0].title, 0.5)
        for ranking in (first, second)
    )
    return Ranking(halves, first.confidence / 2, max(first.answerable, second.answerable))
