"""Agents for a benchmark: accounts with an API token each, made where the relay will find them."""

from __future__ import annotations

import asyncio
import secrets

from handoff.bootstrap import make_accounts, open_database
from handoff.settings import Settings


def add_agents(settings: Settings, many: int) -> list[str]:
    """The API tokens of `many` new agents of the installation that `settings` name. Makes its database where it is new."""
    return asyncio.run(_add(settings, many))


async def _add(settings: Settings, many: int) -> list[str]:
    engine = await open_database(settings)
    try:
        accounts = make_accounts(engine, settings)
        tokens = []
        for _ in range(many):
            name = f"bench-{secrets.token_hex(6)}"
            await accounts.add_user(name, "agent", secrets.token_urlsafe(24))
            token, _ = await accounts.add_token(name, "bench")
            tokens.append(token)
        return tokens
    finally:
        await engine.dispose()
