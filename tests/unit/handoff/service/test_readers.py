"""Waking those who read: at once by a hint, and a little later without one (P4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from handoff.domain.errors import StorageUnavailable
from handoff.ports import Hint, Signal
from handoff.service.readers import Readers
from tests.contract.until import until
from tests.unit.handoff.service.stage import Process, Stage


@pytest.fixture
async def readers(relay: Process) -> AsyncIterator[Readers]:
    readers = Readers(relay.log, relay.pubsub)
    yield readers
    await readers.stop()


async def test_a_hint_wakes_every_reader_of_its_conversation(relay: Process, readers: Readers) -> None:
    one: list[int] = []
    two: list[int] = []
    other: list[int] = []
    c, d = await relay.open(), await relay.open()
    readers.follow(c, one.append)
    readers.follow(c, two.append)
    readers.follow(d, other.append)
    await relay.say(c, "Hello")
    assert (one, two, other) == ([2], [2], [])


async def test_a_lost_hint_only_delays(stage: Stage, relay: Process, readers: Readers) -> None:
    c = await relay.open()
    woken: list[int] = []
    readers.follow(c, woken.append)
    readers.start()
    # The other process has a bus of its own: no hint of it comes here.
    await stage.process().say(c, "from elsewhere")
    await until(lambda: woken[-1:] == [2])
    assert relay.hints(c) == [1]


async def test_nobody_is_woken_again_for_what_was_told(relay: Process, readers: Readers) -> None:
    c = await relay.open()
    woken: list[int] = []
    readers.follow(c, woken.append)
    asked = count_polls(relay)
    readers.start()
    await relay.say(c, "Hello")
    await until(lambda: woken[-1:] == [2])
    told = len(woken)
    polls = len(asked)
    await until(lambda: len(asked) > polls + 3)
    assert len(woken) == told


def count_polls(relay: Process) -> list[int]:
    asked: list[int] = []
    heads = relay.log.heads

    async def counted(conversation_ids: Any) -> dict[str, int]:
        asked.append(len(conversation_ids))
        return await heads(conversation_ids)

    relay.log.heads = counted  # type: ignore[method-assign]
    return asked


async def test_who_has_left_is_not_woken_and_not_asked_for(relay: Process, readers: Readers) -> None:
    c = await relay.open()
    woken: list[int] = []
    stayed: list[int] = []
    leave = readers.follow(c, woken.append)
    also_leave = readers.follow(c, stayed.append)
    leave()
    leave()
    await relay.say(c, "one")
    assert (woken, stayed) == ([], [2])
    also_leave()
    await relay.say(c, "two")
    assert stayed == [2]
    assert readers._wakes == {}
    assert readers._heads == {}
    asked = count_polls(relay)
    readers.start()
    d = await relay.open()
    readers.follow(d, woken.append)
    await until(lambda: bool(asked))
    assert set(asked) == {1}


async def test_a_reader_that_leaves_while_being_woken_takes_nothing_from_the_others(
    relay: Process, readers: Readers
) -> None:
    c = await relay.open()
    woken: list[str] = []
    ends: list[Any] = []

    def leave(_seq: int) -> None:
        woken.append("left")
        ends[0]()

    ends.append(readers.follow(c, leave))
    readers.follow(c, lambda _seq: woken.append("stayed"))
    await relay.say(c, "one")
    await relay.say(c, "two")
    assert sorted(woken) == ["left", "stayed", "stayed"]


async def test_a_storage_that_fails_only_delays(
    stage: Stage, relay: Process, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = await relay.open()
    woken: list[int] = []
    readers.follow(c, woken.append)
    heads = relay.log.heads
    failed = asyncio.Event()

    async def failing(_ids: Any) -> dict[str, int]:
        failed.set()
        raise StorageUnavailable("broken by the test")

    monkeypatch.setattr(relay.log, "heads", failing)
    readers.start()
    await stage.process().say(c, "meanwhile")
    await failed.wait()
    assert woken == []
    monkeypatch.setattr(relay.log, "heads", heads)
    await until(lambda: woken == [2])


async def test_signals_reach_those_who_listen_to_their_topic(relay: Process, readers: Readers) -> None:
    heard: list[Mapping[str, Any]] = []
    end = readers.listen("conversation:c1", heard.append)
    await relay.pubsub.publish(Signal("conversation:c1", {"on": True}))
    await relay.pubsub.publish(Signal("conversation:c2", {"on": True}))
    await relay.pubsub.publish(Hint("c1", 1))
    end()
    await relay.pubsub.publish(Signal("conversation:c1", {"on": False}))
    assert heard == [{"on": True}]


async def test_after_the_end_nothing_is_passed_on(relay: Process, readers: Readers) -> None:
    c = await relay.open()
    woken: list[int] = []
    readers.follow(c, woken.append)
    ended = Readers(relay.log, relay.pubsub)
    ended.follow(c, woken.append)
    ended.start()
    await ended.stop()
    await relay.say(c, "Hello")
    assert woken == [2]
