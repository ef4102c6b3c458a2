"""Baton itself for a benchmark: a home with the demo shop's release, made once and copied for each run."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.programs import Program, answers, free_port
from bench.rasa_project import ARTICLES, digest_of
from handoff.settings import PROJECT_ROOT

COMMAND: Final = (sys.executable, "-P", "-m", "handoff.cli")
SOURCES: Final = ("bot", "kb_index", "nlu_data", "config.yml", "handoff/migrations")
"""What a trained home depends on."""

UNLIMITED: Final[Mapping[str, object]] = {
    "message_rate": 1e6,
    "message_burst": 1_000_000,
    "openings_per_minute": 1_000_000,
    "sockets_per_address": 1_000_000,
    "idle_limit": 86_400,
}
"""Settings of a relay under load: one socket sends, and one address opens, what many would; nobody is sent away."""

NOWHERE: Final = "http://127.0.0.1:1"
READY_LIMIT_S: Final = 180.0


def trained_home(store: Path) -> Path:
    """A home with the demo shop's articles and a live release, as a first start leaves it (not fine-tuned); made unless one of the same sources is there.

    Raises:
        BenchError: a command failed.
    """
    digest = digest_of(*(PROJECT_ROOT / source for source in SOURCES))
    kept = store / f"baton-{digest}"
    if not kept.exists():
        store.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix="baton-", dir=store))
        for words in (("content", "import", str(ARTICLES)), ("train", "--publish", "--no-fine-tune")):
            program = command(f"baton {' '.join(words[:2])}", making, words, store / "baton.log")
            try:
                program.wait()
            finally:
                program.stop()
        making.rename(kept)
    return kept


def serve(home: Path, into: Path, log: Path) -> tuple[Program, str]:
    """Start the product on a copy of `home` made in the new folder `into`; the program and the site's address."""
    shutil.copytree(home, into)
    port = free_port()
    program = command("baton serve", into, ("serve", "--port", str(port)), log, _environment(UNLIMITED))
    return program, f"http://127.0.0.1:{port}"


def relay(home: Path, log: Path, database_url: str | None = None, **settings: object) -> tuple[Program, str]:
    """Start a relay alone, with no bot behind it, on the state in `home`; the program and the site's address.

    `settings` are added to those that lift the limits no load generator keeps, by their names in handoff/settings.py.
    """
    port = free_port()
    chosen = {**UNLIMITED, "home": home, "bot_url": NOWHERE, **settings}
    if database_url is not None:
        chosen["database_url"] = database_url
    program = command("baton relay", home, ("relay", "--port", str(port)), log, _environment(chosen))
    program.wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/live"), READY_LIMIT_S)
    return program, f"http://127.0.0.1:{port}"


def wait_until_ready(program: Program, url: str) -> None:
    """Wait until relay and bot both answer. Raises `BenchError`."""
    program.wait_until(lambda: answers(f"{url}/health/ready"), READY_LIMIT_S)


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    return {f"BATON_{name.upper()}": str(value) for name, value in settings.items()}


def command(
    name: str, home: Path, words: tuple[str, ...], log: Path, env: Mapping[str, str] | None = None
) -> Program:
    """Start a command of Baton on the state in `home`."""
    argv = [*COMMAND, "--home", str(home), *words]
    return Program(name, argv, cwd=PROJECT_ROOT, log=log, env=env)
