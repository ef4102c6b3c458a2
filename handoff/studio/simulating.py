"""The job `simulate`: past conversations held again under other values, beside the values that are live.

Both are held by the bot itself (`python -m bot.replay`), in order and with its memory, so that a question answered today
changes what follows it as it would have. What a customer said after a person would have come is not counted.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa

from handoff.adapters.clock import SystemClock
from handoff.adapters.database import reading
from handoff.adapters.schema import asked
from handoff.content.errors import ProgramFailed
from handoff.content.programs import Progress, run_program
from handoff.domain.asked import REPEATED, THUMBS_DOWN
from handoff.studio.bot_programs import bot_call, working_folder, write_rows
from handoff.studio.job_process import JobTask
from handoff.studio.judging import last_conversations

DAY_MS: Final = 86_400_000
SHOWN: Final = 200
"""Turns that come out otherwise, in the result."""
RESULT_AT_MOST: Final = 64_000_000

ANSWERED, CLARIFIED, UNSURE, HANDED_OVER = "answered", "clarified", "unsure", "handed_over"
_COUNTED: Final[Mapping[str, str]] = {
    "answer": ANSWERED,
    "clarify": CLARIFIED,
    "unsure": UNSURE,
    "escalate": HANDED_OVER,
}

Key = tuple[str, int]


class Fact(NamedTuple):
    """What is known of a turn that took place. `needed_person`: the bot itself found the customer upset then, or was asked for a person."""

    at: int
    article_id: str | None
    disliked: bool
    needed_person: bool


class Replayed(NamedTuple):
    """What the bot makes of a turn under some values."""

    key: Key
    kind: str
    reason: str
    article_id: str | None
    title: str | None
    confidence: float


async def simulate(task: JobTask) -> Mapping[str, Any]:
    """The work of a job; `params` are `days`, `minutes` (of an agent, for a handoff) and the values to try.

    Raises:
        ProgramFailed: the program's own code, those of `run_program`, or `bad_replay`.
        StorageUnavailable: the conversations cannot be read.
        OSError: they cannot be written.
    """
    params = task.job.params
    since = SystemClock().now_ms() - int(params["days"]) * DAY_MS
    talks = await last_conversations(task.engine, since)
    facts = await _facts(task, since)
    values = {name: params[name] for name in ("risk", "frustration") if params.get(name) is not None}
    async with working_folder(task.settings, "simulating") as folder:
        before = await _replay(task, folder, talks, {}, "as_it_is")
        after = await _replay(task, folder, talks, values, "as_it_would_be")
    return {
        **compared(before, after, facts, minutes=float(params["minutes"])),
        "values": values,
        "days": int(params["days"]),
        "conversations": len(talks),
    }


def compared(
    before: Sequence[Replayed], after: Sequence[Replayed], facts: Mapping[Key, Fact], *, minutes: float
) -> dict[str, Any]:
    """Both as counts, by day and turn by turn. Pure.

    `before` and `after` hold the same turns in the order of their conversations. `hours` are an agent's, at `minutes` for each
    handoff; `missed` counts conversations whose customer needed a person and gets none at that turn or before it;
    `disliked` answers that customers turned down when they were given.
    """
    first, second = _until_a_person(before), _until_a_person(after)
    by_key = {one.key: one for one in after}
    changes = [
        {
            "conversation_id": one.key[0],
            "turn": one.key[1],
            "before": _view(one),
            "after": _view(by_key[one.key]),
        }
        for one in before
        if one.key in by_key and (one.kind, _said(one)) != (by_key[one.key].kind, _said(by_key[one.key]))
    ]
    return {
        "turns": len(before),
        "before": _tally(first, facts, minutes),
        "after": _tally(second, facts, minutes),
        "days_seen": _by_day(first, second, facts),
        "changes": changes[:SHOWN],
        "more_changes": max(0, len(changes) - SHOWN),
    }


def _tally(turns: Sequence[Replayed], facts: Mapping[Key, Fact], minutes: float) -> dict[str, Any]:
    counts = Counter(_COUNTED.get(one.kind, "other") for one in turns)
    met = {one.key[0]: one.key[1] for one in turns if one.kind == "escalate"}
    needed: dict[str, int] = {}
    for conversation, turn in facts:
        if facts[conversation, turn].needed_person:
            needed[conversation] = min(turn, needed.get(conversation, turn))
    missed = sum(met.get(conversation, turn + 1) > turn for conversation, turn in needed.items())
    disliked = sum(
        one.kind == "answer"
        and one.key in facts
        and facts[one.key].disliked
        and facts[one.key].article_id == one.article_id
        for one in turns
    )
    return {
        **{name: counts[name] for name in (ANSWERED, CLARIFIED, UNSURE, HANDED_OVER, "other")},
        "hours": round(counts[HANDED_OVER] * minutes / 60, 2),
        "missed": missed,
        "disliked": disliked,
    }


def _by_day(
    before: Sequence[Replayed], after: Sequence[Replayed], facts: Mapping[Key, Fact]
) -> list[dict[str, Any]]:
    days: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: {"before": Counter(), "after": Counter()})
    for name, turns in (("before", before), ("after", after)):
        for one in turns:
            if one.key in facts:
                day = datetime.fromtimestamp(facts[one.key].at / 1000, UTC).strftime("%Y-%m-%d")
                days[day][name][_COUNTED.get(one.kind, "other")] += 1
    return [
        {"day": day, "before": dict(counts["before"]), "after": dict(counts["after"])}
        for day, counts in sorted(days.items())
    ]


def _until_a_person(turns: Iterable[Replayed]) -> list[Replayed]:
    """Without what was said in a conversation after the bot would have handed it over."""
    gone: set[str] = set()
    kept = []
    for one in turns:
        if one.key[0] not in gone:
            kept.append(one)
        if one.kind == "escalate":
            gone.add(one.key[0])
    return kept


def _said(one: Replayed) -> str | None:
    return one.article_id if one.kind == "answer" else None


def _view(one: Replayed) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "reason": one.reason,
        "article_id": one.article_id,
        "title": one.title,
        "confidence": one.confidence,
    }


# --- what is read and run ----------------------------------------------------------------------------------------


async def _facts(task: JobTask, since: int) -> dict[Key, Fact]:
    query = sa.select(
        asked.c.conversation_id,
        asked.c.turn,
        asked.c.at,
        asked.c.article_id,
        asked.c.reasons,
        asked.c.kind,
        asked.c.reason,
    ).where(asked.c.at >= since)
    async with reading(task.engine) as connection:
        rows = (await connection.execute(query)).all()
    return {
        (row.conversation_id, row.turn): Fact(
            row.at,
            row.article_id,
            bool(row.reasons & (THUMBS_DOWN | REPEATED)),
            row.kind == "escalate" and row.reason in ("frustration", "asked"),
        )
        for row in rows
    }


async def _replay(
    task: JobTask,
    folder: Path,
    talks: Sequence[Mapping[str, Any]],
    values: Mapping[str, float],
    stage: str,
) -> list[Replayed]:
    conversations, out = folder / "conversations.jsonl", folder / f"{stage}.jsonl"
    await asyncio.to_thread(write_rows, conversations, talks)
    chosen: list[str] = []
    if "risk" in values:
        chosen += ["--risk", repr(values["risk"])]
    if "frustration" in values:
        chosen += ["--frustration-threshold", repr(values["frustration"])]
    arguments = (*chosen, "--in", str(conversations), "--out", str(out))
    await run_program(
        bot_call(task.settings, "replay", arguments, folder, named="replay"),
        lambda step: task.progress(Progress(f"{stage}_{step.stage}", step.done, step.total, step.message)),
    )
    return await asyncio.to_thread(_read, out)


def _read(path: Path) -> list[Replayed]:
    try:
        if path.stat().st_size > RESULT_AT_MOST:
            raise ProgramFailed("bad_replay", "The replay is too large. Look at fewer days.")
        rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
        return [
            Replayed(
                (row["conversation_id"], row["turn"]),
                row["kind"],
                row["reason"],
                row["article_id"],
                row["title"],
                row["confidence"],
            )
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProgramFailed("bad_replay", "The replay left no rows that can be read.") from error
