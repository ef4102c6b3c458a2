"""Languages of articles and words of texts, for any script. Standard library only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_SAME: Final = {"no": "nb", "iw": "he", "in": "id", "tl": "fil"}
"""Older or wider codes and the one that is meant (BCP 47's registry of subtags)."""

_UNSPACED: Final = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO", "TIBETAN")
"""Scripts that put no spaces between words: there a letter counts where elsewhere a word does."""

_JOINED: Final = ("'", "’", "\u200c", "\u200d")  # noqa: RUF001 - the apostrophe that keyboards set
"""What may stand inside of a word: apostrophes, and the joiners of Arabic and Indic scripts."""


_MARKS: Final = "".join(
    re.escape(chr(code)) for code in range(0x10000) if unicodedata.category(chr(code)).startswith("M")
)
_WORD: Final = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{_MARKS}]|[{''.join(_JOINED)}](?=[^\W\d_]))*")


def language_of(locale: str) -> str:
    """The language of a tag such as `pt-BR` or `de_AT`, in lower case: `pt`, `de`."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return _SAME.get(language, language)


def words(text: str) -> list[str]:
    """The words of `text` as they stand: letters with their marks and inner apostrophes; no digits, no signs.

    Unlike `\\w+`, which ends a word at each vowel sign of Hindi. A run of an unspaced script is one word.
    """
    return _WORD.findall(text)


def vocabulary(texts: Iterable[str]) -> frozenset[str]:
    """Every word of `texts`, folded as `fold` does."""
    return frozenset(fold(word) for text in texts for word in words(text))


def fold(word: str) -> str:
    """The form in which words are compared: one case, one kind of apostrophe, composed."""
    return unicodedata.normalize("NFC", word.replace("’", "'").casefold())  # noqa: RUF001 - see _JOINED


def script_of(letter: str) -> str:
    """The script of a letter by its Unicode name: LATIN, CYRILLIC, CJK, HANGUL, ...; empty for none."""
    name = unicodedata.name(letter, "")
    return name.partition(" ")[0]


def is_unspaced(script: str) -> bool:
    """Whether a script of `script_of` puts no spaces between words."""
    return script in _UNSPACED
