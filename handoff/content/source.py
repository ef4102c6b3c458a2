"""What a file, a folder or a zip holds for the home: articles, intents, and how they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from kb_index.article import Article
from kb_index.formats import Parsed, RowError

Kind = Literal["jsonl", "csv", "markdown", "intents", "html", "rasa", "mixed"]

MAX_NOTES: Final = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an article was read. `line` counts from 1 (0: the file as a whole), `anchor` is an id in a page."""

    file: str
    line: int = 0
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that was read.

    `notes` tell what was passed over, and hinder nothing. `texts` are the Markdown and Rasa files as they stand, by
    name: an export writes them back where nothing changed. `pages` are ids of articles from HTML, which says nothing
    of variants, tags and times: those that the home has stay.
    """

    kind: Kind
    parsed: Parsed
    notes: tuple[RowError, ...] = ()
    more_notes: int = 0
    origins: Mapping[str, Origin] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    pages: frozenset[str] = frozenset()


def source_to_json(source: Source) -> dict[str, Any]:
    """As plain values, for another process."""
    return {
        "kind": source.kind,
        "articles": [article.as_dict() for article in source.parsed.articles],
        "intents": source.parsed.intents,
        "errors": rows_to_json(source.parsed.errors),
        "more_errors": source.parsed.more_errors,
        "notes": rows_to_json(source.notes),
        "more_notes": source.more_notes,
        "origins": {key: [o.file, o.line, o.anchor] for key, o in source.origins.items()},
        "texts": dict(source.texts),
        "pages": sorted(source.pages),
    }


def source_from_json(raw: Mapping[str, Any]) -> Source:
    """What `source_to_json` was given. It is our own writing, and not checked again."""
    return Source(
        kind=raw["kind"],
        parsed=Parsed(
            articles=[article_from_json(entry) for entry in raw["articles"]],
            intents={name: list(examples) for name, examples in raw["intents"].items()},
            errors=rows_from_json(raw["errors"]),
            more_errors=raw["more_errors"],
        ),
        notes=tuple(rows_from_json(raw["notes"])),
        more_notes=raw["more_notes"],
        origins={key: Origin(*values) for key, values in raw["origins"].items()},
        texts=dict(raw["texts"]),
        pages=frozenset(raw["pages"]),
    )


def article_from_json(raw: Mapping[str, Any]) -> Article:
    """An article that `as_dict` wrote."""
    return Article(**{**raw, "questions": tuple(raw["questions"]), "tags": tuple(raw["tags"])})


def rows_to_json(rows: Any) -> list[dict[str, Any]]:
    """Errors or notes as plain values."""
    return [{"file": r.file, "line": r.line, "code": r.code, "message": r.message} for r in rows]


def rows_from_json(raw: Any) -> list[RowError]:
    """Errors or notes that `rows_to_json` wrote."""
    return [RowError(**row) for row in raw]
