"""Reading for many: what is at hand is right, and what is not at hand is asked of the log."""

from __future__ import annotations

import pytest

from handoff.service import feed as feed_module
from handoff.service.feed import EVENTS_AT_HAND, PAGE
from tests.unit.handoff.service.stage import Process, Stage


class Counted:
    """Counts what is asked of the log."""

    def __init__(self, process: Process) -> None:
        self.reads = 0
        self.heads = 0
        read, head = process.log.read, process.log.head

        async def counted_read(conversation_id: str, after: int, limit: int) -> object:
            self.reads += 1
            return await read(conversation_id, after, limit)

        async def counted_head(conversation_id: str) -> object:
            self.heads += 1
            return await head(conversation_id)

        process.log.read = counted_read  # type: ignore[assignment, method-assign]
        process.log.head = counted_head  # type: ignore[assignment, method-assign]


async def read_all(process: Process, conversation_id: str, after: int, upto: int) -> list[int]:
    """As a reader does it: page by page past its cursor."""
    seqs: list[int] = []
    while after < upto:
        page = await process.feed.read(conversation_id, after, upto)
        assert page
        seqs += [event.seq for event in page]
        after = page[-1].seq
    return seqs


async def test_what_was_just_appended_is_not_asked_for(relay: Process) -> None:
    c = await relay.open()
    for n in range(3):
        await relay.say(c, f"{n}")
    asked = Counted(relay)
    for after in range(4):
        assert await read_all(relay, c, after, 4) == list(range(after + 1, 5))
    assert await relay.feed.read(c, 4, 4) == []
    head = await relay.feed.head(c, at_least=4)
    assert head is not None
    assert head.state.seq == 4
    assert (asked.reads, asked.heads) == (0, 0)


async def test_what_is_at_hand_is_answered_without_waiting(relay: Process) -> None:
    c = await relay.open()
    for n in range(EVENTS_AT_HAND + 2):
        await relay.say(c, f"{n}")
    newest = EVENTS_AT_HAND + 3
    oldest = newest - EVENTS_AT_HAND + 1
    asked = Counted(relay)
    assert relay.feed.at_hand(c, newest - 2, newest) == await relay.log.read(c, newest - 2, PAGE)
    assert relay.feed.at_hand(c, newest, newest) == []
    at_hand = relay.feed.at_hand(c, oldest - 1, newest)
    assert at_hand is not None
    assert [event.seq for event in at_hand] == list(range(oldest, newest + 1))
    # Further back than what is kept, newer than what is known, and nothing known at all.
    assert relay.feed.at_hand(c, oldest - 2, newest) is None
    assert relay.feed.at_hand(c, newest, newest + 1) is None
    assert relay.feed.at_hand("no-such-conversation", 0, 1) is None
    assert asked.reads == 1


async def test_what_is_further_back_is_read_in_pages(relay: Process) -> None:
    c = await relay.open()
    total = EVENTS_AT_HAND + 20
    for n in range(total - 1):
        await relay.say(c, f"{n}")
    asked = Counted(relay)
    assert await read_all(relay, c, 0, total) == list(range(1, total + 1))
    assert asked.reads == 1
    assert await read_all(relay, c, total - EVENTS_AT_HAND, total) == list(range(21, total + 1))
    assert asked.reads == 1


async def test_a_page_is_bounded(relay: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "PAGE", 4)
    c = await relay.open()
    for n in range(9):
        await relay.say(c, f"{n}")
    relay.feed._tails.clear()
    assert [event.seq for event in await relay.feed.read(c, 0, 10)] == [1, 2, 3, 4]
    assert await read_all(relay, c, 0, 10) == list(range(1, 11))
    assert PAGE == 500


async def test_what_another_process_appended_between_leaves_no_hole(stage: Stage) -> None:
    here, there = stage.process(), stage.process()
    c = await here.open()
    await here.say(c, "here")
    await there.say(c, "there")
    # The tail here ends at 2, the log at 3.
    assert await read_all(here, c, 1, 3) == [2, 3]
    await here.say(c, "here again")
    for after in range(4):
        assert await read_all(here, c, after, 4) == list(range(after + 1, 5))
    await there.say(c, "there again")
    await there.say(c, "and again")
    assert await read_all(here, c, 0, 6) == [1, 2, 3, 4, 5, 6]


async def test_a_head_is_as_new_as_asked_for(stage: Stage) -> None:
    here, there = stage.process(), stage.process()
    c = await here.open()
    await there.ask_for_a_person(c)
    old, new, newest = (
        await here.feed.head(c, at_least=1),
        await here.feed.head(c, at_least=2),
        await here.feed.head(c),
    )
    assert old is not None
    assert (old.state.seq, old.state.state) == (1, "bot")
    assert new is not None
    assert (new.state.seq, new.state.state) == (2, "waiting")
    assert newest == new


async def test_an_old_head_does_not_replace_a_newer_one(stage: Stage) -> None:
    here, there = stage.process(), stage.process()
    c = await here.open()
    old = await here.feed.head(c)
    assert old is not None
    await there.say(c, "there")
    await here.feed.head(c)
    here.feed.remember(old, await here.log.read(c, 0, 1))
    head = await here.feed.head(c, at_least=1)
    assert head is not None
    assert head.state.seq == 2
    assert await read_all(here, c, 0, 2) == [1, 2]


async def test_an_unknown_conversation_has_no_head(relay: Process) -> None:
    assert await relay.feed.head("no-such-conversation") is None
    assert await relay.feed.read("no-such-conversation", 0, 1) == []


async def test_the_memory_is_bounded(relay: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "CONVERSATIONS_AT_HAND", 3)
    ids = [await relay.open() for _ in range(6)]
    assert list(relay.feed._heads) == list(relay.feed._tails) == ids[-3:]
    assert await read_all(relay, ids[0], 0, 1) == [1]
    for n in range(EVENTS_AT_HAND + 5):
        await relay.say(ids[5], f"{n}")
    assert len(relay.feed._tails[ids[5]].events) == EVENTS_AT_HAND


def kept(process: Process) -> int:
    """What the bytes of all tails are, counted anew."""
    return sum(feed_module._bytes_of(event) for tail in process.feed._tails.values() for event in tail.events)


async def test_many_short_conversations_and_few_long_ones_have_one_bound(
    relay: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 20 * feed_module.BYTES_OF_AN_EVENT
    monkeypatch.setattr(feed_module, "BYTES_AT_HAND", limit)
    ids = [await relay.open() for _ in range(4)]
    for c in ids:
        for n in range(7):
            await relay.say(c, f"{n}")
    # Eight events each: two conversations fit, those that spoke last.
    assert list(relay.feed._tails) == ids[-2:]
    assert relay.feed._bytes == kept(relay) <= limit
    assert await read_all(relay, ids[0], 0, 8) == list(range(1, 9))
    for n in range(30):
        await relay.say(ids[0], f"{n}")
    assert relay.feed._bytes == kept(relay) <= limit
    assert await read_all(relay, ids[0], 0, 38) == list(range(1, 39))


async def test_the_bound_is_of_what_words_take_not_of_how_many_there_are(
    relay: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BYTES_AT_HAND", 36_000)
    talkative, brief = await relay.open(), await relay.open()
    await relay.say(brief, "a" * 4_000)
    assert set(relay.feed._tails) == {talkative, brief}
    # As many characters, at eight times the memory.
    await relay.say(talkative, "\U0001f600" * 4_000)
    assert list(relay.feed._tails) == [talkative]
    for n in range(EVENTS_AT_HAND + 5):
        await relay.say(brief, f"{n}")
    assert relay.feed._bytes == kept(relay) <= 36_000
