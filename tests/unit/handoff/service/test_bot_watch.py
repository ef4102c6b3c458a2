"""Whether the bot can take a turn, and who is told when it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from handoff.service import bot_watch
from handoff.service.bot_watch import BotWatch
from tests.contract.until import stays_pending, until
from tests.unit.handoff.service.scripted_bot import ScriptedBot


@pytest.fixture
def bot() -> ScriptedBot:
    return ScriptedBot(up=False)


@pytest.fixture
async def watch(bot: ScriptedBot) -> AsyncIterator[BotWatch]:
    watch = BotWatch(bot)
    yield watch
    await watch.stop()


async def test_it_follows_the_bot(watch: BotWatch, bot: ScriptedBot) -> None:
    watch.start()
    assert not watch.is_ready
    bot.up = True
    await until(lambda: watch.is_ready)
    bot.up = False
    await until(lambda: not watch.is_ready)


async def test_those_who_wait_go_on_as_soon_as_it_is_ready(watch: BotWatch, bot: ScriptedBot) -> None:
    watch.start()
    waiting = asyncio.create_task(watch.wait_ready(10))
    assert await stays_pending(waiting)
    bot.up = True
    assert await waiting
    assert await watch.wait_ready(0)


async def test_those_who_wait_too_long_are_told_that_it_is_not(watch: BotWatch) -> None:
    watch.start()
    assert not await watch.wait_ready(0.03)


async def test_each_return_is_told_once(watch: BotWatch, bot: ScriptedBot) -> None:
    returns: list[int] = []

    async def note() -> None:
        returns.append(len(returns))

    watch.when_ready(note)
    watch.start()
    for n in range(3):
        bot.up = True
        await until(lambda n=n: len(returns) == n + 1)  # type: ignore[misc]
        bot.up = False
        await until(lambda: not watch.is_ready)
    assert returns == [0, 1, 2]


async def test_who_finds_it_down_makes_it_ask_at_once(
    watch: BotWatch, bot: ScriptedBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot_watch, "ASK_WHEN_READY_S", 3600.0)
    bot.up = True
    watch.start()
    await until(lambda: watch.is_ready)
    bot.up = False
    watch.mark_down()
    assert not watch.is_ready
    bot.up = True
    assert await watch.wait_ready(5)


async def test_a_handler_that_fails_keeps_nobody_else_from_being_told(
    watch: BotWatch, bot: ScriptedBot
) -> None:
    told: list[str] = []

    async def fail() -> None:
        raise LookupError("a mistake in this program")

    async def note() -> None:
        told.append("back")

    watch.when_ready(fail)
    watch.when_ready(note)
    bot.up = True
    watch.start()
    await until(lambda: told == ["back"])
    bot.up = False
    await until(lambda: not watch.is_ready)


async def test_a_question_that_fails_unexpectedly_counts_as_down(watch: BotWatch, bot: ScriptedBot) -> None:
    bot.up = True
    watch.start()
    await until(lambda: watch.is_ready)

    async def fail() -> bool:
        raise LookupError("a mistake in this program")

    bot.ready = fail  # type: ignore[method-assign]
    await until(lambda: not watch.is_ready)
    del bot.ready  # type: ignore[misc]
    await until(lambda: watch.is_ready)
