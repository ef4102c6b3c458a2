"""`baton user` and `baton token`: who may work with this home."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from handoff.bootstrap import make_accounts
from handoff.cli.database import with_database
from handoff.cli.output import AsJson, result

users = typer.Typer(help="People who work with Baton.", no_args_is_help=True)
tokens = typer.Typer(help="API tokens for programs that act for a person.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name to log in with.")]


@users.command("add")
def add_user(
    name: Name,
    role: Annotated[str, typer.Option("--role", help="agent, supervisor, editor or admin.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a person. Without a password a one-time password is printed, to be changed at the first log-in."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    user, once = with_database(lambda s, engine: make_accounts(engine, s).add_user(name, role, password))
    lines = [f"{user.name} can log in as {user.role}."]
    if once is not None:
        lines.append(f"One-time password: {once}")
    result(
        {"id": user.id, "name": user.name, "role": user.role, "password": once}, as_json=as_json, lines=lines
    )


@users.command("list")
def list_users(as_json: AsJson = False) -> None:
    """Everybody who has an account."""
    found = with_database(lambda s, engine: make_accounts(engine, s).list_users())
    rows = [{"id": u.id, "name": u.name, "role": u.role, "disabled": u.disabled} for u in found]
    lines = [f"{u.name}  {u.role}{'  (disabled)' if u.disabled else ''}" for u in found]
    result({"users": rows}, as_json=as_json, lines=lines)


@users.command("disable")
def disable_user(name: Name, as_json: AsJson = False) -> None:
    """Shut a person out; open sessions and tokens end."""
    user = with_database(lambda s, engine: make_accounts(engine, s).disable_user(name))
    result({"name": user.name, "disabled": True}, as_json=as_json, lines=[f"{user.name} is shut out."])


@users.command("reset-password")
def reset_password(name: Name, as_json: AsJson = False) -> None:
    """Give a person a new one-time password."""
    once = with_database(lambda s, engine: make_accounts(engine, s).reset_password(name))
    result({"name": name, "password": once}, as_json=as_json, lines=[f"One-time password: {once}"])


@tokens.command("add")
def add_token(
    name: Annotated[str, typer.Argument(help="Whose token it is.")] = "admin",
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "api",
    as_json: AsJson = False,
) -> None:
    """Make an API token. It is shown once."""
    token, kept = with_database(lambda s, engine: make_accounts(engine, s).add_token(name, label))
    result({"token": token, "id": kept.id, "name": name, "label": kept.label}, as_json=as_json, lines=[token])


@tokens.command("list")
def list_tokens(name: Name, as_json: AsJson = False) -> None:
    """A person's tokens, without what makes them work."""
    found = with_database(lambda s, engine: make_accounts(engine, s).list_tokens(name))
    rows = [{"id": t.id, "label": t.label, "revoked": t.revoked_at is not None} for t in found]
    lines = [f"{t.id}  {t.label}{'  (revoked)' if t.revoked_at is not None else ''}" for t in found]
    result({"tokens": rows}, as_json=as_json, lines=lines)


@tokens.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(help="Its id, from `token list`.")], as_json: AsJson = False
) -> None:
    """End a token."""
    with_database(lambda s, engine: make_accounts(engine, s).revoke_token(token_id))
    result({"id": token_id, "revoked": True}, as_json=as_json, lines=["The token no longer works."])
