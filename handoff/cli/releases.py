"""`baton train` and `baton release list|publish|rollback`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from handoff.bootstrap import make_releases, open_database
from handoff.cli.output import AsJson, fail, guarded, result, say, settings
from handoff.content import releases
from handoff.content.progress import shown_progress
from handoff.content.training import train as train_home
from handoff.domain.errors import StorageUnavailable
from handoff.settings import Settings
from handoff.studio.releases import Moved, Releases
from kb_index.releases import Release

commands = typer.Typer(help="Trained releases: intents, model and index under one id.", no_args_is_help=True)
BY = "command line"
Why = Annotated[str | None, typer.Option("--why", help="The reason, for the audit log.", metavar="TEXT")]


def train(
    publish: Annotated[bool, typer.Option("--publish", help="Make the release live.")] = False,
    risk: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Wrong answers among all answers, at most.")
    ] = 0.02,
    unanswerable_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of questions no article answers.")
    ] = 0.1,
    no_fine_tune: Annotated[
        bool, typer.Option("--no-fine-tune", help="Leave the encoder as it is, which saves minutes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train the home's content into a release."""
    configured = settings()
    if no_fine_tune:
        configured = configured.model_copy(update={"fine_tune": "off"})
    try:
        release = guarded(lambda: asyncio.run(_train(configured, publish, risk, unanswerable_share)))
    except asyncio.CancelledError:
        fail("Stopped. Nothing that is live was changed.", code="interrupted")
    live = " and is live" if publish else f"; `baton release publish {release.id}` makes it live"
    values = {"release_id": release.id, "published": publish, "manifest": dict(release.manifest)}
    figures = release.manifest.get("figures")
    told = report_lines(figures) if isinstance(figures, dict) else []
    result(values, as_json=as_json, lines=[*told, f"Release {release.id} is trained{live}."])


def report_lines(figures: Mapping[str, Any]) -> list[str]:
    """What the training found out about the articles, for their editor. `figures` as in the release's report."""
    knowledge = figures.get("knowledge") or {}
    asked = knowledge.get("questions_asked", 0)
    few = knowledge.get("threshold_support") == "too_few_questions"
    lines = []
    tuning = figures.get("fine_tuning") or {}
    if tuning.get("reason"):
        held = tuning.get("held_back")
        told = (
            f"; asked {held['questions']:,} questions held back, {held['top1_base']:.1%} were right before and "
            f"{held['top1_tuned']:.1%} after, AUROC for unknown ones {held['auroc_base']:.3f} and {held['auroc_tuned']:.3f}"
            if held
            else ""
        )
        kind = "fine-tuned" if tuning["fine_tuned"] else "not fine-tuned"
        lines.append(f"The encoder is {kind}: {tuning['reason']}{told}.")
    if asked:
        lines.append(
            f"Of {asked:,} questions, each asked as if it were new, {knowledge['accuracy_top1']:.0%} find their "
            f"article first and {knowledge['coverage']:.0%} are answered; the others get a choice or a person."
        )
        if knowledge.get("wrong_answer_rate") is not None:
            lines.append(
                f"Of the answers {knowledge['wrong_answer_rate']:.1%} are wrong; {knowledge['risk']:.1%} are allowed "
                f"(--risk)."
            )
    if few:
        lines.append(
            f"The questions are too few to measure with: the bot answers what it is {knowledge['threshold']:.0%} sure "
            "of and hands over the rest. More ways to ask, as `questions` of the articles, help most."
        )
    return lines + [f"Warning: {text}" for text in figures.get("warnings") or ()]


@commands.command("list")
def list_releases(as_json: AsJson = False) -> None:
    """All releases, the newest first; the live one is marked."""
    found = guarded(lambda: asyncio.run(releases.list_releases(settings().home)))
    lines = [f"{'*' if r.live else ' '} {r.id}  {r.problem or r.created_at}" for r in found]
    live = next((r.id for r in found if r.live), None)
    values = {"releases": [asdict(r) for r in found], "live": live}
    result(values, as_json=as_json, lines=lines or ["No releases yet. Run `baton train`."])


@commands.command("publish")
def publish(
    release_id: Annotated[str, typer.Argument(help="From `baton release list`.")],
    why: Why = None,
    as_json: AsJson = False,
) -> None:
    """Make a release live; a running bot follows within a second or two."""
    live = guarded(lambda: asyncio.run(_publish(settings(), release_id, why)))
    result({"live": live}, as_json=as_json, lines=[f"{live} is live."])


@commands.command("rollback")
def rollback(why: Why = None, as_json: AsJson = False) -> None:
    """Make the release live that was live before."""
    live = guarded(lambda: asyncio.run(_roll_back(settings(), why)))
    result({"live": live}, as_json=as_json, lines=[f"{live} is live again."])


async def _train(configured: Settings, publish: bool, risk: float, unanswerable_share: float) -> Release:
    training = asyncio.current_task()
    assert training is not None
    # A supervisor that stops this command must stop the trainer with it.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, training.cancel)
    engine = await open_database(configured)
    await engine.dispose()
    with shown_progress() as on_progress:
        release = await train_home(
            configured.home,
            configured,
            publish=False,
            risk=risk,
            unanswerable_share=unanswerable_share,
            on_progress=on_progress,
            by=BY,
        )
    if publish:
        await _publish(configured, release.id, None)
    return release


async def _publish(configured: Settings, release_id: str, why: str | None) -> str:
    """Make a release live and note it; returns its id."""

    async def work(of: Releases) -> Moved:
        return await of.publish(release_id, by=BY, why=why)

    moved = await _noted(configured, work)
    return (
        moved.release_id if moved else (await releases.publish_release(configured.home, release_id, by=BY)).id
    )


async def _roll_back(configured: Settings, why: str | None) -> str:
    async def work(of: Releases) -> Moved:
        return await of.roll_back(by=BY, why=why)

    moved = await _noted(configured, work)
    return moved.release_id if moved else (await releases.rollback_release(configured.home, by=BY)).id


async def _noted(configured: Settings, work: Callable[[Releases], Awaitable[Moved]]) -> Moved | None:
    """What `work` does; None where the database is away: what is live is files, and must move without it."""
    try:
        engine = await open_database(configured)
    except StorageUnavailable:
        say(
            "The database cannot be reached, so the audit log does not have this. HOME/releases/history.jsonl does."
        )
        return None
    try:
        moved = await work(make_releases(engine, configured))
    finally:
        await engine.dispose()
    if not moved.noted:
        say(
            "The audit log has this once the database is there again. HOME/releases/history.jsonl has it now."
        )
    return moved
