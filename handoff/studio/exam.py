"""The exam: questions that releases are compared on and that nothing is ever trained on."""

from __future__ import annotations

import csv
import io
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import articles, exam
from handoff.domain.errors import NotFound
from handoff.ports import Clock
from handoff.studio.errors import ExamRefused
from handoff.wire.times import rfc3339
from kb_index.article import ArticleError, check_locale, clean_text

QUESTIONS_AT_MOST: Final = 5_000
TEXT_AT_MOST: Final = 4_000
"""As long as a customer's message may be."""
FAULTS_TOLD: Final = 100
COLUMNS: Final = ("text", "article_id", "locale")
"""Of a CSV; the last two may be missing or empty."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A question to be added; `line` is that of its file, 0 where it comes alone."""

    text: str
    article_id: str | None
    locale: str | None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one of them, or with the file as a whole (line 0)."""

    line: int
    code: str
    message: str


class Exam:
    """The questions in the database."""

    def __init__(self, engine: AsyncEngine, clock: Clock, locale: str) -> None:
        """`locale` is that of questions which name none."""
        self._engine = engine
        self._clock = clock
        self._locale = locale

    async def all(self) -> list[dict[str, Any]]:
        """Every question, the newest first."""
        query = sa.select(exam).order_by(exam.c.added_at.desc(), exam.c.id)
        async with reading(self._engine) as connection:
            return [_shown(row) for row in (await connection.execute(query)).all()]

    async def asked(self) -> frozenset[str]:
        """The words of every question, as `folded` gives them."""
        async with reading(self._engine) as connection:
            return await asked_in(connection)

    async def add(
        self, text: str, article_id: str | None, locale: str | None, *, by: str, source: str = "editor"
    ) -> dict[str, Any]:
        """Add one and return it. Raises `ExamRefused`."""
        (row,) = await self._add([Draft(text, article_id, locale)], by, source)
        return row

    async def add_csv(self, text: str, locale: str | None, *, by: str) -> int:
        """Add what a CSV holds, all or nothing; returns how many.

        Raises:
            ExamRefused: with every fault and its line.
        """
        drafts, faults = _drafts(text, locale)
        if faults:
            raise _refused(faults)
        return len(await self._add(drafts, by, "csv"))

    async def remove(self, question_id: str) -> None:
        """Take one out. Raises `NotFound`."""
        async with writing(self._engine) as connection:
            done = await connection.execute(exam.delete().where(exam.c.id == question_id))
        if done.rowcount == 0:
            raise NotFound("There is no such question.")

    async def _add(self, drafts: Sequence[Draft], by: str, source: str) -> list[dict[str, Any]]:
        now = self._clock.now_ms()
        rows, faults = _rows(drafts, self._locale, by=by, source=source, at=now)
        async with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                # SQLite has one writer anyway. Two that add side by side would each miss the other's.
                await connection.execute(sa.text("LOCK TABLE exam IN SHARE ROW EXCLUSIVE MODE"))
            faults += await _misplaced(connection, rows)
            if faults:
                raise _refused(faults)
            await connection.execute(exam.insert(), [row for _, row in rows])
        return [_shown(row) for _, row in rows]


async def asked_in(connection: AsyncConnection) -> frozenset[str]:
    """What `Exam.asked` gives, within a transaction."""
    return frozenset(map(folded, (await connection.execute(sa.select(exam.c.text))).scalars()))


def _drafts(text: str, locale: str | None) -> tuple[list[Draft], list[Fault]]:
    """The rows of a CSV, and what cannot be read of it."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    drafts: list[Draft] = []
    faults: list[Fault] = []
    line = 1
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        if "text" not in header or not set(header) <= set(COLUMNS) or len(set(header)) < len(header):
            told = f"The first line names the columns: {', '.join(COLUMNS)}, of which only text is needed."
            return [], [Fault(1, "bad_header", told)]
        line = reader.line_num + 1
        for cells in reader:
            at, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                told = f"This row has {len(cells)} cells, the first line {len(header)}."
                faults.append(Fault(at, "bad_row", told))
                continue
            row = dict(zip(header, cells, strict=True))
            article_id = row.get("article_id", "").strip() or None
            drafts.append(Draft(row["text"], article_id, row.get("locale", "").strip() or locale, at))
            if len(drafts) > QUESTIONS_AT_MOST:
                break
    except csv.Error as error:
        faults.append(Fault(line, "bad_csv", f"The quoting is broken: {error}."))
    if not drafts and not faults:
        faults.append(Fault(0, "no_questions", "There is no question in it."))
    return drafts, faults


_Rows = list[tuple[Draft, dict[str, Any]]]


def _rows(
    drafts: Iterable[Draft], locale: str, *, by: str, source: str, at: int
) -> tuple[_Rows, list[Fault]]:
    rows: _Rows = []
    faults: list[Fault] = []
    for draft in drafts:
        try:
            text = clean_text(draft.text, "text", TEXT_AT_MOST, line_breaks=True)
            spoken = check_locale(draft.locale or locale)
        except ArticleError as error:
            faults.append(Fault(draft.line, error.code, error.message))
            continue
        if not text:
            faults.append(Fault(draft.line, "empty_text", "The text is empty."))
            continue
        row = {
            "id": f"q{secrets.token_hex(8)}",
            "text": text,
            "article_id": draft.article_id,
            "locale": spoken,
            "source": source,
            "added_by": by,
            "added_at": at,
        }
        rows.append((draft, row))
    return rows, faults


async def _misplaced(connection: AsyncConnection, rows: _Rows) -> list[Fault]:
    """What is wrong with questions beside those that are there."""
    known = set((await connection.execute(sa.select(articles.c.id))).scalars())
    there = (await connection.execute(sa.select(exam.c.text, exam.c.locale))).all()
    asked = {(row.locale, folded(row.text)) for row in there}
    if len(there) + len(rows) > QUESTIONS_AT_MOST:
        told = f"An exam has at most {QUESTIONS_AT_MOST:,} questions; {len(there):,} are there."
        return [Fault(0, "too_many", told)]
    faults = []
    for draft, row in rows:
        key = row["locale"], folded(row["text"])
        if row["article_id"] is not None and row["article_id"] not in known:
            told = f"There is no article {row['article_id'][:100]!r}."
            faults.append(Fault(draft.line, "unknown_article", told))
        if key in asked:
            faults.append(
                Fault(draft.line, "duplicate", f"This question is there already: {row['text'][:100]!r}.")
            )
        asked.add(key)
    return faults


def folded(text: str) -> str:
    """A text without what makes no other question of it: two that are the same so are one question of the exam."""
    words = unicodedata.normalize("NFKC", text).casefold().split()
    return " ".join(words).strip(" .?!\u2026\u00bf\u00a1")


def _refused(faults: Sequence[Fault]) -> ExamRefused:
    ordered = sorted(faults, key=lambda fault: fault.line)
    message = ordered[0].message if len(ordered) == 1 else f"{len(ordered)} faults; nothing was added."
    return ExamRefused(
        message,
        errors=[
            {"line": fault.line, "code": fault.code, "message": fault.message}
            for fault in ordered[:FAULTS_TOLD]
        ],
        more_errors=max(0, len(ordered) - FAULTS_TOLD),
    )


def _shown(row: Any) -> dict[str, Any]:
    values = row if isinstance(row, dict) else row._asdict()
    return {**values, "added_at": rfc3339(values["added_at"])}
