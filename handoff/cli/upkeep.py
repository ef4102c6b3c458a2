"""`baton backup`, `baton restore` and `baton doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from handoff.cli.output import AsJson, guarded, result, settings
from handoff.upkeep.backup import back_up
from handoff.upkeep.doctor import examine
from handoff.upkeep.restore import restore as restore_home


def backup(
    path: Annotated[Path, typer.Argument(help="The file to write; there must be none of this name.")],
    as_json: AsJson = False,
) -> None:
    """Save database, releases and secrets in one file, while everything runs."""
    done = guarded(lambda: back_up(settings(), path))
    held = "" if done.events is None else f" {done.conversations} conversations with {done.events} events,"
    line = f"{done.path} holds{held} {done.releases} releases and the secrets ({done.bytes:,} bytes)."
    result(asdict(done), as_json=as_json, lines=[line, "Keep it private: who has it can read everything."])


def restore(
    path: Annotated[Path, typer.Argument(help="A file that `baton backup` wrote.")], as_json: AsJson = False
) -> None:
    """Make this home what a backup holds; what is there is moved aside. Refused while anything runs on it."""
    done = guarded(lambda: restore_home(settings(), path))
    lines = [f"Restored as of {done.made_at}."]
    if done.before is not None:
        lines.append(f"What was here before is in {done.before}; remove it when all is well.")
    result(asdict(done), as_json=as_json, lines=lines)


def doctor(as_json: AsJson = False) -> None:
    """Look at everything an installation needs; each line says ok or what to do."""
    checks = guarded(lambda: examine(settings()))
    is_well = all(check.status != "fail" for check in checks)
    width = max(len(check.name) for check in checks)
    lines = [f"{check.status:<4}  {check.name:<{width}}  {check.message}" for check in checks]
    result({"ok": is_well, "checks": [asdict(check) for check in checks]}, as_json=as_json, lines=lines)
    if not is_well:
        raise typer.Exit(1)
