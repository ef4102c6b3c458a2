"""An answer cut into passages, each short enough for one vector to stand for what it says."""

from __future__ import annotations

import re
from typing import Final

from kb_index.article import Article

TARGET: Final = 400
"""Characters in a passage: about 90 tokens. A vector of a longer text is the mean of several topics."""

MOST: Final = 60
"""Passages of one article; the longest answer allowed (20,000 characters) has about 50."""

_LINK: Final = re.compile(r"!?\[([^\]\n]{0,500})\]\([^)\n]{0,2000}\)")
_LINE_START: Final = re.compile(r"^[ \t]*(?:#{1,6}|[-*+]|\d{1,3}[.)]|>)[ \t]+", re.MULTILINE)
_EMPHASIS: Final = re.compile(r"[*_`~]{1,3}")
_PARAGRAPH: Final = re.compile(r"\n[ \t]*\n")
# Full-width marks, the danda of Hindi and the marks of Arabic and Urdu end sentences too; Chinese and Japanese put no
# space behind them.
_SENTENCE: Final = re.compile(r"(?<=[.!?…।؟۔])\s+|(?<=[。！？])\s*(?=\S)")  # noqa: RUF001 - see above


def texts_of(article: Article) -> tuple[list[str], list[str]]:
    """What an index holds of an article: title and variants, and the passages of its answer."""
    return [article.title, *article.questions], split_passages(article.answer)


def split_passages(answer: str) -> list[str]:
    """Passages of a Markdown answer as plain text, in order; at least one where the answer holds any word.

    Paragraphs are joined up to `TARGET` characters and longer ones cut at sentences.
    """
    passages: list[str] = []
    for paragraph in _PARAGRAPH.split(_plain(answer)):
        for piece in _pieces(" ".join(paragraph.split())):
            if passages and len(passages[-1]) + len(piece) < TARGET:
                passages[-1] = f"{passages[-1]} {piece}"
            else:
                passages.append(piece)
    return passages[:MOST]


def sentences(text: str) -> list[str]:
    """The sentences of a text, and the lines of one that is broken into lines; at least one where it holds any word."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [part for line in lines for part in _SENTENCE.split(line) if part]


def _plain(markdown: str) -> str:
    text = _LINK.sub(r"\1", markdown)
    text = _LINE_START.sub("", text)
    return _EMPHASIS.sub("", text)


def _pieces(paragraph: str) -> list[str]:
    if len(paragraph) <= TARGET:
        return [paragraph] if paragraph else []
    pieces = [""]
    for sentence in _SENTENCE.split(paragraph):
        # A sentence without an end (a table, a language that is not marked so) is cut where it must be.
        for start in range(0, len(sentence), 2 * TARGET):
            part = sentence[start : start + 2 * TARGET]
            if pieces[-1] and len(pieces[-1]) + len(part) > TARGET:
                pieces.append(part)
            else:
                pieces[-1] = f"{pieces[-1]} {part}".strip()
    return [piece for piece in pieces if piece]
