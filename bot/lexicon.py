"""Groups of words by language, read from files that whoever knows the language can write.

A file is named for its language and holds `group: entry, entry, ...`; nothing else in the program knows a word of any.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u2018": "'", "\u00b4": "'", "`": "'"})
_MARKS: Final = "".join(chr(point) for point in range(0xC0) if not chr(point).isalnum())


class LexiconError(ValueError):
    """A file of words cannot be used. The message names it."""

    code = "bad_lexicon"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words and phrases of one language by group. A trailing `*` in an entry stands for any ending."""

    groups: Mapping[str, Sequence[str]]
    _patterns: dict[str, re.Pattern[str]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name, entries in self.groups.items():
            self._patterns[name] = _pattern(entries)

    def shown(self, text: str, names: Sequence[str]) -> tuple[float, ...]:
        """For each group of `names` 1 where one of its entries stands in `text`, which is `plain`, else 0."""
        patterns = (self._patterns.get(name) for name in names)
        return tuple(float(p is not None and p.search(text) is not None) for p in patterns)

    def begins(self, text: str, name: str) -> bool:
        """Whether `text`, which is `plain`, begins with an entry of the group, behind marks such as the Spanish ones."""
        pattern = self._patterns.get(name)
        return pattern is not None and pattern.match(text.lstrip(_MARKS)) is not None

    def behind(self, text: str, name: str) -> str | None:
        """What stands in `text`, which is `plain`, behind the entry of the group that it begins with; None without one."""
        text = text.lstrip(_MARKS)
        pattern = self._patterns.get(name)
        found = None if pattern is None else pattern.match(text)
        return None if found is None else text[found.end() :]


def parse_lexicon(raw: object) -> Lexicon:
    """The lexicon of `{group: "entry, entry, ..."}`, which is how the files hold it.

    Raises:
        TypeError: it is not groups of text.
        ValueError: a group holds an empty entry.
    """
    if not isinstance(raw, dict):
        raise TypeError("no groups of words")
    groups = {}
    for name, entries in raw.items():
        if not isinstance(name, str) or not isinstance(entries, str):
            raise TypeError(f"group {name!r} must be text: entries separated by commas")
        split = tuple(plain(entry).strip() for entry in entries.split(","))
        if not all(entry.rstrip("*") for entry in split):
            raise ValueError(f"group {name!r} holds an empty entry")
        groups[name] = split
    return Lexicon(groups)


def read_lexicons(folder: Path) -> dict[str, Lexicon]:
    """The lexicon of each language for which `folder` has a file, by the file's name.

    Raises:
        LexiconError: a file is not groups of words.
    """
    lexicons = {}
    for path in sorted(folder.glob("*.yml")):
        try:
            lexicon = parse_lexicon(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (yaml.YAMLError, TypeError, ValueError) as error:
            raise LexiconError(f"{folder.name}/{path.name}: {error}") from error
        lexicons[path.stem.lower()] = lexicon
    return lexicons


def read_some_lexicons(folder: Path) -> dict[str, Lexicon]:
    """As `read_lexicons`, for words that a release must have.

    Raises:
        LexiconError: also where there is no file.
    """
    lexicons = read_lexicons(folder)
    if not lexicons:
        raise LexiconError(f"there is no file of words in {folder}")
    return lexicons


def _pattern(entries: Sequence[str]) -> re.Pattern[str]:
    parts = []
    for entry in sorted(entries, key=len, reverse=True):
        spaced = r"\s+".join(re.escape(word) for word in entry.rstrip("*").split())
        parts.append(spaced + (r"\w*" if entry.endswith("*") else ""))
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)") if parts else re.compile(r"(?!)")


def plain(text: str) -> str:
    """Lower case by Unicode's folding, one form for each letter, one kind of apostrophe."""
    return unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
