"""The bot over HTTP, on loopback or a private network, with the shared secret on every call."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

import aiohttp
import orjson

from bot.contract import ContractError, TurnOutcome, TurnRequest, outcome_from_json, request_to_json
from handoff.adapters.http_client import HttpClient, is_success
from handoff.ports import BotFailedError, BotNotReadyError, BotReleaseRefusedError

SECRET_HEADER: Final = "X-Baton-Secret"  # noqa: S105 - the header is named, not the secret
READY_TIMEOUT_S: Final = 2.0
SEARCH_TIMEOUT_S: Final = 3.0
LOAD_TIMEOUT_S: Final = 60.0
SERVICE_UNAVAILABLE: Final = 503
CONFLICT: Final = 409
RELEASE_REFUSED: Final = "release_refused"


class HttpBot:
    """`BotEngine` that speaks to `bot.serve`."""

    def __init__(self, base_url: str, secret: str) -> None:
        self._base = base_url.rstrip("/")
        self._client = HttpClient({SECRET_HEADER: secret, "Content-Type": "application/json"})

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def turn(self, request: TurnRequest, timeout_s: float) -> TurnOutcome:
        """See `BotEngine.turn`."""
        try:
            status, body = await self._post("/bot/turns", request_to_json(request), timeout_s)
        except TimeoutError as failure:
            raise BotFailedError("no answer in time") from failure
        except aiohttp.ClientConnectorError as failure:
            raise BotNotReadyError(str(failure)) from failure
        except aiohttp.ClientError as failure:
            raise BotFailedError(f"no answer: {type(failure).__name__}") from failure
        if status == SERVICE_UNAVAILABLE:
            raise BotNotReadyError("warming")
        if status == CONFLICT and request.release_id is not None and _code(body) == RELEASE_REFUSED:
            raise BotReleaseRefusedError(_message(body))
        if not is_success(status):
            raise BotFailedError(f"status {status}")
        try:
            outcome = outcome_from_json(orjson.loads(body))
        except (ContractError, ValueError) as failure:
            raise BotFailedError(f"not a turn's outcome: {failure}") from failure
        if outcome.turn != request.turn:
            raise BotFailedError(f"the outcome of turn {outcome.turn} for turn {request.turn}")
        return outcome

    async def ready(self) -> bool:
        """See `BotEngine.ready`."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                status, _ = await self._client.exchange("GET", f"{self._base}/bot/ready")
        except (TimeoutError, aiohttp.ClientError):
            return False
        return is_success(status)

    async def loaded(self) -> Collection[str]:
        """The releases it has in memory. Raises `BotNotReadyError`."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                status, body = await self._client.exchange("GET", f"{self._base}/bot/ready")
        except (TimeoutError, aiohttp.ClientError) as failure:
            raise BotNotReadyError(str(failure)) from failure
        try:
            found = orjson.loads(body)["release_ids"] if is_success(status) else None
        except (KeyError, TypeError, ValueError):
            found = None
        if not isinstance(found, list):
            raise BotNotReadyError(f"status {status}")
        return [str(release_id) for release_id in found]

    async def load(self, release_id: str) -> None:
        """Have it load a release. Raises `BotNotReadyError`, `BotReleaseRefusedError`."""
        try:
            status, body = await self._post(f"/bot/releases/{release_id}/load", {}, LOAD_TIMEOUT_S)
        except (TimeoutError, aiohttp.ClientError) as failure:
            raise BotNotReadyError(str(failure)) from failure
        if status == CONFLICT:
            raise BotReleaseRefusedError(_message(body))
        if not is_success(status):
            raise BotNotReadyError(f"status {status}")

    async def search(self, query: str, locale: str, limit: int) -> list[dict[str, Any]]:
        """See `BotEngine.search`."""
        asked = {"q": query, "locale": locale, "limit": limit}
        try:
            status, body = await self._post("/bot/search", asked, SEARCH_TIMEOUT_S)
            if not is_success(status):
                raise BotNotReadyError(f"status {status}")
            results = orjson.loads(body)["results"]
        except (TimeoutError, aiohttp.ClientError, KeyError, TypeError, ValueError) as failure:
            raise BotNotReadyError(str(failure)) from failure
        if not isinstance(results, list):
            raise BotNotReadyError("the answer has no list of results")
        return results

    async def ask(self, path: str, body: Any, timeout_s: float) -> dict[str, Any]:
        """What the bot answers to one of its other questions: an object.

        Raises:
            BotNotReadyError: it is warming up or cannot be reached.
            BotFailedError: it refused, answered with nonsense or not in time.
        """
        try:
            status, answer = await self._post(path, body, timeout_s)
            found = orjson.loads(answer)
        except TimeoutError as failure:
            raise BotFailedError("no answer in time") from failure
        except aiohttp.ClientError as failure:
            raise BotNotReadyError(str(failure)) from failure
        except ValueError as failure:
            raise BotFailedError("not JSON") from failure
        if status == SERVICE_UNAVAILABLE:
            raise BotNotReadyError("warming")
        if not is_success(status) or not isinstance(found, dict):
            raise BotFailedError(f"status {status}")
        return found

    async def _post(self, path: str, body: Any, timeout_s: float) -> tuple[int, bytes]:
        async with asyncio.timeout(timeout_s):
            return await self._client.exchange("POST", f"{self._base}{path}", orjson.dumps(body))


def _error(body: bytes) -> dict[str, Any]:
    """The `error` object of a refusal; empty where there is none."""
    try:
        error = orjson.loads(body)["error"]
    except (KeyError, TypeError, ValueError):
        return {}
    return error if isinstance(error, dict) else {}


def _code(body: bytes) -> str:
    return str(_error(body).get("code", ""))


def _message(body: bytes) -> str:
    return str(_error(body).get("message") or "it does not say why")
