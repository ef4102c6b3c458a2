"""All commands in one application."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff.cli import content, jobs, people, quality, releases, serving, upkeep

app = typer.Typer(
    help="Customer support that answers from your articles or hands over to a person who knows the story.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def everywhere(
    _home: Annotated[
        str | None,
        typer.Option(
            "--home", help="Folder that holds all state; before or after the command.", metavar="DIR"
        ),
    ] = None,
) -> None:
    """`--home` is taken out of the arguments before this; it stands here for the help."""


app.command("serve")(serving.serve)
app.command("relay")(serving.relay)
app.command("bot")(serving.bot)
app.command("job", hidden=True)(jobs.job)
app.command("train")(releases.train)
app.command("evaluate")(quality.evaluate)
app.command("evaluate-frustration")(quality.evaluate_frustration)
app.command("explain")(quality.explain)
app.command("backup")(upkeep.backup)
app.command("restore")(upkeep.restore)
app.command("doctor")(upkeep.doctor)
app.add_typer(content.commands, name="content")
app.add_typer(releases.commands, name="release")
app.add_typer(people.users, name="user")
app.add_typer(people.tokens, name="token")
