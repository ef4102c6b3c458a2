"""P9 and the leases: every turn gets exactly one outcome, whatever becomes of the bot or of this process."""

from __future__ import annotations

import asyncio
import gc

import pytest

from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.domain.events import (
    BotReplied,
    CustomerSaid,
    HandoffRequested,
)
from handoff.ports import Signal
from tests.contract.until import until, until_stored
from tests.unit.handoff.service.scripted_bot import (
    Held,
    ScriptedBot,
    breaks,
    escalates,
    fails,
    never_answers,
)
from tests.unit.handoff.service.stage import QUICK, Process, Stage, comes_to, nothing_is_left

# --- the bot is there ---------------------------------------------------------------------------------------


async def test_a_question_is_answered(answering: Process) -> None:
    c = await answering.open()
    asked = await answering.say(c, "Where is it?")
    await comes_to(answering, c, "customer.said", "bot.replied")
    [reply] = await answering.of(BotReplied, c)
    assert (reply.turn, reply.release_id, reply.kind, reply.article_id) == (
        asked.seq,
        "r1",
        "answer",
        "track",
    )
    assert reply.text == "It is on its way. [Where is it?]"
    assert reply.decision is not None
    assert reply.decision["confidence"] == 0.9
    await nothing_is_left(answering)


async def test_an_outcome_is_one_append_with_the_handoff_last(answering: Process) -> None:
    c = await answering.open()
    answering.bot.then(escalates)
    await answering.say(c, "Strange words")
    await comes_to(answering, c, "customer.said", "bot.replied", "bot.replied", "handoff.requested")
    [handoff] = await answering.of(HandoffRequested, c)
    assert handoff.reason == "low_confidence"
    # One hint for the whole outcome: no reader was ever shown a part of it.
    assert answering.hints(c)[-2:] == [2, 5]
    await nothing_is_left(answering)


async def test_turns_of_a_conversation_are_asked_in_order_one_at_a_time(answering: Process) -> None:
    c = await answering.open()
    held = Held()
    answering.bot.then(held)
    for text in ("one", "two", "three"):
        await answering.say(c, text)
    await held.begun.wait()
    assert answering.bot.turns == [2]
    held.go_on()
    await until(lambda: len(answering.bot.asked) == 3)
    await nothing_is_left(answering)
    assert [request.text for request in answering.bot.asked] == ["one", "two", "three"]
    assert answering.bot.most_in_flight == 1
    assert [reply.turn for reply in await answering.of(BotReplied, c)] == [2, 3, 4]


async def test_a_slow_conversation_delays_no_other(answering: Process) -> None:
    slow, quick = await answering.open(), await answering.open()
    held = Held()
    answering.bot.then(held)
    await answering.say(slow, "slow")
    await held.begun.wait()
    await answering.say(quick, "quick")
    await comes_to(answering, quick, "customer.said", "bot.replied")
    held.go_on()
    await comes_to(answering, slow, "customer.said", "bot.replied")


async def test_the_customer_sees_that_the_bot_is_at_work(answering: Process) -> None:
    c = await answering.open()
    held = Held()
    answering.bot.then(held)
    await answering.say(c, "Where is it?")
    await held.begun.wait()

    def shown() -> list[bool]:
        return [
            m.body["on"] for m in answering.heard if isinstance(m, Signal) and m.topic == f"conversation:{c}"
        ]

    assert shown() == [True]
    held.go_on()
    await until(lambda: shown() == [True, False])


async def test_a_look_for_work_that_was_overtaken_by_the_work_s_end_is_repeated_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next turn must not wait for the next poll because the last one ended while the queue was read."""
    monkeypatch.setattr("handoff.service.reactor.POLL_S", 60.0)
    process = stage.process()
    take = process.queue.take
    reading, read_on = asyncio.Event(), asyncio.Event()

    async def slow_take(*where: object) -> object:
        found = await take(*where)  # type: ignore[arg-type]
        if not reading.is_set():
            reading.set()
            await read_on.wait()
        return found

    process.queue.take = slow_take  # type: ignore[assignment, method-assign]
    stage.answering(process)
    await reading.wait()
    await until(lambda: process.watch.is_ready)
    c = await process.open()
    held = Held()
    process.bot.then(held)
    await process.say(c, "one")
    await held.begun.wait()
    await process.say(c, "two")
    held.go_on()
    await comes_to(process, c, "customer.said", "customer.said", "bot.replied")
    read_on.set()
    await comes_to(process, c, "customer.said", "customer.said", "bot.replied", "bot.replied")


# --- the bot fails ------------------------------------------------------------------------------------------


async def test_a_bot_that_fails_for_a_moment_is_asked_again(answering: Process) -> None:
    c = await answering.open()
    answering.bot.then(fails, fails)
    await answering.say(c, "Where is it?")
    await comes_to(answering, c, "customer.said", "bot.replied")
    assert answering.bot.turns == [2, 2, 2]


async def test_a_bot_that_keeps_failing_makes_exactly_one_handoff(answering: Process) -> None:
    c = await answering.open()
    answering.bot.then(*[fails] * 10)
    asked = await answering.say(c, "Where is it?")
    await comes_to(answering, c, "customer.said", "handoff.requested")
    [handoff] = await answering.of(HandoffRequested, c)
    assert handoff.reason == "bot_error"
    assert handoff.evidence["trigger_seq"] == asked.seq
    await nothing_is_left(answering)
    assert await answering.kinds(c) == ["customer.said", "handoff.requested"]


async def test_a_mistake_of_this_program_is_a_handoff_too(answering: Process) -> None:
    c = await answering.open()
    answering.bot.then(breaks)
    await answering.say(c, "Where is it?")
    await comes_to(answering, c, "customer.said", "handoff.requested")
    assert [h.reason for h in await answering.of(HandoffRequested, c)] == ["bot_error"]


async def test_a_bot_that_does_not_answer_is_waited_for_within_the_limit(stage: Stage) -> None:
    process = stage.answering(stage.process(limits=QUICK))
    c = await process.open()
    process.bot.then(never_answers)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await process.say(c, "Where is it?")
    await comes_to(process, c, "customer.said", "handoff.requested")
    assert QUICK.turn_s <= loop.time() - begun < 3.0
    assert [h.reason for h in await process.of(HandoffRequested, c)] == ["bot_error"]


async def test_a_bot_that_dies_in_mid_question_makes_a_handoff_within_the_limit(stage: Stage) -> None:
    process = stage.answering(stage.process(limits=QUICK))
    c = await process.open()
    held = Held(fails)
    process.bot.then(held)
    await process.say(c, "Where is it?")
    await held.begun.wait()
    process.bot.up = False
    held.go_on()
    await comes_to(process, c, "customer.said", "handoff.requested")
    assert process.bot.turns == [2]


async def test_an_answer_that_comes_after_the_failure_says_nothing(stage: Stage) -> None:
    process = stage.answering(stage.process(limits=QUICK))
    c = await process.open()
    process.bot.then(never_answers)
    await process.say(c, "Where is it?")
    await comes_to(process, c, "customer.said", "handoff.requested")
    await process.say(c, "Hello?")
    await nothing_is_left(process)
    assert await process.kinds(c) == ["customer.said", "handoff.requested", "customer.said"]


# --- processes ----------------------------------------------------------------------------------------------


async def test_two_processes_answer_each_turn_once(stage: Stage) -> None:
    bots = [ScriptedBot(), ScriptedBot()]
    one, two = (stage.answering(stage.process(bot=bot)) for bot in bots)
    ids = [await process.open() for process in (one, two) * 4]
    for round_ in range(3):
        await asyncio.gather(*((one, two)[n % 2].say(c, f"{round_}") for n, c in enumerate(ids)))
    await nothing_is_left(one)
    asked: list[int] = []
    for c in ids:
        of_this = [e.seq for e in await one.events(c) if isinstance(e.payload, CustomerSaid)]
        assert [reply.turn for reply in await one.of(BotReplied, c)] == of_this
        asked += of_this
    assert sorted(bots[0].turns + bots[1].turns) == sorted(asked)


async def test_a_worker_that_dies_is_replaced_when_its_lease_runs_out(stage: Stage) -> None:
    first, second = (stage.answering(stage.process()) for _ in range(2))
    c = await first.open()
    held = Held()
    first.bot.then(held)
    await first.say(c, "Where is it?")
    await held.begun.wait()
    await first.reactor.stop()
    taken = await second.queue.take("probe", stage.clock.now_ms() + 3_999, 1, 10)
    assert taken == []
    assert second.bot.asked == []
    stage.clock.pass_ms(4_000)
    await comes_to(second, c, "customer.said", "bot.replied")
    assert second.bot.turns == first.bot.turns == [2]


async def test_a_worker_whose_lease_was_lost_meanwhile_adds_nothing(stage: Stage) -> None:
    first, second = (stage.answering(stage.process()) for _ in range(2))
    c = await first.open()
    held = Held()
    first.bot.then(held)
    await first.say(c, "Where is it?")
    await held.begun.wait()
    # A process that stalls renews nothing; left alone, a renewal of the first may come before the second looks.
    assert first.reactor._renewal is not None
    first.reactor._renewal.cancel()
    stage.clock.pass_ms(4_000)
    second.reactor._look.set()
    await until(lambda: bool(second.bot.asked) or first.bot.turns == [2, 2])
    await until_stored(lambda: _count(first, c, 1))
    held.go_on()
    await nothing_is_left(first)
    await until(lambda: not first.reactor._held and not second.reactor._held)
    assert [reply.turn for reply in await first.of(BotReplied, c)] == [2]


async def _count(process: Process, conversation_id: str, replies: int) -> bool:
    return len(await process.of(BotReplied, conversation_id)) >= replies


async def test_what_another_process_did_since_is_looked_up_before_a_turn_is_put_away(stage: Stage) -> None:
    """The one process saw the handoff, the other one its cancellation; then the other one died."""
    first = stage.process("first")
    c = await first.open()
    await first.say(c, "Where is it?")
    await first.ask_for_a_person(c)
    second = stage.process("second")
    await second.cancel_handoff(c)
    stage.clock.pass_ms(4_000)
    first.watch.start()
    await until(lambda: first.watch.is_ready)
    first.answer_turns()
    await comes_to(first, c, "customer.said", "handoff.requested", "handoff.cancelled", "bot.replied")


async def test_an_answer_that_cannot_be_recorded_is_recorded_later_and_once(stage: Stage) -> None:
    process = stage.answering(stage.process(pubsub=MemoryPubSub()))
    c = await process.open()
    held = Held()
    process.bot.then(held)
    await process.say(c, "Where is it?")
    await held.begun.wait()
    process.log.broken = True
    held.go_on()
    await until(lambda: not process.reactor._held)
    assert await process.kinds(c) == ["customer.said"]
    process.log.broken = False
    stage.clock.pass_ms(4_000)
    await comes_to(process, c, "customer.said", "bot.replied")
    await nothing_is_left(process)
    assert process.bot.turns == [2, 2]


async def test_a_failure_that_cannot_be_recorded_is_recorded_later_and_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    process = stage.answering(stage.process())
    c = await process.open()
    held = Held(breaks)
    process.bot.then(held, breaks)
    await process.say(c, "Where is it?")
    await held.begun.wait()
    process.log.broken = True
    held.go_on()
    await until(lambda: not process.reactor._held)
    process.log.broken = False
    stage.clock.pass_ms(4_000)
    await comes_to(process, c, "customer.said", "handoff.requested")
    await nothing_is_left(process)
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_process_that_has_stopped_takes_no_more_turns(answering: Process) -> None:
    """Its last commands are still carried out; their turns are left to the others."""
    c = await answering.open()
    await answering.reactor.stop()
    await answering.say(c, "Where is it?")
    assert answering.reactor._held == {}
    assert answering.bot.asked == []
