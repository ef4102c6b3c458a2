"""Health names what is not ready, figures are private, and no address can take everything."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from handoff.api import operations
from handoff.domain.errors import StorageUnavailable
from handoff.ports import Backlog, EventLog
from tests.integration.relay.harness import Customer, RunningRelay, ScriptedBot, running_relay, until
from tests.unit.handoff.service.test_metrics import samples

OFFICE = {"X-Forwarded-For": "198.51.100.7"}
ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}
BEHIND_PROXY: dict[str, Any] = {"trusted_proxies": ["127.0.0.1"]}


async def get(at: RunningRelay, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=at.url) as http:
        return await http.get(path, headers=headers)


async def parts(at: RunningRelay) -> tuple[int, dict[str, str]]:
    """The status of `/health/ready`, and what it says is not ok."""
    answer = await get(at, "/health/ready")
    body = answer.json()
    assert body["ready"] == (answer.status_code == 200)
    return answer.status_code, {name: state for name, state in body["parts"].items() if state != "ok"}


# --- health -------------------------------------------------------------------------------------------------


class SilentLog:
    """A log that cannot be reached while told so; what is not asked for here goes to the real one."""

    def __init__(self, inner: EventLog) -> None:
        self._inner = inner
        self.is_gone = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def heads(self, ids: Any) -> dict[str, int]:
        if self.is_gone:
            raise StorageUnavailable("told so by the test")
        return await self._inner.heads(ids)


async def test_ready_means_that_every_part_is(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        assert await parts(at) == (200, {})
        assert (await get(at, "/health/live")).status_code == 200


async def test_a_part_that_is_not_ready_is_named_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs: list[SilentLog] = []

    def wrap(log: EventLog) -> EventLog:
        logs.append(SilentLog(log))
        return logs[0]  # type: ignore[return-value]

    async with running_relay(tmp_path, wrap_log=wrap) as at:
        logs[0].is_gone = True
        assert await parts(at) == (503, {"storage": "unavailable", "reactions": "unknown"})
        logs[0].is_gone = False
        assert await parts(at) == (200, {})

        async def behind(_now: int) -> Backlog:
            return Backlog(3, 3, operations.BEHIND_MS + 1)

        with monkeypatch.context() as patch:
            patch.setattr(at.relay.queue, "backlog", behind)
            assert await parts(at) == (503, {"reactions": "behind"})
        with monkeypatch.context() as patch:
            patch.setattr(type(at.relay.pubsub), "healthy", property(lambda _self: False))
            assert await parts(at) == (503, {"hints": "unreachable"})
        assert (await get(at, "/health/live")).status_code == 200


async def test_a_relay_without_its_redis_says_so_and_works(tmp_path: Path) -> None:
    async with running_relay(tmp_path, redis_url="redis://127.0.0.1:1/0") as at:
        assert await parts(at) == (503, {"hints": "unreachable"})
        customer = await at.customer()
        await customer.say("Does it work?")
        await customer.event("bot.replied")


async def test_a_bot_that_is_down_and_a_disk_that_is_full_are_named(tmp_path: Path) -> None:
    bot = ScriptedBot()
    bot.is_ready = False
    async with running_relay(tmp_path, bot=bot, disk_reserve_mb=10**12) as at:
        assert await parts(at) == (503, {"bot": "not ready", "disk": "nearly full"})


# --- metrics ------------------------------------------------------------------------------------------------


async def test_figures_tell_what_a_conversation_did(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        await customer.say("Where is it?")
        await customer.event("bot.replied")
        agent = await at.agent()
        await customer.command("request_human")
        await agent.item(customer.conversation_id, state="waiting")
        assert (await customer.command("request_human"))["type"] == "nack"
        await customer.raw("{")
        await customer.frame("error")
        await until(lambda: at.relay.inbox.waiting()[0] == 1)
        told = samples((await get(at, "/metrics")).content)
        assert told["baton_open_sockets{customer}"] == told["baton_open_sockets{agent}"] == 1
        # Started, said, replied, handed over.
        assert told["baton_appends_total"] == 4
        assert told["baton_append_seconds_count"] == told["baton_append_batch_commands_count"] >= 4
        assert told["baton_bot_turn_seconds_count"] == 1
        assert told["baton_hint_lag_seconds_count"] >= 1
        assert told["baton_nacks_total{wrong_state}"] == 1
        assert told["baton_nacks_total{bad_json}"] == 1
        assert told["baton_queue_length"] == 1
        assert told["baton_reactions_open{all}"] == 0
        await customer.close()
        async with httpx.AsyncClient(base_url=at.url) as http:
            await until(
                lambda: (
                    not at.relay.metrics.registry.get_sample_value("baton_open_sockets", {"kind": "customer"})
                )
            )
            told = samples((await http.get("/metrics")).content)
        assert told["baton_open_sockets{customer}"] == 0


async def test_history_is_not_taken_for_lag(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        await customer.say("one")
        await customer.event("bot.replied")
        await customer.close()
        before = at.relay.metrics.registry.get_sample_value("baton_hint_lag_seconds_count")
        again = Customer(at)
        again.token = customer.token
        await again.connect(after=0)
        await again.event("bot.replied")
        assert at.relay.metrics.registry.get_sample_value("baton_hint_lag_seconds_count") == before


async def test_a_socket_that_this_side_ends_is_counted_with_its_reason(tmp_path: Path) -> None:
    async with running_relay(tmp_path, hello_limit=0.05) as at:
        silent = Customer(at)
        await silent.dial()
        await silent.closed()
        told = samples((await get(at, "/metrics")).content)
        assert told["baton_sockets_dropped_total{hello_timeout}"] == 1
        assert told["baton_open_sockets{customer}"] == 0


async def test_figures_are_for_this_machine_alone_unless_a_token_is_set(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        assert (await get(at, "/metrics")).status_code == 200
        # A proxy here that nobody told us of: it may speak for anybody.
        for name in operations.FORWARDED:
            answer = await get(at, "/metrics", **{name: "127.0.0.1"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    async with running_relay(tmp_path, **BEHIND_PROXY) as at:
        assert (await get(at, "/metrics", **OFFICE)).status_code == 403
    async with running_relay(tmp_path, metrics_token="a-token-of-the-tests") as at:
        assert (await get(at, "/metrics")).status_code == 401
        assert (await get(at, "/metrics", Authorization="Bearer wrong")).status_code == 401
        good = {"Authorization": "Bearer a-token-of-the-tests"}
        assert (await get(at, "/metrics", **good, **OFFICE)).status_code == 200


# --- caps ---------------------------------------------------------------------------------------------------


async def dial(at: RunningRelay, headers: dict[str, str]) -> Customer:
    customer = Customer(at)
    await customer.dial(additional_headers=headers)
    return customer


async def refused(customer: Customer) -> None:
    assert (await customer.frame("error"))["error"]["code"] == "too_many_sockets"
    goodbye = await customer.frame("bye", code="too_many_sockets")
    assert goodbye["retry_ms"] > 0
    await customer.closed()


async def test_an_address_has_so_many_sockets_and_another_has_its_own(tmp_path: Path) -> None:
    async with running_relay(tmp_path, sockets_per_address=2, **BEHIND_PROXY) as at:
        first, _second = [await dial(at, OFFICE) for _ in range(2)]
        await refused(await dial(at, OFFICE))
        other = await dial(at, ELSEWHERE)
        await first.close()
        await until(lambda: _sockets(at) == 2)
        third = await dial(at, OFFICE)
        for open_ in (other, third):
            await open_.send("ping")
            await open_.frame("error")
            assert not [
                f for f in open_.frames if f["type"] == "error" and f["error"]["code"] == "too_many_sockets"
            ]


def _sockets(at: RunningRelay) -> float:
    return at.relay.metrics.registry.get_sample_value("baton_open_sockets", {"kind": "customer"}) or 0


async def test_the_64_bits_of_an_ipv6_network_are_one_address(tmp_path: Path) -> None:
    async with running_relay(tmp_path, sockets_per_address=1, **BEHIND_PROXY) as at:
        await dial(at, {"X-Forwarded-For": "2001:db8:1:2::1"})
        await refused(await dial(at, {"X-Forwarded-For": "2001:db8:1:2:ffff::9"}))
        elsewhere = await dial(at, {"X-Forwarded-For": "2001:db8:1:3::1"})
        await elsewhere.send("ping")
        assert (await elsewhere.frame("error"))["error"]["code"] != "too_many_sockets"


async def test_a_conversation_has_so_many_sockets(tmp_path: Path) -> None:
    async with running_relay(tmp_path, sockets_per_conversation=2) as at:
        tabs = [await at.customer()]
        for _ in range(2):
            tab = Customer(at)
            tab.token = tabs[0].token
            await tab.connect()
            tabs.append(tab)
        await refused(tabs[2])
        # The refusal took nothing from those that are there, and their places come back.
        assert (await tabs[0].say("still here"))["type"] == "ack"
        await tabs[1].close()
        await until(lambda: _sockets(at) == 1)
        again = Customer(at)
        again.token = tabs[0].token
        assert (await again.connect())["type"] == "welcome"
        assert (await at.customer()).frames[0]["type"] == "welcome"


async def open_one(at: RunningRelay, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=at.url, headers=headers) as http:
        return await http.post("/api/v1/conversations", json={"client_id": secrets.token_urlsafe(18)})


async def test_an_address_opens_so_many_conversations_a_minute(tmp_path: Path) -> None:
    async with running_relay(tmp_path, openings_per_minute=3, **BEHIND_PROXY) as at:
        assert [(await open_one(at, OFFICE)).status_code for _ in range(4)] == [201, 201, 201, 429]
        answer = await open_one(at, OFFICE)
        assert answer.json()["error"]["code"] == "rate_limited"
        assert 0 < answer.json()["error"]["data"]["retry_ms"] <= 20_001
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await open_one(at, ELSEWHERE)).status_code == 201


async def test_who_is_not_trusted_is_not_believed(tmp_path: Path) -> None:
    """Else one machine could be any number of addresses, or use up another's places."""
    async with running_relay(tmp_path, openings_per_minute=1, sockets_per_address=1) as at:
        # From this machine, whatever the header says: not counted.
        assert [(await open_one(at, OFFICE)).status_code for _ in range(3)] == [201] * 3
        for _ in range(2):
            await (await dial(at, OFFICE)).send("ping")
    proxy = "127.0.0.1"
    async with running_relay(tmp_path, openings_per_minute=1, trusted_proxies=[proxy]) as at:
        # What stands before the address that the proxy saw was written by the client.
        for number in range(2):
            forged = {"X-Forwarded-For": f"192.0.2.{number}, 198.51.100.7"}
            assert (await open_one(at, forged)).status_code == (201 if number == 0 else 429)


async def test_the_defaults_let_an_office_behind_one_address_work(tmp_path: Path) -> None:
    async with running_relay(tmp_path, **BEHIND_PROXY) as at:
        people = [await dial(at, OFFICE) for _ in range(60)]
        for person in people:
            await person.send("ping")
        for person in people:
            assert (await person.frame("error"))["error"]["code"] == "unauthorized"
        assert {(await open_one(at, OFFICE)).status_code for _ in range(60)} == {201}


async def test_every_answer_has_a_request_id_of_ours(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        ids = {
            (await get(at, "/health/live", **{"X-Request-Id": "theirs"})).headers["x-request-id"]
            for _ in range(3)
        }
        assert len(ids) == 3
        assert "theirs" not in ids


async def test_sockets_that_were_refused_leave_nothing_open(tmp_path: Path) -> None:
    async with running_relay(tmp_path, sockets_per_address=1, **BEHIND_PROXY) as at:
        kept = await dial(at, OFFICE)
        for _ in range(5):
            await refused(await dial(at, OFFICE))
        with pytest.raises(TimeoutError):
            await until(lambda: _sockets(at) != 1, patience_s=0.2)
        await kept.close()
        await until(lambda: not _sockets(at))
