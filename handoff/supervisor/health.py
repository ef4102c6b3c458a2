"""Whether a part answers, asked over HTTP on loopback with the standard library alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

ANSWER_LIMIT_S = 2.0
"""A part that takes longer than this to say that it is well is not."""


@dataclass(frozen=True)
class Health:
    """Where a part says that it is ready: any 2xx answer to a GET counts."""

    host: str
    port: int
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def is_well(self) -> bool:
        """Ask once. Whatever goes wrong means no."""
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                return 200 <= await self._status() < 300
        except (OSError, TimeoutError, ValueError, IndexError):
            return False

    async def _status(self) -> int:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            lines = [f"GET {self.path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in self.headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            first = await reader.readline()
            return int(first.split()[1])
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
