"""A webhook over HTTP, signed so that its receiver can tell our calls from everybody else's."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import orjson

from handoff.adapters.http_client import HttpClient, is_success
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
        self._client = HttpClient()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

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
            async with asyncio.timeout(TIMEOUT_S):
                status = await self._client.status("POST", self._url, content, headers)
        except TimeoutError as failure:
            raise WebhookFailedError("no answer in time") from failure
        except aiohttp.ClientError as failure:
            # Its name alone: the message may repeat the address, which may hold a secret.
            raise WebhookFailedError(type(failure).__name__) from failure
        if not is_success(status):
            raise WebhookFailedError(f"status {status}")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The hex HMAC-SHA256 over the timestamp, a full stop and the body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
