"""`baton train` and `baton release list|publish|rollback`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from handoff.bootstrap import open_database
from handoff.cli.output import AsJson, guarded, result, settings
from handoff.content.progress import shown_progress
from handoff.content.training import train as train_home
from handoff.settings import Settings
from kb_index.releases import Release, ReleaseStore

commands = typer.Typer(help="Trained releases: intents, model and index under one id.", no_args_is_help=True)
BY = "command line"


def train(
    publish: Annotated[bool, typer.Option("--publish", help="Make the release live.")] = False,
    risk: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Wrong answers among all answers, at most.")
    ] = 0.02,
    unanswerable_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of questions no article answers.")
    ] = 0.1,
    as_json: AsJson = False,
) -> None:
    """Train the home's content into a release."""
    configured = settings()
    release = guarded(lambda: asyncio.run(_train(configured, publish, risk, unanswerable_share)))
    live = " and is live" if publish else f"; `baton release publish {release.id}` makes it live"
    values = {"release_id": release.id, "published": publish, "manifest": dict(release.manifest)}
    result(values, as_json=as_json, lines=[f"Release {release.id} is trained{live}."])


@commands.command("list")
def list_releases(as_json: AsJson = False) -> None:
    """All releases, the newest last; the live one is marked."""
    store = _store()
    live = guarded(store.current)
    found = guarded(store.list)
    rows = [
        {"id": r.id, "created_at": r.created_at, "live": r.id == live, "problem": r.problem} for r in found
    ]
    lines = [f"{'*' if r.id == live else ' '} {r.id}  {r.problem or r.created_at}" for r in found]
    result(
        {"releases": rows, "live": live},
        as_json=as_json,
        lines=lines or ["No releases yet. Run `baton train`."],
    )


@commands.command("publish")
def publish(
    release_id: Annotated[str, typer.Argument(help="From `baton release list`.")], as_json: AsJson = False
) -> None:
    """Make a release live; a running bot follows at its next turn."""
    done = guarded(lambda: _store().publish(release_id, at=_now(), by=BY))
    result({"live": done.id}, as_json=as_json, lines=[f"{done.id} is live."])


@commands.command("rollback")
def rollback(as_json: AsJson = False) -> None:
    """Make the release live that was live before."""
    done = guarded(lambda: _store().rollback(at=_now(), by=BY))
    result({"live": done.id}, as_json=as_json, lines=[f"{done.id} is live again."])


async def _train(configured: Settings, publish: bool, risk: float, unanswerable_share: float) -> Release:
    engine = await open_database(configured)
    await engine.dispose()
    with shown_progress() as on_progress:
        return await train_home(
            configured.home,
            configured,
            publish=publish,
            risk=risk,
            unanswerable_share=unanswerable_share,
            on_progress=on_progress,
            by=BY,
        )


def _store() -> ReleaseStore:
    return ReleaseStore(settings().home / "releases")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
