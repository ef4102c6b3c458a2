"""Several bots as one: who is asked, for how long, and who next."""

from __future__ import annotations

import asyncio

import pytest

from bot.contract import TurnOutcome, TurnRequest
from handoff.adapters.bot_pool import FIRST_SHARE, BotPool
from handoff.ports import BotFailedError, BotNotReadyError, BotReleaseRefusedError
from tests.unit.handoff.service.scripted_bot import ScriptedBot, answer


def request(conversation: str = "c", turn: int = 2) -> TurnRequest:
    return TurnRequest(conversation, 1, turn, "Where is it?")


async def fail(_request: TurnRequest) -> TurnOutcome:
    raise BotFailedError("planted")


async def never(_request: TurnRequest) -> TurnOutcome:
    await asyncio.Event().wait()
    raise AssertionError("nobody waits for this")


@pytest.fixture
def bots() -> list[ScriptedBot]:
    return [ScriptedBot(), ScriptedBot(), ScriptedBot()]


def asked(bots: list[ScriptedBot]) -> list[list[int]]:
    return [bot.turns for bot in bots]


async def test_a_conversation_stays_with_its_bot_and_many_are_spread(bots: list[ScriptedBot]) -> None:
    pool = BotPool(bots)
    for turn in (2, 4, 6):
        await pool.turn(request("c", turn), 5.0)
    assert sorted(asked(bots)) == [[], [], [2, 4, 6]]
    for number in range(90):
        await pool.turn(request(f"c{number}"), 5.0)
    assert all(len(bot.turns) > 15 for bot in bots)


async def test_a_bot_that_is_down_loses_only_its_own_conversations(bots: list[ScriptedBot]) -> None:
    pool = BotPool(bots)
    names = [f"c{number}" for number in range(30)]
    for name in names:
        await pool.turn(request(name), 5.0)
    before = [{r.conversation_id for r in bot.asked} for bot in bots]
    bots[1].up = False
    assert await pool.ready()
    for name in names:
        await pool.turn(request(name, 4), 5.0)
    after = [{r.conversation_id for r in bot.asked if r.turn == 4} for bot in bots]
    assert before[0] < after[0]
    assert before[2] < after[2]
    assert after[1] == set()


async def test_a_turn_that_one_bot_fails_is_answered_by_another_with_the_same_turn(
    bots: list[ScriptedBot],
) -> None:
    pool = BotPool(bots)
    await pool.turn(request(), 5.0)
    [first] = [bot for bot in bots if bot.turns]
    first.then(fail)
    outcome = await pool.turn(request(turn=4), 5.0)
    assert outcome == answer(request(turn=4))
    assert first.turns == [2, 4]
    assert sum(bot.turns == [4] for bot in bots) == 1
    # Put aside, it is not the first to be asked for a while.
    await pool.turn(request(turn=6), 5.0)
    assert first.turns == [2, 4]


async def test_a_slow_bot_is_cut_off_in_time_for_another(bots: list[ScriptedBot]) -> None:
    for bot in bots[:2]:
        bot.then(never)
    bots[2].then(never)
    pool = BotPool(bots)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(BotFailedError):
        await pool.turn(request(), 0.3)
    assert loop.time() - began >= 0.3 * (1 - FIRST_SHARE)
    assert [bot.turns for bot in bots] == [[2], [2], [2]]
    # All were slow once; whoever is asked now answers.
    assert (await pool.turn(request(turn=4), 0.3)).turn == 4


async def test_without_any_bot_the_turn_was_never_handed_over(bots: list[ScriptedBot]) -> None:
    for bot in bots:
        bot.up = False
    pool = BotPool(bots)
    assert not await pool.ready()
    with pytest.raises(BotNotReadyError):
        await pool.turn(request(), 5.0)
    with pytest.raises(BotNotReadyError):
        await pool.search("q", "en", 3)
    bots[0].up = True
    assert await pool.ready()
    assert (await pool.turn(request(), 5.0)).turn == 2


async def test_a_failure_counts_more_than_a_bot_that_is_down(bots: list[ScriptedBot]) -> None:
    bots[0].up = bots[1].up = False
    bots[2].then(fail)
    with pytest.raises(BotFailedError):
        await BotPool(bots).turn(request(), 5.0)


async def test_a_release_that_one_bot_refuses_is_not_asked_of_the_others_and_puts_no_bot_aside(
    bots: list[ScriptedBot],
) -> None:
    async def refuse(_request: TurnRequest) -> TurnOutcome:
        raise BotReleaseRefusedError("planted")

    pool = BotPool(bots)
    await pool.turn(request("c"), 5.0)
    own = next(bot for bot in bots if bot.turns)
    own.then(refuse)
    with pytest.raises(BotReleaseRefusedError):
        await pool.turn(request("c", 4), 5.0)
    assert sorted(asked(bots)) == [[], [], [2, 4]]
    await pool.turn(request("c", 6), 5.0)
    assert sorted(asked(bots)) == [[], [], [2, 4, 6]]
