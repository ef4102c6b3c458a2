"""Personal data in what customers wrote: found, and covered where people read it who need not know it.

What is found is certain: see personal_numbers.py and personal_words.py. Not found, because nothing in the text proves it: names
without words that say so, places without a street, a bare number, what somebody tells of their health or money. Orders'
numbers are left: they are no person's, and an editor needs them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from itertools import chain
from typing import Final

from handoff.studio.personal_numbers import cards, emails, ibans, links, phones
from handoff.studio.personal_words import names, streets
from handoff.studio.spans import Kind, Span

__all__ = ["MOST", "PLACEHOLDERS", "Kind", "Span", "find_personal", "mask", "without_placeholders"]

MOST: Final = 20_000
"""Characters that are looked at: an article's answer has no more. What is longer is cut where it is shown."""

PLACEHOLDERS: Final[dict[Kind, str]] = {
    "email": "[email]",
    "phone": "[phone]",
    "card": "[card]",
    "iban": "[account]",
    "link": "[…]",
    "name": "[name]",
    "address": "[address]",
}
_DIGIT: Final = re.compile(r"\d")
_ANY_PLACEHOLDER: Final = re.compile("|".join(map(re.escape, PLACEHOLDERS.values())))
_SURER: Final[tuple[Kind, ...]] = ("link", "email", "iban", "card", "phone", "address", "name")


def find_personal(text: str, *, locale: str = "en", known: Collection[str] = ()) -> list[Span]:
    """Personal data in `text`, in order, none overlapping another; positions are those in `text`.

    `locale` is the conversation's or article's; national telephone numbers depend on it. `known` are names of whom the text
    is about.
    """
    text = text[:MOST]
    language = locale.split("-", maxsplit=1)[0].lower()
    has_digits = _DIGIT.search(text) is not None
    numbers = chain(cards(text), ibans(text), phones(text, language)) if has_digits else ()
    found = sorted(
        chain(emails(text), links(text), numbers, streets(text) if has_digits else (), names(text, known)),
        key=lambda span: (span.start, _SURER.index(span.kind), -span.end),
    )
    kept: list[Span] = []
    for span in found:
        if span.end <= span.start:
            continue
        if kept and span.start < kept[-1].end:
            if span.end > kept[-1].end:
                # Both are personal: what one of them leaves over is covered too.
                kept[-1] = kept[-1]._replace(end=span.end)
            continue
        kept.append(span)
    return kept


@lru_cache(maxsize=4096)
def mask(text: str, *, locale: str = "en", known: tuple[str, ...] = ()) -> str:
    """`text` with a placeholder for each piece of personal data."""
    text = unicodedata.normalize("NFC", text[:MOST])
    parts = []
    end = 0
    for span in find_personal(text, locale=locale, known=known):
        parts += [text[end : span.start], PLACEHOLDERS[span.kind]]
        end = span.end
    return "".join([*parts, text[end:]])


def without_placeholders(text: str) -> str:
    """A masked text as a person without anything to tell would have written it; one without placeholders as it is."""
    if _ANY_PLACEHOLDER.search(text) is None:
        return text
    bare = _ANY_PLACEHOLDER.sub(" ", text)
    return re.sub(r"\s+", " ", re.sub(r"\s+([,.;:!?])", r"\1", bare)).strip(" ,;:-")
