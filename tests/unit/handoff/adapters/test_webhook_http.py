"""The webhook's calls as their receiver meets them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable

import httpx
import pytest

from handoff.adapters.webhook_http import HttpWebhook
from handoff.ports import WebhookFailedError
from tests.contract.held_clock import START, HeldClock

SECRET = "a-secret-of-the-tests"
BODY = {"type": "handoff.waiting", "conversation_id": "cnv_1"}


def webhook(answer: Callable[[httpx.Request], httpx.Response]) -> HttpWebhook:
    hook = HttpWebhook("https://hooks.example/baton?key=hidden", SECRET, HeldClock())
    hook._client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return hook


async def test_a_receiver_can_prove_who_calls_and_when() -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    hook = webhook(take)
    await hook.post("cnv_1.7", BODY)
    await hook.close()
    [request] = seen
    assert request.method == "POST"
    assert json.loads(request.content) == BODY
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Baton-Delivery"] == "cnv_1.7"
    timestamp = request.headers["Baton-Timestamp"]
    assert timestamp == str(START // 1000)
    signed = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + request.content, hashlib.sha256)
    assert request.headers["Baton-Signature"] == f"v1={signed.hexdigest()}"


@pytest.mark.parametrize("status", [301, 400, 404, 410, 429, 500, 503])
async def test_anything_but_a_yes_is_a_failure(status: int) -> None:
    hook = webhook(lambda _: httpx.Response(status, headers={"Location": "https://elsewhere.example"}))
    with pytest.raises(WebhookFailedError, match=f"status {status}"):
        await hook.post("d", BODY)


async def test_a_receiver_who_cannot_be_reached_is_a_failure_that_names_no_address() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no route to {request.url}")

    with pytest.raises(WebhookFailedError) as failed:
        await webhook(refuse).post("d", BODY)
    assert "hidden" not in str(failed.value)


async def test_a_receiver_who_does_not_answer_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff.adapters.webhook_http.TIMEOUT_S", 0.01)

    async def hang(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    hook = HttpWebhook("https://hooks.example", SECRET, HeldClock())
    hook._client = httpx.AsyncClient(transport=httpx.MockTransport(hang))
    with pytest.raises(WebhookFailedError, match="in time"):
        await hook.post("d", BODY)
