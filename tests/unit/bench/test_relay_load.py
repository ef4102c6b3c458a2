"""The load generator of relays: its schedule, what it counts, and both loops on real servers."""

from dataclasses import replace

import pytest

from bench import relay_load
from bench.relay_load import Generator, Measured, Outcome, Pair, Plan, as_json, from_json, ignore, schedule
from bench.wire import WireError
from tests.integration.relay.harness import running_relay
from tests.unit.bench.servers import agent_tokens, bare_relay

PLAN = Plan("", pairs=3, in_flight=2, seconds=0.4)


class StillWire:
    """A socket that keeps what was written and says what the test tells it to."""

    closed: str | None = None

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, frame: bytes) -> None:
        self.written.append(frame)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(relay_load, "WARM_S", 0.1)


def pair_of_stills(on_done=ignore) -> Pair:
    return Pair(StillWire(), StillWire(), on_done)  # type: ignore[arg-type]


def ack(pair: Pair, number: int) -> None:
    pair.customer.on_text(b'{"type":"ack","client_id":"abc-%d","seq":1,"events":1}' % number)


def event(pair: Pair, number: int) -> None:
    pair.agent.on_text(
        b'{"type":"event","event":{"kind":"customer.said","data":{"text":"%d words"}}}' % number
    )


def test_a_schedule_is_in_order_within_its_time_and_near_its_rate():
    times = schedule(1000.0, 10.0, 50, seed=1)
    assert [at for at, _ in times] == sorted(at for at, _ in times)
    assert all(0 < at < 10 for at, _ in times)
    assert len(times) == pytest.approx(10_000, rel=0.05)


def test_every_pair_speaks_about_as_often():
    times = schedule(1000.0, 10.0, 5, seed=1)
    for number in range(5):
        assert sum(pair == number for _, pair in times) == pytest.approx(2_000, rel=0.1)


def test_a_schedule_is_decided_by_its_seed():
    assert schedule(50.0, 2.0, 3, seed=1) == schedule(50.0, 2.0, 3, seed=1)
    assert schedule(50.0, 2.0, 3, seed=1) != schedule(50.0, 2.0, 3, seed=2)


@pytest.mark.parametrize("first", [ack, event])
def test_a_message_is_done_when_it_was_both_acknowledged_and_received(first):
    done = []
    pair = pair_of_stills(done.append)
    pair.say(1.0)
    first(pair, 0)
    assert not done
    assert pair.under_way == 1
    (event if first is ack else ack)(pair, 0)
    assert done == [pair]
    assert pair.under_way == 0


def test_a_message_that_comes_twice_is_a_failure():
    pair = pair_of_stills()
    pair.say(1.0)
    event(pair, 0)
    event(pair, 0)
    assert pair.failures == ["message 0 came twice"]


@pytest.mark.parametrize("end", ["customer", "agent"])
def test_a_refusal_is_a_failure(end):
    pair = pair_of_stills()
    refusal = b'{"type":"nack","client_id":"abc-0","error":{"code":"rate_limited"}}'
    getattr(pair, end).on_text(refusal)
    assert pair.failures == [refusal.decode()]


def test_other_frames_are_counted_and_nothing_else():
    pair = pair_of_stills()
    pair.customer.on_text(b'{"type":"typing","on":true}')
    pair.agent.on_text(b'{"type":"inbox","item":{}}')
    assert (pair.frames, pair.failures, pair.heard) == (2, [], {})


def test_what_counts_is_completed_in_the_measured_time_and_timed_when_sent_in_it():
    pair = pair_of_stills()
    pair.sent = [0.5, 1.0, 1.5, 1.9]
    pair.acked = {0: 1.1, 1: 1.3, 2: 1.6, 3: 2.5}
    pair.heard = {0: 1.2, 1: 1.2, 2: 1.7, 3: 2.4}
    measured = Measured(1.0, 2.0)
    measured.add(pair)
    assert measured.messages == 3  # the last was completed too late
    assert measured.event_ms == pytest.approx([200, 200, 500])  # the first was sent too early
    assert measured.ack_ms == pytest.approx([300, 100, 600])
    assert not pair.failures


def test_a_message_that_never_came_is_lost():
    pair = pair_of_stills()
    pair.say(1.0)
    ack(pair, 0)
    measured = Measured(0.0, 2.0)
    measured.add(pair)
    assert pair.failures == ["1 of 1 messages were lost"]
    assert (measured.messages, measured.event_ms) == (0, [])


def test_an_outcome_survives_its_way_out_of_the_process():
    outcome = Outcome(3, 1.5, [1.0], [2.0], [], ["x"], 9, 0.1, 0.2, 0.5)
    assert from_json(as_json(outcome)) == outcome
    assert outcome.per_s == 2.0


@pytest.mark.parametrize("rate", [None, 200.0])
async def test_the_bare_relay(rate):
    async with bare_relay() as url:
        outcome = await Generator(replace(PLAN, url=url, rate=rate)).run()
    assert not outcome.failures
    assert outcome.messages > 10
    assert len(outcome.ack_ms) == len(outcome.event_ms) > 10
    assert min(outcome.event_ms) > 0
    assert bool(outcome.late_ms) == (rate is not None)


@pytest.mark.parametrize("rate", [None, 100.0])
async def test_batons_relay_with_a_conversation_that_an_agent_holds(tmp_path, rate):
    async with running_relay(tmp_path, message_rate=1e6, message_burst=10**6) as relay:
        tokens = await agent_tokens(relay, PLAN.pairs)
        outcome = await Generator(replace(PLAN, url=relay.url, rate=rate, agent_tokens=tokens)).run()
        assert not relay.bot.requests
    assert not outcome.failures
    assert outcome.messages > 10
    assert len(outcome.event_ms) > 10


async def test_a_relay_that_refuses_everybody(tmp_path):
    async with running_relay(tmp_path) as relay:
        with pytest.raises(WireError):
            await Generator(replace(PLAN, url=relay.url, agent_tokens=["bta_wrong"] * 3)).run()
