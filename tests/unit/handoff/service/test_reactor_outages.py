"""Questions while the bot is down: the customer is told, may wait or ask for a person, and is answered or handed over once."""

from __future__ import annotations

from bot.contract import HUMAN_CHOICE
from handoff.domain.events import (
    BotReplied,
    HandoffRequested,
    SystemNotice,
)
from handoff.domain.rules import ASK_BOT_CHOICE, WAIT_CHOICE
from handoff.service.reactor import TurnLimits
from tests.contract.until import until
from tests.unit.handoff.service.scripted_bot import (
    ScriptedBot,
    never_answers,
)
from tests.unit.handoff.service.stage import QUICK, Process, Stage, comes_to, nothing_is_left


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
