"""Dialogue states and replies on disk, so that a bot that was killed goes on where it was.

One SQLite file, `HOME/dialogues.db`. State and reply of a turn are one transaction, and a turn is written only over
an older one (`WHERE last_turn < :turn`): whichever process answers a turn first, every retry gets that answer.
`synchronous` is NORMAL: a killed process loses nothing; after a power cut the newest turns may be gone, and the
relay, whose log is the durable one, asks them again.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from bot.contract import TurnOutcome, outcome_from_json, outcome_to_json
from bot.dialogue import Dialogue

KEPT_REPLIES: Final = 3
"""Turns of a conversation whose replies can still be asked for again."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS dialogue (
    conversation_id TEXT PRIMARY KEY,
    episode INTEGER NOT NULL,
    last_turn INTEGER NOT NULL,
    state TEXT NOT NULL,
    previous TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reply (
    conversation_id TEXT NOT NULL,
    turn INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (conversation_id, turn)
) WITHOUT ROWID;
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """A conversation as it stands: `previous` is the state before `last_turn`."""

    episode: int
    last_turn: int
    state: Dialogue
    previous: Dialogue


class Dialogues:
    """The store. Commits run on one thread of their own, in order.

    Reads are done at once, in the caller's thread: two look-ups by key that no writer holds up cost 0.05 ms, the way to
    another thread and back several times that.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dialogues")
        self._db = self._thread.submit(_open, path).result()
        # Nobody locks readers out but a database that is being repaired; the loop does not wait for that.
        self._reader = sqlite3.connect(path, isolation_level=None, timeout=0.25, check_same_thread=False)

    def reply(self, conversation_id: str, turn: int) -> TurnOutcome | None:
        """The stored answer to a turn."""
        return _reply(self._reader, conversation_id, turn)

    def load(self, conversation_id: str) -> Stored | None:
        """The conversation's state, None before its first turn."""
        return _load(self._reader, conversation_id)

    async def commit(
        self, conversation_id: str, episode: int, outcome: TurnOutcome, *, state: Dialogue, previous: Dialogue
    ) -> TurnOutcome:
        """Store a turn's state and answer.

        Returns the answer that counts: `outcome`, or the stored one where another process was first.

        Raises:
            sqlite3.Error: nothing was stored.
        """
        return await self._run(
            lambda: _commit(
                self._db, conversation_id, outcome, Stored(episode, outcome.turn, state, previous)
            )
        )

    def close(self) -> None:
        """Finish what is under way and close the file."""
        self._reader.close()
        self._thread.submit(self._db.close).result()
        self._thread.shutdown()

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(_SCHEMA)
    return db


def _reply(db: sqlite3.Connection, conversation_id: str, turn: int) -> TurnOutcome | None:
    row = db.execute(
        "SELECT outcome FROM reply WHERE conversation_id = ? AND turn = ?", (conversation_id, turn)
    ).fetchone()
    return None if row is None else outcome_from_json(json.loads(row[0]))


def _load(db: sqlite3.Connection, conversation_id: str) -> Stored | None:
    row = db.execute(
        "SELECT episode, last_turn, state, previous FROM dialogue WHERE conversation_id = ?",
        (conversation_id,),
    ).fetchone()
    if row is None:
        return None
    return Stored(
        row[0], row[1], Dialogue.from_dict(json.loads(row[2])), Dialogue.from_dict(json.loads(row[3]))
    )


def _commit(
    db: sqlite3.Connection, conversation_id: str, outcome: TurnOutcome, stored: Stored
) -> TurnOutcome:
    db.execute("BEGIN IMMEDIATE")
    try:
        written = db.execute(
            "INSERT INTO dialogue (conversation_id, episode, last_turn, state, previous)"
            " VALUES (:conversation_id, :episode, :turn, :state, :previous)"
            " ON CONFLICT (conversation_id) DO UPDATE SET episode = :episode, last_turn = :turn,"
            " state = :state, previous = :previous WHERE last_turn < :turn",
            {
                "conversation_id": conversation_id,
                "episode": stored.episode,
                "turn": stored.last_turn,
                "state": _json(stored.state.as_dict()),
                "previous": _json(stored.previous.as_dict()),
            },
        ).rowcount
        if written:
            db.execute(
                "INSERT OR REPLACE INTO reply (conversation_id, turn, outcome) VALUES (?, ?, ?)",
                (conversation_id, outcome.turn, _json(outcome_to_json(outcome))),
            )
            db.execute(
                "DELETE FROM reply WHERE conversation_id = ?1 AND turn NOT IN"
                " (SELECT turn FROM reply WHERE conversation_id = ?1 ORDER BY turn DESC LIMIT ?2)",
                (conversation_id, KEPT_REPLIES),
            )
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    if written:
        return outcome
    return _reply(db, conversation_id, outcome.turn) or outcome


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
