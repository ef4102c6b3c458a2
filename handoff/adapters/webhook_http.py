"""A webhook over HTTP, signed so that its receiver can tell our calls from everybody else's."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson

from handoff.ports import Clock, WebhookFailedError

SIGNATURE_HEADER: Final = "Baton-Signature"
TIMESTAMP_HEADER: Final = "Baton-Timestamp"
DELIVERY_HEADER: Final = "Baton-Delivery"
TIMEOUT_S: Final = 5.0


class HttpWebhook:
    """`Webhook` at `url`. Redirects are not followed, and what is answered beside the status is not read."""

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def post(self, delivery: str, body: Mapping[str, Any]) -> None:
        """See `Webhook.post`."""
        content = orjson.dumps(body)
        timestamp = str(self._clock.now_ms() // 1000)
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP_HEADER: timestamp,
            DELIVERY_HEADER: delivery,
            SIGNATURE_HEADER: f"v1={signature(self._secret, timestamp, content)}",
        }
        try:
            # The client's own timeout is for each step; this one is for all of them together.
            async with asyncio.timeout(TIMEOUT_S):
                async with self._client.stream("POST", self._url, content=content, headers=headers) as answer:
                    status = answer.status_code
        except TimeoutError as failure:
            raise WebhookFailedError("no answer in time") from failure
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            # Its name alone: the message may repeat the address, which may hold a secret.
            raise WebhookFailedError(type(failure).__name__) from failure
        if not httpx.codes.is_success(status):
            raise WebhookFailedError(f"status {status}")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The hex HMAC-SHA256 over the timestamp, a full stop and the body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
