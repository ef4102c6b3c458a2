"""Servers that a load generator can be tried on: the bare relay in this process, and Baton's with agents."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.server import serve
from websockets.typing import Subprotocol

from bench.bare import BareRelay
from tests.integration.relay.harness import RunningRelay


@asynccontextmanager
async def bare_relay() -> AsyncIterator[str]:
    """The bare relay on a free port; its address."""
    protocols = [Subprotocol("baton.v1")]
    async with serve(BareRelay().handle, "127.0.0.1", 0, subprotocols=protocols, compression=None) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def agent_tokens(relay: RunningRelay, many: int) -> list[str]:
    """API tokens of new agents."""
    accounts = relay.running.accounts
    tokens = []
    for number in range(many):
        await accounts.add_user(f"agent-{number}", "agent", secrets.token_urlsafe(24))
        tokens.append((await accounts.add_token(f"agent-{number}", "bench"))[0])
    return tokens
