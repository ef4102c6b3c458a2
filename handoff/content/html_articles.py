"""Pages to articles: each entry gets an id from its title that no other has, and that it keeps at the next import."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from handoff.content.html_faq import Entry

_NOT_IN_ID: Final = re.compile(r"[^a-z0-9]+")
_MAX_SLUG: Final = 80
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "\u0131": "i"}
)


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a page: `file` is the page's name, `locale` its language where it names one."""

    file: str
    entry: Entry
    locale: str | None

    @property
    def place(self) -> str:
        """File and anchor, as an address would have them."""
        return f"{self.file}#{self.entry.anchor}" if self.entry.anchor else self.file


def slug(title: str) -> str:
    """Small letters, digits and hyphens; empty where the title has no letters that fold to these."""
    folded = unicodedata.normalize("NFKD", title.casefold().translate(_LETTERS))
    plain = "".join(c for c in folded if not unicodedata.combining(c)).replace("'", "").replace("\u2019", "")
    whole = _NOT_IN_ID.sub("-", plain).strip("-")
    if len(whole) <= _MAX_SLUG:
        return whole
    return whole[:_MAX_SLUG].rsplit("-", 1)[0].strip("-")


def with_ids(found: list[Found]) -> Iterator[tuple[str, Found]]:
    """Each entry with its id; of entries that say the same in two places, the first alone.

    Of several articles with one title, the first in the order of files has its slug alone, and each other one a
    mark of its place behind it, so that more pages change no id of those before.
    """
    taken: set[str] = set()
    said: set[tuple[str, str, str | None]] = set()
    for each in found:
        says = (each.entry.title.casefold(), each.entry.answer, each.locale)
        if says in said:
            continue
        said.add(says)
        name = _name(each)
        if name in taken:
            name = f"{name}-{_mark(each.place)}"
        # The same place twice under one title: two languages in one file, or a page that is odd.
        number = 2
        unique = name
        while unique in taken:
            unique = f"{name}-{number}"
            number += 1
        taken.add(unique)
        yield unique, each


def _name(found: Found) -> str:
    """From the title; in scripts without Latin letters from the file and the anchor, else from a mark of the title."""
    short = slug(found.entry.title)
    # Three letters of a Cyrillic title that names a product say less than the file does.
    letters = sum(c.isalpha() for c in found.entry.title)
    if short and sum(c.isalpha() for c in short) * 2 >= letters:
        return short
    place = slug(f"{PurePosixPath(found.file).with_suffix('')} {found.entry.anchor}")
    mark = _mark(unicodedata.normalize("NFC", found.entry.title))
    return f"{place}-{mark}" if place else f"article-{mark}"


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
