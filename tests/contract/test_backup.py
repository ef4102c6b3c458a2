"""What a backup holds is what a restore brings: every conversation, the releases and the secrets. On both databases."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from handoff.adapters.database import open_engine
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.schema import metadata
from handoff.adapters.secrets_file import load_secrets
from handoff.settings import Settings
from handoff.studio.reports import Reports
from handoff.upkeep import databases
from handoff.upkeep import restore as restore_module
from handoff.upkeep.backup import back_up
from handoff.upkeep.errors import BackupRefused, HomeBusy, RestoreRefused
from handoff.upkeep.locks import RESTORING, while_nothing_runs, while_running
from handoff.upkeep.restore import restore
from kb_index.editions import Edition, EditionStore
from kb_index.releases import ReleaseStore
from tests.contract.appends import opened, write
from tests.contract.databases import Database


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> Settings:
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    settings.home.mkdir()
    load_secrets(settings.home)
    release(settings.home, "r1")
    return settings


@pytest.fixture
def empty(tmp_path: Path, database_url: str, request: pytest.FixtureRequest) -> Settings:
    """Another home whose database holds nothing."""
    if database_url.startswith("sqlite"):
        url = f"sqlite+loop:///{tmp_path / 'other' / 'baton.db'}"
    else:
        url = request.getfixturevalue("postgres_server").without_schema()
    return Settings(home=tmp_path / "other", database_url=url)


def release(home: Path, name: str) -> None:
    store = ReleaseStore(home / "releases")
    building = store.begin(name)
    (building / "model").mkdir()
    (building / "model" / "weights").write_bytes(name.encode() * 1000)
    store.commit(building, {"created_at": "2026-11-22T20:00:00Z"})
    store.publish(name, at="2026-11-22T20:00:00Z", by="tests")


async def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    engine = open_engine(url)
    try:
        async with engine.connect() as connection:
            return {
                table.name: sorted(map(tuple, (await connection.execute(sa.select(table))).all()), key=repr)
                for table in metadata.sorted_tables
            }
    finally:
        await engine.dispose()


async def in_thread(work: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(work)


async def conversations(log: SqlEventLog, count: int) -> None:
    for number in range(count):
        script = await opened(log, f"c{number}")
        await write(log, script.says(turns=(script.state.seq + 1,)))


async def test_every_conversation_release_and_secret_comes_back(
    log: SqlEventLog, home: Settings, empty: Settings, tmp_path: Path
) -> None:
    await conversations(log, 20)
    path = tmp_path / "backup.tgz"
    made = await in_thread(lambda: back_up(home, path))
    assert (made.releases, made.live_release) == (1, "r1")
    done = await in_thread(lambda: restore(empty, path))
    assert (done.before, done.live_release) == (None, "r1")
    before, after = await everything(home.database), await everything(empty.database)
    assert len(before["conversations"]) == 20
    assert after == before
    assert load_secrets(empty.home) == load_secrets(home.home)
    assert stat.S_IMODE((empty.home / "secrets.json").stat().st_mode) == 0o600
    store = ReleaseStore(empty.home / "releases")
    assert store.current() == "r1"
    store.verify("r1")
    assert store.history() == ReleaseStore(home.home / "releases").history()
    # What was restored is worked with as before: the log goes on where it ended.
    other = Database("restored", empty.database)
    restored = SqlEventLog(other.engine(), "there", 4000)
    assert [e.seq for e in await restored.read("c3", 0, 10)] == [1, 2]
    await opened(restored, "new")
    await other.close()
    assert not list(empty.home.glob(".restore-*"))


async def test_what_is_published_into_releases_and_how_files_were_written_come_back(
    log: SqlEventLog, home: Settings, empty: Settings, tmp_path: Path
) -> None:
    texts = {
        "editions/r1.json": "{}",
        "sources/index.json": "[]",
        "sources/kb_index/articles/pay.md": "---\n",
    }
    for name, text in {**texts, "editions/.lock": "", "sources/.x.partial": "half"}.items():
        (home.home / name).parent.mkdir(parents=True, exist_ok=True)
        (home.home / name).write_text(text)
    path = tmp_path / "backup.tgz"
    await in_thread(lambda: back_up(home, path))
    # A file that came later is of another moment: it goes aside with the rest.
    (empty.home / "editions").mkdir(parents=True)
    (empty.home / "editions" / "other.json").write_text("{}")
    done = await in_thread(lambda: restore(empty, path))
    found = {
        file.relative_to(empty.home).as_posix(): file.read_text()
        for folder in ("editions", "sources")
        for file in (empty.home / folder).rglob("*")
        if file.is_file()
    }
    assert found == texts
    assert (done.before / "editions" / "other.json").exists()


async def test_what_stands_beside_releases_comes_back_and_what_is_there_goes_aside(
    home: Settings, empty: Settings, tmp_path: Path
) -> None:
    editions, reports = EditionStore(home.home / "editions"), Reports(home.home)
    editions.write(
        Edition(release_id="r1", revision=1, at="2026-11-30T08:00:00Z", by="Ada", articles=(), removed=("a",))
    )
    reports.write("r1", {"candidate": "r1", "exam": {}, "asked": {}})
    reports.write_problem("r0", "judging_failed", "It fell.")
    (home.home / "reports" / ".r1.json.99").write_text("half of one")
    path = tmp_path / "backup.tgz"
    await in_thread(lambda: back_up(home, path))
    Reports(empty.home).write("r9", {"candidate": "r9"})
    done = await in_thread(lambda: restore(empty, path))
    edition = EditionStore(empty.home / "editions").current("r1")
    assert edition is not None
    assert (edition.revision, edition.removed) == (1, ("a",))
    assert Reports(empty.home).text("r1") == reports.text("r1")
    found = sorted(file.name for file in (empty.home / "reports").iterdir())
    assert found == ["r0.problem.json", "r1.json"]
    assert done.before is not None
    assert (done.before / "reports" / "r9.json").is_file()


async def test_a_backup_made_while_others_write_is_of_one_moment(
    log: SqlEventLog, home: Settings, empty: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "backup.tgz"
    writing = asyncio.create_task(conversations(log, 150))
    while not (await everything(home.database))["conversations"]:
        await asyncio.sleep(0.005)
    await in_thread(lambda: back_up(home, path))
    await writing
    await in_thread(lambda: restore(empty, path))
    rows = await everything(empty.database)
    found = len(rows["conversations"])
    assert found > 0
    # Each transaction is in it as a whole or not at all.
    for conversation in rows["conversations"]:
        heads = [row for row in rows["events"] if row[0] == conversation[0]]
        assert len(heads) == conversation[6]
    assert len(rows["events"]) == len(rows["event_bodies"])


async def test_a_database_that_is_not_empty_or_of_another_kind_is_not_restored_into(
    log: SqlEventLog, home: Settings, tmp_path: Path
) -> None:
    await conversations(log, 2)
    path = tmp_path / "backup.tgz"
    await in_thread(lambda: back_up(home, path))
    before = await everything(home.database)
    if home.database.startswith("postgresql"):
        with pytest.raises(RestoreRefused, match="not empty"):
            await in_thread(lambda: restore(home, path))
        other = Settings(home=tmp_path / "lite")
    else:
        other = Settings(home=tmp_path / "pg", database_url="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(RestoreRefused, match="is of a"):
        await in_thread(lambda: restore(other, path))
    assert await everything(home.database) == before
    assert load_secrets(home.home)


# --- without a database server ----------------------------------------------------------------------------------


@pytest.fixture
def lite(tmp_path: Path, migrated_file: Path) -> Settings:
    settings = Settings(home=tmp_path / "lite")
    settings.home.mkdir()
    shutil.copy(migrated_file, settings.home / "baton.db")
    load_secrets(settings.home)
    release(settings.home, "r1")
    return settings


def listing(home: Path) -> dict[str, bytes]:
    """The files of a home, without its locks."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.parent.name != "run" and not path.name.startswith(".lock")
    }


def test_what_was_there_is_moved_aside_with_what_sqlite_keeps_beside_it(
    lite: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "backup.tgz"
    back_up(lite, path)
    release(lite.home, "r2")
    (lite.home / "baton.db-wal").write_bytes(b"of the database before")
    before = listing(lite.home)
    done = restore(lite, path)
    assert done.before is not None
    assert listing(done.before) == before
    assert not (lite.home / "baton.db-wal").exists()
    assert ReleaseStore(lite.home / "releases").current() == "r1"


@pytest.mark.parametrize("fails_at", range(6))
def test_a_restore_that_fails_in_mid_way_is_undone(
    lite: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    path = tmp_path / "backup.tgz"
    back_up(lite, path)
    release(lite.home, "r2")
    before = listing(lite.home)
    moves = 0
    move = restore_module._move

    def failing(source: Path, target: Path, done: list[tuple[Path, Path]]) -> None:
        nonlocal moves
        if moves == fails_at:
            raise OSError(28, "No space left on device")
        moves += 1
        move(source, target, done)

    with monkeypatch.context() as patch:
        patch.setattr(restore_module, "_move", failing)
        with pytest.raises(OSError, match="No space"):
            restore(lite, path)
    assert listing(lite.home) == before
    assert not (lite.home / "run" / RESTORING).exists()
    assert not [p for p in lite.home.iterdir() if p.name.startswith((".restore", "before"))]
    assert restore(lite, path).live_release == "r1"


def test_nothing_starts_on_a_home_that_was_restored_by_half(lite: Settings, tmp_path: Path) -> None:
    path = tmp_path / "backup.tgz"
    back_up(lite, path)
    # As a process that was killed in mid-way leaves it.
    (lite.home / "run").mkdir(exist_ok=True)
    (lite.home / "run" / RESTORING).write_text("before-restore-1 ")
    with pytest.raises(HomeBusy, match="before-restore-1"), while_running(lite.home):
        pass
    restore(lite, path)
    with while_running(lite.home):
        pass


def test_a_home_in_use_is_not_restored_into_and_one_being_restored_is_not_used(
    lite: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "backup.tgz"
    with while_running(lite.home), while_running(lite.home):
        back_up(lite, path)
        before = listing(lite.home)
        with pytest.raises(HomeBusy, match="in use"):
            restore(lite, path)
        assert listing(lite.home) == before
    with while_nothing_runs(lite.home), pytest.raises(HomeBusy, match="under way"), while_running(lite.home):
        pass
    restore(lite, path)


@pytest.mark.parametrize("damage", ["manifest", "release", "database", "schema"])
def test_a_backup_that_does_not_hold_together_is_refused(
    lite: Settings, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from handoff.upkeep import backup as backup_module

    write = backup_module.write_archive

    def damaged(path: Path, about: Any, files: Any) -> Any:
        about = json.loads(json.dumps(about))
        spoiled = tmp_path / "spoiled"
        spoiled.write_bytes(b"spoiled")
        if damage == "manifest":
            about["database"]["schema"] = "9999"
        elif damage == "release":
            files = {**files, "releases/r1/model/weights": spoiled}
        elif damage == "database":
            files = {**files, "database.sqlite": spoiled}
        else:
            files = {name: file for name, file in files.items() if name != "database.sqlite"}
        return write(path, about, files)

    path = tmp_path / "backup.tgz"
    monkeypatch.setattr(backup_module, "write_archive", damaged)
    back_up(lite, path)
    before = listing(lite.home)
    with pytest.raises(RestoreRefused):
        restore(lite, path)
    assert listing(lite.home) == before


def test_what_cannot_be_saved_is_said(
    tmp_path: Path, lite: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackupRefused, match="nothing to save"):
        back_up(Settings(home=tmp_path / "none"), tmp_path / "a.tgz")
    with pytest.raises(BackupRefused, match="not a folder"):
        back_up(lite, tmp_path / "nowhere" / "a.tgz")
    with pytest.raises(RestoreRefused, match="no file"):
        restore(lite, tmp_path / "a.tgz")
    (lite.home / "baton.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(BackupRefused, match=r"cannot be copied|damaged"):
        back_up(lite, tmp_path / "a.tgz")
    monkeypatch.setattr(databases.shutil, "which", lambda _name: None)
    with pytest.raises(databases.CopyFailedError, match="postgresql-client"):
        databases.dump_postgres(sa.make_url("postgresql://u@h/d"), tmp_path / "x")
    assert not list(tmp_path.glob("*.tgz"))
    assert not (tmp_path / "none").exists()


def test_a_password_is_not_put_where_everybody_can_read_it() -> None:
    url = sa.make_url("postgresql+asyncpg://u:secret@db.example:5433/chat?ssl=require")
    told = databases._environment(url)
    assert told["PGPASSWORD"] == "secret"
    assert (told["PGHOST"], told["PGPORT"], told["PGUSER"], told["PGSSLMODE"]) == (
        "db.example",
        "5433",
        "u",
        "require",
    )
