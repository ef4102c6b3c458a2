"""A bot's dialogue is kept with its outcome and given to whichever bot takes the next turn."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.contract import TurnOutcome, TurnRequest
from handoff.domain.events import BotReplied, BotReplyDiscarded
from tests.contract.until import until, until_stored
from tests.unit.handoff.service.scripted_bot import answer
from tests.unit.handoff.service.stage import Process


async def replied(process: Process, conversation_id: str, count: int) -> bool:
    return len(await process.of(BotReplied, conversation_id)) >= count


async def discarded(process: Process, conversation_id: str) -> bool:
    return bool(await process.of(BotReplyDiscarded, conversation_id))


async def test_the_next_turn_is_given_what_the_last_recorded_outcome_left(answering: Process) -> None:
    async def with_dialogue(request: TurnRequest) -> TurnOutcome:
        return replace(answer(request), dialogue=f"after {request.turn}")

    c = await answering.open()
    answering.bot.then(with_dialogue, with_dialogue)
    first = (await answering.say(c, "One")).seq
    await until_stored(lambda: replied(answering, c, 1))
    second = (await answering.say(c, "Two")).seq
    await until_stored(lambda: replied(answering, c, 2))
    await answering.say(c, "Three")
    await until_stored(lambda: replied(answering, c, 3))
    await answering.say(c, "Four")
    await until_stored(lambda: replied(answering, c, 4))
    # The third outcome had none to carry: older ones must not come back.
    assert [r.dialogue for r in answering.bot.asked] == [None, f"after {first}", f"after {second}", None]


async def test_an_outcome_that_was_discarded_leaves_no_dialogue(answering: Process) -> None:
    gate = asyncio.Event()

    async def late(request: TurnRequest) -> TurnOutcome:
        await gate.wait()
        return replace(answer(request), dialogue="of a turn that has not happened")

    c = await answering.open()
    answering.bot.then(late)
    await answering.say(c, "Where is it?")
    await until(lambda: answering.bot.asked)
    await answering.ask_for_a_person(c)
    await answering.claim(c)
    gate.set()
    await until_stored(lambda: discarded(answering, c))
    assert await answering.log.dialogue(c) is None
