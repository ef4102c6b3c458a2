"""A bot that costs nothing: `python -m bench.faults.standin_bot PORT SECRET`.

It keeps the contract of a turn, ready at once and with the same answer to the same turn, so that a run on a machine
without the bot's environment has bot turns too. It finds one article for whatever is searched for.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any


def outcome(request: dict[str, Any]) -> dict[str, Any]:
    """The answer of `POST /bot/turns`: the same for the same turn."""
    return {
        "turn": request["turn"],
        "release_id": "standin",
        "decision": {
            "kind": "answer",
            "reason": "confident",
            "confidence": 0.9,
            "threshold": 0.5,
            "frustration": 0.0,
            "frustration_threshold": 0.5,
            "signals": [],
            "intent": None,
            "passages": [],
            "slots": {},
        },
        "replies": [
            {
                "text": f"About {request['text']}",
                "choices": [{"id": "human", "label": "A person"}],
                "article_id": None,
            }
        ],
    }


async def serve(port: int, secret: str) -> None:
    """Answer until killed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                request, *lines = head.split("\r\n")
                fields = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
                body = await reader.readexactly(int(fields.get("content-length", "0")))
                status, content = _answer(request, fields.get("x-baton-secret", ""), body, secret)
                text = json.dumps(content).encode()
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode()
                    + text
                )
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


def _answer(request: str, given: str, body: bytes, secret: str) -> tuple[str, dict[str, Any]]:
    path = request.split()[1]
    if path == "/bot/ready":
        return "200 OK", {"release_ids": ["standin"], "refused": []}
    if given != secret:
        return "401 Unauthorized", {"error": {"code": "unauthorized", "message": "wrong secret", "data": {}}}
    if path == "/bot/turns":
        return "200 OK", outcome(json.loads(body))
    if path == "/bot/search":
        found = {"article_id": "standin", "title": json.loads(body)["q"], "snippet": "", "score": 0.9}
        return "200 OK", {"results": [found]}
    return "404 Not Found", {"error": {"code": "not_found", "message": path, "data": {}}}


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
