"""Questions while a person takes over: the bot never speaks over an agent, and what it had to say is told as discarded."""

from __future__ import annotations

import asyncio

import pytest

from handoff.domain.commands import CloseConversation
from handoff.domain.events import (
    AgentJoined,
    BotReplyDiscarded,
)
from tests.unit.handoff.service.scripted_bot import (
    Held,
    ScriptedBot,
    escalates,
    fails,
)
from tests.unit.handoff.service.stage import ANA, Process, Stage, comes_to, nothing_is_left


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
