"""SQLite for one event loop: statements run where they are called, waiting is done on a thread.

A statement on pages that are in memory takes microseconds; handing each to a thread and back, as the drivers for
asyncio do, takes ten times as long and is most of what a message costs. What can wait, for the disk or for
another process that writes, goes to the connection's thread: taking the write lock, commit, and the rollback of
what was written.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util.concurrency import await_

T = TypeVar("T")

BUSY_TIMEOUT_MS: Final = 5_000
PRIMARY_CODE: Final = 0xFF
"""What of SQLite's extended result codes names the kind of failure."""


class _Done:
    """An awaitable that has nothing to wait for: SQLAlchemy refuses a driver for asyncio that never awaits."""

    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield


_DONE = _Done()


class LoopCursor(sqlite3.Cursor):
    """A cursor whose statements run in the loop's own thread."""

    def execute(self, *args: Any) -> LoopCursor:
        """See `sqlite3.Cursor.execute`."""
        await_(_DONE)
        super().execute(*args)
        return self

    def executemany(self, *args: Any) -> LoopCursor:
        """See `sqlite3.Cursor.executemany`."""
        await_(_DONE)
        super().executemany(*args)
        return self

    async def _async_soft_close(self) -> None:
        """Part of what SQLAlchemy asks of a cursor for asyncio: rows can still be fetched after it."""


class LoopConnection(sqlite3.Connection):
    """A connection that an event loop's tasks use in turn. Transactions begin with `begin` alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # One thread: what was handed over runs in order, also after its caller was cancelled.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._writes = False

    def begin(self, *, writes: bool) -> None:
        """Begin a transaction; one that writes has the write lock when this returns.

        Raises:
            sqlite3.OperationalError: another process held the lock for longer than the busy timeout.
        """
        if not writes:
            super().execute("BEGIN")
        elif not self._begin_writing_at_once():
            self._waiting(lambda: super(LoopConnection, self).execute("BEGIN IMMEDIATE"))
        self._writes = writes

    def cursor(self, factory: Any = LoopCursor) -> Any:
        """A cursor for SQLAlchemy."""
        return super().cursor(factory)

    def commit(self) -> None:
        """Commit; what was written is on disk when this returns."""
        self._end(super().commit)

    def rollback(self) -> None:
        """Roll back."""
        self._end(super().rollback)

    def close(self) -> None:
        """Close at once; a commit under way is finished first."""
        self._thread.shutdown(wait=True)
        super().close()

    def _begin_writing_at_once(self) -> bool:
        """Take the write lock where it is free. A read that is upgraded later would fail instead of waiting."""
        # Another writer is another process, and rare: a thread that has to be waited for costs each commit 5 ms.
        super().execute("PRAGMA busy_timeout = 0")
        try:
            super().execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as refused:
            if refused.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_BUSY:
                raise
            return False
        finally:
            super().execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        return True

    def _end(self, call: Callable[[], None]) -> None:
        if not self._writes:
            call()
            return
        self._waiting(call)
        self._writes = False

    def _waiting(self, call: Callable[[], T]) -> T:
        return await_(asyncio.get_running_loop().run_in_executor(self._thread, call))


class LoopDialect(SQLiteDialect_pysqlite):
    """`sqlite+loop://`: SQLAlchemy's own dialect for SQLite with `LoopConnection`."""

    driver = "loop"
    is_async = True
    supports_statement_cache = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.one_writer = asyncio.Lock()
        """Held by this process's writer: SQLite itself makes writers poll for the lock, up to 100 ms at a time."""

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        """A pool whose waiting does not stop the loop."""
        return AsyncAdaptedQueuePool

    def create_connect_args(self, url: URL) -> tuple[Any, Any]:
        """As `sqlite3` takes them, with transactions left to `begin`."""
        args, options = super().create_connect_args(url)
        return args, {
            **options,
            "isolation_level": None,
            "check_same_thread": False,
            "factory": LoopConnection,
        }


registry.register("sqlite.loop", __name__, LoopDialect.__name__)
