"""Hints and signals: told to whoever listens, in order, kept by nobody."""

from __future__ import annotations

import pytest

from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.ports import Hint, PubSub, Signal
from tests.contract.until import until

HINT = Hint("c1", 3)
SIGNAL = Signal("conversation:c1", {"type": "typing", "on": True})


@pytest.fixture(params=["memory"])
def pubsub() -> PubSub:
    return MemoryPubSub()


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
