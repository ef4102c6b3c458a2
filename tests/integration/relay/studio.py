"""An editor over HTTP, and releases to publish into, for tests of the studio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from kb_index.article import Article
from kb_index.formats import write_jsonl
from kb_index.releases import ReleaseStore
from tests.integration.relay.harness import RunningRelay

AT = "2026-11-30T08:00:00.000Z"
STUDIO = "/api/v1/studio"


def released(home: Path, release_id: str, articles: Sequence[Article], *, live: bool = True) -> None:
    """A release that holds these articles and nothing to answer with; `live` publishes it."""
    store = ReleaseStore(home / "releases")
    building = store.begin(release_id)
    write_jsonl(building / "content.jsonl", articles)
    store.commit(building, {"created_at": AT})
    if live:
        store.publish(release_id, at=AT, by="tests")


class Editor:
    """Somebody who works in the studio."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **params: Any) -> Any:
        return _of(await self.http.get(STUDIO + path, params=params))

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return _of(await self.http.post(STUDIO + path, json=body or {}))

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return _of(await self.http.put(STUDIO + path, json=body))

    async def delete(self, path: str, **params: Any) -> Any:
        return _of(await self.http.delete(STUDIO + path, params=params))

    async def refused(
        self, method: str, path: str, body: Any = None, **params: Any
    ) -> tuple[int, dict[str, Any]]:
        """The status and the error of a request that must fail."""
        answer = await self.http.request(method, STUDIO + path, json=body, params=params)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["error"]


def _of(answer: httpx.Response) -> Any:
    assert answer.status_code < 300, f"{answer.status_code}: {answer.text[:500]}"
    return answer.json()


@asynccontextmanager
async def editor(at: RunningRelay, name: str = "Edda", role: str = "editor") -> AsyncIterator[Editor]:
    """A new person of this role with an API token."""
    await at.accounts.add_user(name, role, "a-long-enough-password")
    token, _ = await at.accounts.add_token(name, "tests")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=at.url, headers=headers, timeout=30) as http:
        yield Editor(http)
