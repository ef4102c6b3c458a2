"""`baton content import|export|validate`."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from handoff.bootstrap import make_content
from handoff.cli.database import with_database
from handoff.cli.output import AsJson, result, say, say_row, settings
from handoff.content.commands import export_content, import_content, validate_content
from handoff.content.preview import preview_import
from handoff.content.sources import Sources
from handoff.supervisor.serve import settle_first_start


class Form(Enum):
    """What an export writes."""

    JSONL = "jsonl"
    CSV = "csv"
    INTENTS = "intents"
    MARKDOWN = "markdown"
    RASA = "rasa"


commands = typer.Typer(help="Articles and intents of this home.", no_args_is_help=True)


@commands.command("import")
def import_(
    path: Annotated[
        Path,
        typer.Argument(
            help="A .jsonl, .csv, .md, .html or Rasa YAML file, a folder or a .zip of them, or a sitemap.xml beside "
            "its pages."
        ),
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Make the content exactly this.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would change and every fault; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add or change articles by id, all of them or none."""
    if preview:
        _preview(path, as_json=as_json)
        return
    done = with_database(
        lambda given, engine: import_content(
            make_content(engine), path, replace=replace, locale=given.locale, sources=Sources(given.home)
        )
    )
    settle_first_start(settings().home)
    line = (
        f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged, {done.removed} removed"
        + (f", {done.intents} intents changed" if done.intents else "")
        + ". `baton train --publish` teaches the bot."
    )
    result(asdict(done), as_json=as_json, lines=[line])


def _preview(path: Path, *, as_json: bool) -> None:
    found = with_database(
        lambda given, engine: preview_import(make_content(engine), path, path.name, locale=given.locale)
    )
    for row in (*found.source.notes, *found.errors):
        say_row(row)
    counts = found.counts
    signs = {"added": "+", "changed": "~"}
    changes = [
        f"{signs[each.change]} {each.article.id}: {each.article.title}"
        + (f" ({', '.join(field.field for field in each.fields)})" if each.fields else "")
        for each in found.articles
        if each.change != "unchanged"
    ]
    changes += [
        f"{signs[each.change]} intent {each.name}: {len(each.added)} examples added, {len(each.removed)} removed"
        for each in found.intents
        if each.change != "unchanged"
    ]
    line = (
        f"{counts.added} would be added, {counts.changed} changed, {counts.unchanged} unchanged"
        + (f", {counts.intents} intents changed" if counts.intents else "")
        + (f"; --replace would remove {counts.removed}" if counts.removed else "")
        + f". {counts.errors} {'error' if counts.errors == 1 else 'errors'}."
    )
    result(found.shape(), as_json=as_json, lines=[*changes, line])
    if counts.errors:
        raise typer.Exit(1)


@commands.command("export")
def export(
    path: Annotated[
        Path,
        typer.Argument(
            help="A .jsonl, .csv or .yml file, or a folder for .md files, which may be a Rasa project."
        ),
    ],
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="What is written, by default told by the path; rasa: articles and Rasa's data in a folder.",
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove files of articles that this home does not have.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write this home's content; in a folder only what changed."""
    done = with_database(
        lambda given, engine: export_content(
            make_content(engine),
            path,
            form=None if form is None else form.value,
            sources=Sources(given.home),
            prune=prune,
            locale=given.locale,
        )
    )
    lines = [f"{done.articles} articles and {done.intents} intents written to {done.path}."]
    if done.written or done.unchanged:
        lines.append(
            f"{len(done.written)} files written, {done.unchanged} unchanged, {len(done.removed)} removed."
        )
    for name in done.left:
        say(f"{name}: this home has no such article. --prune removes the file.")
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
