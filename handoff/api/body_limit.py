"""Refuses bodies that are too large while they arrive, before anything reads them whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handoff.api.errors import error_response
from handoff.domain.errors import TooLarge

Allowance = Callable[[Scope], Awaitable[int]]


class BodyLimit:
    """ASGI middleware: at most `limit` bytes in a request's body, more for whom `allowance` lets send more.

    `allowance` is asked once a body is over `limit`, and gives the bytes that this caller may send here.
    """

    def __init__(self, app: ASGIApp, limit: int, allowance: Allowance) -> None:
        self._app = app
        self._limit = limit
        self._allowance = allowance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what its body brings."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            more = message.get("more_body", False)
            if size > limit == self._limit:
                limit = max(limit, await self._allowance(scope))
            if size > limit:
                refused = TooLarge(f"A body may have {limit} bytes.", limit=limit)
                await error_response(refused)(scope, receive, send)
                return
        body: list[Message] = [{"type": "http.request", "body": b"".join(chunks), "more_body": False}]

        async def replay() -> Message:
            return body.pop() if body else await receive()

        await self._app(scope, replay, send)
