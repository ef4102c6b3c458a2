"""`baton content import | export | validate`, without the command line around them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from handoff.content.checks import Remark, remarks
from handoff.content.errors import ContentRefused, ExportRefused
from handoff.content.intents import known_intents, unknown_intents
from handoff.content.store import Content, ContentStore, ImportResult
from kb_index.formats import (
    MAX_ERRORS,
    Parsed,
    RowError,
    parse,
    write_csv,
    write_intents,
    write_jsonl,
    write_markdown,
)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written, and where to."""

    path: Path
    articles: int
    intents: int


@dataclass(frozen=True, slots=True)
class Validation:
    """What a check found. `errors` would refuse an import; remarks would not."""

    articles: int
    questions: int
    intents: int
    errors: tuple[RowError, ...]
    more_errors: int
    remarks: tuple[Remark, ...]

    @property
    def ok(self) -> bool:
        """No errors; there may be remarks."""
        return not self.errors


async def import_content(
    store: ContentStore,
    path: Path,
    *,
    replace: bool = False,
    known: Iterable[str] | None = None,
    locale: str = "en",
) -> ImportResult:
    """Import a file or a folder of Markdown files: all of it or nothing.

    `known` are the intents that may get examples; default are the shipped ones, read from nlu_data. `locale` is that of
    articles which name none.

    Raises:
        ContentRefused: with every fault, its file and its line.
    """
    parsed = await asyncio.to_thread(_read, path, known, locale)
    if parsed.errors:
        raise ContentRefused(parsed.errors, parsed.more_errors)
    return await store.import_parsed(parsed, replace=replace)


async def validate_content(
    store: ContentStore,
    path: Path | None = None,
    *,
    known: Iterable[str] | None = None,
    locale: str = "en",
) -> Validation:
    """Check a file or folder, or without a path the home's content. Changes nothing."""
    if path is None:
        content = await store.content()
        parsed = Parsed(list(content.articles), {name: list(e) for name, e in content.intents.items()})
    else:
        parsed = await asyncio.to_thread(_read, path, known, locale)
    found = [] if parsed.errors else remarks(parsed.articles, parsed.intents)
    return Validation(
        articles=len(parsed.articles),
        questions=sum(len(article.questions) for article in parsed.articles),
        intents=len(parsed.intents),
        errors=tuple(parsed.errors),
        more_errors=parsed.more_errors,
        remarks=tuple(remark for remark in found if path is None or remark.code != "no_articles"),
    )


async def export_content(store: ContentStore, path: Path) -> ExportResult:
    """Write the home's content: .jsonl or .csv (articles), .yml (intents), or a folder of .md (articles).

    A file is replaced whole. A folder must be new or empty: an article that is gone from the home would
    stay in it and come back with the next import.

    Raises:
        ExportRefused: another ending, a folder with something in it, or a place that cannot be written.
    """
    return await asyncio.to_thread(_write, path, await store.content())


def _write(path: Path, content: Content) -> ExportResult:
    suffix = path.suffix.lower()
    try:
        if suffix in (".yml", ".yaml"):
            write_intents(path, content.intents)
            return ExportResult(path, 0, len(content.intents))
        if suffix == ".jsonl":
            write_jsonl(path, content.articles)
        elif suffix == ".csv":
            write_csv(path, content.articles)
        elif suffix and not path.is_dir():
            raise ExportRefused(f"{suffix} is not written: .jsonl, .csv, .yml, or a folder for .md files.")
        elif path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ExportRefused(f"{path} is there already and is not an empty folder.")
        else:
            write_markdown(path, content.articles)
    except OSError as error:
        raise ExportRefused(f"{path} cannot be written: {error.strerror}.") from error
    return ExportResult(path, len(content.articles), 0)


def _read(path: Path, known: Iterable[str] | None, locale: str) -> Parsed:
    try:
        parsed = parse(path, locale=locale)
        if not (parsed.articles or parsed.intents or parsed.errors):
            # What an interrupted download or export leaves. With `replace` it would empty the home.
            return Parsed(errors=[RowError(path.name, 0, "no_articles", "There is nothing in this file.")])
        if not parsed.intents:
            return parsed
        unknown = unknown_intents(path, parsed.intents, known_intents() if known is None else known)
    except OSError as error:
        return Parsed(errors=[RowError(path.name, 0, "unreadable", f"It cannot be read: {error.strerror}.")])
    if unknown:
        return Parsed(errors=unknown[:MAX_ERRORS], more_errors=max(0, len(unknown) - MAX_ERRORS))
    return parsed
