"""`baton serve`, `baton relay` and `baton bot`.

What only a relay needs is imported where it starts: `serve` starts one as a process of its own and must not load the
same modules first, which would double the time until it answers.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from handoff.cli.loading import uncollected
from handoff.cli.output import fail, guarded, settings
from handoff.domain.errors import HandoffError
from handoff.settings import PROJECT_ROOT, Settings
from handoff.supervisor.serve import first_start_is_due
from handoff.supervisor.serve import serve as serve_all
from kb_index.releases import ReleaseStore

DEMO = PROJECT_ROOT / "kb_index" / "articles"
PAGES = PROJECT_ROOT / "web_widget" / "dist"

Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]


def serve(
    port: Port = None,
    host: Host = None,
    empty: Annotated[bool, typer.Option("--empty", help="Import no demo into a new home.")] = False,
) -> None:
    """Run everything on this machine: relay, bot and pages."""
    configured = _with(settings(), port=port, host=host)
    is_new = guarded(lambda: first_start_is_due(configured.home))
    steps: list[tuple[str, ...]] = []
    brings_demo = is_new and not empty
    if brings_demo:
        steps.append(("content", "import", str(DEMO)))
    if is_new or guarded(lambda: ReleaseStore(configured.home / "releases").current()) is None:
        # The first answer should not wait for minutes of fine-tuning; the editor's next `baton train` does it.
        steps.append(("train", "--publish", "--no-fine-tune"))
    announce = partial(_first_log_in, configured)
    raise typer.Exit(serve_all(configured, announce=announce, first_start=steps, brings_demo=brings_demo))


def relay(port: Port = None, host: Host = None) -> None:
    """Run the relay alone."""
    configured = _with(settings(), port=port, host=host)
    import uvloop  # noqa: PLC0415

    from handoff.cli.logs import set_up_logging  # noqa: PLC0415 - keeps `serve` light

    set_up_logging(configured.log_format)

    # asyncio's own loop costs a turn 17 ms of CPU time, this one 13.
    guarded(lambda: uvloop.run(_relay(configured)))


def bot(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8421,
    host: Annotated[str, typer.Option("--host", help="Address to listen on; keep it private.")] = "127.0.0.1",
) -> None:
    """Run a bot alone; BATON_BOT_SECRET must be the relay's."""
    from handoff.cli.quality import bot_environment  # noqa: PLC0415 - keeps `serve` light

    configured = settings()
    if not configured.bot_secret:
        fail("BATON_BOT_SECRET is not set. Give bot and relay the same secret.")
    python = str(configured.bot_python)
    where = ["--home", str(configured.home), "--host", host, "--port", str(port)]
    os.chdir(PROJECT_ROOT)
    os.execve(python, [python, "-P", "-m", "bot.serve", *where], bot_environment(configured))  # noqa: S606


def _with(configured: Settings, **changes: object) -> Settings:
    return configured.model_copy(update={key: value for key, value in changes.items() if value is not None})


def _first_log_in(configured: Settings) -> list[str]:
    """What to print of the first administrator: the one-time password, made only now that it is sure to be shown."""
    try:
        password = asyncio.run(_first_admin(configured))
    except HandoffError as refused:
        return [f"The first administrator could not be made: {refused.message} Run `baton user add`.", ""]
    return [] if password is None else [f"First log-in   name: admin   one-time password: {password}", ""]


async def _first_admin(configured: Settings) -> str | None:
    from handoff.bootstrap import make_accounts, open_database  # noqa: PLC0415

    engine = await open_database(configured)
    try:
        return await make_accounts(engine, configured).ensure_first_admin()
    finally:
        await engine.dispose()


async def _relay(configured: Settings) -> None:
    with uncollected():
        from handoff.api.server import run_relay  # noqa: PLC0415
        from handoff.bootstrap import make_running  # noqa: PLC0415
        from handoff.upkeep.locks import while_running  # noqa: PLC0415

    with while_running(configured.home):
        await run_relay(configured, await make_running(configured), Path(PAGES))


commands = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
commands.command("serve")(serve)
commands.command("relay")(relay)
commands.command("bot")(bot)
