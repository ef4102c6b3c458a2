"""The parts of one machine's Baton: their command lines, what they are told, and what is printed when they are ready."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from handoff.adapters.tether import LIFELINE
from handoff.settings import PROJECT_ROOT, Settings
from handoff.supervisor.guards import ServeRefusedError, claim_port, sole_serve
from handoff.supervisor.health import Health
from handoff.supervisor.keeper import Keeper, Part, Step

ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
"""Two processes with thread pools of their own spin against each other on few cores."""


def serve(
    settings: Settings,
    *,
    announce: Callable[[], Sequence[str]] = tuple,
    first_start: Sequence[tuple[str, ...]] = (),
    brings_demo: bool = False,
) -> int:
    """Serve everything on one machine until told to stop. Returns the exit code; refusals are printed.

    `announce` is called, in a thread, once the relay answers, and gives lines to print after the ready block: the first
    administrator's one-time password is made where it is certain to be shown, and neither the relay nor the block waits
    for it. `first_start` holds commands of `baton` as words, such as
    `("content", "import", path)`: they run in their order beside the running parts. `brings_demo` says that the demo is
    among them: until it is in, or other content is, `first_start_is_due` stays True for this home.
    """
    try:
        with sole_serve(settings.home) as note_port:
            if brings_demo:
                # Before anything can be refused: the folder exists from here on and does not look new any more.
                _first_start_mark(settings.home).touch()
            port = claim_port(settings.host, settings.port)
            note_port(port)
            with _lifeline() as lifeline:
                return asyncio.run(_keeper(settings, port, announce, first_start, lifeline).run())
    except ServeRefusedError as refusal:
        _say(str(refusal))
        return 1


@contextmanager
def _lifeline() -> Iterator[int]:
    """A pipe's reading end for the relay. The other end stays here and goes with this process, in whatever way it ends.

    Trainings outlive the relay that began them, so that its restart costs nothing; by this they end with `serve`.
    """
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(writing)
        os.close(reading)


def first_start_is_due(home: Path) -> bool:
    """Whether a home is new, or `serve` made it and has not brought the demo in. Ask before anything is made in it."""
    return not home.exists() or not any(home.iterdir()) or _first_start_mark(home).exists()


def settle_first_start(home: Path) -> None:
    """There is content in this home now: no later `serve` may bring the demo in beside it."""
    _first_start_mark(home).unlink(missing_ok=True)


def _first_start_mark(home: Path) -> Path:
    return home / "run" / "first-start"


def _keeper(
    settings: Settings,
    port: int,
    announce: Callable[[], Sequence[str]],
    first_start: Sequence[tuple[str, ...]],
    lifeline: int,
) -> Keeper:
    bot_port = claim_port("127.0.0.1", 0)
    secret = secrets.token_urlsafe(32)
    env = part_environment(settings, port, bot_port, secret)
    return Keeper(
        parts=(
            _relay(settings, port, env, announce, learning=bool(first_start), lifeline=lifeline),
            _bot(settings, bot_port, secret, env),
        ),
        steps=[_step(words, env) for words in first_start],
        steps_done=lambda: settle_first_start(settings.home),
        say=_say,
        forward=_forward,
    )


def part_environment(settings: Settings, port: int, bot_port: int, secret: str) -> dict[str, str]:
    """The variables that every part is started with: the caller's, and those that make them one installation."""
    return {
        **os.environ,
        **ONE_THREAD,
        "BATON_HOME": str(settings.home.absolute()),
        "BATON_HOST": settings.host,
        "BATON_PORT": str(port),
        "BATON_BOT_URL": f"http://127.0.0.1:{bot_port}",
        "BATON_BOT_SECRET": secret,
        "BATON_VOICE": settings.voice,
        "BATON_LOW_CONFIDENCE": settings.low_confidence,
        "BATON_ENCODER": settings.encoder,
        "RASA_TELEMETRY_ENABLED": "false",
        "PYTHONPATH": str(PROJECT_ROOT),
        "PYTHONUNBUFFERED": "1",
    }


def _relay(
    settings: Settings,
    port: int,
    env: Mapping[str, str],
    announce: Callable[[], Sequence[str]],
    *,
    learning: bool,
    lifeline: int,
) -> Part:
    here = _reachable(settings.host)
    site = f"http://{f'[{here}]' if ':' in here else here}:{port}"
    waiting = "The bot is reading the demo shop's articles" if learning else "The bot is still starting"

    def ready(seconds: float) -> Sequence[str]:
        return (
            "",
            f"Baton is running (after {seconds:.1f} s). Home: {settings.home}",
            f"  Demo shop  {site}/demo",
            f"  Console    {site}/console",
            f"  Studio     {site}/studio",
            f"{waiting}; questions wait for it. Stop with Ctrl-C.",
            "",
        )

    return Part(
        name="relay",
        argv=(sys.executable, "-P", "-m", "handoff.cli", "relay"),
        env={**env, LIFELINE: str(lifeline)},
        keeps=(lifeline,),
        health=Health(here, port, "/health/live"),
        ready=ready,
        besides=announce,
        gives_up_after=5,
    )


def _bot(settings: Settings, port: int, secret: str, env: Mapping[str, str]) -> Part:
    home = str(settings.home.absolute())
    where = ("--home", home, "--host", "127.0.0.1", "--port", str(port))
    return Part(
        name="bot",
        argv=(str(settings.bot_python), "-P", "-m", "bot.serve", *where),
        env=env,
        health=Health("127.0.0.1", port, "/bot/ready", {"X-Baton-Secret": secret}),
        ready=lambda seconds: (f"The bot is ready (after {seconds:.0f} s).",),
        poll=0.5,
    )


def _step(words: tuple[str, ...], env: Mapping[str, str]) -> Step:
    command = " ".join(words)
    return Step(
        name=words[0],
        argv=(sys.executable, "-P", "-m", "handoff.cli", *words),
        env=env,
        title=f"first start in this home: {command}",
        hint=f"./baton --home {env['BATON_HOME']} {command}",
    )


def _reachable(host: str) -> str:
    """The address under which this machine itself reaches what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)


def _say(line: str) -> None:
    _write(f"baton: {line}\n" if line else "\n")


def _forward(name: str, line: str) -> None:
    _write(f"{name:>7} | {line}\n")


def _write(text: str) -> None:
    # Whoever read along may be gone (a closed terminal, `serve | head`): that is no reason to stop serving, nor to
    # stop stopping.
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()
