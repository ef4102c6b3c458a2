"""Turns that are ready together go through one by one, with the loop free between them."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from bot.figures import Figures
from bot.turnstile import Turnstile

WORK_S = 0.02


async def test_the_loop_comes_to_other_things_between_two_turns() -> None:
    turnstile = Turnstile()
    ready = asyncio.Event()
    trace: list[str] = []

    async def turn(number: int) -> None:
        await ready.wait()
        await turnstile.passed()
        trace.append(f"turn {number}")
        time.sleep(WORK_S)

    async def other() -> None:
        await ready.wait()
        while len(trace) < 9:
            trace.append("other")
            await asyncio.sleep(0)

    turns = [asyncio.create_task(turn(number)) for number in range(5)]
    beside = asyncio.create_task(other())
    await asyncio.sleep(0)
    ready.set()
    await asyncio.gather(*turns, beside)
    order = [entry for entry in trace if entry != "other"]
    assert order == [f"turn {number}" for number in range(5)]
    places = [place for place, entry in enumerate(trace) if entry != "other"]
    assert all("other" in trace[a:b] for a, b in pairwise(places[1:])), trace


async def test_no_stall_is_longer_than_one_turn_however_many_are_ready() -> None:
    turnstile, figures = Turnstile(), Figures()
    ready = asyncio.Event()

    async def turn() -> None:
        await ready.wait()
        await turnstile.passed()
        time.sleep(WORK_S)

    turns = [asyncio.create_task(turn()) for _ in range(20)]
    await asyncio.sleep(0)
    figures.start()
    ready.set()
    await asyncio.gather(*turns)
    figures.stop()
    assert figures.stalls.over(0.01) >= 10
    assert figures.stalls.over(0.1) == 0, figures.text()


async def test_who_waits_and_goes_holds_up_nobody() -> None:
    turnstile = Turnstile()
    first, second, gone, stays = (asyncio.create_task(turnstile.passed()) for _ in range(4))
    await asyncio.sleep(0)
    assert [task.done() for task in (first, second, gone, stays)] == [True, False, False, False]
    gone.cancel()
    await asyncio.wait_for(asyncio.gather(second, stays), 5)
    await asyncio.wait_for(turnstile.passed(), 5)
    assert gone.cancelled()


async def test_alone_there_is_nothing_to_wait_for() -> None:
    turnstile = Turnstile()
    for _ in range(3):
        with pytest.raises(StopIteration):  # it ends at its first step
            turnstile.passed().send(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
