"""`baton content import|export|validate`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from handoff.bootstrap import make_content
from handoff.cli.database import with_database
from handoff.cli.output import AsJson, result, say, say_row, settings
from handoff.content.commands import export_content, import_content, validate_content
from handoff.supervisor.serve import settle_first_start

commands = typer.Typer(help="Articles and intents of this home.", no_args_is_help=True)


@commands.command("import")
def import_(
    path: Annotated[
        Path, typer.Argument(help="A .jsonl, .csv or .md file, a folder of .md files, or Rasa YAML.")
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Make the content exactly this.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add or change articles by id, all of them or none."""
    done = with_database(
        lambda given, engine: import_content(make_content(engine), path, replace=replace, locale=given.locale)
    )
    settle_first_start(settings().home)
    line = (
        f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged, {done.removed} removed"
        + (f", {done.intents} intents changed" if done.intents else "")
        + ". `baton train --publish` teaches the bot."
    )
    result(asdict(done), as_json=as_json, lines=[line])


@commands.command("export")
def export(
    path: Annotated[Path, typer.Argument(help="A .jsonl, .csv or .yml file, or a folder for .md files.")],
    as_json: AsJson = False,
) -> None:
    """Write this home's content."""
    done = with_database(lambda _s, engine: export_content(make_content(engine), path))
    lines = [f"{done.articles} articles and {done.intents} intents written to {done.path}."]
    result(asdict(done), as_json=as_json, lines=lines)


@commands.command("validate")
def validate(
    path: Annotated[
        Path | None, typer.Argument(help="What to check; default is this home's content.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check content without changing anything."""
    found = with_database(
        lambda given, engine: validate_content(make_content(engine), path, locale=given.locale)
    )
    for error in found.errors:
        say_row(error)
    for remark in found.remarks:
        say(f"{remark.level}: {remark.message} [{remark.code}]")
    lines = [f"{found.articles} articles, {found.questions} questions, {found.intents} intents."]
    result({"ok": found.ok, **asdict(found)}, as_json=as_json, lines=lines)
    if not found.ok:
        # The object above is the one that --json prints: it holds the errors.
        count = len(found.errors) + found.more_errors
        say(f"baton: {count} {'error' if count == 1 else 'errors'}.")
        raise typer.Exit(1)
