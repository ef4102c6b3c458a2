"""The wake-up ladder on a clock in the test's hands: called in time, once, and only while somebody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from handoff.adapters.reactions_sql import SqlReactions
from handoff.domain.commands import ReleaseLease
from handoff.domain.events import SYSTEM, HandoffAlerted
from handoff.domain.rules import LADDER, Rules, Rung
from handoff.ports import WebhookFailedError
from handoff.service.due_rows import DueRows
from handoff.service.ladder import LEVELS, TRIES_AT_MOST, WEBHOOK_KINDS, Callers, WebhookCaller
from tests.contract.until import until_stored
from tests.unit.handoff.service.stage import Process, Stage

LEASE_MS = 15_000
RULES = Rules(ladder=(*LADDER, Rung("wake_webhook", 120_000)))


class Hook:
    """A webhook that says yes, or fails as often as the test says."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.posted: list[tuple[str, Mapping[str, Any]]] = []

    async def post(self, delivery: str, body: Mapping[str, Any]) -> None:
        self.posted.append((delivery, body))
        if len(self.posted) <= self.failures:
            raise WebhookFailedError("status 500")


def people(process: Process) -> DueRows:
    return DueRows(
        "ladder",
        worker=process.name,
        queue=SqlReactions(process.engine, LEVELS),
        clock=process.clock,
        lease_ms=LEASE_MS,
        handle=Callers(process.conversations).climb,
    )


def web(process: Process, hook: Hook | None) -> DueRows:
    queue = SqlReactions(process.engine, WEBHOOK_KINDS)
    caller = WebhookCaller(
        worker=process.name, queue=queue, log_=process.log, clock=process.clock, webhook=hook
    )
    return DueRows(
        "webhooks",
        worker=process.name,
        queue=queue,
        clock=process.clock,
        lease_ms=LEASE_MS,
        handle=caller.climb,
    )


@pytest.fixture
async def waiting(stage: Stage) -> tuple[Process, str]:
    """A relay, and a conversation that has just asked for a person."""
    relay = stage.process(rules=RULES)
    c = await relay.open()
    await relay.say(c, "my card is 4111 1111 1111 1111")
    await relay.ask_for_a_person(c)
    return relay, c


async def levels(relay: Process, conversation_id: str) -> list[str]:
    return [alert.level for alert in await relay.of(HandoffAlerted, conversation_id)]


async def test_agents_are_called_at_30_s_and_supervisors_at_2_min(
    stage: Stage, waiting: tuple[Process, str]
) -> None:
    relay, c = waiting
    ladder = people(relay)
    stage.clock.pass_ms(29_999)
    assert await ladder.look() == 0
    stage.clock.pass_ms(1)
    assert await ladder.look() == 1
    assert await levels(relay, c) == ["agents"]
    stage.clock.pass_ms(89_999)
    assert await ladder.look() == 0
    stage.clock.pass_ms(1)
    assert await ladder.look() == 1
    assert await levels(relay, c) == ["agents", "supervisors"]
    stage.clock.pass_s(3600)
    assert await ladder.look() == 0


async def test_of_several_relays_one_calls_also_after_a_restart(
    stage: Stage, waiting: tuple[Process, str]
) -> None:
    relay, c = waiting
    await relay.conversations.stop()
    others = [stage.process(rules=RULES) for _ in range(3)]
    stage.clock.pass_s(600)
    hooks = [Hook() for _ in others]
    for _ in range(2):
        await asyncio.gather(*(people(other).look() for other in others))
        await asyncio.gather(*(web(other, hook).look() for other, hook in zip(others, hooks, strict=True)))
    found = await levels(others[0], c)
    # Both rungs were due at once: the louder one may have come first, and then the other says nothing more.
    assert found in (["agents", "supervisors"], ["supervisors"])
    assert sum(len(hook.posted) for hook in hooks) == 1


@pytest.mark.parametrize("end", ["claim", "cancel_handoff"])
async def test_a_wait_that_is_over_calls_nobody_and_its_rows_are_done(
    stage: Stage, waiting: tuple[Process, str], end: str
) -> None:
    relay, c = waiting
    await getattr(relay, end)(c)
    stage.clock.pass_s(600)
    hook = Hook()
    assert await people(relay).look() == 2
    assert await web(relay, hook).look() == 1
    assert (await levels(relay, c), hook.posted) == ([], [])
    stage.clock.pass_s(600)
    assert (await people(relay).look(), await web(relay, hook).look()) == (0, 0)


async def test_who_is_put_back_waits_anew_and_the_old_rungs_say_nothing(
    stage: Stage, waiting: tuple[Process, str]
) -> None:
    relay, c = waiting
    stage.clock.pass_s(20)
    await relay.claim(c)
    await relay.conversations.execute(c, SYSTEM, ReleaseLease("usr_ana"))
    stage.clock.pass_s(29)
    assert await people(relay).look() == 1
    assert await levels(relay, c) == []
    stage.clock.pass_s(1)
    await people(relay).look()
    assert await levels(relay, c) == ["agents"]


async def test_a_storage_that_fails_delays_the_call(stage: Stage, waiting: tuple[Process, str]) -> None:
    relay, c = waiting
    stage.clock.pass_s(30)
    relay.log.broken = True
    await people(relay).look()
    assert await levels(relay, c) == []
    relay.log.broken = False
    stage.clock.pass_ms(LEASE_MS)
    await people(relay).look()
    assert await levels(relay, c) == ["agents"]


async def test_the_webhook_is_told_what_it_needs_and_no_word_of_the_customer(
    stage: Stage, waiting: tuple[Process, str]
) -> None:
    relay, c = waiting
    stage.clock.pass_s(120)
    hook = Hook()
    await web(relay, hook).look()
    [(delivery, body)] = hook.posted
    assert delivery == f"{c}.3"
    assert body == {
        "type": "handoff.waiting",
        "level": "supervisors",
        "conversation_id": c,
        "handoff_id": f"{c}.1",
        "reason": "asked",
        "waiting_since": "2026-09-21T14:13:20.000Z",
        "waited_s": 120,
    }


async def test_a_webhook_that_fails_is_tried_again_later_and_later(
    stage: Stage, waiting: tuple[Process, str]
) -> None:
    relay, _ = waiting
    stage.clock.pass_s(120)
    hook = Hook(failures=2)
    rows = web(relay, hook)
    for pause_ms in (5_000, 15_000):
        assert await rows.look() == 1
        stage.clock.pass_ms(pause_ms - 1)
        assert await rows.look() == 0
        stage.clock.pass_ms(1)
    assert await rows.look() == 1
    assert len({delivery for delivery, _ in hook.posted}) == 1
    stage.clock.pass_s(3600)
    assert await rows.look() == 0


async def test_a_webhook_that_never_takes_it_is_given_up(stage: Stage, waiting: tuple[Process, str]) -> None:
    relay, _ = waiting
    hook = Hook(failures=100)
    for _ in range(TRIES_AT_MOST + 3):
        stage.clock.pass_s(3600)
        await web(relay, hook).look()
    assert len(hook.posted) == TRIES_AT_MOST


async def test_a_webhook_that_was_taken_out_of_the_settings_is_not_missed(
    stage: Stage, waiting: tuple[Process, str]
) -> None:
    relay, _ = waiting
    stage.clock.pass_s(120)
    assert await web(relay, None).look() == 1
    stage.clock.pass_s(120)
    assert await web(relay, Hook()).look() == 0


async def test_it_looks_by_itself_and_a_storage_that_fails_does_not_end_it(
    stage: Stage, waiting: tuple[Process, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    relay, c = waiting
    ladder = people(relay)
    tried: list[int] = []
    look = ladder.look

    async def failing_at_first() -> int:
        tried.append(1)
        if len(tried) == 1:
            raise LookupError("a mistake in this program")
        return await look()

    monkeypatch.setattr(ladder, "look", failing_at_first)
    stage.clock.pass_s(30)
    ladder.start()

    async def is_called() -> bool:
        return await levels(relay, c) == ["agents"]

    await until_stored(is_called)
    await ladder.stop()
