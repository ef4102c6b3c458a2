"""A bot inside the test: it answers as told, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from bot.contract import HUMAN_CHOICE, Choice, Decision, Passage, Reply, TurnOutcome, TurnRequest
from handoff.ports import BotFailedError, BotNotReadyError

Step = Callable[[TurnRequest], Awaitable[TurnOutcome]]


def answer(request: TurnRequest, text: str = "It is on its way.") -> TurnOutcome:
    """An answer from an article, with the way to a person."""
    decision = Decision("answer", "confident", 0.9, 0.5, passages=(Passage("track", "Tracking", 0.9),))
    reply = Reply(f"{text} [{request.text}]", (Choice(HUMAN_CHOICE, "Talk to a person"),), "track")
    return TurnOutcome(request.turn, "r1", decision, (reply,))


def escalation(request: TurnRequest) -> TurnOutcome:
    """Two replies and a handoff."""
    decision = Decision("escalate", "low_confidence", 0.2, 0.5)
    replies = (Reply("I am not sure."), Reply("I'll get a person."))
    return TurnOutcome(request.turn, "r1", decision, replies)


class ScriptedBot:
    """`BotEngine`. Steps given with `then` are taken one per call, in order; after them every turn is answered."""

    def __init__(self, *, up: bool = True) -> None:
        self.up = up
        self.asked: list[TurnRequest] = []
        self.in_flight: Counter[str] = Counter()
        self.most_in_flight = 0
        self._steps: list[Step] = []

    @property
    def turns(self) -> list[int]:
        """The turns that were handed over, in order, repeats included."""
        return [request.turn for request in self.asked]

    def then(self, *steps: Step) -> None:
        self._steps.extend(steps)

    async def turn(self, request: TurnRequest, timeout_s: float) -> TurnOutcome:
        if not self.up:
            raise BotNotReadyError("down")
        self.asked.append(request)
        self.in_flight[request.conversation_id] += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight[request.conversation_id])
        try:
            async with asyncio.timeout(timeout_s):
                return await self._steps.pop(0)(request) if self._steps else answer(request)
        except TimeoutError:
            raise BotFailedError("not in time") from None
        finally:
            self.in_flight[request.conversation_id] -= 1

    async def ready(self) -> bool:
        return self.up

    async def search(self, query: str, locale: str, limit: int) -> list[dict[str, Any]]:
        raise BotNotReadyError("not asked here")


class Held:
    """A step that waits for `go_on`, then takes another one."""

    def __init__(self, after: Step | None = None) -> None:
        self.begun = asyncio.Event()
        self._go = asyncio.Event()
        self._after = after

    def go_on(self) -> None:
        self._go.set()

    async def __call__(self, request: TurnRequest) -> TurnOutcome:
        self.begun.set()
        await self._go.wait()
        return await self._after(request) if self._after else answer(request)


async def fails(_request: TurnRequest) -> TurnOutcome:
    raise BotFailedError("status 500")


async def never_answers(_request: TurnRequest) -> TurnOutcome:
    await asyncio.Event().wait()
    raise AssertionError


async def breaks(_request: TurnRequest) -> TurnOutcome:
    raise LookupError("a mistake in this program")


async def escalates(request: TurnRequest) -> TurnOutcome:
    return escalation(request)
