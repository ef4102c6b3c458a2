"""Asks a candidate and the live release the same questions, `python -m bot.judge`, and keeps what it found.

The questions are those of the exam, and what customers asked in the last week: their words are written into a folder
that nobody else may read and that is gone when the judge is.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading
from handoff.adapters.schema import asked, event_bodies, events, exam
from handoff.content.errors import ProgramFailed
from handoff.content.programs import OnProgress, run_program
from handoff.settings import PROJECT_ROOT, Settings
from handoff.studio.bot_programs import bot_call, working_folder, write_rows

GOLDEN: Final = PROJECT_ROOT / "tests" / "golden" / "bot"
WEEK_MS: Final = 7 * 24 * 3_600_000
CONVERSATIONS_AT_MOST: Final = 2_000
"""The newest of the week; a busy site has more, and a judge should be done in minutes."""
TURNS_AT_MOST: Final = 6_000
REPORT_AT_MOST: Final = 64_000_000


async def judge(
    settings: Settings,
    engine: AsyncEngine,
    *,
    candidate: str,
    against: str | None,
    now_ms: int,
    on_progress: OnProgress,
) -> dict[str, Any]:
    """The report on `candidate`, beside the live release `against` where there is one.

    Cancelling ends the judge and removes what it was given.

    Raises:
        ProgramFailed: the judge's own code, or those of `run_program`; `bad_report`.
        StorageUnavailable: the questions cannot be read.
        OSError: they cannot be written.
    """
    async with working_folder(settings, "judging") as folder:
        questions = await exam_rows(engine)
        talks = await last_conversations(engine, now_ms - WEEK_MS)
        files = folder / "questions.jsonl", folder / "conversations.jsonl", folder / "report.json"
        await asyncio.to_thread(write_rows, files[0], questions)
        await asyncio.to_thread(write_rows, files[1], talks)
        arguments = (
            *("--candidate", candidate),
            *(() if against is None else ("--against", against)),
            *("--questions", str(files[0]), "--conversations", str(files[1])),
            *("--golden", str(GOLDEN), "--out", str(files[2]), "--locale", settings.locale),
        )
        await run_program(bot_call(settings, "judge", arguments, folder, named="judge"), on_progress)
        return await asyncio.to_thread(_read, files[2])


async def exam_rows(engine: AsyncEngine) -> list[dict[str, Any]]:
    """The exam as the judge reads it."""
    async with reading(engine) as connection:
        rows = (await connection.execute(sa.select(exam).order_by(exam.c.added_at, exam.c.id))).all()
    return [
        {
            "id": row.id,
            "text": row.text,
            "article_id": row.article_id,
            "locale": row.locale,
            "set": "exam",
        }
        for row in rows
    ]


async def last_conversations(engine: AsyncEngine, since: int) -> list[dict[str, Any]]:
    """The conversations in which the bot was asked since then, the newest of them, each from its beginning.

    Words that were erased are left out.
    """
    newest = (
        sa.select(asked.c.conversation_id)
        .where(asked.c.at >= since)
        .group_by(asked.c.conversation_id)
        .order_by(sa.func.max(asked.c.at).desc())
        .limit(CONVERSATIONS_AT_MOST)
        .subquery()
    )
    query = (
        sa.select(asked.c.conversation_id, asked.c.turn, asked.c.locale, event_bodies.c.data)
        .join(newest, newest.c.conversation_id == asked.c.conversation_id)
        .join(
            events,
            sa.and_(events.c.conversation_id == asked.c.conversation_id, events.c.seq == asked.c.turn),
        )
        .join(event_bodies, event_bodies.c.id == events.c.id)
        .where(events.c.kind == "customer.said")
        .order_by(asked.c.conversation_id, asked.c.turn)
    )
    async with reading(engine) as connection:
        rows = (await connection.execute(query)).all()
    talks: dict[str, dict[str, Any]] = {}
    turns = 0
    for row in rows:
        words = orjson.loads(row.data)
        text = words.get("text") if isinstance(words, dict) else None
        if not isinstance(text, str) or not text.strip():
            continue
        if turns >= TURNS_AT_MOST:
            break
        turns += 1
        talk = talks.setdefault(
            row.conversation_id, {"id": row.conversation_id, "locale": row.locale, "turns": []}
        )
        talk["turns"].append({"turn": row.turn, "text": text, "choice": words.get("choice")})
    return list(talks.values())


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > REPORT_AT_MOST:
            raise ProgramFailed("bad_report", "The judge's report is too large to be kept.")
        report = orjson.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        report = None
    if not isinstance(report, dict) or not {"candidate", "exam", "asked"} <= report.keys():
        raise ProgramFailed("bad_report", "The judge left no report that can be read.")
    return report
