"""The load generator, a process of its own: `python -m bench.load`, a plan on standard input, what happened on
standard output, both one JSON object.

A plan asks scripts: each is one conversation's questions in order, asked one after the other by the next customer
who is free. Customers do not pause. Conversations are opened and connected before the clock starts; a question's
time runs from its frame's departure to the arrival of its answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import uvloop

from bench.clients import BatonConversation, Conversation, RasaConversation, TurnFailedError

ANSWER_LIMIT_S = 30.0


@dataclass(frozen=True)
class Plan:
    """What to ask of whom. `url` is the site's root, without a path."""

    system: Literal["baton", "rasa"]
    url: str
    customers: int
    scripts: list[list[str]]


@dataclass(frozen=True)
class Turn:
    """One question. `nth` is its place in its conversation, from 1; `end` in seconds since the clock started."""

    text: str
    nth: int
    ms: float
    end: float
    answer: str
    kind: str


@dataclass(frozen=True)
class Outcome:
    """All turns, the questions that came to nothing, and how many seconds every customer was busy."""

    turns: list[Turn]
    failures: list[str]
    busy_s: float

    @property
    def turns_per_s(self) -> float:
        """Turns while every customer was busy; the tail, in which some have run out of questions, is left out."""
        return sum(turn.end <= self.busy_s for turn in self.turns) / self.busy_s if self.busy_s else 0.0


class Generator(ABC):
    """Asks a plan's questions."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.scripts = deque(plan.scripts)
        self.turns: list[Turn] = []
        self.failures: list[str] = []
        self.busy_s = 0.0
        self.started = 0.0

    @abstractmethod
    async def prepare(self) -> None:
        """Open what takes time to open."""

    @abstractmethod
    async def conversation(self, customer: int) -> Conversation:
        """A conversation in which nothing has been asked yet."""

    @abstractmethod
    async def finish(self) -> None:
        """Close everything."""

    async def run(self) -> Outcome:
        """The whole plan."""
        await self.prepare()
        self.started = time.perf_counter()
        await asyncio.gather(*(self._customer(number) for number in range(self.plan.customers)))
        await self.finish()
        return Outcome(self.turns, self.failures, self.busy_s)

    async def _customer(self, number: int) -> None:
        while self.scripts:
            script = self.scripts.popleft()
            conversation = await self.conversation(number)
            for nth, text in enumerate(script, 1):
                if conversation.over:  # handed to a person: the next question is a new conversation's first
                    conversation = await self.conversation(number)
                await self._ask(conversation, text, nth)
        if not self.busy_s:
            self.busy_s = time.perf_counter() - self.started

    async def _ask(self, conversation: Conversation, text: str, nth: int) -> None:
        before = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                answer, kind = await conversation.ask(text)
        except (TurnFailedError, TimeoutError, OSError) as failure:
            conversation.over = True
            self.failures.append(f"{text}: {str(failure) or type(failure).__name__}")
            return
        after = time.perf_counter()
        self.turns.append(Turn(text, nth, (after - before) * 1000, after - self.started, answer, kind))


class BatonGenerator(Generator):
    """Asks Baton's relay: one socket for each conversation, all of them open before the clock starts.

    There are as many as there are questions, because each answer may be a handoff, after which the bot is not asked.
    """

    async def prepare(self) -> None:
        wanted = sum(len(script) for script in self.plan.scripts)
        self.fresh: deque[BatonConversation] = deque()
        self.used: list[BatonConversation] = []
        while len(self.fresh) < wanted:
            opening = (BatonConversation.open(self.plan.url) for _ in range(min(8, wanted - len(self.fresh))))
            self.fresh += await asyncio.gather(*opening)

    async def conversation(self, customer: int) -> Conversation:
        conversation = self.fresh.popleft()
        self.used.append(conversation)
        return conversation

    async def finish(self) -> None:
        # What waits for a person is ended, so that the next measurement finds an empty inbox.
        for conversation in (*self.used, *self.fresh):
            await conversation.close()


class RasaGenerator(Generator):
    """Asks Rasa's REST channel: one kept connection for each customer, a new sender for each conversation."""

    async def prepare(self) -> None:
        connecting = (RasaConversation.connect(self.plan.url) for _ in range(self.plan.customers))
        self.lines = await asyncio.gather(*connecting)

    async def conversation(self, customer: int) -> Conversation:
        if self.lines[customer].broken:
            self.lines[customer].close()
            self.lines[customer] = await RasaConversation.connect(self.plan.url)
        return RasaConversation(self.lines[customer])

    async def finish(self) -> None:
        for line in self.lines:
            line.close()


def as_json(outcome: Outcome) -> str:
    """An outcome as one line."""
    return json.dumps(asdict(outcome), separators=(",", ":"))


def from_json(line: str) -> Outcome:
    """The outcome that `as_json` wrote."""
    raw: dict[str, Any] = json.loads(line)
    return Outcome([Turn(**turn) for turn in raw["turns"]], raw["failures"], raw["busy_s"])


def main(arguments: Sequence[str] = ()) -> int:
    """Run the plan on standard input."""
    del arguments
    plan = Plan(**json.loads(sys.stdin.read()))
    generator = BatonGenerator(plan) if plan.system == "baton" else RasaGenerator(plan)
    outcome = uvloop.run(generator.run())
    sys.stdout.write(as_json(outcome) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
