"""Customers who ask at a steady rate, whoever is being trained or published: `python -m bench.retrain_load`.

A plan on standard input, what happened on standard output, both one JSON object. Questions leave when their time has
come, whether or not those before them are answered: a server that stands still for a moment is seen by all of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import uvloop

from bench.clients import BatonConversation, TurnFailedError

ANSWER_LIMIT_S: Final = 30.0
OPENED_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Plan:
    """`texts` are asked one after the other, `rate` of them a second, at the site with this root."""

    url: str
    rate: float
    texts: list[str]


@dataclass(frozen=True)
class Turn:
    """One answered question: when it left (Unix time in seconds), how long it took, and which release answered."""

    at: float
    ms: float
    release_id: str


@dataclass(frozen=True)
class Outcome:
    """All turns in the order of their answers, and the questions that got none (when they left, and why)."""

    turns: list[Turn]
    failures: list[tuple[float, str]]


async def run(plan: Plan) -> Outcome:
    """Ask everything. Conversations are opened before; one is taken again once its question is answered."""
    free: deque[BatonConversation] = deque()
    wanted = max(1, len(plan.texts) // 2)
    while len(free) < wanted:
        opening = (BatonConversation.open(plan.url) for _ in range(min(OPENED_AT_ONCE, wanted - len(free))))
        free += await asyncio.gather(*opening)
    opened = tuple(free)
    outcome = Outcome([], [])
    began = time.perf_counter()
    asking = []
    for number, text in enumerate(plan.texts):
        await asyncio.sleep(max(0.0, began + number / plan.rate - time.perf_counter()))
        if not free:
            free.append(await BatonConversation.open(plan.url))
        asking.append(asyncio.create_task(_ask(free, free.popleft(), text, outcome)))
    await asyncio.gather(*asking)
    for conversation in opened:
        await conversation.close()
    return outcome


async def _ask(
    free: deque[BatonConversation], conversation: BatonConversation, text: str, outcome: Outcome
) -> None:
    at, before = time.time(), time.perf_counter()
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            await conversation.ask(text)
    except (TurnFailedError, TimeoutError, OSError) as failure:
        outcome.failures.append((at, f"{text}: {str(failure) or type(failure).__name__}"))
        return
    outcome.turns.append(Turn(at, (time.perf_counter() - before) * 1000, conversation.release_id))
    if not conversation.over:
        free.append(conversation)


def as_json(outcome: Outcome) -> str:
    """An outcome as one line."""
    return json.dumps(asdict(outcome), separators=(",", ":"))


def from_json(line: str) -> Outcome:
    """The outcome that `as_json` wrote."""
    raw: dict[str, Any] = json.loads(line)
    return Outcome([Turn(**turn) for turn in raw["turns"]], [(at, why) for at, why in raw["failures"]])


def main(arguments: Sequence[str] = ()) -> int:
    """Run the plan on standard input."""
    del arguments
    outcome = uvloop.run(run(Plan(**json.loads(sys.stdin.read()))))
    sys.stdout.write(as_json(outcome) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
