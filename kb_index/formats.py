"""Files to articles and back: JSONL, CSV, Markdown with front matter; intents as Rasa's NLU YAML.

`parse` reads all of a file and lists every fault with its place; where there is one it hands over nothing, so
that nobody imports half a file. What a writer wrote, `parse` reads back to the same articles.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from kb_index.article import FIELDS, WINDOW, Article, ArticleError, check_article
from kb_index.cells import join_cell, split_cell
from kb_index.yaml_text import (
    Leftover,
    YamlError,
    front_matter_text,
    intents_text,
    read_front_matter,
    read_intents,
)

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_ARTICLE_FILE_BYTES: Final = 1024 * 1024
MAX_ERRORS: Final = 100

ENDINGS: Final = (".jsonl", ".csv", ".md", ".yml", ".yaml")
"""Of the files that are read here."""

_LISTS: Final = ("questions", "tags")
_REQUIRED_COLUMNS: Final = ("id", "title", "answer")


@dataclass(frozen=True, slots=True)
class RowError:
    """One fault: `line` counts from 1 (0: the file as a whole), `code` is stable, the message is for a person."""

    file: str
    line: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds. With any error, `articles` and `intents` are empty; `more_errors` counts the unlisted."""

    articles: list[Article] = field(default_factory=list)
    intents: dict[str, list[str]] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    more_errors: int = 0


def parse(path: Path, *, locale: str = "en") -> Parsed:
    """Everything in `path`: a .jsonl, .csv, .md, .yml or .yaml file, or a folder with .md files at any depth.

    `locale` is that of articles which name none.
    """
    reader = Reader(locale)
    if path.is_dir():
        files = sorted(found for found in path.rglob("*.md") if found.is_file())
        if not files:
            reader.fail(path.name, 0, "no_articles", "The folder holds no .md files.")
        for file in files:
            _read_file(reader, file, file.relative_to(path).as_posix())
    elif not path.is_file():
        reader.fail(path.name, 0, "not_found", "There is no such file or folder.")
    elif path.suffix.lower() in ENDINGS:
        _read_file(reader, path, path.name)
    else:
        reader.fail(
            path.name,
            0,
            "unknown_format",
            f"{path.suffix or 'A file without an ending'} is not read here: give a .jsonl, .csv, .md or .yml file, or "
            "a folder of .md files.",
        )
    return reader.result()


def _read_file(reader: Reader, path: Path, name: str) -> None:
    # Looked at before reading, so that a huge file costs nothing.
    if reader.fits(name, path.stat().st_size):
        reader.read(name, path.read_bytes())


def write_jsonl(path: Path, articles: Iterable[Article]) -> None:
    """One JSON object a line, in the given order. The file is replaced at once or not at all."""
    lines = (json.dumps(article.as_dict(), ensure_ascii=False) + "\n" for article in articles)
    write_text(path, "".join(lines))


def write_csv(path: Path, articles: Iterable[Article]) -> None:
    r"""A header and one row an article; lists are joined by `|`, a literal one is written `\|`.

    Columns for the bounds of validity are there where an article has such a bound.
    """
    rows = [article.as_dict() for article in articles]
    columns = [name for name in FIELDS if name not in WINDOW or any(name in row for row in rows)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([join_cell(row[name]) if name in _LISTS else row.get(name, "") for name in columns])
    write_text(path, out.getvalue())


def write_markdown(folder: Path, articles: Iterable[Article]) -> None:
    """One `<id>.md` an article. `folder` is made if missing; other files in it stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for article in articles:
        write_text(folder / f"{article.id}.md", front_matter_text(article))


def write_intents(path: Path, intents: Mapping[str, Sequence[str]]) -> None:
    """Rasa's NLU YAML, in the given order."""
    write_text(path, intents_text(intents))


class Reader:
    """Collects what files hold, one after another; no id may come twice among them all."""

    def __init__(self, locale: str) -> None:
        """`locale` is that of articles which name none."""
        self._locale = locale
        self.articles: dict[str, Article] = {}
        self.places: dict[str, tuple[str, int]] = {}
        """File and line of each article."""
        self._intents: dict[str, list[str]] = {}
        self._errors: list[RowError] = []
        self._more = 0

    def result(self) -> Parsed:
        """Everything so far, or the faults."""
        if self._errors:
            return Parsed(errors=self._errors, more_errors=self._more)
        return Parsed(articles=list(self.articles.values()), intents=self._intents)

    def fail(self, file: str, line: int, code: str, message: str) -> None:
        """Add a fault; `line` counts from 1, 0 is the file as a whole."""
        if len(self._errors) < MAX_ERRORS:
            self._errors.append(RowError(file, line, code, message))
        else:
            self._more += 1

    def fits(self, name: str, size: int) -> bool:
        """Whether a file of so many bytes is read. A fault is added if not."""
        limit = MAX_ARTICLE_FILE_BYTES if name.lower().endswith(".md") else MAX_FILE_BYTES
        if size > limit:
            self.fail(name, 0, "too_large", f"The file has {size:,} bytes; {limit:,} are allowed.")
        return size <= limit

    def read(self, name: str, data: bytes, *, leftovers: list[Leftover] | None = None) -> None:
        """Read a file whose ending is one of `ENDINGS`. Rasa YAML may hold more than intents where `leftovers` are wanted."""
        text = self._text(name, data) if self.fits(name, len(data)) else None
        if text is None:
            return
        match PurePosixPath(name).suffix.lower():
            case ".jsonl":
                self._jsonl(name, text)
            case ".csv":
                self._csv(name, text)
            case ".md":
                self._markdown(name, text)
            case _:
                self._rasa(name, text, leftovers)

    def _jsonl(self, name: str, text: str) -> None:
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            try:
                raw = json.loads(line, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
            except (ValueError, RecursionError) as error:
                self.fail(name, number, "bad_json", f"This line is not valid JSON: {error}")
                continue
            if not isinstance(raw, dict):
                self.fail(name, number, "bad_json", "This line must be one JSON object.")
                continue
            self.add(raw, name, number)

    def _csv(self, name: str, text: str) -> None:
        columns: list[str] | None = None
        try:
            for number, row in _csv_rows(text):
                if not row:
                    continue
                if columns is None:
                    columns = [name.strip() for name in row]
                    if not self._columns_known(columns, name, number):
                        return
                elif len(row) != len(columns):
                    self.fail(
                        name,
                        number,
                        "bad_row",
                        f"This row has {len(row)} cells, the header {len(columns)}.",
                    )
                else:
                    cells: dict[str, Any] = dict(zip(columns, row, strict=True))
                    self.add(_lists_split(cells), name, number)
        except csv.Error as error:
            self.fail(name, 0, "bad_csv", f"The quoting is broken, nothing after it can be read: {error}")
        if columns is None:
            self.fail(
                name, 0, "missing_column", f"The file is empty; a header is needed: {','.join(FIELDS)}."
            )

    def _markdown(self, name: str, text: str) -> None:
        try:
            fields, lines = read_front_matter(text)
        except YamlError as error:
            self.fail(name, error.line, "bad_front_matter", error.message)
            return
        self.add({"id": PurePosixPath(name).stem, **fields}, name, 1, lines)

    def _rasa(self, name: str, text: str, leftovers: list[Leftover] | None) -> None:
        intents, errors = read_intents(text, leftovers=leftovers)
        for error in errors:
            self.fail(name, error.line, error.code, error.message)
        for intent, examples in intents.items():
            known = self._intents.setdefault(intent, [])
            there = set(known)
            known += [example for example in examples if example not in there]

    def add(
        self, raw: Mapping[str, Any], file: str, line: int, lines: Mapping[str, int] | None = None
    ) -> Article | None:
        """Check one article and keep it; None, and a fault, where it cannot be taken. `lines`: those of its fields."""
        try:
            named = raw.get("locale") not in (None, "")
            article = check_article(raw if named else {**raw, "locale": self._locale})
        except ArticleError as error:
            code = "unknown_column" if error.code == "unknown_field" else error.code
            self.fail(file, (lines or {}).get(error.field, line), code, error.message)
            return None
        first = self.places.setdefault(article.id, (file, line))
        if first != (file, line):
            where = f"{first[0]}:{first[1]}"
            self.fail(file, line, "duplicate_id", f"The id {article.id!r} was given at {where} already.")
            return None
        self.articles[article.id] = article
        return article

    def _columns_known(self, columns: Sequence[str], file: str, line: int) -> bool:
        unknown = [name for name in columns if name not in FIELDS]
        missing = [name for name in _REQUIRED_COLUMNS if name not in columns]
        twice = sorted({name for name in columns if columns.count(name) > 1})
        for separator, word in ((";", "semicolons"), ("\t", "tabs")):
            if len(columns) == 1 and separator in columns[0]:
                self.fail(
                    file, line, "bad_csv", f"The columns are separated by {word}. Save the file with commas."
                )
                return False
        for name in unknown:
            self.fail(
                file, line, "unknown_column", f"There is no column {name[:50]!r}; known: {', '.join(FIELDS)}."
            )
        for name in missing:
            self.fail(file, line, "missing_column", f"The column {name!r} is missing.")
        for name in twice:
            self.fail(file, line, "duplicate_column", f"The column {name!r} is there twice.")
        return not (unknown or missing or twice)

    def _text(self, name: str, data: bytes) -> str | None:
        """The file's text; None, and a fault, where it cannot be had."""
        data = data.removeprefix(b"\xef\xbb\xbf")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.fail(
                name,
                line,
                "bad_encoding",
                f"The file is not UTF-8: byte 0x{data[error.start]:02x} in line {line}. Save it as UTF-8.",
            )
            return None


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which each begins: a quoted cell may span several lines."""
    before = csv.field_size_limit(MAX_FILE_BYTES)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        line = 1
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    finally:
        csv.field_size_limit(before)


def _lists_split(cells: Mapping[str, str]) -> dict[str, Any]:
    return {name: split_cell(cell) if name in _LISTS else cell for name, cell in cells.items()}


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def write_text(path: Path, text: str) -> None:
    """Write `text`, line ends as they are, through a file beside it, so that a full disk or a crash leaves the old file whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
