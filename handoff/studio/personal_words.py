"""Names and streets that say what they are. Pure but for the files of words, which are read once.

A name is one where somebody says that it is ("my name is ...", by language in `nlu_data/names`), signs with it, or is known
by it. An address is one where a street's word and a house number stand together. Any other name or place stays: which words
are names cannot be told from words that are not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml

from handoff.settings import PROJECT_ROOT
from handoff.studio.spans import Span

WORDS: Final = PROJECT_ROOT / "nlu_data" / "names"

_MOST_WORDS: Final = 4
_CASELESS: Final = 12
"""Characters of a name in a script without capitals, where nothing else ends it."""
_NAME_WORD: Final = re.compile(r"[^\W\d_][\w'\u2019.-]{0,39}")
_GAP: Final = re.compile(r"[ \t\u00a0]{1,3}")
_LEAD: Final = re.compile(r"[ \t\u00a0]{0,3}[:,]?[ \t\u00a0]{0,3}")
_ENDS: Final = re.compile(
    r"[ \t]{0,3}(?:[,.;:!?\n)]|\Z|(?:and|und|et|y|e|en|i|och|og|ve|и)\b)", re.IGNORECASE
)
_PARTICLES: Final = frozenset(
    (
        "von",
        "van",
        "der",
        "den",
        "de",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "la",
        "le",
        "el",
        "al",
        "bin",
        "ibn",
        "ter",
    )
)
_TITLES: Final = frozenset(("mr", "mrs", "ms", "dr", "herr", "frau", "prof"))
_SHORTEST_PART: Final = 3

_CAPITAL: Final = r"[A-ZÀ-ÖØ-Þ][\w'\u2019.-]{1,30}"
_HOUSE: Final = r"\d{1,4} ?[a-zA-Z]?(?:[-/]\d{1,4})?(?![\w%€$£])"
_STREETS: Final = (
    # Marktstraße 5, Lange Gasse 7a; with the town behind it.
    re.compile(
        rf"\b(?:{_CAPITAL}[ -]){{0,3}}[A-ZÀ-ÖØ-Þ]\w{{0,30}}(?i:stra(?:ß|ss)e|str\.|gasse|allee|platz|damm|straat|laan|"
        rf"gracht|plein) {{0,2}}{_HOUSE}(?:,? {{0,2}}\d{{4,5}} {{1,2}}{_CAPITAL})?"
    ),
    re.compile(rf"\b[A-ZÀ-ÖØ-Þ]\w{{2,30}}(?:weg|ring|ufer|kade) {{1,2}}{_HOUSE}"),
    # 221B Baker Street
    re.compile(
        rf"\b\d{{1,5}}[A-Za-z]?,? {{1,2}}(?:{_CAPITAL} ){{1,3}}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|"
        rf"Boulevard|Blvd|Court|Ct|Square|Sq|Terrace|Crescent)\b\.?"
    ),
    # 12 bis, rue de la Paix
    re.compile(
        rf"\b\d{{1,4}}(?: ?(?:bis|ter))?,? {{1,2}}(?i:rue|avenue|boulevard|place|chemin|impasse|quai|allée) "
        rf"(?:(?:de|du|des|la|le|les|à) |[ld]['\u2019]){{0,3}}{_CAPITAL}(?:[ -]{_CAPITAL}){{0,3}}"
    ),
    # Calle de Alcalá 50, Via Roma 12, Rua Augusta, 100
    re.compile(
        rf"\b(?:[Cc]alle|[Aa]venida|[Pp]laza|[Pp]aseo|[Vv]iale?|[Pp]iazza|[Cc]orso|[Rr]ua|[Uu]lica|[Uu]l\.) "
        rf"(?:(?:de|del|della|di|la|las|los|do|da|dos) ){{0,3}}{_CAPITAL}(?: {_CAPITAL}){{0,3}},? (?:n[ºo°.] ?)?{_HOUSE}"
    ),
    # SW1A 1AA
    re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b"),
)


def streets(text: str) -> Iterator[Span]:
    """Streets with a house number, and British postcodes."""
    for pattern in _STREETS:
        for found in pattern.finditer(text):
            yield Span("address", *found.span())


def names(text: str, known: Collection[str] = ()) -> Iterator[Span]:
    """Names that the text says are some, and those of `known`, the people that it is about."""
    before, signature = _forms()
    for found in before.finditer(text):
        start = _past(_LEAD, text, found.end())
        end = _end_of_name(text, start)
        if end is not None:
            yield Span("name", start, end)
    for found in signature.finditer(text):
        if found.group("name"):
            yield Span("name", *found.span("name"))
    for name in known:
        yield from _known(text, name)


def _known(text: str, name: str) -> Iterator[Span]:
    parts = [part for part in name.split() if len(part) >= _SHORTEST_PART]
    if len(parts) > 1:
        whole = r"\s{1,3}".join(map(re.escape, name.split()))
        for found in re.finditer(rf"(?<!\w){whole}(?!\w)", text, re.IGNORECASE):
            yield Span("name", *found.span())
    for part in parts:
        # A part alone may be a word like any other, unless it is written as a name.
        shown = part[:1].upper() + part[1:]
        for found in re.finditer(rf"(?<!\w){re.escape(shown)}(?!\w)", text):
            yield Span("name", *found.span())


def _end_of_name(text: str, start: int) -> int | None:
    """Where the name that begins at `start` ends; None where it is not certain that there is one."""
    words: list[re.Match[str]] = []
    place = start
    while len(words) < _MOST_WORDS and (found := _NAME_WORD.match(text, place)):
        words.append(found)
        gap = _GAP.match(text, found.end())
        if gap is None:
            break
        place = gap.end()
    if not words:
        return None
    first = words[0].group()
    if not _has_case(first):
        return min(words[0].end(), start + _CASELESS)
    kept = 0
    for number, word in enumerate(words):
        shown = word.group()
        if shown[0].isupper() or shown.rstrip(".").lower() in _TITLES:
            kept = number + 1
        elif shown.lower() not in _PARTICLES:
            break
    if kept:
        # What ends a sentence is no part of a name.
        return words[kept - 1].start() + len(words[kept - 1].group().rstrip(".-'\u2019"))
    # Written small: one or two words up to the end of the sentence are a name, more are a sentence.
    for word in words[:2]:
        if _ENDS.match(text, word.end()):
            return word.end()
    return None


def _has_case(word: str) -> bool:
    return word[0].lower() != word[0].upper()


def _past(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return start if found is None else found.end()


@lru_cache(maxsize=1)
def _forms() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What stands before a name, and what stands before one at the end of a text."""
    groups: dict[str, set[str]] = {"before": set(), "signature": set()}
    for path in sorted(WORDS.glob("*.yml")):
        for group, entries in _read(path).items():
            groups[group].update(entry.strip() for entry in entries.split(",") if entry.strip())
    before, signature = (_any_of(groups[name]) for name in ("before", "signature"))
    word = r"[^\W\d_][\w'\u2019.-]{0,39}"
    return (
        re.compile(rf"(?<![^\W_]){before}(?![^\W_](?<![\u2e80-\uffff]))", re.IGNORECASE),
        re.compile(
            rf"(?<!\w)(?i:{signature})[ \t]{{0,3}}[,!.]?[ \t]{{0,3}}(?:\n\s{{0,8}})?"
            rf"(?P<name>(?:[A-ZÀ-ÖØ-Þ\u0400-\u042f][\w'\u2019.-]{{0,39}})(?:[ \t]{word}){{0,2}})\s{{0,8}}\Z"
        ),
    )


def _read(path: Path) -> dict[str, str]:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or not raw.keys() <= {"before", "signature"}:
        raise ValueError(f"{path.name} must have the groups before and signature")
    return {str(group): unicodedata.normalize("NFC", str(entries)) for group, entries in raw.items()}


def _any_of(entries: Collection[str]) -> str:
    # The longest first, so that none hides another that begins with it.
    ordered = sorted(entries, key=lambda entry: (-len(entry), entry))
    joined = "|".join(
        re.escape(entry).replace(r"\ ", r"\s{1,3}").replace("'", "['\u2019]") for entry in ordered
    )
    return f"(?:{joined})"
