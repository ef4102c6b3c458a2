"""P9 and the leases: every turn gets exactly one outcome, whatever becomes of the bot or of this process."""

from __future__ import annotations

import asyncio
import gc

import pytest

from bot.contract import HUMAN_CHOICE
from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.domain.commands import CloseConversation
from handoff.domain.events import (
    AgentJoined,
    BotReplied,
    BotReplyDiscarded,
    CustomerSaid,
    HandoffRequested,
    SystemNotice,
)
from handoff.domain.rules import ASK_BOT_CHOICE, WAIT_CHOICE
from handoff.ports import Signal
from handoff.service.reactor import TurnLimits
from tests.contract.until import until, until_stored
from tests.unit.handoff.service.scripted_bot import (
    Held,
    ScriptedBot,
    breaks,
    escalates,
    fails,
    never_answers,
)
from tests.unit.handoff.service.stage import ANA, Process, Stage

QUICK = TurnLimits(turn_s=0.15, warm_s=90.0, lease_s=4.0)


async def comes_to(process: Process, conversation_id: str, *kinds: str) -> None:
    """Wait until exactly this has happened since the opening."""

    async def has_come() -> bool:
        return len(await process.kinds(conversation_id)) >= len(kinds)

    await until_stored(has_come)
    assert await process.kinds(conversation_id) == list(kinds)


async def nothing_is_left(process: Process) -> None:
    """Every reaction is done, so that nothing more can happen by itself."""

    async def is_empty() -> bool:
        far = process.clock.now_ms() + 1_000_000_000
        async with process.engine.connect() as connection:
            rows = await connection.exec_driver_sql(
                "SELECT count(*) FROM reactions WHERE done_at IS NULL AND kind = 'bot_turn' AND due_at < ?",
                (far,),
            )
            return rows.scalar_one() == 0

    await until_stored(is_empty)


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


# --- the bot is down ----------------------------------------------------------------------------------------


async def test_while_the_bot_is_down_the_customer_is_told_once_and_answered_when_it_is_back(
    stage: Stage,
) -> None:
    process = stage.answering(stage.process(bot=ScriptedBot(up=False)))
    c = await process.open()
    await process.say(c, "Where is it?")
    await comes_to(process, c, "customer.said", "system.notice")
    [notice] = await process.of(SystemNotice, c)
    assert notice.code == "bot_warming"
    assert [choice["id"] for choice in notice.choices] == [WAIT_CHOICE, HUMAN_CHOICE]
    await process.say(c, "I'll wait", choice=WAIT_CHOICE)
    await process.say(c, "And the invoice?")
    process.bot.up = True
    await comes_to(
        process,
        c,
        *("customer.said", "system.notice", "customer.said", "customer.said"),
        *("bot.replied", "bot.replied"),
    )
    assert [request.text for request in process.bot.asked] == ["Where is it?", "And the invoice?"]


async def test_a_bot_found_down_by_the_turn_itself_is_waited_for(answering: Process) -> None:
    """It was ready when last asked; the turn was never handed over, so it has not failed."""
    c = await answering.open()
    await until(lambda: answering.watch.is_ready)
    answering.bot.up = False
    await answering.say(c, "Where is it?")
    await comes_to(answering, c, "customer.said", "system.notice")
    answering.bot.up = True
    await comes_to(answering, c, "customer.said", "system.notice", "bot.replied")


async def test_after_the_warm_limit_it_is_a_handoff(stage: Stage) -> None:
    limits = TurnLimits(turn_s=5.0, warm_s=0.2, lease_s=4.0)
    process = stage.answering(stage.process(bot=ScriptedBot(up=False), limits=limits))
    c = await process.open()
    await process.say(c, "Where is it?")
    await comes_to(process, c, "customer.said", "system.notice")
    stage.clock.pass_s(0.3)
    await comes_to(process, c, "customer.said", "system.notice", "handoff.requested")
    assert [h.reason for h in await process.of(HandoffRequested, c)] == ["bot_error"]
    assert process.bot.asked == []
    await nothing_is_left(process)


async def test_the_warm_limit_counts_from_the_question_also_in_another_process(stage: Stage) -> None:
    limits = TurnLimits(turn_s=5.0, warm_s=60.0, lease_s=4.0)
    first = stage.answering(stage.process(bot=ScriptedBot(up=False), limits=limits))
    c = await first.open()
    await first.say(c, "Where is it?")
    await comes_to(first, c, "customer.said", "system.notice")
    await first.reactor.stop()
    stage.clock.pass_s(61)
    second = stage.answering(stage.process(bot=ScriptedBot(up=False), limits=limits))
    await comes_to(second, c, "customer.said", "system.notice", "handoff.requested")


async def test_who_asks_for_a_person_meanwhile_gets_one_and_no_second_handoff(stage: Stage) -> None:
    process = stage.answering(stage.process(bot=ScriptedBot(up=False)))
    c = await process.open()
    await process.say(c, "Where is it?")
    await comes_to(process, c, "customer.said", "system.notice")
    await process.say(c, "Talk to a person", choice=HUMAN_CHOICE)
    process.bot.up = True
    await nothing_is_left(process)
    assert await process.kinds(c) == [
        *("customer.said", "system.notice", "customer.said", "handoff.requested")
    ]
    assert [h.reason for h in await process.of(HandoffRequested, c)] == ["asked"]
    assert process.bot.asked == []


async def test_who_waits_because_of_an_outage_is_offered_the_answer_and_gets_it(stage: Stage) -> None:
    process = stage.answering(stage.process(limits=QUICK))
    c, served, asked = await process.open(), await process.open(), await process.open()
    process.bot.then(never_answers, never_answers)
    await process.say(c, "Where is it?")
    await process.say(served, "Where is mine?")
    for conversation_id in (c, served):
        await comes_to(process, conversation_id, "customer.said", "handoff.requested")
    await process.ask_for_a_person(asked)
    await process.claim(served)
    process.bot.up = False
    await until(lambda: not process.watch.is_ready)
    process.bot.up = True
    await comes_to(process, c, "customer.said", "handoff.requested", "system.notice")
    [notice] = await process.of(SystemNotice, c)
    assert (notice.code, [choice["id"] for choice in notice.choices]) == (
        "bot_back",
        [ASK_BOT_CHOICE, WAIT_CHOICE],
    )
    await process.say(c, "Show me the answer", choice=ASK_BOT_CHOICE)
    await comes_to(
        process,
        c,
        *("customer.said", "handoff.requested", "system.notice", "customer.said", "handoff.cancelled"),
        "bot.replied",
    )
    [reply] = await process.of(BotReplied, c)
    assert reply.turn == 2
    # Who was claimed before, or asked for a person, is offered nothing.
    assert await process.kinds(served) == ["customer.said", "handoff.requested", "agent.joined"]
    assert await process.kinds(asked) == ["handoff.requested"]


async def test_who_would_rather_wait_keeps_the_place(stage: Stage) -> None:
    process = stage.answering(stage.process(limits=QUICK))
    c = await process.open()
    process.bot.then(never_answers)
    await process.say(c, "Where is it?")
    await comes_to(process, c, "customer.said", "handoff.requested")
    await until(lambda: process.watch.is_ready)
    await process.reactor.offer_answers()
    await process.reactor.offer_answers()
    await process.say(c, "Keep waiting", choice=WAIT_CHOICE)
    assert await process.kinds(c) == ["customer.said", "handoff.requested", "system.notice", "customer.said"]
    head = await process.log.head(c)
    assert head is not None
    assert head.state.state == "waiting"


# --- a person takes over ------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [None, escalates])
async def test_an_answer_that_comes_after_a_claim_is_discarded_whole_and_once(
    answering: Process, outcome: None
) -> None:
    c = await answering.open()
    held = Held(outcome)
    answering.bot.then(held)
    await answering.say(c, "Where is it?")
    await held.begun.wait()
    await answering.ask_for_a_person(c)
    await answering.claim(c)
    held.go_on()
    await comes_to(
        answering,
        c,
        *("customer.said", "handoff.requested", "agent.joined", "bot.reply_discarded"),
    )
    assert [d.turn for d in await answering.of(BotReplyDiscarded, c)] == [2]
    await nothing_is_left(answering)
    await answering.say_as(ANA, c, "I have it here.")
    assert (await answering.kinds(c))[-2:] == ["bot.reply_discarded", "agent.said"]


async def test_a_failure_that_comes_after_a_claim_changes_nothing(answering: Process) -> None:
    c = await answering.open()
    held = Held(fails)
    answering.bot.then(held, fails, fails)
    await answering.say(c, "Where is it?")
    await held.begun.wait()
    await answering.ask_for_a_person(c)
    await answering.claim(c)
    held.go_on()
    await nothing_is_left(answering)
    assert await answering.kinds(c) == ["customer.said", "handoff.requested", "agent.joined"]


async def test_the_bot_is_not_asked_while_a_person_has_the_conversation(answering: Process) -> None:
    c = await answering.open()
    await answering.ask_for_a_person(c)
    await answering.say(c, "while waiting")
    await answering.claim(c)
    await answering.say(c, "while served")
    await answering.return_to_bot(c)
    await answering.say(c, "back again")
    await nothing_is_left(answering)
    assert [request.text for request in answering.bot.asked] == ["back again"]
    assert len(await answering.of(AgentJoined, c)) == 1


async def test_a_handoff_cancelled_while_the_bot_thinks_gets_its_answer(answering: Process) -> None:
    c = await answering.open()
    held = Held()
    answering.bot.then(held)
    await answering.say(c, "Where is it?")
    await held.begun.wait()
    await answering.ask_for_a_person(c)
    await answering.cancel_handoff(c)
    held.go_on()
    await comes_to(answering, c, "customer.said", "handoff.requested", "handoff.cancelled", "bot.replied")
    await nothing_is_left(answering)
    assert answering.bot.turns == [2]


async def test_a_handoff_cancelled_while_its_worker_puts_the_turn_away_gets_its_answer(stage: Stage) -> None:
    """The turn was found not due, is opened again, and only then put away: it must not be lost."""
    process = stage.process(bot=ScriptedBot(up=False))
    c = await process.open()
    finish = process.queue.finish
    finishing, finish_now = asyncio.Event(), asyncio.Event()

    async def slow_finish(*what: object) -> None:
        finishing.set()
        await finish_now.wait()
        await finish(*what)  # type: ignore[arg-type]

    process.queue.finish = slow_finish  # type: ignore[assignment, method-assign]
    stage.answering(process)
    await process.say(c, "Where is it?")
    await comes_to(process, c, "customer.said", "system.notice")
    await process.ask_for_a_person(c)
    process.bot.up = True
    await finishing.wait()
    stage.clock.pass_ms(1)
    await process.cancel_handoff(c)
    finish_now.set()
    await comes_to(
        process,
        c,
        *("customer.said", "system.notice", "handoff.requested", "handoff.cancelled", "bot.replied"),
    )
    await nothing_is_left(process)


async def test_a_closed_conversation_is_not_answered(answering: Process) -> None:
    c = await answering.open()
    held = Held()
    answering.bot.then(held)
    await answering.say(c, "one")
    await answering.say(c, "two")
    await held.begun.wait()
    await answering.run(c, CloseConversation(after=3), ANA)
    held.go_on()
    await nothing_is_left(answering)
    assert await answering.kinds(c) == [
        *("customer.said", "customer.said", "conversation.closed", "bot.reply_discarded")
    ]
    assert answering.bot.turns == [2]


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
