"""The webhook's calls as their receiver meets them: a real one, on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from handoff.adapters.webhook_http import HttpWebhook
from handoff.ports import WebhookFailedError
from tests.contract.held_clock import START, HeldClock

SECRET = "a-secret-of-the-tests"
BODY = {"type": "handoff.waiting", "conversation_id": "cnv_1"}


@dataclass(frozen=True)
class Call:
    line: str
    headers: dict[str, str]
    body: bytes


@asynccontextmanager
async def webhook(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[tuple[HttpWebhook, list[Call]]]:
    """A webhook whose receiver answers as told, and the calls it had."""
    calls: list[Call] = []

    async def take(request: web.Request) -> web.StreamResponse:
        calls.append(Call(f"{request.method} {request.path}", dict(request.headers), await request.read()))
        return await answer(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", take)
    async with TestServer(app) as server:
        hook = HttpWebhook(str(server.make_url("/baton?key=hidden")), SECRET, HeldClock())
        yield hook, calls
        await hook.close()


def with_status(status: int) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    return answer


async def test_a_receiver_can_prove_who_calls_and_when() -> None:
    async with webhook(with_status(204)) as (hook, calls):
        await hook.post("cnv_1.7", BODY)
    [call] = calls
    assert call.line == "POST /baton"
    assert json.loads(call.body) == BODY
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["Baton-Delivery"] == "cnv_1.7"
    timestamp = call.headers["Baton-Timestamp"]
    assert timestamp == str(START // 1000)
    signed = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + call.body, hashlib.sha256)
    assert call.headers["Baton-Signature"] == f"v1={signed.hexdigest()}"


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 429, 500, 503])
async def test_anything_but_a_yes_is_a_failure(status: int) -> None:
    async with webhook(with_status(status)) as (hook, calls):
        with pytest.raises(WebhookFailedError, match=f"status {status}"):
            await hook.post("d", BODY)
    # Whoever the receiver points at was not called.
    assert [call.line for call in calls] == ["POST /baton"]


async def test_a_receiver_who_cannot_be_reached_is_a_failure_that_names_no_address() -> None:
    hook = HttpWebhook(f"http://127.0.0.1:{unused_port()}/baton?key=hidden", SECRET, HeldClock())
    with pytest.raises(WebhookFailedError) as failed:
        await hook.post("d", BODY)
    assert "hidden" not in str(failed.value)
    await hook.close()


@pytest.mark.parametrize(
    "url", ["https://:443:hidden/", "http://hidden..example/", f"http://{'hidden' * 20}.example/"]
)
async def test_an_address_that_is_none_is_a_failure_too(url: str) -> None:
    hook = HttpWebhook(url, SECRET, HeldClock())
    with pytest.raises(WebhookFailedError) as failed:
        await hook.post("d", BODY)
    assert "hidden" not in str(failed.value)
    await hook.close()


async def test_a_receiver_who_does_not_answer_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff.adapters.webhook_http.TIMEOUT_S", 0.2)
    left = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await left.wait()
        return web.Response()

    async with webhook(hang) as (hook, _):
        with pytest.raises(WebhookFailedError, match="in time"):
            await hook.post("d", BODY)
        left.set()


async def test_what_is_answered_beside_the_status_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff.adapters.webhook_http.TIMEOUT_S", 5.0)
    left = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"x")
        await left.wait()
        return answer

    async with webhook(endless) as (hook, _):
        async with asyncio.timeout(2):
            await hook.post("d", BODY)
        left.set()
