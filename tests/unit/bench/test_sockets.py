"""The socket benchmark: idle customers on real servers, and figures from outcomes alone."""

import asyncio

import pytest

from bench import relay_load, sockets_load
from bench.clients import in_order
from bench.sockets import figures
from bench.sockets_load import PER_ADDRESS, Outcome, Plan, address, as_json, from_json, run
from tests.integration.relay.harness import running_relay
from tests.unit.bench.servers import agent_tokens, bare_relay

MB = 2**20


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(sockets_load, "SETTLE_S", 0.0)
    monkeypatch.setattr(relay_load, "DRAIN_LIMIT_S", 5.0)


def outcome(before_mb: int, held_mb: int, p99: float, held: int = 1024) -> Outcome:
    return Outcome(before_mb * MB, (before_mb + 1) * MB, held_mb * MB, held, 2.0, 4.0, [1.0], [1.0, p99], [])


def test_memory_is_the_growth_for_each_socket():
    found = figures([outcome(90, 140, 9.0)], [outcome(20, 40, 2.0)], 1024, {"cores": 2})
    assert (found["n"], found["kb_per_socket"], found["bare_kb_per_socket"]) == (1024, 50, 20)
    assert found["ratio"] == 2.5
    assert found["baton"]["kb_without_conversations"] == 49


def test_figures_are_the_median_rounds():
    baton = [outcome(90, 140, 9.0), outcome(90, 150, 5.0), outcome(90, 130, 99.0, held=1000)]
    found = figures(baton, [outcome(20, 40, 2.0)] * 3, 1024, {})
    assert found["kb_per_socket"] == 50
    assert found["p99_ms"] == pytest.approx(8.92)
    assert found["baton"]["held"] == 1000
    assert found["baton"]["opened_per_s"] == 512
    assert found["baton"]["spread"]["kb_per_socket"]["max"] == 60


def test_addresses_change_before_their_ports_run_out():
    assert address(0) == address(PER_ADDRESS - 1) == "127.0.0.2"
    assert address(PER_ADDRESS) == "127.0.0.3"


async def test_results_keep_their_order_and_no_more_than_allowed_are_under_way():
    under_way, most = 0, 0

    async def one(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(number % 3):
            await asyncio.sleep(0)
        under_way -= 1
        return number

    assert await in_order((one(number) for number in range(20)), at_once=4) == list(range(20))
    assert most == 4


def test_an_outcome_survives_its_way_out_of_the_process():
    assert from_json(as_json(outcome(1, 2, 3.0))) == outcome(1, 2, 3.0)


async def test_the_bare_server():
    async with bare_relay() as url:
        found = await run(Plan(url, 20, 2, 100.0, 0.3))
    assert (found.held, found.failures, found.opening_s) == (20, [], None)
    assert found.alone_ms
    assert found.held_ms


async def test_batons_relay(tmp_path):
    async with running_relay(tmp_path) as relay:
        tokens = await agent_tokens(relay, 2)
        found = await run(Plan(relay.url, 20, 2, 50.0, 0.3, tokens))
    assert (found.held, found.failures) == (20, [])
    assert found.held_ms
