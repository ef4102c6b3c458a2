"""The bot over HTTP, on loopback or a private network, with the shared secret on every call."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httpx

from bot.contract import ContractError, TurnOutcome, TurnRequest, outcome_from_json, request_to_json
from handoff.ports import BotFailedError, BotNotReadyError

SECRET_HEADER: Final = "X-Baton-Secret"  # noqa: S105 - the header is named, not the secret
READY_TIMEOUT_S: Final = 2.0
SEARCH_TIMEOUT_S: Final = 3.0
SERVICE_UNAVAILABLE: Final = 503


class HttpBot:
    """`BotEngine` that speaks to `bot.serve`."""

    def __init__(self, base_url: str, secret: str) -> None:
        # trust_env off: a proxy of the machine has no business between relay and bot.
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={SECRET_HEADER: secret},
            limits=httpx.Limits(max_connections=256, max_keepalive_connections=64),
            trust_env=False,
            # For a bot on this machine no certificate is looked at, and reading the machine's takes 50 ms of a start.
            verify=base_url.startswith("https:"),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def turn(self, request: TurnRequest, timeout_s: float) -> TurnOutcome:
        """See `BotEngine.turn`."""
        try:
            # The client's own timeout is for each step of the exchange; a turn's is for all of them together.
            async with asyncio.timeout(timeout_s):
                answer = await self._client.post(
                    "/bot/turns", json=request_to_json(request), timeout=timeout_s
                )
        except TimeoutError as failure:
            raise BotFailedError("no answer in time") from failure
        except (httpx.ConnectError, httpx.ConnectTimeout) as failure:
            raise BotNotReadyError(str(failure)) from failure
        except httpx.HTTPError as failure:
            raise BotFailedError(f"no answer: {type(failure).__name__}") from failure
        if answer.status_code == SERVICE_UNAVAILABLE:
            raise BotNotReadyError("warming")
        if not answer.is_success:
            raise BotFailedError(f"status {answer.status_code}")
        try:
            outcome = outcome_from_json(answer.json())
        except (ContractError, ValueError) as failure:
            raise BotFailedError(f"not a turn's outcome: {failure}") from failure
        if outcome.turn != request.turn:
            raise BotFailedError(f"the outcome of turn {outcome.turn} for turn {request.turn}")
        return outcome

    async def ready(self) -> bool:
        """See `BotEngine.ready`."""
        try:
            answer = await self._client.get("/bot/ready", timeout=READY_TIMEOUT_S)
        except httpx.HTTPError:
            return False
        return answer.is_success

    async def search(self, query: str, locale: str, limit: int) -> list[dict[str, Any]]:
        """See `BotEngine.search`."""
        body = {"q": query, "locale": locale, "limit": limit}
        try:
            answer = await self._client.post("/bot/search", json=body, timeout=SEARCH_TIMEOUT_S)
            answer.raise_for_status()
            results = answer.json()["results"]
        except (httpx.HTTPError, KeyError, TypeError, ValueError) as failure:
            raise BotNotReadyError(str(failure)) from failure
        if not isinstance(results, list):
            raise BotNotReadyError("the answer has no list of results")
        return results
