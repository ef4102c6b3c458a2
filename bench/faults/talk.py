"""What is said in a run: each customer's conversation in rounds of some questions to the bot and a talk with an agent.

A round: a few questions, each awaited; then a person is asked for, two agents may claim at once, and customer and
agent write at the same time, some words under way together; at the end the agent hands back to the bot or closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from bench.faults.clients import Agent, Customer, View

ROUND: Final = 40
"""Words of a round, two or three of which are questions to the bot: 5 % and a little, as some meet a bot that is down."""

ANSWER_LIMIT_S: Final = 20.0
TRIES: Final = 50
UNDER_WAY: Final = 3
RIVAL: Final = 0.15
NOTE: Final = 0.3
CLOSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Talk:
    """One customer, the agents who follow the conversation, and the questions that can be asked."""

    customer: Customer
    agents: Sequence[Agent]
    questions: Sequence[str]
    rng: Random

    @property
    def id(self) -> str:
        """The conversation."""
        return self.customer.view.reader.conversation_id

    async def run(self, words: int) -> None:
        """Say `words` things in all, in as many rounds as that takes."""
        left = words
        while left > 0:
            left -= await self._round(min(left, ROUND))

    async def _round(self, words: int) -> int:
        asked = await self._ask_bot(min(self.rng.choice((2, 2, 3)), words))
        said = words - asked
        if said:
            holder = await self._meet_agent()
            by_agent = said // 2
            await asyncio.gather(
                self._say(lambda text: self.customer.command(self.id, "say", text=text), said - by_agent),
                self._say(lambda text: self._as_agent(holder, "say", text=text), by_agent),
            )
            await self._part(holder)
        return words

    async def _ask_bot(self, most: int) -> int:
        view = self.customer.view
        for number in range(most):
            if number and view.state != "bot":
                return number
            answer = await self.customer.command(self.id, "say", text=self.rng.choice(self.questions))
            if answer["type"] == "ack":
                await self._until_answered(answer["seq"])
        return most

    async def _until_answered(self, turn: int) -> None:
        view = self.customer.view
        await until(view, lambda: view.last >= turn and (turn in view.answered or view.state != "bot"))

    async def _meet_agent(self) -> Agent:
        """The agent who won the claim. Raises `RuntimeError` when nobody can."""
        for _ in range(TRIES):
            if self.customer.view.state in ("bot", "none"):
                await self.customer.command(self.id, "request_human")
            claiming = self.agents if self.rng.random() < RIVAL else self.agents[:1]
            answers = await asyncio.gather(*(self._as_agent(agent, "claim") for agent in claiming))
            for agent, answer in zip(claiming, answers, strict=True):
                if answer["type"] == "ack":
                    return agent
                holder = answer["error"].get("data", {}).get("holder")
                held_by = next((a for a in self.agents if holder and a.id == holder["id"]), None)
                if held_by is not None:
                    return held_by
            await asyncio.sleep(0.2)
        raise RuntimeError(f"nobody could claim {self.id}: {answers}")

    async def _say(self, send: Callable[[str], Awaitable[Any]], count: int) -> None:
        """Say `count` things, some of them under way at once."""
        numbers = iter(range(count))

        async def some() -> None:
            for number in numbers:
                await send(f"line {number} of {count}")

        await asyncio.gather(*(some() for _ in range(UNDER_WAY)))

    async def _part(self, holder: Agent) -> None:
        if self.rng.random() < NOTE:
            await self._as_agent(holder, "note", text="settled")
        if self.rng.random() < CLOSE:
            await self._as_agent(holder, "close", after=holder.views[self.id].last, outcome="solved")
        if holder.views[self.id].state == "agent":
            await self._as_agent(holder, "return_to_bot", outcome="solved")

    async def _as_agent(self, agent: Agent, type_: str, **fields: Any) -> dict[str, Any]:
        return await agent.command(self.id, type_, conversation_id=self.id, **fields)


async def until(view: View, condition: Callable[[], bool], limit_s: float = ANSWER_LIMIT_S) -> bool:
    """Wait for the view to be so, at most `limit_s`; says whether it is."""
    try:
        async with asyncio.timeout(limit_s):
            while not condition():
                view.changed.clear()
                await view.changed.wait()
    except TimeoutError:
        return False
    return True
