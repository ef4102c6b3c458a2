"""Sockets that say nothing, too much, or what nobody understands: a clear error each, and nothing half done."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.integration.relay.harness import Agent, Customer, running_relay, until

BAD_FRAMES: list[tuple[str | bytes, str]] = [
    (b"\x00\x01", "binary_refused"),
    ("not json", "bad_json"),
    ('{"type": "say"', "bad_json"),
    ("[1, 2]", "bad_json"),
    ('"hello"', "bad_json"),
    ("null", "bad_json"),
    ('{"no": "type"}', "bad_frame"),
    ('{"type": "shout"}', "unknown_type"),
    ('{"type": 7}', "unknown_type"),
    ('{"type": "claim", "conversation_id": "x", "client_id": "0123456789abcdef"}', "unknown_type"),
    ('{"type": "ping", "extra": 1}', "bad_frame"),
    ('{"type": "say", "client_id": "short", "text": "hi"}', "bad_frame"),
    ('{"type": "say", "client_id": "0123456789abcdef", "text": ""}', "bad_frame"),
    ('{"type": "say", "client_id": "0123456789abcdef", "text": "   "}', "bad_frame"),
    ('{"type": "say", "client_id": "0123456789abcdef", "text": 5}', "bad_frame"),
    ('{"type": "say", "client_id": "0123456789abcdef", "text": "a\\u0000b"}', "bad_frame"),
    (json.dumps({"type": "say", "client_id": "0123456789abcdef", "text": "x" * 4001}), "bad_frame"),
    (
        '{"type": "say", "client_id": "0123456789abcdef", "text": "hi", "choice": "never offered"}',
        "bad_frame",
    ),
    ('{"type": "seen", "seq": -1}', "bad_frame"),
    ('{"type": "seen", "seq": 99999999999999999999}', "bad_frame"),
    ('{"type": "typing", "on": "yes"}', "bad_frame"),
    (json.dumps({"type": "say", "client_id": "0123456789abcdef", "text": "x" * 70_000}), "too_large"),
]


async def test_each_bad_frame_gets_its_code_and_changes_nothing(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        for data, code in BAD_FRAMES:
            customer = await at.customer()
            await customer.raw(data)
            refused = await until(
                lambda customer=customer: next(
                    (f for f in customer.frames if f["type"] in ("error", "nack")), None
                )
            )
            assert refused["error"]["code"] == code, data
            assert refused["error"]["message"], data
            if isinstance(data, str) and "0123456789abcdef" in data and code != "unknown_type":
                assert refused.get("client_id", "0123456789abcdef") == "0123456789abcdef"
            # The socket goes on and the conversation is as it was.
            assert (await customer.say("Hello"))["type"] == "ack"
            await customer.event("bot.replied")
            assert [e["seq"] for e in customer.events] == [1, 2, 3]
            await customer.close()


async def test_a_socket_that_says_nothing_is_told_and_closed(tmp_path: Path) -> None:
    async with running_relay(tmp_path, hello_limit=0.2) as at:
        for client in (Customer(at), Agent(at, "", "")):
            await client.dial()
            assert (await client.frame("error"))["error"]["code"] == "hello_timeout"
            await client.closed()


async def test_a_socket_that_falls_silent_is_told_to_come_back(tmp_path: Path) -> None:
    async with running_relay(tmp_path, idle_limit=0.2) as at:
        customer = await at.customer()
        assert (await customer.frame("error"))["error"]["code"] == "idle"
        assert (await customer.frame("bye"))["retry_ms"] > 0
        await customer.closed()


async def test_speaking_before_hello_ends_the_socket(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = Customer(at)
        await customer.dial()
        await customer.send("say", client_id=secrets.token_urlsafe(18), text="Too early")
        assert (await customer.frame("error"))["error"]["code"] == "unauthorized"
        await customer.closed()


async def test_a_flood_is_slowed_down_and_nothing_that_was_acked_is_lost(tmp_path: Path) -> None:
    async with running_relay(tmp_path, message_rate=5, message_burst=10) as at:
        customer = await at.customer()
        await customer.command("request_human")
        sent = {secrets.token_urlsafe(18): number for number in range(40)}
        for client_id, number in sent.items():
            await customer.send("say", client_id=client_id, text=f"line {number}")
        await until(lambda: sum(f["type"] in ("ack", "nack") for f in customer.frames) >= 41)
        answers = [f for f in customer.frames if f["type"] in ("ack", "nack") and f["client_id"] in sent]
        acked = [f["client_id"] for f in answers if f["type"] == "ack"]
        limited = [f for f in answers if f["type"] == "nack"]
        assert limited
        assert acked
        assert all(f["error"]["code"] == "rate_limited" for f in limited)
        assert all(f["error"]["data"]["retry_ms"] > 0 for f in limited)
        said = [e["data"]["client_id"] for e in customer.events if e["kind"] == "customer.said"]
        assert said == acked


async def test_a_client_that_sends_only_nonsense_is_dismissed(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        for _ in range(25):
            try:
                await customer.raw("nonsense")
            except websockets.ConnectionClosed:
                break
        await customer.closed()
        assert sum(f["type"] == "error" for f in customer.frames) <= 21


async def test_an_agents_unknown_conversation_is_not_found(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        agent = await at.agent()
        await agent.send("subscribe", conversation_id="cnv_nowhere", after=0)
        assert (await agent.frame("error"))["error"]["code"] == "not_found"
        refused = await agent.command("claim", conversation_id="cnv_nowhere")
        assert refused["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_json"),
        (b"{", 400, "bad_json"),
        (b"[]", 400, "bad_json"),
        (b'{"client_id": "short"}', 422, "bad_frame"),
        (b'{"client_id": "0123456789abcdef", "more": 1}', 422, "bad_frame"),
        (b'{"client_id": "0123456789abcdef", "locale": "../../etc"}', 422, "bad_frame"),
        (b'{"client_id": 1234567890123456}', 422, "bad_frame"),
        (b'{"client_id": "0123456789abcdef", "page": {"url": "' + b"x" * 70_000 + b'"}}', 413, "too_large"),
        (b"\xff\xfe", 400, "bad_json"),
    ],
)
async def test_bad_openings(tmp_path: Path, body: bytes, status: int, code: str) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        answer = await http.post("/api/v1/conversations", content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        _assert_one_shape(answer.json())


async def test_every_http_error_has_the_one_shape_and_no_stack_trace(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        answers = [
            await http.get("/nowhere"),
            await http.delete("/api/v1/conversations"),
            await http.get(
                "/api/v1/conversations/x/events?after=minus", headers={"Authorization": "Bearer x"}
            ),
            await http.post("/api/v1/auth/login", json={"name": "x"}),
            await http.post("/api/v1/auth/login", content=b"{"),
            await http.get("/api/v1/inbox"),
            await http.get("/api/v1/kb/search"),
            await http.get("/widget.js"),
            await http.get("/assets/../../../etc/passwd"),
        ]
        for answer in answers:
            assert answer.status_code >= 400
            _assert_one_shape(answer.json())
            assert "Traceback" not in answer.text


async def test_a_body_that_cannot_be_parsed_is_bad_json(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        for body in (b"[" * 60_000, b'{"name": "\xff", "password": "x"}', b"{"):
            answer = await http.post(
                "/api/v1/auth/login", content=body, headers={"Content-Type": "application/json"}
            )
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_json")


async def test_a_form_that_is_wrong_is_told_in_words_over_http(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        query = await http.get("/api/v1/kb/search?q=a&locale=../x")
        body = await http.post("/api/v1/conversations", json={"client_id": "short"})
        assert query.json()["error"]["message"] == "locale: must be a language tag such as en or de-AT."
        assert "16 to 64 printable" in body.json()["error"]["message"]


def _assert_one_shape(body: dict[str, Any]) -> None:
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "data"}
    assert body["error"]["message"]
