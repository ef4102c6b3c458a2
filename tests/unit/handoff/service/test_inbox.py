"""The agents' inbox: who waits, in which order, and who is told what."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.domain.commands import (
    CancelHandoff,
    CloseConversation,
    FinishFollowUp,
    LeaveContact,
    RaiseAlert,
    RecordTurnFailure,
    ReleaseLease,
    TransferConversation,
)
from handoff.domain.errors import StorageUnavailable
from handoff.domain.events import CUSTOMER, SYSTEM
from handoff.ports import Customer, Hint
from handoff.service import inbox as inbox_module
from handoff.service.feed import Feed
from handoff.service.inbox import Change, Inbox
from handoff.service.waits import Waits
from tests.contract.until import until
from tests.unit.handoff.service.stage import ANA, BEN, Process, Stage


class Listening:
    """An inbox and everything it has told."""

    def __init__(self, process: Process) -> None:
        self.online = 1
        waits = Waits(process.log, process.clock, lambda: self.online)
        self.inbox = Inbox(process.log, process.feed, process.pubsub, waits)
        self.told: list[Change] = []
        self.inbox.listen(self.told.append)

    def order(self) -> list[tuple[str, int | None]]:
        return [(item["conversation_id"], item["position"]) for item in self.inbox.items()]

    def ids_told(self) -> set[str]:
        return {item["conversation_id"] for change in self.told for item in change.items}

    def removed(self) -> list[str]:
        return [conversation_id for change in self.told for conversation_id in change.removed]


@pytest.fixture
async def listening(relay: Process) -> AsyncIterator[Listening]:
    listening = Listening(relay)
    await listening.inbox.start()
    yield listening
    await listening.inbox.stop()


async def waiting(stage: Stage, relay: Process, n: int) -> list[str]:
    """Conversations that asked for a person, a second apart."""
    ids = []
    for _ in range(n):
        c = await relay.open()
        stage.clock.pass_s(1)
        await relay.ask_for_a_person(c)
        ids.append(c)
    return ids


async def test_the_longest_waiting_come_first_with_their_places(
    stage: Stage, relay: Process, listening: Listening
) -> None:
    await relay.open()
    a, b, c = await waiting(stage, relay, 3)
    await until(lambda: listening.order() == [(a, 1), (b, 2), (c, 3)])
    place = listening.inbox.place(c)
    assert place is not None
    assert (place.position, place.wait_s, place.agents_online) == (3, None, 1)
    assert listening.inbox.place("no-such-conversation") is None


async def test_an_item_says_what_an_agent_chooses_by(
    stage: Stage, relay: Process, listening: Listening
) -> None:
    c = await relay.open(customer=Customer("42", "Eva", "eva@example.org", {"plan": "gold"}, verified=True))
    await relay.say(c, "Where is it? " + "x" * 200)
    stage.clock.pass_ms(250)
    await relay.ask_for_a_person(c)
    await until(listening.inbox.items)
    assert listening.inbox.items() == [
        {
            "conversation_id": c,
            "state": "waiting",
            "position": 1,
            "waiting_since": "2026-09-21T14:13:20.250Z",
            "reason": "asked",
            "priority": "normal",
            "customer": {"id": "42", "name": "Eva", "email": "eva@example.org", "verified": True},
            "preview": ("Where is it? " + "x" * 200)[:140],
            "holder": None,
            "offered_to": None,
            "group": None,
            "alert": None,
            "follow_up": None,
            "due": {},
        }
    ]


async def test_a_claim_moves_up_everybody_behind_it(
    stage: Stage, relay: Process, listening: Listening
) -> None:
    a, b, c = await waiting(stage, relay, 3)
    await until(lambda: listening.ids_told() == {a, b, c})
    listening.told.clear()
    await relay.claim(a)
    # Listeners are told a moment after the order is there to be asked for: the waits are read in between.
    await until(lambda: listening.told)
    [change] = listening.told
    assert listening.order() == [(b, 1), (c, 2), (a, None)]
    assert {item["conversation_id"]: item["position"] for item in change.items} == {a: None, b: 1, c: 2}
    assert {conversation_id: place.position for conversation_id, place in change.places.items()} == {
        b: 1,
        c: 2,
    }
    holders = {item["conversation_id"]: item["holder"] for item in change.items}
    assert holders[a] == {"id": "usr_ana", "name": "Ana"}
    assert listening.inbox.place(a) is None


async def test_who_comes_back_is_at_the_front(stage: Stage, relay: Process, listening: Listening) -> None:
    a, b = await waiting(stage, relay, 2)
    await relay.claim(b)
    await until(lambda: listening.order() == [(a, 1), (b, None)])
    stage.clock.pass_s(60)
    await relay.conversations.execute(b, SYSTEM, ReleaseLease("usr_ana"))
    await until(lambda: listening.order() == [(b, 1), (a, 2)])
    await relay.claim(b)
    await relay.run(b, TransferConversation({"agent": "usr_ben"}), ANA)
    # The order is the same as before: only the offer tells that the transfer has been seen.
    await until(lambda: listening.inbox.items()[0]["offered_to"] == "usr_ben")
    assert listening.order() == [(b, 1), (a, 2)]


async def test_what_is_returned_closed_or_cancelled_leaves(
    stage: Stage, relay: Process, listening: Listening
) -> None:
    a, b, c = await waiting(stage, relay, 3)
    await relay.claim(a)
    await relay.claim(b, BEN)
    await until(lambda: listening.order() == [(c, 1), (a, None), (b, None)])
    await relay.return_to_bot(a)
    await relay.run(b, CloseConversation(after=9), BEN)
    await relay.cancel_handoff(c)
    await until(lambda: sorted(listening.removed()) == sorted([a, b, c]))
    assert listening.order() == []


async def test_an_outage_is_one_group_of_low_priority(relay: Process, listening: Listening) -> None:
    c = await relay.open()
    asked = await relay.say(c, "Where is it?")
    await relay.conversations.execute(c, SYSTEM, RecordTurnFailure(asked.seq))
    await until(listening.inbox.items)
    [item] = listening.inbox.items()
    assert (item["reason"], item["group"], item["priority"]) == ("bot_error", "bot_error", "low")
    await relay.claim(c)
    await until(lambda: listening.inbox.items()[0]["state"] == "agent")
    assert listening.inbox.items()[0]["group"] is None


async def test_many_changes_at_once_are_told_together(stage: Stage, relay: Process) -> None:
    listening = Listening(relay)
    ids = await waiting(stage, relay, 5)
    await listening.inbox.start()
    assert [len(change.items) for change in listening.told] == [5]
    assert {c: place.position for c, place in listening.told[0].places.items()} == {
        c: n for n, c in enumerate(ids, start=1)
    }
    await listening.inbox.stop()


async def test_a_restart_reads_it_back(stage: Stage, relay: Process) -> None:
    a, b, c = await waiting(stage, relay, 3)
    await relay.claim(b)
    listening = Listening(stage.process())
    await listening.inbox.start()
    assert listening.order() == [(a, 1), (c, 2), (b, None)]
    await listening.inbox.stop()


async def test_every_listener_is_told_and_who_has_left_is_not(
    stage: Stage, relay: Process, listening: Listening
) -> None:
    more: list[Change] = []
    end = listening.inbox.listen(more.append)
    [a] = await waiting(stage, relay, 1)
    await until(lambda: len(listening.told) == len(more) == 1)
    end()
    await relay.claim(a)
    await until(lambda: len(listening.told) == 2)
    assert len(more) == 1


async def test_the_wait_is_told_from_pick_ups_of_every_relay_and_by_the_place(
    stage: Stage, relay: Process, listening: Listening
) -> None:
    elsewhere = stage.process(pubsub=relay.pubsub)
    for n, waited_s in enumerate((40, 10, 20, 30, 50, 60)):
        [c] = await waiting(stage, relay, 1)
        await until(lambda c=c: listening.inbox.place(c) is not None)  # type: ignore[misc]
        stage.clock.pass_s(waited_s)
        await (relay if n % 2 else elsewhere).claim(c)
        await until(lambda c=c: listening.inbox.place(c) is None)  # type: ignore[misc]
    next_, behind = await waiting(stage, relay, 2)
    await until(lambda: listening.inbox.place(behind) is not None)
    places = [listening.inbox.place(c) for c in (next_, behind)]
    assert [place.wait_s for place in places if place] == [(20, 50), (50, 80)]
    # A process that has seen none of it reads the same.
    restarted = Listening(stage.process())
    await restarted.inbox.start()
    assert [restarted.inbox.place(c) for c in (next_, behind)] == places
    await restarted.inbox.stop()


async def test_while_nobody_is_online_no_range_is_told_and_everybody_hears_of_it(
    stage: Stage, relay: Process, listening: Listening
) -> None:
    for _ in range(6):
        [c] = await waiting(stage, relay, 1)
        await relay.claim(c)
    a, b = await waiting(stage, relay, 2)
    await until(lambda: (place := listening.inbox.place(b)) is not None and place.wait_s is not None)
    listening.told.clear()
    listening.online = 0
    listening.inbox.agents_changed()
    await until(lambda: listening.told)
    [change] = listening.told
    assert {c: (p.position, p.wait_s, p.agents_online) for c, p in change.places.items()} == {
        a: (1, None, 0),
        b: (2, None, 0),
    }
    # One more or less, while somebody is there, is nothing to tell.
    listening.online = 2
    listening.inbox.agents_changed()
    await until(lambda: len(listening.told) == 2)
    listening.online = 3
    listening.inbox.agents_changed()
    await relay.cancel_handoff(a)
    await until(lambda: a in listening.removed())
    assert [len(change.places) for change in listening.told] == [2, 2, 1]


async def test_an_alert_is_told_once_at_each_level(
    stage: Stage, relay: Process, listening: Listening
) -> None:
    [c] = await waiting(stage, relay, 1)
    await until(lambda: listening.order() == [(c, 1)])
    for level in ("agents", "supervisors"):
        await relay.conversations.execute(c, SYSTEM, RaiseAlert(level, stage.clock.now))
        await until(lambda level=level: listening.inbox.items()[0]["alert"] == level)  # type: ignore[misc]
    await relay.say(c, "Anybody there?")
    await until(lambda: listening.inbox.items()[0]["preview"] == "Anybody there?")
    told = [
        (alert["conversation_id"], alert["alert"]) for change in listening.told for alert in change.alerts
    ]
    assert told == [(c, "agents"), (c, "supervisors")]
    # Whoever comes later sees it on the item, and is not called again.
    restarted = Listening(stage.process())
    await restarted.inbox.start()
    assert restarted.inbox.items()[0]["alert"] == "supervisors"
    assert [change.alerts for change in restarted.told] == [()]
    await restarted.inbox.stop()


async def test_an_address_stays_in_the_inbox_until_it_was_written_to(
    stage: Stage, relay: Process, listening: Listening
) -> None:
    left, queued = await waiting(stage, relay, 2)
    await relay.run(left, LeaveContact("eva@example.org", "mornings"))
    await until(lambda: listening.order() == [(queued, 1), (left, None)])
    shown = listening.inbox.items()[1]
    assert (shown["state"], shown["follow_up"]["email"], shown["follow_up"]["text"]) == (
        "closed",
        "eva@example.org",
        "mornings",
    )
    restarted = Listening(stage.process())
    await restarted.inbox.start()
    assert restarted.inbox.items() == listening.inbox.items()
    await restarted.inbox.stop()
    await relay.run(left, FinishFollowUp("resolved"), ANA)
    await until(lambda: listening.order() == [(queued, 1)])
    assert listening.removed() == [left]


async def test_a_storage_that_fails_in_the_middle_keeps_no_change_from_the_listeners(
    stage: Stage, relay: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found before the failure is told, the rest when the storage works again."""
    listening = Listening(relay)
    await listening.inbox.start()
    elsewhere = stage.process()
    ids = await waiting(stage, elsewhere, 3)
    head = relay.feed.head
    failures: list[int] = []

    async def failing(conversation_id: str, at_least: int = 0) -> object:
        if conversation_id == ids[1] and failures:
            failures.pop()
            raise StorageUnavailable("broken by the test")
        return await head(conversation_id, at_least)

    monkeypatch.setattr(relay.feed, "head", failing)
    for c in ids:
        await relay.pubsub.publish(Hint(c, 2))
    await until(lambda: len(listening.order()) == 3)
    for c in ids:
        await elsewhere.cancel_handoff(c)
    failures.append(1)
    for c in ids:
        await relay.pubsub.publish(Hint(c, 3))
    await until(lambda: listening.order() == [])
    assert sorted(listening.removed()) == sorted(ids)
    await listening.inbox.stop()


async def test_a_hint_that_got_lost_only_delays(
    stage: Stage, relay: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "ASK_S", 0.01)
    # An inbox in another process, to which no hint comes through.
    inbox = Inbox(relay.log, Feed(relay.log), MemoryPubSub(), Waits(relay.log, relay.clock, lambda: 1))
    await inbox.start()
    a, b = await waiting(stage, relay, 2)
    await until(lambda: [item["conversation_id"] for item in inbox.items()] == [a, b])
    await relay.claim(a)
    await until(lambda: [item["state"] for item in inbox.items()] == ["waiting", "agent"])
    await relay.run(b, CancelHandoff(), CUSTOMER)
    await until(lambda: [item["conversation_id"] for item in inbox.items()] == [a])
    await inbox.stop()
