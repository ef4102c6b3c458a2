"""A path, or bytes with a file name, to what they hold for the home. Nothing is fetched, and nothing stored.

Read are JSONL, CSV, Markdown with front matter, Rasa's YAML and HTML pages; alone, in a folder or in a zip, also
with a sitemap that says which pages count. Every fault is listed with its file and line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from handoff.content.bundle import Bundle, BundleError, open_bundle
from handoff.content.html_articles import Found, with_ids
from handoff.content.html_pages import read_page
from handoff.content.html_tree import PageError
from handoff.content.intents import known_intents, unknown_intents
from handoff.content.sitemap import SitemapError, file_of, read_sitemap
from handoff.content.source import MAX_NOTES, Kind, Origin, Source
from handoff.settings import PROJECT_ROOT
from kb_index.formats import ENDINGS, MAX_ERRORS, Parsed, Reader, RowError
from kb_index.yaml_text import Leftover, read_blocks

PAGES: Final = (".html", ".htm", ".xhtml")
YAML: Final = (".yml", ".yaml")

_ASSETS: Final = frozenset(
    (
        ".css", ".js", ".mjs", ".map", ".json", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".ico", ".woff",
        ".woff2", ".ttf", ".otf", ".eot", ".txt", ".mp4", ".webm", ".mp3", ".py", ".toml", ".lock", ".gitignore",
    )
)  # fmt: skip
"""What lies beside pages and articles everywhere, and is passed over without a word."""

MAX_ARTICLES: Final = 50_000
MAX_TEXT: Final = 64 * 1024 * 1024
"""Characters of all articles and examples together, and of the texts that are kept as they were written."""

_RASA: Final = re.compile(r"^(nlu|rules|stories)\s*:", re.MULTILINE)
_RASA_PLACES: Final = ("nlu", "rules", "stories")
_MAX_SITEMAPS: Final = 100
_SHOWN: Final = 120


def read_source(
    source: Path | bytes,
    name: str,
    *,
    locale: str = "en",
    known: Iterable[str] | None = None,
    on_file: Callable[[str], None] = lambda _name: None,
) -> Source:
    """Everything in a path, or in bytes that came under a file name.

    `locale` is that of articles which name none; `known` the intents that may get examples, by default the shipped
    ones. `on_file` is told of each file before it is read.
    """
    reading = _Reading(locale, on_file)
    try:
        bundle = open_bundle(source, name)
    except BundleError as error:
        reading.fail(error)
        return reading.source("mixed", known)
    several = bundle.names != (name,)
    if not several and PurePosixPath(name).suffix.lower() == ".xml" and isinstance(source, Path):
        try:
            # Its pages lie beside it.
            bundle = open_bundle(source.parent, source.parent.name)
        except BundleError as error:
            reading.fail(error)
            return reading.source("html", known)
        return reading.all_of(bundle, name, known, sitemap=name)
    return reading.all_of(bundle, name, known) if several else reading.one(bundle, name, known)


class _Reading:
    """What one call of `read_source` has found so far."""

    def __init__(self, locale: str, on_file: Callable[[str], None]) -> None:
        self._locale = locale
        self._on_file = on_file
        self._reader = Reader(locale)
        self._notes: list[RowError] = []
        self._more_notes = 0
        self._origins: dict[str, Origin] = {}
        self._texts: dict[str, str] = {}
        self._pages: list[Found] = []
        self._from_pages: set[str] = set()
        self._intents: dict[str, tuple[str, int]] = {}
        self._endings: set[str] = set()

    def one(self, bundle: Bundle, name: str, known: Iterable[str] | None) -> Source:
        """A single file."""
        ending = PurePosixPath(name).suffix.lower()
        data = self._read(bundle, name)
        if data is None:
            return self.source("mixed", known)
        if ending in PAGES:
            self._page(name, data, None)
        elif ending in ENDINGS:
            self._file(name, data)
        elif ending == ".xml":
            self._reader.fail(
                name,
                0,
                "sitemap_alone",
                "A sitemap is read with its pages: give a folder or a .zip that holds both.",
            )
        else:
            self._reader.fail(
                name,
                0,
                "unknown_format",
                f"{ending or 'A file without an ending'} is not read here: give a .jsonl, .csv, .md, .yml, .html or "
                ".zip file, or a folder.",
            )
        return self._something(_kind(self._endings, rasa=False), name, known)

    def all_of(
        self, bundle: Bundle, name: str, known: Iterable[str] | None, *, sitemap: str | None = None
    ) -> Source:
        """A folder or a zip. `sitemap` is the file in it that alone was asked for."""
        for fault in bundle.faults if sitemap is None else ():
            self._reader.fail(fault.name, 0, fault.code, fault.message)
        names = bundle.names
        addresses, listed = self._sitemaps(bundle, sitemap)
        if sitemap is not None:
            names = tuple(sorted(addresses))
        rasa: dict[str, bytes] = {}
        for file in names:
            if PurePosixPath(file).suffix.lower() in YAML:
                data = self._read(bundle, file)
                if data is not None and _RASA.search(data.decode("utf-8", "replace")):
                    rasa[file] = data
                elif data is not None:
                    self.note(file, 0, "not_read", "This YAML file holds no Rasa data.")
        for file in names:
            ending = PurePosixPath(file).suffix.lower()
            if file in rasa:
                self._file(file, rasa[file])
            elif ending in YAML:
                continue
            elif ending in PAGES or file in addresses:
                if rasa:
                    self.note(file, 0, "not_read", "Pages in a Rasa project are not read.")
                elif listed and file not in addresses:
                    self.note(file, 0, "not_in_sitemap", "The sitemap does not name this page.")
                else:
                    self._read_page(bundle, file, addresses.get(file))
            elif ending in ENDINGS:
                self._content_file(bundle, file, ending, within_rasa=bool(rasa))
            elif ending not in _ASSETS and ending != ".xml":
                self.note(file, 0, "not_read", "Files of this kind are not read.")
        return self._something(_kind(self._endings, rasa=bool(rasa)), name, known)

    def _something(self, kind: Kind, name: str, known: Iterable[str] | None) -> Source:
        """Everything, which must not be nothing: an interrupted download would empty a home with `replace`."""
        source = self.source(kind, known)
        if source.parsed.errors or source.parsed.articles or source.parsed.intents:
            return source
        self._reader.fail(
            name, 0, "no_articles", "There is nothing to import: no article, no page with text, no intent."
        )
        return self.source(kind, known)

    def fail(self, error: BundleError) -> None:
        """A file that cannot be had."""
        self._reader.fail(error.fault.name, 0, error.fault.code, error.fault.message)

    def note(self, file: str, line: int, code: str, message: str) -> None:
        """Something that was passed over."""
        if len(self._notes) < MAX_NOTES:
            self._notes.append(RowError(file, line, code, message))
        else:
            self._more_notes += 1

    def source(self, kind: Kind, known: Iterable[str] | None) -> Source:
        """Everything so far."""
        for article_id, found in with_ids(self._pages):
            raw = {
                "id": article_id,
                "title": found.entry.title,
                "answer": found.entry.answer,
                "locale": found.locale,
            }
            if self._reader.add(raw, found.place, found.entry.line) is not None:
                self._origins[article_id] = Origin(found.file, found.entry.line, found.entry.anchor)
                self._from_pages.add(article_id)
        self._pages = []
        parsed = self._bounded(self._reader.result())
        if self._intents and not parsed.errors:
            unknown = unknown_intents(self._intents, known_intents() if known is None else known)
            if unknown:
                parsed = Parsed(errors=unknown[:MAX_ERRORS], more_errors=max(0, len(unknown) - MAX_ERRORS))
        return Source(
            kind=kind,
            parsed=parsed,
            notes=tuple(self._notes),
            more_notes=self._more_notes,
            origins=self._origins,
            texts={} if parsed.errors else self._texts,
            pages=frozenset(self._from_pages),
        )

    def _bounded(self, parsed: Parsed) -> Parsed:
        """`parsed`, or an error where it is more than one import may bring: the relay has to hold it."""
        size = sum(
            len(a.title) + len(a.answer) + sum(map(len, a.questions)) + sum(map(len, a.tags))
            for a in parsed.articles
        ) + sum(len(example) for examples in parsed.intents.values() for example in examples)
        if len(parsed.articles) <= MAX_ARTICLES and size <= MAX_TEXT:
            if sum(map(len, self._texts.values())) > MAX_TEXT:
                self._texts.clear()
                self.note("", 0, "form_not_kept", "These files are too long to keep how they were written.")
            return parsed
        message = (
            f"There are {len(parsed.articles):,} articles with {size:,} characters; {MAX_ARTICLES:,} with {MAX_TEXT:,} "
            "are taken at once. Import them in parts."
        )
        return Parsed(errors=[RowError("", 0, "too_large", message)])

    def _read(self, bundle: Bundle, name: str) -> bytes | None:
        self._on_file(name)
        try:
            return bundle.read(name)
        except BundleError as error:
            self.fail(error)
            return None

    def _content_file(self, bundle: Bundle, file: str, ending: str, *, within_rasa: bool) -> None:
        if within_rasa and ending != ".md":
            self.note(
                file, 0, "not_read", "In a Rasa project only its data and articles in Markdown are read."
            )
            return
        data = self._read(bundle, file)
        if data is None:
            return
        if within_rasa and not data.removeprefix(b"\xef\xbb\xbf").startswith(b"---"):
            self.note(file, 0, "not_read", "This Markdown file has no front matter: it is no article.")
            return
        self._file(file, data)

    def _file(self, name: str, data: bytes) -> None:
        """One of the formats of `kb_index.formats`."""
        ending = PurePosixPath(name).suffix.lower()
        self._endings.add(ending)
        before = len(self._reader.articles)
        leftovers: list[Leftover] = []
        self._reader.read(name, data, leftovers=leftovers)
        for article in list(self._reader.articles.values())[before:]:
            self._origins[article.id] = Origin(*self._reader.places[article.id])
        if ending in (".md", *YAML):
            try:
                self._texts[name] = data.decode("utf-8")
            except UnicodeDecodeError:
                return  # told by the reader
        if ending in YAML:
            self._rasa(name, leftovers)

    def _rasa(self, name: str, leftovers: list[Leftover]) -> None:
        blocks, _ = read_blocks(self._texts[name].removeprefix("\ufeff"), leftovers=[])
        for block in blocks:
            self._intents.setdefault(block.intent, (name, block.lines[0]))
        if leftovers and not _is_shipped(name, self._texts[name]):
            kinds = ", ".join(dict.fromkeys(leftover.name for leftover in leftovers))
            self.note(
                name,
                leftovers[0].line,
                "kept_not_trained",
                f"{kinds[:_SHOWN]}: kept as it is for an export. Trainings use what is in nlu_data of the project.",
            )

    def _read_page(self, bundle: Bundle, name: str, address: str | None) -> None:
        data = self._read(bundle, name)
        if data is not None:
            self._page(name, data, address)

    def _page(self, name: str, data: bytes, address: str | None) -> None:
        self._endings.add(".html")
        try:
            page = read_page(data, address=address)
        except PageError as error:
            self._reader.fail(name, error.line, error.code, error.message)
            return
        if not page.entries:
            self.note(name, 0, "empty_page", "This page has no title with text below it.")
        if page.left_out:
            words = " ".join(page.left_out.split())
            self.note(
                name, 0, "left_out", f"Only leads to the questions, and is in no article: {words[:_SHOWN]}"
            )
        self._pages += [Found(name, entry, page.locale) for entry in page.entries]

    def _sitemaps(self, bundle: Bundle, wanted: str | None) -> tuple[dict[str, str], bool]:
        """(file of a page -> its address, whether any sitemap was read)."""
        names = frozenset(bundle.names)
        waiting = [name for name in bundle.names if PurePosixPath(name).suffix.lower() == ".xml"]
        waiting = [
            name for name in waiting if (name == wanted if wanted else "sitemap" in PurePosixPath(name).name)
        ]
        done: set[str] = set()
        found: dict[str, str] = {}
        while waiting and len(done) < _MAX_SITEMAPS:
            name = waiting.pop(0)
            if name in done:
                continue
            done.add(name)
            data = self._read(bundle, name)
            if data is None:
                continue
            try:
                sitemap = read_sitemap(data)
            except SitemapError as error:
                self._reader.fail(name, error.line, error.code, error.message)
                continue
            folder = PurePosixPath(name).parent.as_posix()
            for address, is_page in (
                *((a, True) for a in sitemap.pages),
                *((a, False) for a in sitemap.sitemaps),
            ):
                file = file_of(address, names, "" if folder == "." else folder)
                if file is None:
                    self.note(name, 0, "page_missing", f"No file beside the sitemap is {address[:_SHOWN]}.")
                elif is_page:
                    found.setdefault(file, address)
                else:
                    waiting.append(file)
        return found, bool(done)


def _kind(endings: Iterable[str], *, rasa: bool) -> Kind:
    if rasa:
        return "rasa"
    kinds: set[Kind] = {
        {".jsonl": "jsonl", ".csv": "csv", ".md": "markdown", ".html": "html"}.get(ending, "intents")  # type: ignore[misc]
        for ending in endings
    }
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _is_shipped(name: str, text: str) -> bool:
    """Whether a file is one of nlu_data, with which trainings are made anyway."""
    parts = PurePosixPath(name).parts
    folder = parts[-2] if len(parts) > 1 else ""
    candidates = [folder] if folder in _RASA_PLACES else _RASA_PLACES
    for candidate in candidates:
        file = PROJECT_ROOT / "nlu_data" / candidate / parts[-1]
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            return True
    return False
