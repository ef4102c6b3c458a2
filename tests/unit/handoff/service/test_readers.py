"""Waking those who read: at once by a hint, and a little later without one (P4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from handoff.domain.errors import StorageUnavailable
from handoff.ports import Hint, Signal
from handoff.service.readers import Readers
from handoff.service.waits import Place
from tests.contract.until import until
from tests.unit.handoff.service.stage import Process, Stage


class Recorder:
    """A reader that keeps what it is told."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.heard: list[Mapping[str, Any]] = []
        self.places: list[Place] = []

    def grown(self, conversation_id: str, seq: int) -> None:
        assert conversation_id
        self.seqs.append(seq)

    def hear(self, conversation_id: str, body: Mapping[str, Any]) -> None:
        assert conversation_id
        self.heard.append(body)

    def placed(self, conversation_id: str, place: Place) -> None:
        assert conversation_id
        self.places.append(place)


@pytest.fixture
async def readers(relay: Process) -> AsyncIterator[Readers]:
    readers = Readers(relay.log, relay.pubsub)
    yield readers
    await readers.stop()


async def test_a_hint_wakes_every_reader_of_its_conversation(relay: Process, readers: Readers) -> None:
    one = Recorder()
    two = Recorder()
    other = Recorder()
    c, d = await relay.open(), await relay.open()
    readers.follow(c, one)
    readers.follow(c, two)
    readers.follow(d, other)
    await relay.say(c, "Hello")
    assert (one.seqs, two.seqs, other.seqs) == ([2], [2], [])


async def test_a_lost_hint_only_delays(stage: Stage, relay: Process, readers: Readers) -> None:
    c = await relay.open()
    woken = Recorder()
    readers.follow(c, woken)
    readers.start()
    # The other process has a bus of its own: no hint of it comes here.
    await stage.process().say(c, "from elsewhere")
    await until(lambda: woken.seqs[-1:] == [2])
    assert relay.hints(c) == [1]


async def test_nobody_is_woken_again_for_what_was_told(relay: Process, readers: Readers) -> None:
    c = await relay.open()
    woken = Recorder()
    readers.follow(c, woken)
    asked = count_polls(relay)
    readers.start()
    await relay.say(c, "Hello")
    await until(lambda: woken.seqs[-1:] == [2])
    told = len(woken.seqs)
    polls = len(asked)
    await until(lambda: len(asked) > polls + 3)
    assert len(woken.seqs) == told


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
    woken = Recorder()
    stayed = Recorder()
    leave = readers.follow(c, woken)
    also_leave = readers.follow(c, stayed)
    leave()
    leave()
    await relay.say(c, "one")
    assert (woken.seqs, stayed.seqs) == ([], [2])
    also_leave()
    await relay.say(c, "two")
    assert stayed.seqs == [2]
    assert readers._readers == {}
    assert readers._heads == {}
    asked = count_polls(relay)
    readers.start()
    d = await relay.open()
    readers.follow(d, woken)
    await until(lambda: bool(asked))
    assert set(asked) == {1}


async def test_a_reader_that_leaves_while_being_woken_takes_nothing_from_the_others(
    relay: Process, readers: Readers
) -> None:
    c = await relay.open()
    ends: list[Any] = []

    class Leaving(Recorder):
        def grown(self, conversation_id: str, seq: int) -> None:
            super().grown(conversation_id, seq)
            ends[0]()

    leaving, stayed = Leaving(), Recorder()
    ends.append(readers.follow(c, leaving))
    readers.follow(c, stayed)
    await relay.say(c, "one")
    await relay.say(c, "two")
    assert leaving.seqs == [2]
    assert stayed.seqs == [2, 3]


async def test_a_storage_that_fails_only_delays(
    stage: Stage, relay: Process, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = await relay.open()
    woken = Recorder()
    readers.follow(c, woken)
    heads = relay.log.heads
    failed = asyncio.Event()

    async def failing(_ids: Any) -> dict[str, int]:
        failed.set()
        raise StorageUnavailable("broken by the test")

    monkeypatch.setattr(relay.log, "heads", failing)
    readers.start()
    await stage.process().say(c, "meanwhile")
    await failed.wait()
    assert woken.seqs == []
    monkeypatch.setattr(relay.log, "heads", heads)
    await until(lambda: woken.seqs == [2])


async def test_signals_reach_those_who_follow_their_conversation(relay: Process, readers: Readers) -> None:
    reader = Recorder()
    end = readers.follow("c1", reader)
    await relay.pubsub.publish(Signal("conversation:c1", {"on": True}))
    await relay.pubsub.publish(Signal("conversation:c2", {"on": True}))
    await relay.pubsub.publish(Signal("presence-table", {"on": True}))
    await relay.pubsub.publish(Hint("c1", 1))
    end()
    await relay.pubsub.publish(Signal("conversation:c1", {"on": False}))
    assert reader.heard == [{"on": True}]
    assert reader.seqs == [1]


async def test_places_reach_those_who_follow_their_conversation(readers: Readers) -> None:
    waiting, other = Recorder(), Recorder()
    readers.follow("c1", waiting)
    readers.follow("c2", other)
    place = Place(position=3, wait_s=None, agents_online=1)
    readers.tell_places({"c1": place, "c9": place})
    assert (waiting.places, other.places) == ([place], [])


async def test_after_the_end_nothing_is_passed_on(relay: Process, readers: Readers) -> None:
    c = await relay.open()
    woken = Recorder()
    readers.follow(c, woken)
    ended = Readers(relay.log, relay.pubsub)
    ended.follow(c, woken)
    ended.start()
    await ended.stop()
    await relay.say(c, "Hello")
    assert woken.seqs == [2]
