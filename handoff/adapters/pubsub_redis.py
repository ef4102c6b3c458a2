"""Hints and signals between processes, over one Redis channel.

Subscribers of this process are told at once, as without Redis; the others through the channel. Nobody waits for
Redis: messages are sent by a task of their own, and while Redis is away the oldest are dropped, because a hint that is
lost only delays (P4) and a signal that comes late is worth nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, get_args

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.ports import Hint, Signal

CHANNEL: Final = "baton:hints"
WAITING_AT_MOST: Final = 10_000
SENT_AT_ONCE: Final = 256
PATIENCE_S: Final = 5.0
"""How long Redis may take for anything: beyond, the connection is made anew."""
PING_S: Final = 2.0
RETRY_S: Final = (0.1, 2.0)
"""First and longest pause before the next try."""
Side = Literal["sending", "hearing"]
log = structlog.get_logger(__name__)


class RedisPubSub:
    """`PubSub` on a Redis server. `start` it before its messages are expected elsewhere."""

    def __init__(self, url: str, sender: str) -> None:
        """`sender` names this process; its own messages are not told twice."""
        self._local = MemoryPubSub()
        self._sender = sender
        self._redis = Redis.from_url(
            url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry_on_timeout=False
        )
        self._waiting: deque[bytes] = deque(maxlen=WAITING_AT_MOST)
        self._more = asyncio.Event()
        self._more.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._up: set[Side] = set()
        self._stopping = False

    @property
    def healthy(self) -> bool:
        """Whether other processes hear this one and it hears them."""
        return len(self._up) == len(get_args(Side))

    async def start(self) -> None:
        """Begin to send and to listen. Returns before Redis has answered: a relay does not wait for it."""
        self._tasks = [
            asyncio.create_task(self._send_forever(), name="redis-send"),
            asyncio.create_task(self._hear_forever(), name="redis-hear"),
        ]

    async def stop(self) -> None:
        """End both and close the connections. What was not sent yet is dropped."""
        # Beside the cancelling, which the client sometimes swallows in mid-command.
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    async def publish(self, message: Hint | Signal) -> None:
        """See `PubSub.publish`."""
        await self._local.publish(message)
        self._waiting.append(self._encoded(message))
        self._more.set()

    def subscribe(self, handler: Callable[[Hint | Signal], None]) -> Callable[[], None]:
        """See `PubSub.subscribe`."""
        return self._local.subscribe(handler)

    def _encoded(self, message: Hint | Signal) -> bytes:
        if isinstance(message, Hint):
            return orjson.dumps([self._sender, message.conversation_id, message.seq])
        return orjson.dumps([self._sender, message.topic, dict(message.body)])

    async def _send_forever(self) -> None:
        pause = RETRY_S[0]
        while not self._stopping:
            # Woken without anything to send, it asks whether Redis is still there.
            with suppress(TimeoutError):
                async with asyncio.timeout(PING_S):
                    await self._more.wait()
            self._more.clear()
            try:
                await self._send_waiting()
            except (RedisError, OSError) as failure:
                self._fails("sending", failure)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_S[1])
                self._more.set()
            else:
                self._works("sending")
                pause = RETRY_S[0]

    async def _send_waiting(self) -> None:
        if not self._waiting:
            await self._redis.ping()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), SENT_AT_ONCE))]
            async with self._redis.pipeline(transaction=False) as pipeline:
                for message in batch:
                    pipeline.publish(CHANNEL, message)
                await pipeline.execute()

    async def _hear_forever(self) -> None:
        pause = RETRY_S[0]
        while not self._stopping:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(CHANNEL)
                    self._works("hearing")
                    pause = RETRY_S[0]
                    while not self._stopping:
                        # A connection that is gone without a word fails at the ping that follows a silence.
                        message = await channel.get_message(timeout=PING_S)
                        if message is None:
                            await channel.ping()
                        elif message["type"] == "message":
                            await self._hear(message["data"])
            except (RedisError, OSError) as failure:
                self._fails("hearing", failure)
            except Exception as failure:
                # Whatever it was, nobody would listen again if it ended this task.
                log.exception("hints_failed")
                self._fails("hearing", failure)
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_S[1])

    async def _hear(self, raw: bytes) -> None:
        message = self._decoded(raw)
        if message is not None:
            await self._local.publish(message)

    def _decoded(self, raw: bytes) -> Hint | Signal | None:
        """What another process told; None for what this one did, and for what is no message of Baton's."""
        try:
            sender, subject, content = orjson.loads(raw)
        except (ValueError, TypeError):
            return None
        if sender == self._sender or not isinstance(subject, str):
            return None
        if isinstance(content, int):
            return Hint(subject, content)
        return Signal(subject, content) if isinstance(content, dict) else None

    def _works(self, side: Side) -> None:
        if side not in self._up:
            self._up.add(side)
            log.info("hints_connected", side=side)

    def _fails(self, side: Side, why: Exception) -> None:
        if side in self._up:
            self._up.discard(side)
            log.warning("hints_interrupted", side=side, error=type(why).__name__)
