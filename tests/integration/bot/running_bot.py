"""Bots really running: processes on a home of their own, spoken to over HTTP; and what makes their releases."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from bot.contract import HUMAN_CHOICE
from kb_index.releases import ReleaseStore

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
CONTENT = ROOT / "tests" / "golden" / "bot"
SECRET = "integration-secret"
AT = "2026-01-01T00:00:00.000Z"
START_LIMIT_S = 300


def environment(**settings: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("BATON_")},
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "BATON_BOT_SECRET": SECRET,
        "BATON_FINE_TUNE": "off",
        "BATON_VOICE": "formal",
        **settings,
    }


def train(home: Path, snapshot: Path, out: Path) -> dict[str, Any]:
    """Run the training command; its result line."""
    out.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "bot.train", "--home", home, "--snapshot", snapshot, "--out", out],
        cwd=home,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    result: dict[str, Any] = json.loads(lines[-1])
    assert len(lines) == 1, "nothing but the result belongs on standard output"
    assert done.returncode == (0 if result["ok"] else 1)
    result["progress"] = [
        json.loads(line) for line in done.stderr.splitlines() if line.startswith('{"stage"')
    ]
    return result


def publish(home: Path, built: Path, release_id: str, *, live: bool = True) -> None:
    """Commit a trained folder as a release of `home`."""
    store = ReleaseStore(home / "releases")
    building = store.begin(release_id)
    shutil.copytree(built, building, dirs_exist_ok=True)
    store.commit(building, {"created_at": AT})
    if live:
        store.publish(release_id, at=AT, by="test")


class Bot:
    """A running bot."""

    def __init__(
        self, home: Path, *, program: tuple[str, ...] = ("-m", "bot.serve"), **settings: str
    ) -> None:
        self.home = home
        self._log = (home / "bot.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, *program, "--home", str(home), "--port", "0"],
            cwd=home,
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.log())
        self.address = json.loads(line)["listening"]
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.address['port']}",
            headers={"X-Baton-Secret": SECRET},
            timeout=60,
        )

    def log(self) -> str:
        return (self.home / "bot.log").read_text(errors="replace")

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._http.request(method, path, **more)

    def wait_until(self, holds: Callable[[httpx.Response], bool]) -> httpx.Response:
        """Ask for readiness until `holds` is true of the answer."""
        deadline = time.monotonic() + START_LIMIT_S
        pause = threading.Event()
        while True:
            answer = self.request("GET", "/bot/ready")
            if holds(answer):
                return answer
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, answer.text + self.log()
            pause.wait(0.1)

    def ready(self) -> Bot:
        self.wait_until(lambda answer: answer.status_code == 200)
        return self

    def follow(self, release_id: str, revision: int = 0) -> None:
        """Wait until it says that customers are answered from that; a busy machine may take longer than it waits itself."""
        deadline = time.monotonic() + START_LIMIT_S
        asked = {"release_id": release_id, "revision": revision}
        while not self.request("POST", "/bot/follow", json=asked).json()["live"]:
            assert time.monotonic() < deadline, self.log()

    def turn(self, conversation: str, turn: int, text: str, **more: Any) -> httpx.Response:
        body = {"conversation_id": conversation, "episode": 1, "turn": turn, "text": text, "locale": "en"}
        return self.request("POST", "/bot/turns", json={**body, **more})

    def talk(self) -> Talk:
        return Talk(self)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self._end()

    def _end(self) -> int:
        code = self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._http.close()
        self._log.close()
        return code


class Talk:
    """One conversation; turns are numbered as the relay's events are, with gaps."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.conversation = uuid.uuid4().hex
        self.turn = 0

    def say(self, text: str, **more: Any) -> dict[str, Any]:
        """Say something; the whole answer, checked for what holds of every answer."""
        self.turn += 3
        answer = self.bot.turn(self.conversation, self.turn, text, **more)
        assert answer.status_code == 200, answer.text + self.bot.log()
        body: dict[str, Any] = answer.json()
        assert body["turn"] == self.turn
        assert body["replies"]
        for reply in body["replies"]:
            last = reply["choices"][-1]["id"] if reply["choices"] else None
            assert last == (None if body["decision"]["kind"] == "escalate" else HUMAN_CHOICE)
        return body

    def decide(self, text: str, **more: Any) -> tuple[str, str]:
        """Say something; kind and reason of the decision."""
        decision = self.say(text, **more)["decision"]
        return decision["kind"], decision["reason"]


def home_with(trained: Path, home: Path) -> Path:
    publish(home, trained, "r1")
    return home
