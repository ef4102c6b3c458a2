"""Waiting for what must come, and no longer than it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


async def until(holds: Callable[[], Any], within_s: float = 10.0) -> None:
    """Return as soon as `holds()` is true; fail when it is not in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "this did not come about in time"
        await asyncio.sleep(0.002)


async def until_stored(holds: Callable[[], Awaitable[Any]], within_s: float = 10.0) -> None:
    """The same for what has to be asked of a storage."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not await holds():
        assert asyncio.get_running_loop().time() < deadline, "this did not come about in time"
        await asyncio.sleep(0.005)


async def stays_pending(task: asyncio.Future[Any]) -> bool:
    """Whether a task that must wait for the test's go-ahead is still waiting after a moment."""
    done, _ = await asyncio.wait({task}, timeout=0.05)
    return not done
