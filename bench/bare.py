"""The limit that Baton's relay is measured against: `python -m bench.bare PORT`, a relay made of `websockets` and
nothing else.

It speaks as much of docs/protocol.md as the load generator asks for and stores nothing: what a customer says is
acknowledged and passed on to the agent at once, in one process, with uvloop and orjson, without compression,
keepalive and logging. The customer is not shown its own words again, which Baton does.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
from collections.abc import Sequence
from typing import Final

import orjson
import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

BACKLOG: Final = 4096


class BareRelay:
    """Who listens to which conversation, and the number of its last event."""

    def __init__(self) -> None:
        self._agents: dict[str, ServerConnection] = {}
        self._heads: dict[str, int] = {}

    async def handle(self, socket: ServerConnection) -> None:
        """One connection, until its end."""
        assert socket.request is not None
        try:
            hello = orjson.loads(await socket.recv())
            await socket.send(orjson.dumps({"type": "welcome"}), text=True)
            if socket.request.path == "/ws/customer":
                await self._customer(socket, hello["token"])
            else:
                await self._agent(socket)
        except ConnectionClosed:
            return

    async def _customer(self, socket: ServerConnection, conversation: str) -> None:
        async for message in socket:
            said = orjson.loads(message)
            seq = self._heads.get(conversation, 0) + 1
            self._heads[conversation] = seq
            ack = {"type": "ack", "client_id": said["client_id"], "seq": seq, "events": 1}
            await socket.send(orjson.dumps(ack), text=True)
            agent = self._agents.get(conversation)
            if agent is not None:
                data = {"text": said["text"]}
                event = {"seq": seq, "prev": seq - 1, "kind": "customer.said", "data": data}
                frame = {"type": "event", "conversation_id": conversation, "event": event}
                await agent.send(orjson.dumps(frame), text=True)

    async def _agent(self, socket: ServerConnection) -> None:
        async for message in socket:
            conversation = orjson.loads(message)["conversation_id"]
            self._agents[conversation] = socket
            frame = {"type": "subscribed", "conversation_id": conversation}
            await socket.send(orjson.dumps(frame), text=True)


async def run(port: int) -> None:
    """Serve until the process is ended."""
    logging.disable(logging.CRITICAL)
    async with serve(
        BareRelay().handle,
        "127.0.0.1",
        port,
        subprotocols=[Subprotocol("baton.v1")],
        compression=None,
        ping_interval=None,
        backlog=BACKLOG,
    ):
        await asyncio.Event().wait()


def main(arguments: Sequence[str]) -> int:
    """Serve on the port that is named."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(run(int(arguments[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
