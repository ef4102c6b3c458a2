"""Commands that work on the home's database. Apart from output.py, so that `serve` starts without loading all this."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.bootstrap import open_database
from handoff.cli.output import guarded, settings
from handoff.settings import Settings

_T = TypeVar("_T")


def with_database(work: Callable[[Settings, AsyncEngine], Coroutine[Any, Any, _T]]) -> _T:
    """Run `work` on the home's database; refusals end the command with their message and code."""
    configured = settings()

    async def run() -> _T:
        engine = await open_database(configured)
        try:
            return await work(configured, engine)
        finally:
            await engine.dispose()

    return guarded(lambda: asyncio.run(run()))
