import socket
import subprocess
import sys
from pathlib import Path

import pytest

from handoff.adapters.tether import LIFELINE
from handoff.settings import PROJECT_ROOT, Settings
from handoff.supervisor import first_start_is_due, serve, settle_first_start
from handoff.supervisor.guards import sole_serve
from handoff.supervisor.serve import _bot, _relay, _step, part_environment


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"home": tmp_path / "home", "port": 0})


def test_a_home_that_is_served_is_refused_before_its_port_is_looked_at(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with sole_serve(settings.home) as note_port:
        note_port(4711)
        assert serve(settings) == 1
    assert "served already by process" in capsys.readouterr().err


def test_a_taken_port_is_refused(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert serve(settings.model_copy(update={"port": port})) == 1
    said = capsys.readouterr().err
    assert f"port {port} " in said
    assert "--port" in said


def test_what_is_announced_is_not_made_for_a_start_that_is_refused(settings: Settings) -> None:
    made: list[str] = []

    def announce() -> list[str]:
        made.append("password")
        return made

    with sole_serve(settings.home):
        serve(settings, announce=announce)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = settings.model_copy(update={"port": other.getsockname()[1]})
        serve(taken, announce=announce)
    assert made == []


def test_parts_are_told_one_installation(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_BOT_SECRET", "of another start")
    monkeypatch.setenv("BATON_TURN_LIMIT", "4")
    env = part_environment(settings, 8420, 8421, "s3cret")
    assert env["BATON_HOME"] == str(settings.home)
    assert env["BATON_PORT"] == "8420"
    assert env["BATON_BOT_URL"] == "http://127.0.0.1:8421"
    assert env["BATON_BOT_SECRET"] == "s3cret"
    assert env["BATON_TURN_LIMIT"] == "4"
    assert env["OMP_NUM_THREADS"] == "1"
    assert env["PYTHONPATH"] == str(PROJECT_ROOT)


def test_no_secret_stands_on_a_command_line(settings: Settings) -> None:
    env = part_environment(settings, 8420, 8421, "s3cret")
    parts = (
        _relay(settings, 8420, env, tuple, learning=False, lifeline=9),
        _bot(settings, 8421, "s3cret", env),
    )
    assert "s3cret" not in " ".join(word for part in parts for word in part.argv)
    assert parts[1].argv[0] == str(settings.bot_python)
    assert parts[1].health.headers == {"X-Baton-Secret": "s3cret"}


def test_the_ready_block_says_where_to_look_before_what_the_caller_adds(settings: Settings) -> None:
    env = part_environment(settings, 8420, 8421, "s3cret")
    relay = _relay(settings, 8420, env, lambda: ("Log in as admin, password x",), learning=True, lifeline=9)
    said = "\n".join(relay.ready(1.44))
    assert "http://127.0.0.1:8420/demo" in said
    assert "http://127.0.0.1:8420/console" in said
    # Which is asked of the database and must not keep the block waiting.
    assert "Log in as admin" not in said
    assert list(relay.besides()) == ["Log in as admin, password x"]
    assert "after 1.4 s" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("host", "reached"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("::1", "::1")]
)
def test_the_relay_is_asked_where_it_can_be_reached(settings: Settings, host: str, reached: str) -> None:
    there = settings.model_copy(update={"host": host})
    relay = _relay(there, 8420, {}, tuple, learning=False, lifeline=9)
    assert relay.health.host == reached
    assert f"http://{f'[{reached}]' if ':' in reached else reached}:8420/demo" in "\n".join(relay.ready(1))


def test_the_relay_alone_holds_the_lifeline(settings: Settings) -> None:
    env = part_environment(settings, 8420, 8421, "s3cret")
    relay = _relay(settings, 8420, env, tuple, learning=False, lifeline=9)
    assert (relay.keeps, relay.env[LIFELINE]) == ((9,), "9")
    bot = _bot(settings, 8421, "s3cret", env)
    assert (bot.keeps, LIFELINE in bot.env) == ((), False)


def test_a_step_is_a_command_of_baton_in_the_same_home(settings: Settings) -> None:
    step = _step(("train", "--publish"), part_environment(settings, 8420, 8421, "s3cret"))
    assert step.argv == (sys.executable, "-P", "-m", "handoff.cli", "train", "--publish")
    assert step.hint == f"./baton --home {settings.home} train --publish"


def test_a_first_start_is_due_in_a_new_home_and_again_when_it_was_interrupted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert first_start_is_due(home)
    home.mkdir()
    assert first_start_is_due(home)
    (home / "baton.db").touch()
    assert not first_start_is_due(home)
    (home / "run").mkdir()
    (home / "run" / "first-start").touch()
    assert first_start_is_due(home)
    settle_first_start(home)
    assert not first_start_is_due(home)


def test_a_first_start_that_was_refused_is_still_due(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = settings.model_copy(update={"port": other.getsockname()[1]})
        assert serve(taken, first_start=[("train",)], brings_demo=True) == 1
    assert first_start_is_due(settings.home)


def test_a_home_with_content_of_its_own_never_gets_the_demo(settings: Settings) -> None:
    settings.home.mkdir()
    (settings.home / "baton.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = settings.model_copy(update={"port": other.getsockname()[1]})
        assert serve(taken, first_start=[("train",)]) == 1
    assert not first_start_is_due(settings.home)


NOBODY_READS = """
import asyncio, os, sys
from handoff.supervisor.health import Health
from handoff.supervisor.keeper import Keeper, Part
from handoff.supervisor.serve import _forward, _say
talk = "while True: print('word' * 1000, flush=True)"
part = Part("part", (sys.executable, "-c", talk), dict(os.environ), Health("127.0.0.1", 1, "/"), lambda seconds: ())
print(flush=True)
sys.exit(asyncio.run(Keeper(parts=[part], say=_say, forward=_forward).run()))
"""


def test_it_serves_and_stops_though_nobody_reads_what_it_says() -> None:
    command = [sys.executable, "-c", NOBODY_READS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdout.readline()
        assert server.stderr.readline().startswith(b"   part | word")
        server.stderr.close()
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(1)
        server.terminate()
        assert server.wait(20) == 0
