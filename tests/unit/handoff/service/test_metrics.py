"""What is counted is what happened, and two relays in one process do not count together."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.contract import ContractError, TurnRequest
from handoff.domain.errors import StorageUnavailable
from handoff.ports import Backlog, BotFailedError, BotNotReadyError
from handoff.service import metrics as metrics_module
from handoff.service.measured_bot import MeasuredBot
from handoff.service.metrics import Metrics
from tests.contract.held_clock import START, HeldClock
from tests.unit.handoff.service.scripted_bot import ScriptedBot
from tests.unit.handoff.service.stage import Process

REQUEST = TurnRequest(conversation_id="c", episode=1, turn=2, text="hi", choice=None, locale="en")


def samples(text: bytes) -> dict[str, float]:
    """`name{label}` -> value."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = ",".join(value for key, value in sample.labels.items() if key != "le")
            if "le" not in sample.labels:
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def read(
    metrics: Metrics, *, waiting: tuple[int, int | None] = (0, None), queue: Any = None
) -> dict[str, float]:
    inbox: Any = SimpleNamespace(waiting=lambda: waiting)
    return samples(await metrics.text(HeldClock(), inbox, queue or Queue(Backlog(0, 0, 0))))


class Queue:
    """A backlog as the test says."""

    def __init__(self, backlog: Backlog | None) -> None:
        self.found = backlog

    async def backlog(self, now: int) -> Backlog:
        assert now == START
        if self.found is None:
            raise StorageUnavailable("told so by the test")
        return self.found


async def test_what_happened_is_told() -> None:
    metrics = Metrics()
    metrics.socket_opened("customer")
    metrics.socket_opened("customer")
    metrics.socket_closed("customer")
    metrics.committed(3, 5, 0.004)
    metrics.committed(1, 1, 0.002)
    metrics.delivered(12)
    metrics.refused("rate_limited")
    metrics.dropped("too_slow")
    told = await read(metrics, waiting=(2, START - 90_000), queue=Queue(Backlog(7, 3, 4_500)))
    assert told["baton_open_sockets{customer}"] == 1
    assert told["baton_open_sockets{agent}"] == 0
    assert told["baton_appends_total"] == 6
    assert told["baton_append_seconds_count"] == 2
    assert told["baton_append_batch_commands_sum"] == 4
    assert told["baton_hint_lag_seconds_sum"] == pytest.approx(0.012)
    assert told["baton_nacks_total{rate_limited}"] == 1
    assert told["baton_sockets_dropped_total{too_slow}"] == 1
    assert (told["baton_queue_length"], told["baton_queue_oldest_seconds"]) == (2, 90)
    assert (told["baton_reactions_open{all}"], told["baton_reactions_open{due}"]) == (7, 3)
    assert told["baton_reactions_behind_seconds"] == 4.5


async def test_a_clock_that_runs_behind_makes_no_negative_lag() -> None:
    metrics = Metrics()
    metrics.delivered(-30)
    assert (await read(metrics))["baton_hint_lag_seconds_sum"] == 0


async def test_figures_are_told_while_the_storage_cannot_be_read() -> None:
    metrics = Metrics()
    await read(metrics, queue=Queue(Backlog(4, 0, 0)))
    assert (await read(metrics, queue=Queue(None)))["baton_reactions_open{all}"] == 4


async def test_two_relays_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.committed(1, 1, 0.1)
    assert (await read(other))["baton_appends_total"] == 0


async def test_an_event_loop_that_is_held_up_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "LOOP_LAG_EVERY_S", 0.01)
    metrics = Metrics()
    metrics.start()
    await asyncio.sleep(0)
    time.sleep(0.2)
    async with asyncio.timeout(5):
        while not (await read(metrics))["baton_event_loop_lag_seconds_count"]:
            await asyncio.sleep(0.005)
    assert (await read(metrics))["baton_event_loop_lag_seconds_sum"] >= 0.15
    await metrics.stop()


async def test_a_commit_tells_its_commands_and_events(relay: Process) -> None:
    told: list[tuple[int, int, float]] = []
    relay.conversations.when_committed(lambda *what: told.append(what))
    conversation_id = await relay.open()
    await asyncio.gather(relay.say(conversation_id, "one"), relay.say(conversation_id, "two"))
    assert [(commands, events) for commands, events, _ in told] == [(1, 1), (2, 2)]
    assert all(0 < seconds < 10 for _, _, seconds in told)


async def test_a_commit_that_failed_is_not_counted(relay: Process) -> None:
    conversation_id = await relay.open()
    told: list[tuple[int, int, float]] = []
    relay.conversations.when_committed(lambda *what: told.append(what))
    relay.log.broken = True
    with pytest.raises(StorageUnavailable):
        await relay.say(conversation_id, "one")
    assert told == []


# --- the bot -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (None, "refused"),
        (TimeoutError(), "too_late"),
        (ContractError("no turn"), "nonsense"),
        (ValueError("no JSON"), "nonsense"),
        (ConnectionResetError(), "lost"),
    ],
)
async def test_a_bots_failures_are_counted_by_reason(cause: Exception | None, reason: str) -> None:
    async def fail(_request: TurnRequest) -> Any:
        raise BotFailedError("no answer") from cause

    metrics, bot = Metrics(), ScriptedBot()
    bot.then(fail)
    with pytest.raises(BotFailedError):
        await MeasuredBot(bot, metrics).turn(REQUEST, 5.0)
    told = await read(metrics)
    assert told[f"baton_bot_failures_total{{{reason}}}"] == 1
    assert told["baton_bot_turn_seconds_count"] == 0


async def test_a_bots_answers_are_timed_and_its_absence_is_counted() -> None:
    metrics, bot = Metrics(), ScriptedBot()
    measured = MeasuredBot(bot, metrics)
    assert (await measured.turn(REQUEST, 5.0)).turn == 2
    bot.up = False
    with pytest.raises(BotNotReadyError):
        await measured.turn(REQUEST, 5.0)
    assert await measured.ready() is False
    told = await read(metrics)
    assert told["baton_bot_turn_seconds_count"] == 1
    assert told["baton_bot_failures_total{not_ready}"] == 1
