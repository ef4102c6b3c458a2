"""Copies of a database: SQLite through its online backup, PostgreSQL through pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from handoff.adapters.migrate import known_revisions

SQLITE_FILE: Final = "database.sqlite"
POSTGRES_FILE: Final = "database.dump"
_ENVIRONMENT: Final = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "ssl": "PGSSLMODE"}


class CopyFailedError(Exception):
    """The message says what to do."""


def copy_sqlite(source: Path, target: Path) -> dict[str, Any]:
    """Copy a database that may be in use, as it is at one moment; says what is in the copy.

    One step, so that the copy is a single read: SQLite begins again whenever somebody writes between two steps, and
    readers of a database in WAL mode keep no writer waiting.
    """
    try:
        with closing(_open(source)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode=DELETE")
        return check_sqlite(target)
    except sqlite3.Error as failure:
        raise CopyFailedError(f"{source} cannot be copied: {failure}.") from failure


def check_sqlite(path: Path) -> dict[str, Any]:
    """`{kind, schema, conversations, events}` of a sound database of Baton. Raises `CopyFailedError`."""
    try:
        with closing(_open(path)) as database:
            (verdict,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise CopyFailedError(f"The database is damaged: {verdict}.")
            (schema,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
            (conversations,) = database.execute("SELECT count(*) FROM conversations").fetchone()
            (events,) = database.execute("SELECT count(*) FROM events").fetchone()
    except (sqlite3.Error, TypeError) as failure:
        raise CopyFailedError(f"The database is damaged or not Baton's: {failure}.") from failure
    return {"kind": "sqlite", "schema": schema, "conversations": conversations, "events": events}


def dump_postgres(url: sa.URL, target: Path) -> None:
    """Write everything in a database to `target` in pg_dump's own format. Raises `CopyFailedError`."""
    _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"], url)


def restore_postgres(url: sa.URL, source: Path) -> None:
    """Fill an empty database, in one transaction. Raises `CopyFailedError`; then it is still empty."""
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run("pg_restore", [*options, f"--dbname={url.database}", str(source)], url)


def refuse_unknown(schema: object) -> None:
    """Raises `CopyFailedError` for a schema that this version of Baton does not know."""
    if schema not in known_revisions():
        raise CopyFailedError("It was made by a newer version of Baton. Restore it with that version.")


def is_sqlite(url: sa.URL) -> bool:
    """Whether this is a SQLite file; else it is PostgreSQL."""
    return url.get_backend_name() == "sqlite"


def _open(path: Path) -> sqlite3.Connection:
    # Not made where it is missing.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=30)


def _run(program: str, arguments: Sequence[str], url: sa.URL) -> None:
    found = shutil.which(program)
    if found is None:
        raise CopyFailedError(
            f"{program} is not installed here. Install PostgreSQL's client programs (postgresql-client), at least as "
            "new as the server."
        )
    done = subprocess.run([found, *arguments], env=_environment(url), capture_output=True, check=False)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise CopyFailedError(f"{program} could not do it: {words[0]}")


def _environment(url: sa.URL) -> dict[str, str]:
    """How PostgreSQL's programs are told where to connect: a password on a command line could be read by anybody here."""
    told = {
        "PGHOST": url.host,
        "PGPORT": None if url.port is None else str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": None if url.password is None else str(url.password),
        "PGDATABASE": url.database,
        **{_ENVIRONMENT[key]: str(value) for key, value in url.query.items() if key in _ENVIRONMENT},
    }
    return {**os.environ, **{key: value for key, value in told.items() if value}}
