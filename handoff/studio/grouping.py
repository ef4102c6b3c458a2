"""The job `group`: open questions of the review inbox, grouped by meaning in the bot's environment (`python -m bot.group`)."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.clock import SystemClock
from handoff.adapters.database import reading, writing
from handoff.adapters.schema import asked, review_groups
from handoff.content.errors import ProgramFailed
from handoff.content.programs import OnProgress, Progress, run_program
from handoff.settings import Settings
from handoff.studio.bot_programs import bot_call, working_folder, write_rows
from handoff.studio.gleaning import KEPT_MS, OVERLAP_MS, glean
from handoff.studio.job_process import JobTask
from handoff.studio.job_store import JobStore
from handoff.studio.question_texts import Key, words_of
from handoff.studio.review_rows import IS_OPEN, LIKE, alone

MOST_QUESTIONS: Final = 20_000
"""Open questions in one grouping; the newest of them."""
MOST_EXEMPLARS: Final = 2_000
EXAMPLES: Final = 5
SETTLED_KEPT_MS: Final = 7 * 86_400_000
"""How long a settled group can still say by whom it was settled."""
RESULT_AT_MOST: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class Grouped:
    """A group as it was found: keys, those nearest to what it means first, and the article that comes nearest."""

    keys: tuple[Key, ...]
    suggested_id: str | None
    suggested_score: float | None


@dataclass(frozen=True, slots=True)
class GroupResult:
    """What a grouping came to.

    `settled_alike` questions were settled like earlier ones, `left_out` are too many to be grouped, `looked_until` (epoch
    milliseconds) and `unfinished` are where the next look begins.
    """

    groups: int
    questions: int
    moved: int
    settled_alike: int
    left_out: int
    looked_until: int
    unfinished: tuple[str, ...]


async def group_questions(task: JobTask) -> Mapping[str, Any]:
    """The work of a job. Raises as `group` does."""
    clock = SystemClock()
    before = await JobStore(task.engine, clock).last_done("group")
    known: Mapping[str, Any] = {} if before is None else before.result
    result = await group(
        task.engine,
        task.settings,
        task.progress,
        now=clock.now_ms(),
        since=int(known.get("looked_until", 0)),
        unfinished=tuple(known.get("unfinished", ())),
    )
    return asdict(result)


async def group(
    engine: AsyncEngine,
    settings: Settings,
    on_progress: OnProgress,
    *,
    now: int,
    since: int = 0,
    unfinished: Sequence[str] = (),
) -> GroupResult:
    """Bring the inbox up to date with what has happened since `since`, and group what is open.

    What was settled stays settled, and what is like a question out of scope is settled the same way. Cancelling leaves the
    groups as they were.

    Raises:
        ProgramFailed: the program's own code, those of `run_program`, or `bad_groups`.
        StorageUnavailable: the database did not give or take something.
        OSError: the questions cannot be written.
    """
    gleaned = await glean(
        engine,
        since=max(since - OVERLAP_MS, now - KEPT_MS),
        also=unfinished,
        on_progress=lambda done, total: on_progress(Progress("look", done, total, "")),
    )
    rows, left_out = await _open_rows(engine, now - KEPT_MS)
    found: list[Grouped] = []
    alike: dict[Key, str] = {}
    if rows:
        rows += await _exemplars(engine)
        found, alike = _understood(await _run(settings, rows, on_progress))
    on_progress(Progress("store", 0, 0, ""))
    async with writing(engine) as connection:
        await alone(connection)
        settled = await _settle_alike(connection, alike, now)
        moved = await _store(connection, found, now)
    return GroupResult(
        groups=len(found),
        questions=sum(len(one.keys) for one in found),
        moved=moved,
        settled_alike=settled,
        left_out=left_out,
        looked_until=now,
        unfinished=gleaned.unfinished,
    )


# --- the program -------------------------------------------------------------------------------------------------


async def _run(settings: Settings, rows: Iterable[Mapping[str, Any]], on_progress: OnProgress) -> Any:
    async with working_folder(settings, "grouping") as folder:
        questions, groups = folder / "questions.jsonl", folder / "groups.json"
        await asyncio.to_thread(write_rows, questions, rows)
        arguments = ("--in", str(questions), "--out", str(groups))
        await run_program(bot_call(settings, "group", arguments, folder, named="grouping"), on_progress)
        return await asyncio.to_thread(_read, groups)


def _understood(raw: Any) -> tuple[list[Grouped], dict[Key, str]]:
    """The groups, and the questions that are like settled ones with the keys of those."""
    try:
        groups = [
            Grouped(
                tuple(map(_key_of, group["keys"])),
                None if group["suggested"] is None else str(group["suggested"]["article_id"])[:100],
                None if group["suggested"] is None else float(group["suggested"]["score"]),
            )
            for group in raw["groups"]
        ]
        alike = {_key_of(like["key"]): str(like["exemplar_key"]) for like in raw["like_settled"]}
    except (KeyError, TypeError, ValueError) as error:
        raise ProgramFailed("bad_groups", "The grouping left groups that cannot be read.") from error
    return groups, alike


def _text_of(key: Key) -> str:
    return f"{key[0]}:{key[1]}"


def _key_of(text: str) -> Key:
    conversation_id, _, turn = text.rpartition(":")
    return conversation_id, int(turn)


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > RESULT_AT_MOST:
            raise ProgramFailed("bad_groups", "The grouping left more than can be read.")
        return orjson.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        raise ProgramFailed("bad_groups", "The grouping left no groups that can be read.") from None


# --- the database ------------------------------------------------------------------------------------------------


async def _open_rows(engine: AsyncEngine, since: int) -> tuple[list[dict[str, Any]], int]:
    """Open questions as the program takes them, the newest first, and how many more there are."""
    query = (
        sa.select(asked.c.conversation_id, asked.c.turn)
        .where(IS_OPEN, asked.c.at >= since)
        .order_by(asked.c.at.desc(), asked.c.conversation_id, asked.c.turn)
    )
    async with reading(engine) as connection:
        found = (await connection.execute(query)).all()
        keys = [(row.conversation_id, row.turn) for row in found[:MOST_QUESTIONS]]
        words = await words_of(connection, keys)
    rows = [
        {"key": _text_of(key), "text": words[key].text, "locale": words[key].locale}
        for key in keys
        if key in words
    ]
    return rows, len(found) - len(keys)


async def _exemplars(engine: AsyncEngine) -> list[dict[str, Any]]:
    """Questions that an editor found out of scope: others like them are too."""
    query = (
        sa.select(asked.c.conversation_id, asked.c.turn)
        .where(
            asked.c.settled_how == "out_of_scope",
            asked.c.settled_at.is_not(None),
            # Judged by a person: likeness of likeness would wander off.
            asked.c.settled_by.not_like(f"{LIKE}%"),
        )
        .order_by(asked.c.settled_at.desc(), asked.c.conversation_id, asked.c.turn)
        .limit(MOST_EXEMPLARS)
    )
    async with reading(engine) as connection:
        keys = [(row.conversation_id, row.turn) for row in (await connection.execute(query)).all()]
        words = await words_of(connection, keys)
    return [
        {"key": _text_of(key), "text": said.text, "locale": said.locale, "settled": "out_of_scope"}
        for key, said in words.items()
    ]


async def _settle_alike(connection: AsyncConnection, alike: Mapping[Key, str], now: int) -> int:
    updates = [
        {"conversation": key[0], "of_turn": key[1], "by": f"{LIKE}{exemplar}"[:80]}
        for key, exemplar in alike.items()
    ]
    if not updates:
        return 0
    mine = asked.c.conversation_id == sa.bindparam("conversation"), asked.c.turn == sa.bindparam("of_turn")
    query = (
        asked.update()
        .where(*mine, IS_OPEN)
        .values(settled_at=now, settled_by=sa.bindparam("by"), settled_how="out_of_scope")
    )
    await connection.execute(query, updates)
    return len(updates)


async def _store(connection: AsyncConnection, groups: Sequence[Grouped], now: int) -> int:
    """Put the groups in the place of those before; returns how many questions are in another group now."""
    query = sa.select(asked.c.conversation_id, asked.c.turn, asked.c.group_id).where(IS_OPEN)
    before = {
        (row.conversation_id, row.turn): row.group_id for row in (await connection.execute(query)).all()
    }
    # What was settled while the program ran is in no group any more.
    left = [tuple(key for key in one.keys if key in before) for one in groups]
    ids = keep_ids(left, before, lambda: f"grp_{secrets.token_hex(8)}")
    after: dict[Key, str | None] = dict.fromkeys(before)
    for group_id, keys in zip(ids, left, strict=True):
        after.update(dict.fromkeys(keys, group_id))
    moved = [(*key, group_id) for key, group_id in after.items() if before[key] != group_id]
    await _move(connection, moved)
    gone = review_groups.c.settled_at.is_(None) | (review_groups.c.settled_at < now - SETTLED_KEPT_MS)
    await connection.execute(review_groups.delete().where(gone))
    rows = [
        {
            "id": group_id,
            "examples": orjson.dumps(keys[:EXAMPLES]).decode(),
            "suggested_id": one.suggested_id,
            "suggested_score": one.suggested_score,
            "made_at": now,
        }
        for group_id, keys, one in zip(ids, left, groups, strict=True)
        if keys
    ]
    if rows:
        await connection.execute(review_groups.insert(), rows)
    return len(moved)


def keep_ids(
    groups: Sequence[Sequence[Key]], before: Mapping[Key, str | None], fresh: Callable[[], str]
) -> list[str]:
    """An id for each group: that of the earlier group it shares most questions with, so that a page that is open goes on."""
    shared: Counter[tuple[int, str]] = Counter()
    for number, keys in enumerate(groups):
        shared.update((number, known) for key in keys if (known := before.get(key)) is not None)
    ids: dict[int, str] = {}
    taken: set[str] = set()
    for (number, known), _ in sorted(shared.items(), key=lambda entry: (-entry[1], entry[0])):
        if number not in ids and known not in taken:
            ids[number] = known
            taken.add(known)
    return [ids.get(number) or fresh() for number in range(len(groups))]


async def _move(connection: AsyncConnection, moved: Sequence[tuple[str, int, str | None]]) -> None:
    if not moved:
        return
    if connection.dialect.name == "postgresql":
        # One statement: a row each would take seconds, and customers' turns wait for locks.
        text = (
            "UPDATE asked SET group_id = new.group_id FROM unnest($1::text[], $2::int[], $3::text[]) "
            "AS new (conversation_id, turn, group_id) "
            "WHERE asked.conversation_id = new.conversation_id AND asked.turn = new.turn"
        )
        await connection.exec_driver_sql(text, tuple(map(list, zip(*moved, strict=True))))
        return
    text = "UPDATE asked SET group_id = ?3 WHERE conversation_id = ?1 AND turn = ?2"
    await connection.exec_driver_sql(text, list(moved))
