"""The relay's calls to others over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import aiohttp

MOST_CONNECTIONS: Final = 256


class HttpClient:
    """Connections that are kept. It follows no redirect, keeps no cookie and asks no proxy of the machine's."""

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self._headers = headers
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def exchange(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """The status and the body of the answer. There is no time limit but the caller's.

        Raises:
            aiohttp.ClientError: there was no whole answer; `ClientConnectorError` where nobody was reached.
        """
        async with self._request(method, url, body, headers) as answer:
            return answer.status, await answer.read()

    async def status(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status alone; the answer's body is not read. See `exchange`."""
        async with self._request(method, url, body, headers) as answer:
            return answer.status

    @asynccontextmanager
    async def _request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._opened().request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                yield answer
        except UnicodeError as failure:
            # A host that no name service takes.
            raise aiohttp.InvalidURL("host") from failure

    def _opened(self) -> aiohttp.ClientSession:
        # It belongs to the loop that runs, so it is made at the first call.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session


def is_success(status: int) -> bool:
    """Whether a status says that what was asked was done."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
