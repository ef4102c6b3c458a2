"""The doctor sees each thing that is wrong, says what to do about it, and changes nothing."""

from __future__ import annotations

import socket
import sqlite3
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from handoff.adapters.secrets_file import load_secrets
from handoff.settings import Settings
from handoff.supervisor.guards import sole_serve
from handoff.upkeep import doctor
from handoff.upkeep.doctor import Check, examine
from handoff.upkeep.locks import RESTORING, while_running
from kb_index.releases import ReleaseStore
from tests.contract.databases import in_own_loop, migrated


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    in_own_loop(migrated(f"sqlite+loop:///{path / 'baton.db'}"))
    load_secrets(path)
    store = ReleaseStore(path / "releases")
    building = store.begin("r1")
    (building / "weights").write_text("x")
    store.commit(building, {"created_at": "2026-11-22T20:00:00Z"})
    store.publish("r1", at="2026-11-22T20:00:00Z", by="tests")
    return path


@pytest.fixture(autouse=True)
def _bot(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot's environment, whole unless a test says otherwise."""
    monkeypatch.setattr(doctor, "_in_bot", lambda _settings, _code: "3.6.21")


def seen(home: Path, port: int, **settings: Any) -> dict[str, Check]:
    return {check.name: check for check in examine(Settings(home=home, port=port, **settings))}


@pytest.mark.parametrize(
    ("languages", "status", "words"),
    [
        ({"en": 3}, "ok", "en (3)"),
        ({"de": 2, "en": 3}, "warn", "articles in de,"),
        ({}, "ok", "next training"),
    ],
)
def test_articles_in_languages_that_the_encoder_does_not_know(
    home: Path, port: int, languages: dict[str, int], status: str, words: str
) -> None:
    store = ReleaseStore(home / "releases")
    building = store.begin("r2")
    (building / "weights").write_text("x")
    store.commit(building, {"created_at": "2026-11-22T20:00:00Z", "figures": {"languages": languages}})
    store.publish("r2", at="2026-11-22T20:00:00Z", by="tests")
    found = seen(home, port)["languages"]
    assert found.status == status
    assert words in found.message


def test_all_is_well(home: Path, port: int) -> None:
    found = seen(home, port)
    assert {name: c.message for name, c in found.items() if c.status != "ok"} == {}
    assert list(found) == [
        "python",
        "environments",
        "encoder",
        "home",
        "secrets",
        "disk",
        "database",
        "schema",
        "clock",
        "releases",
        "languages",
        "port",
        "redis",
    ]


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path, port: int) -> None:
    found = seen(tmp_path / "none", port)
    assert {c.status for c in found.values()} == {"ok", "warn"}
    assert not (tmp_path / "none").exists()


def trouble(home: Path, port: int, name: str, status: str = "fail", **settings: Any) -> str:
    """The message of the one check that finds something, in these settings."""
    found = seen(home, port, **settings)
    assert {n: c.status for n, c in found.items() if c.status != "ok"} == {name: status}
    return found[name].message


def test_secrets_that_others_may_read(home: Path, port: int) -> None:
    (home / "secrets.json").chmod(0o644)
    assert "chmod 600" in trouble(home, port, "secrets")
    (home / "secrets.json").write_text("{}")
    assert "backup" in trouble(home, port, "secrets")


def test_a_release_that_was_changed(home: Path, port: int) -> None:
    (home / "releases" / "r1" / "weights").write_text("y")
    assert "baton release rollback" in trouble(home, port, "releases")


def test_a_damaged_database(home: Path, port: int) -> None:
    (home / "baton.db").write_bytes(b"no database" * 1000)
    assert "baton restore" in trouble(home, port, "database")


def test_a_database_of_a_newer_version(home: Path, port: int) -> None:
    with closing(sqlite3.connect(home / "baton.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    assert "newer" in trouble(home, port, "schema")


def test_a_clock_that_runs_behind_the_log(home: Path, port: int) -> None:
    later = int(time.time() * 1000) + 3_600_000
    with closing(sqlite3.connect(home / "baton.db")) as database:
        database.execute("PRAGMA foreign_keys=OFF")
        database.execute(
            "INSERT INTO events (conversation_id, seq, id, at, kind, actor_type, customer_prev)"
            " VALUES ('c', 1, 'e', ?, 'conversation.started', 'system', 0)",
            (later,),
        )
        database.commit()
    assert "NTP" in trouble(home, port, "clock")


def test_a_disk_that_is_nearly_full(home: Path, port: int) -> None:
    assert "Make room" in trouble(home, port, "disk", disk_reserve_mb=10**12)


def test_a_port_that_another_program_has_and_one_that_is_ours(home: Path, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen(1)
        assert "BATON_PORT" in trouble(home, port, "port")
        with sole_serve(home) as note:
            note(port)
            assert seen(home, port)["port"].status == "ok"


class Live(BaseHTTPRequestHandler):
    """What a relay answers at /health/live, and nothing on standard error."""

    def do_GET(self) -> None:
        body = b'{"status":"ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_relay_of_this_home_may_have_the_port_and_one_of_another_may_not(home: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), Live) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            assert "BATON_PORT" in trouble(home, server.server_port, "port")
            with while_running(home):
                assert seen(home, server.server_port)["port"].status == "ok"
        finally:
            server.shutdown()
            serving.join()


def test_a_relay_that_runs_does_not_excuse_another_program_on_the_port(
    home: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PATIENCE_S", 0.2)
    with socket.socket() as silent, while_running(home):
        silent.bind(("127.0.0.1", port))
        silent.listen(1)
        assert "BATON_PORT" in trouble(home, port, "port")


def test_a_redis_that_does_not_answer_is_no_end_of_the_world(home: Path, port: int) -> None:
    told = trouble(home, port, "redis", "warn", redis_url=f"redis://127.0.0.1:{port}/0")
    assert "Relays go on" in told


def test_a_database_server_that_does_not_answer(home: Path, port: int) -> None:
    told = trouble(home, port, "schema", database_url=f"postgresql://u:secret@127.0.0.1:{port}/x")
    assert "BATON_DATABASE_URL" in told
    shown = seen(home, port, database_url=f"postgresql://u:secret@127.0.0.1:{port}/x")["database"].message
    assert "secret" not in shown


def test_a_bot_that_is_not_installed(home: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    found = seen(home, port, bot_python=Path("/nowhere/python"))
    assert (found["environments"].status, found["encoder"].status) == ("fail", "fail")
    assert "./baton" in found["environments"].message
    # This environment is the relay's: it has an interpreter and no Rasa.
    assert seen(home, port, bot_python=Path(sys.executable))["environments"].status == "fail"


def test_an_encoder_that_is_no_folder(home: Path, port: int, tmp_path: Path) -> None:
    assert "no folder" in trouble(home, port, "encoder", encoder="/nowhere/model")
    assert seen(home, port, encoder=str(tmp_path))["encoder"].status == "ok"
    assert "hub" in trouble(home, port, "encoder", "warn", encoder="some/model")


def test_a_restore_that_was_interrupted(home: Path, port: int) -> None:
    (home / "run").mkdir(exist_ok=True)
    (home / "run" / RESTORING).write_text("before ")
    assert "baton restore" in trouble(home, port, "home")
