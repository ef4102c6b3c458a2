"""The load generator of growing conversations, a process of its own: `python -m bench.growth_load`, a plan on standard
input, what happened on standard output, both one JSON object.

Conversations are brought to their sizes first; then the measured questions go, one at a time, in turn to every size and
every system, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final, Literal

import uvloop

from bench.clients import BatonConversation, Conversation, Line, RasaConversation, TurnFailedError, in_order
from bench.load import ANSWER_LIMIT_S
from bench.questions import endless, read_questions

GROWN_AT_ONCE: Final = 4
"""Both systems' longest conversations; one question is under way in each."""

PER_TURN: Final = 2
"""Messages of a turn: the question and its answer."""


@dataclass(frozen=True)
class Plan:
    """`sizes`: messages of a conversation -> how many such conversations each system gets; `urls`: the sites' roots.

    `rounds`: questions measured for each size and system.
    """

    urls: dict[Literal["baton", "rasa_lr"], str]
    sizes: dict[int, int]
    rounds: int
    seed: int = 0


@dataclass(frozen=True)
class Turn:
    """A measured question in a conversation that had `messages` before it and was made for `size`."""

    system: str
    size: int
    messages: int
    ms: float


@dataclass(frozen=True)
class Outcome:
    """The measured turns, what came to nothing, and how many answers were handoffs that the customer took back."""

    turns: list[Turn]
    failures: list[str]
    handoffs: int


class Growing:
    """A conversation and how many messages it has. `handoffs`: answers that handed it to a person."""

    def __init__(self, system: str, size: int, conversation: Conversation) -> None:
        self.system = system
        self.size = size
        self.messages = 0
        self.handoffs = 0
        self._conversation = conversation

    async def ask(self, text: str) -> float:
        """Ask; how many ms the answer took. Raises `TurnFailedError`, `TimeoutError`, `OSError`."""
        before = time.perf_counter()
        async with asyncio.timeout(ANSWER_LIMIT_S):
            await self._conversation.ask(text)
        ms = (time.perf_counter() - before) * 1000
        self.messages += PER_TURN
        if self._conversation.over:
            # The conversation is to grow on: the customer would rather go on with the bot.
            self.handoffs += 1
            await self._conversation.back_to_bot()
        return ms

    async def grow(self, texts: Iterable[str]) -> None:
        """Ask all of them, one after the other. Raises as `ask`."""
        for text in texts:
            await self.ask(text)

    async def close(self) -> None:
        """Hang up."""
        await self._conversation.close()


async def run(plan: Plan) -> Outcome:
    """Carry out the plan. Raises `TurnFailedError`, `OSError` where the conversations could not be made."""
    questions = (question.text for question in endless(read_questions(), plan.seed))
    conversations = await _grown(plan, questions)
    turns, failures = [], []
    for number in range(plan.rounds):
        for of_size in conversations:
            text = next(questions)
            order = of_size if number % 2 == 0 else of_size[::-1]
            for same in order:
                growing = same[number % len(same)]
                messages = growing.messages
                try:
                    ms = await growing.ask(text)
                except (TurnFailedError, TimeoutError, OSError) as failure:
                    failures.append(f"{growing.system}, {messages} messages, {text}: {failure!r}")
                    continue
                turns.append(Turn(growing.system, growing.size, messages, ms))
    everyone = [growing for of_size in conversations for same in of_size for growing in same]
    for growing in everyone:
        await growing.close()
    return Outcome(turns, failures, sum(growing.handoffs for growing in everyone))


async def _grown(plan: Plan, questions: Iterator[str]) -> list[list[list[Growing]]]:
    """For each size and each system the conversations of that size."""
    found = []
    growing = []
    for size, many in plan.sizes.items():
        asked = [list(islice(questions, size // PER_TURN)) for _ in range(many)]
        of_size = [
            [Growing(name, size, await OPENERS[name](url)) for _ in asked] for name, url in plan.urls.items()
        ]
        growing += [(one, texts) for same in of_size for one, texts in zip(same, asked, strict=True)]
        found.append(of_size)
    # The longest take the longest, so they begin first.
    growing.sort(key=lambda pair: pair[0].size, reverse=True)
    await in_order((one.grow(texts) for one, texts in growing), GROWN_AT_ONCE)
    return found


class PatientRasa(RasaConversation):
    """A conversation that goes on after a pause, in which Rasa hangs up."""

    def __init__(self, line: Line, url: str) -> None:
        super().__init__(line)
        self._url = url

    @classmethod
    async def open(cls, url: str) -> PatientRasa:
        """A conversation in which nothing has been asked. Raises `OSError`."""
        return cls(await Line.connect(url), url)

    async def ask(self, text: str) -> tuple[str, str]:
        if self._line.gone or self._line.broken:
            self._line.close()
            self._line = await Line.connect(self._url)
        return await super().ask(text)


OPENERS: Final[dict[str, Callable[[str], Awaitable[Conversation]]]] = {
    "baton": BatonConversation.open,
    "rasa_lr": PatientRasa.open,
}


def as_json(outcome: Outcome) -> str:
    """An outcome as one line."""
    return json.dumps(asdict(outcome), separators=(",", ":"))


def from_json(line: str) -> Outcome:
    """The outcome that `as_json` wrote."""
    raw: dict[str, Any] = json.loads(line)
    return Outcome([Turn(**turn) for turn in raw["turns"]], raw["failures"], raw["handoffs"])


def main() -> int:
    """Carry out the plan on standard input."""
    # The generator's own pauses would be charged to what it measures.
    gc.disable()
    raw = json.loads(sys.stdin.read())
    plan = Plan(**{**raw, "sizes": {int(size): many for size, many in raw["sizes"].items()}})
    sys.stdout.write(as_json(uvloop.run(run(plan))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
