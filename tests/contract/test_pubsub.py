"""Hints and signals: told to whoever listens, in order, kept by nobody."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from handoff.adapters import pubsub_redis
from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.adapters.pubsub_redis import CHANNEL, RedisPubSub
from handoff.ports import Hint, PubSub, Signal
from tests.contract.until import until

REDIS = pytest.param("redis", marks=pytest.mark.needs_redis)
HINT = Hint("c1", 3)
SIGNAL = Signal("conversation:c1", {"type": "typing", "on": True})


@pytest.fixture(params=["memory", REDIS])
async def pubsub(request: pytest.FixtureRequest) -> AsyncIterator[PubSub]:
    if request.param == "memory":
        yield MemoryPubSub()
        return
    async with running(os.environ["BATON_TEST_REDIS_URL"], "one") as started:
        yield started


@asynccontextmanager
async def running(url: str, sender: str, *, connected: bool = True) -> AsyncIterator[RedisPubSub]:
    """One process's end of the channel."""
    pubsub = RedisPubSub(url, sender)
    await pubsub.start()
    if connected:
        await until(lambda: pubsub.healthy)
    yield pubsub
    await pubsub.stop()


async def test_every_subscriber_hears_everything_in_order(pubsub: PubSub) -> None:
    one: list[Hint | Signal] = []
    two: list[Hint | Signal] = []
    pubsub.subscribe(one.append)
    pubsub.subscribe(two.append)
    sent = [HINT, SIGNAL, Hint("c1", 4), Hint("c2", 1)]
    for message in sent:
        await pubsub.publish(message)
    await until(lambda: len(one) == len(two) == len(sent))
    assert one == sent
    assert two == sent


async def test_who_has_left_hears_nothing_more_and_nobody_hears_what_was_before(pubsub: PubSub) -> None:
    left: list[Hint | Signal] = []
    stayed: list[Hint | Signal] = []
    await pubsub.publish(Hint("c0", 1))
    leave = pubsub.subscribe(left.append)
    pubsub.subscribe(stayed.append)
    await pubsub.publish(HINT)
    await until(lambda: stayed == [HINT] and left == [HINT])
    leave()
    await pubsub.publish(SIGNAL)
    await until(lambda: stayed == [HINT, SIGNAL])
    assert left == [HINT]


async def test_one_who_leaves_while_being_told_takes_nothing_from_the_others(pubsub: PubSub) -> None:
    heard: list[str] = []

    def hear_once(_message: Hint | Signal) -> None:
        heard.append("once")
        leave()

    leave = pubsub.subscribe(hear_once)
    pubsub.subscribe(lambda _message: heard.append("always"))
    await pubsub.publish(HINT)
    await pubsub.publish(HINT)
    await until(lambda: heard == ["once", "always", "always"])


async def test_a_subscriber_that_fails_takes_nothing_from_the_others_or_from_the_publisher(
    pubsub: PubSub,
) -> None:
    heard: list[Hint | Signal] = []

    def fail(_message: Hint | Signal) -> None:
        raise LookupError("a reader's own trouble")

    pubsub.subscribe(fail)
    pubsub.subscribe(heard.append)
    await pubsub.publish(HINT)
    await until(lambda: heard == [HINT])


# --- between processes --------------------------------------------------------------------------------------


@pytest.fixture
async def two() -> AsyncIterator[tuple[RedisPubSub, RedisPubSub]]:
    """Two processes' ends of the channel."""
    url = os.environ["BATON_TEST_REDIS_URL"]
    async with running(url, "one") as one, running(url, "other") as other:
        yield one, other


@pytest.mark.needs_redis
async def test_another_process_hears_everything_in_order_and_its_own_only_once(
    two: tuple[RedisPubSub, RedisPubSub],
) -> None:
    one, other = two
    here: list[Hint | Signal] = []
    there: list[Hint | Signal] = []
    one.subscribe(here.append)
    other.subscribe(there.append)
    sent = [HINT, SIGNAL, *(Hint("c1", seq) for seq in range(4, 700))]
    for message in sent:
        await one.publish(message)
    await until(lambda: len(there) == len(sent))
    await other.publish(Hint("c9", 1))
    # Its answer comes after whatever Redis would have told it of its own messages.
    await until(lambda: here[-1] == Hint("c9", 1))
    assert there == [*sent, Hint("c9", 1)]
    assert here == [*sent, Hint("c9", 1)]


@pytest.mark.needs_redis
async def test_a_connection_that_is_cut_comes_back(two: tuple[RedisPubSub, RedisPubSub]) -> None:
    one, other = two
    there: list[Hint | Signal] = []
    other.subscribe(there.append)
    admin = Redis.from_url(os.environ["BATON_TEST_REDIS_URL"])
    for kind in ("pubsub", "normal"):
        await admin.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
    await admin.aclose()
    number = 0

    def heard_again() -> bool:
        return len(there) > 0

    while not heard_again():
        number += 1
        await one.publish(Hint("c1", number))
        await asyncio.sleep(0.02)
    await until(lambda: one.healthy and other.healthy)
    await one.publish(Hint("c2", 1))
    await until(lambda: there[-1] == Hint("c2", 1))


@pytest.mark.needs_redis
async def test_what_others_write_into_the_channel_is_ignored(two: tuple[RedisPubSub, RedisPubSub]) -> None:
    _, other = two
    there: list[Hint | Signal] = []
    other.subscribe(there.append)
    admin = Redis.from_url(os.environ["BATON_TEST_REDIS_URL"])
    for raw in (
        b"",
        b"{",
        b"\xff",
        b"7",
        b"[1,2]",
        b'["x",3,4]',
        b'["x","c",null]',
        b'["x","c",[]]',
        b'{"a":1}',
    ):
        await admin.publish(CHANNEL, raw)
    await admin.publish(CHANNEL, b'["somebody","c1",7]')
    await admin.aclose()
    await until(lambda: there)
    assert there == [Hint("c1", 7)]


async def test_without_redis_its_own_subscribers_are_told_and_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pubsub_redis, "WAITING_AT_MOST", 10)
    with socket.socket() as nobody:
        # Bound and not listening: every connection is refused, and nobody else can take the port.
        nobody.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
        async with running(url, "one", connected=False) as pubsub:
            heard: list[Hint | Signal] = []
            pubsub.subscribe(heard.append)
            for seq in range(1000):
                await pubsub.publish(Hint("c1", seq))
            assert len(heard) == 1000
            assert not pubsub.healthy
