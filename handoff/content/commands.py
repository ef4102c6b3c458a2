"""`baton content import | export | validate`, without the command line around them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from handoff.content.apart import read_apart
from handoff.content.checks import Remark, remarks
from handoff.content.errors import ContentRefused, ExportRefused
from handoff.content.intents import teachable
from handoff.content.preview import apply_import, make_preview
from handoff.content.project import Folder, carry_out, plan_export, project_zip, read_folder
from handoff.content.reading import read_source
from handoff.content.source import Source
from handoff.content.sources import Sources
from handoff.content.store import Content, ContentStore, ImportResult
from kb_index.formats import Parsed, RowError, write_csv, write_intents, write_jsonl

Format = Literal["jsonl", "csv", "intents", "markdown", "rasa"]

_BY_ENDING: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".yml": "intents",
    ".yaml": "intents",
}
_ENDINGS: Final[dict[Format, str]] = {"jsonl": ".jsonl", "csv": ".csv", "intents": ".yml"}
_READ_HERE: Final = (".jsonl", ".csv", ".md", ".yml", ".yaml")
"""Files whose readers cannot be made to hang; all else is read in a process of its own."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written, and where to.

    For a folder also the names of its files: those written, how many stayed as they were, those of articles that the
    home does not have (`left`), and those of them that were removed.
    """

    path: Path
    articles: int
    intents: int
    written: tuple[str, ...] = ()
    unchanged: int = 0
    left: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


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
    sources: Sources | None = None,
) -> ImportResult:
    """Import a file, a folder or a zip: all of it or nothing.

    `known` are the intents that may get examples; default are the shipped ones, read from nlu_data, and the home's own. `locale` is that of
    articles which name none. In `sources` is kept how it was written.

    Raises:
        ContentRefused: with every fault, its file and its line.
        ContentMoved: somebody else changed the same content at this moment.
    """
    source = await read_content(path, known=await teachable(store, known), locale=locale)
    if source.parsed.errors:
        raise ContentRefused(source.parsed.errors, source.parsed.more_errors)
    preview = await asyncio.to_thread(make_preview, path.name, source, await store.content())
    return await apply_import(store, preview, replace=replace, sources=sources)


async def read_content(path: Path, *, known: Iterable[str] | None = None, locale: str = "en") -> Source:
    """What a file, a folder or a zip holds, with every fault."""
    if path.suffix.lower() in _READ_HERE and await asyncio.to_thread(path.is_file):
        return await asyncio.to_thread(read_source, path, path.name, known=known, locale=locale)
    return await read_apart(path, path.name, known=known, locale=locale)


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
        parsed = (await read_content(path, known=await teachable(store, known), locale=locale)).parsed
    found = [] if parsed.errors else remarks(parsed.articles, parsed.intents)
    return Validation(
        articles=len(parsed.articles),
        questions=sum(len(article.questions) for article in parsed.articles),
        intents=len(parsed.intents),
        errors=tuple(parsed.errors),
        more_errors=parsed.more_errors,
        remarks=tuple(remark for remark in found if path is None or remark.code != "no_articles"),
    )


async def export_content(
    store: ContentStore,
    path: Path,
    *,
    form: Format | None = None,
    sources: Sources | None = None,
    prune: bool = False,
    locale: str = "en",
) -> ExportResult:
    """Write the home's content: .jsonl or .csv (articles), .yml (intents), or a folder.

    A file is replaced whole. A folder gets the articles as .md files, and with the form `rasa` Rasa's data beside
    them; one that holds either already is brought up to date, and only what changed is written. Files of articles
    that the home does not have stay, and would come back with the next import: `prune` removes them. `locale` is that
    of articles which name none.

    Raises:
        ExportRefused: another ending, a folder with other things in it, or a place that cannot be written.
    """
    content = await store.content()
    return await asyncio.to_thread(_write, path, content, form, sources, prune=prune, locale=locale)


async def export_bytes(
    store: ContentStore, form: Format, *, sources: Sources | None = None, locale: str = "en"
) -> bytes:
    """The home's content as one file to send; `markdown` and `rasa` are zips. Equal content gives equal bytes.

    Raises:
        ExportRefused: a Rasa file that was imported cannot be changed to what the home holds now.
    """
    content = await store.content()

    def written() -> bytes:
        if form in ("markdown", "rasa"):
            return project_zip(content, sources, rasa=form == "rasa", locale=locale)
        with tempfile.TemporaryDirectory(prefix="baton-export-") as folder:
            path = Path(folder, f"content{_ENDINGS[form]}")
            _write(path, content, form, sources, prune=False, locale=locale)
            return path.read_bytes()

    return await asyncio.to_thread(written)


def _write(
    path: Path, content: Content, form: Format | None, sources: Sources | None, *, prune: bool, locale: str
) -> ExportResult:
    suffix = path.suffix.lower()
    try:
        if form is None and not path.is_dir():
            form = _BY_ENDING.get(suffix)
            if form is None and suffix:
                raise ExportRefused(
                    f"{suffix} is not written: .jsonl, .csv, .yml, or a folder for .md files."
                )
        match form:
            case "intents":
                write_intents(path, content.intents)
                return ExportResult(path, 0, len(content.intents))
            case "jsonl":
                write_jsonl(path, content.articles)
            case "csv":
                write_csv(path, content.articles)
            case _:
                return _write_folder(path, content, form, sources, prune=prune, locale=locale)
    except OSError as error:
        raise ExportRefused(f"{path} cannot be written: {error.strerror}.") from error
    return ExportResult(path, len(content.articles), 0)


def _write_folder(
    path: Path, content: Content, form: Format | None, sources: Sources | None, *, prune: bool, locale: str
) -> ExportResult:
    if path.exists() and not path.is_dir():
        raise ExportRefused(f"{path} is there already and is not a folder.")
    there = read_folder(path)
    holds = there.articles or there.rasa
    if form is None and not holds and path.exists() and any(path.iterdir()):
        raise ExportRefused(f"{path} is there already, and is neither empty nor a folder of articles.")
    rasa = form == "rasa" or (form is None and bool(there.rasa))
    plan = plan_export(
        content, there if rasa else Folder(there.articles, {}), sources, rasa=rasa, locale=locale
    )
    removed = carry_out(plan, path, prune=prune)
    return ExportResult(
        path,
        len(content.articles),
        len(content.intents) if rasa else 0,
        written=tuple(sorted(plan.write)),
        unchanged=len(plan.unchanged),
        left=() if prune else tuple(sorted(plan.left)),
        removed=tuple(sorted(removed)),
    )
