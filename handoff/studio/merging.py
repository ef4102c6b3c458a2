"""Two editors at once: what the second one's save becomes. Pure.

A save says which version it was made from. What only one of the two has changed is taken from that one; lists (ways to
ask, tags) take what either has added and leave out what either has removed; a text that both have changed differently is
a conflict, which the second editor decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kb_index.article import Article

TEXTS: Final = ("title", "answer", "locale", "valid_from", "valid_until", "owner", "status")
LISTS: Final = ("questions", "tags")
FIELDS: Final = (*TEXTS[:2], *LISTS, *TEXTS[2:])
"""What editors change, in the order in which a page shows it."""

Fields = dict[str, Any]
"""Values by name, for articles the names in `FIELDS`; lists are tuples."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that two editors changed differently. Values are None where a field is empty."""

    field: str
    base: Any
    theirs: Any
    yours: Any


@dataclass(frozen=True, slots=True)
class Merge:
    """`fields` are those to store, with theirs where there is a conflict; `taken` names those that came from the other."""

    fields: Fields
    taken: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


def fields_of(article: Article, *, status: str, owner: str | None) -> Fields:
    """An article's fields as they are merged and compared."""
    found: Fields = {name: getattr(article, name) for name in FIELDS if name not in ("status", "owner")}
    return {name: {**found, "status": status, "owner": owner}[name] for name in FIELDS}


def changed_fields(before: Fields, after: Fields) -> list[str]:
    """Names of the fields in which two differ."""
    return [name for name in before if before[name] != after[name]]


def merge(base: Fields, theirs: Fields, yours: Fields) -> Merge:
    """What becomes of `yours`, made from `base`, where `theirs` has been stored meanwhile. All three have the same fields."""
    fields: Fields = {}
    taken: list[str] = []
    conflicts: list[Conflict] = []
    for name in base:
        was, other, mine = base[name], theirs[name], yours[name]
        if mine in (was, other):
            fields[name] = other
        elif other == was:
            fields[name] = mine
        elif isinstance(was, tuple):
            fields[name] = _merged_list(was, other, mine)
        else:
            fields[name] = other
            conflicts.append(Conflict(name, was, other, mine))
        if other not in (was, mine) and not (conflicts and conflicts[-1].field == name):
            taken.append(name)
    return Merge(fields, tuple(taken), tuple(conflicts))


def _merged_list(base: Sequence[str], theirs: Sequence[str], yours: Sequence[str]) -> tuple[str, ...]:
    removed = set(base) - set(yours)
    kept = [entry for entry in theirs if entry not in removed]
    there = {*kept, *base}
    return (*kept, *(entry for entry in yours if entry not in there))
