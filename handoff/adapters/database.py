"""Opening the database: SQLite with durable commits by default, PostgreSQL by URL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from handoff.adapters import sqlite_dialect
from handoff.adapters.sqlite_dialect import LoopConnection, LoopDialect
from handoff.domain.errors import StorageUnavailable
from handoff.domain.storage import FULL

PATIENCE_S = 5.0
"""How long PostgreSQL may take for a connection or a statement."""
_FAILURES = (SQLAlchemyError, sqlite3.Error, OSError)
"""What a database that does not do its part raises; statements that go to SQLite's driver raise the driver's."""

CHECKPOINT_PAGES = 4_000
"""Pages of 4 KiB in SQLite's log before they are moved into the file: the newest pages change again with every message."""


_WRITING: WeakKeyDictionary[AsyncEngine, AsyncEngine] = WeakKeyDictionary()
_AT_ONCE: WeakKeyDictionary[AsyncEngine, AsyncEngine] = WeakKeyDictionary()


def open_engine(url: str) -> AsyncEngine:
    """An engine for `url` (`sqlite+loop:///...` or `postgresql+asyncpg://...`).

    Every SQLite connection runs in WAL mode with `synchronous=FULL`, so that a commit that returned is on disk (P1).
    """
    if not url.startswith("sqlite"):
        engine = create_async_engine(
            url,
            pool_size=10,
            # The connection given back last is taken next: it has the statements prepared that are run all the time.
            pool_use_lifo=True,
            max_overflow=10,
            pool_timeout=PATIENCE_S,
            # A server that is there and does not answer must not hold a message for ever.
            hide_parameters=True,
            connect_args={"timeout": PATIENCE_S, "command_timeout": PATIENCE_S},
        )
        sa.event.listen(engine.sync_engine, "checkout", _refuse_closed)
        return engine
    # Taken last in, first out, so that the writer mostly gets the connection that wrote last: the others' caches are
    # worth nothing after each commit.
    engine = create_async_engine(url, pool_size=8, pool_use_lifo=True, hide_parameters=True)
    sa.event.listen(engine.sync_engine, "connect", _configure_sqlite)
    sa.event.listen(engine.sync_engine, "checkout", _refuse_moved)
    sa.event.listen(engine.sync_engine, "begin", _begin)
    return engine


@asynccontextmanager
async def patient(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """An engine on the same database whose statements may take as long as they need: large tables are copied in one."""
    if engine.dialect.name != "postgresql":
        yield engine
        return
    own = create_async_engine(
        engine.url, poolclass=sa.NullPool, hide_parameters=True, connect_args={"timeout": PATIENCE_S}
    )
    try:
        yield own
    finally:
        await own.dispose()


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection to read with.

    Raises:
        StorageUnavailable: the database cannot be reached or read.
    """
    try:
        async with engine.connect() as connection:
            yield connection
    except _FAILURES as failure:
        raise StorageUnavailable("The conversations cannot be read now. Try again in a moment.") from failure


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction, committed at exit and rolled back by an exception.

    Raises:
        StorageUnavailable: the database did not take it; nothing was written.
    """
    try:
        async with _turn_to_write(engine), _writing_engine(engine).begin() as connection:
            yield connection
    except _FAILURES as failure:
        raise StorageUnavailable(_told(failure)) from failure


@asynccontextmanager
async def writing_at_once(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for one statement that PostgreSQL commits by itself; on SQLite `writing`.

    Raises:
        StorageUnavailable: the database did not take it, or did not say that it had.
    """
    if engine.dialect.name != "postgresql":
        async with writing(engine) as connection:
            yield connection
        return
    try:
        async with _engine_at_once(engine).connect() as connection:
            yield connection
    except _FAILURES as failure:
        raise StorageUnavailable("This could not be stored. Send it again.") from failure


_NO_ROOM: Final = ("SQLITE_FULL", "SQLITE_IOERR_WRITE")


def _told(failure: BaseException) -> str:
    """What whoever asked is told: a full disk needs another remedy than a database that is away for a moment."""
    cause = getattr(failure, "orig", None) or failure
    if isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorname", "") in _NO_ROOM:
        return f"This could not be stored: {FULL}. Nothing is half done."
    return "This could not be stored. Nothing is half done: send it again."


def _configure_sqlite(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={sqlite_dialect.BUSY_TIMEOUT_MS}",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("PRAGMA database_list")
    path = cursor.fetchone()[2]
    cursor.close()
    record.info["baton_file"] = (path, _identity(path))


def _refuse_closed(connection: Any, _record: Any, _checked_out: Any) -> None:
    # The loop knows of a connection that the server has closed. Asking the server each time would cost a round trip.
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError("the server has closed the connection")


def _refuse_moved(_connection: Any, record: Any, _checked_out: Any) -> None:
    # SQLite goes on writing into a file that was removed or replaced: acknowledged, and gone with the process.
    path, opened = record.info["baton_file"]
    if _identity(path) != opened:
        raise DisconnectionError(f"{path} is not the file that was opened")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        # Asked with every connection that is taken; by way of a `Path` it takes ten times as long.
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _begin(connection: sa.Connection) -> None:
    # What the pool holds is the driver's connection itself; SQLAlchemy types only the part all drivers share.
    driver: object = connection.connection.dbapi_connection
    assert isinstance(driver, LoopConnection), "the dialect makes no other"
    driver.begin(writes=connection.get_execution_options().get("baton_writes", False))


def _writing_engine(engine: AsyncEngine) -> AsyncEngine:
    """The same engine, whose transactions say that they write. Kept: making it anew costs as much as three messages."""
    made = _WRITING.get(engine)
    if made is None:
        made = _WRITING[engine] = engine.execution_options(baton_writes=True)
    return made


def _engine_at_once(engine: AsyncEngine) -> AsyncEngine:
    made = _AT_ONCE.get(engine)
    if made is None:
        made = _AT_ONCE[engine] = engine.execution_options(isolation_level="AUTOCOMMIT")
    return made


def _turn_to_write(engine: AsyncEngine) -> AbstractAsyncContextManager[object]:
    dialect = engine.dialect
    return dialect.one_writer if isinstance(dialect, LoopDialect) else nullcontext()
