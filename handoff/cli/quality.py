"""`baton evaluate`, `baton evaluate-frustration` and `baton explain`: computed by the bot, in its own environment."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from handoff.adapters.tether import tethered
from handoff.cli.output import AsJson, fail, settings
from handoff.settings import PROJECT_ROOT, Settings


def evaluate(
    file: Annotated[Path, typer.Argument(help="A CSV with the columns text,article_id.")],
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="DIR", help="Write a page to read (report.html), its charts and tables here."
        ),
    ] = None,
    release: Annotated[str | None, typer.Option("--release", help="Default is the live one.")] = None,
    locale: Annotated[
        str | None, typer.Option("--locale", help="Of the page they are asked on. Default is BATON_LOCALE.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask each row as a first message and measure the answers."""
    arguments = [str(file.absolute()), "--locale", locale or settings().locale]
    if report is not None:
        arguments += ["--report", str(report.absolute())]
    if release is not None:
        arguments += ["--release", release]
    _run("bot.evaluate", [*arguments, *(["--json"] if as_json else [])])


def evaluate_frustration(
    file: Annotated[
        Path, typer.Argument(help="A CSV with the columns conversation_id,turn,text,frustrated (0 or 1).")
    ],
    report: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Draw the figures here.")
    ] = None,
    release: Annotated[str | None, typer.Option("--release", help="Default is the live one.")] = None,
    locale: Annotated[
        str, typer.Option("--locale", help="The language that the messages are written in.")
    ] = "en",
    as_json: AsJson = False,
) -> None:
    """Read each customer's message after those before it and measure who was found upset."""
    arguments = [str(file.absolute()), "--locale", locale]
    if report is not None:
        arguments += ["--report", str(report.absolute())]
    if release is not None:
        arguments += ["--release", release]
    _run("bot.evaluate_frustration", [*arguments, *(["--json"] if as_json else [])])


def explain(
    text: Annotated[str, typer.Argument(help="What the customer says first.")],
    locale: Annotated[
        str | None, typer.Option("--locale", help="Of the customer's page. Default is BATON_LOCALE.")
    ] = None,
    release: Annotated[str | None, typer.Option("--release", help="Default is the live one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that leads to the decision on one question."""
    arguments = ["--locale", locale or settings().locale]
    if release is not None:
        arguments += ["--release", release]
    _run("bot.explain", [*arguments, *(["--json"] if as_json else []), "--", text])


def bot_environment(configured: Settings) -> dict[str, str]:
    """The environment of a bot's process: this home, one thread, nothing sent anywhere."""
    return {
        **os.environ,
        "BATON_HOME": str(configured.home.absolute()),
        "BATON_VOICE": configured.voice,
        "BATON_LOW_CONFIDENCE": configured.low_confidence,
        "BATON_ENCODER": configured.encoder,
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "RASA_TELEMETRY_ENABLED": "false",
        "PYTHONPATH": str(PROJECT_ROOT),
    }


def _run(module: str, arguments: Sequence[str]) -> None:
    configured = settings()
    if not configured.bot_python.exists():
        fail(
            f"The bot's environment is missing: {configured.bot_python}. Run this through ./baton.",
            code="bot_environment_missing",
        )
    argv = [str(configured.bot_python), "-P", "-m", module, "--home", str(configured.home), *arguments]
    # Ctrl-C reaches this process alone, which ends the other: Rasa's imports would answer it with a stack trace.
    with subprocess.Popen(tethered(argv), env=bot_environment(configured), start_new_session=True) as process:
        try:
            status = process.wait()
        except BaseException:
            process.kill()
            raise
    if status < 0:
        fail(f"The bot's process was ended by {signal.Signals(-status).name}.", code="bot_process_ended")
    raise typer.Exit(status)
