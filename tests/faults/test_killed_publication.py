"""kill -9 of a relay in the middle of what editors make live: afterwards it is wholly so or not at all, and all say the same."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from handoff.adapters.database import writing
from handoff.adapters.schema import plans
from handoff.bootstrap import make_accounts, open_database
from handoff.settings import Settings
from kb_index.editions import EditionStore
from kb_index.releases import ReleaseStore
from tests.faults.planted_stop import has_stopped, plant, stop
from tests.faults.relay_process import PATIENCE_S, RelayProcess
from tests.integration.relay.studio import Editor, released
from tests.integration.relay.test_studio_articles import REFUNDS, RETURNS, a_home, body


class Door(http.server.BaseHTTPRequestHandler):
    """A bot's door that has every release loaded: what stands behind it has tests of its own."""

    def do_GET(self) -> None:
        self._answer({"ready": True, "release_ids": ["r1", "r2"]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self._answer({"release_ids": ["r1", "r2"]})

    def _answer(self, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is not its log."""


@pytest.fixture
def door() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


class Stage:
    """A relay with an editor, and two releases of which the first is live."""

    def __init__(self, relay: RelayProcess, edda: Editor) -> None:
        self.relay = relay
        self.home = relay.home
        self.edda = edda

    async def killed(self, where: str, method: str, path: str, request: Any, **more: Any) -> None:
        """Ask for something, have the relay end at `where`, and start another."""
        stop(self.home, where)
        with suppress(httpx.HTTPError):
            answer = await self.edda.http.request(method, f"/api/v1/studio{path}", json=request, **more)
            pytest.fail(f"it was answered: {answer.status_code} {answer.text}")
        await self.restarted()

    async def restarted(self) -> None:
        """Once it has come to the stop."""
        await self.relay.gone()
        assert has_stopped(self.home)
        await self.relay.start()

    async def audit(self) -> list[tuple[str, str, str | None]]:
        entries = (await self.edda.get("/audit"))["entries"]
        return [(one["action"], one["subject"], one["why"]) for one in reversed(entries)]

    async def changed(self) -> list[str]:
        return [one["id"] for one in (await self.edda.get("/changes"))["changes"]]

    async def edit(self, answer: str) -> None:
        there = (await self.edda.get("/articles/returns"))["article"]
        request = {"base_version": there["version"], "article": body(RETURNS, answer=answer)}
        await self.edda.put("/articles/returns", request)

    def live(self) -> tuple[str | None, int, list[str]]:
        """The live release, the revision of its edition, and the answers of that."""
        release_id = ReleaseStore(self.home / "releases").current()
        edition = EditionStore(self.home / "editions").current(str(release_id))
        if edition is None:
            return release_id, 0, []
        return release_id, edition.revision, [article.answer for article in edition.articles]

    def is_tidy(self) -> bool:
        return not list((self.home / "run" / "journal").iterdir())


@asynccontextmanager
async def staged(folder: Path, **variables: str) -> AsyncIterator[Stage]:
    home = folder / "home"
    home.mkdir()
    await a_home(home, RETURNS, REFUNDS)
    released(home, "r2", [RETURNS], live=False)
    settings = Settings(home=home)
    engine = await open_database(settings)
    accounts = make_accounts(engine, settings)
    await accounts.add_user("Edda", "editor", "a-long-enough-password")
    token, _ = await accounts.add_token("Edda", "tests")
    await engine.dispose()
    path = plant(folder / "planted", home, statements=True)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        RelayProcess(home, PYTHONPATH=path, **variables) as relay,
        httpx.AsyncClient(base_url=relay.url, headers=headers, timeout=PATIENCE_S) as http,
    ):
        yield Stage(relay, Editor(http))


async def test_a_publication_is_there_with_its_entry_or_not_at_all(tmp_path: Path) -> None:
    async with staged(tmp_path) as at:
        publish = {"articles": None, "why": "terms"}
        await at.edit("One.")
        await at.killed("before /editions/r1.json", "POST", "/publish", publish)
        assert (at.live(), await at.changed(), await at.audit()) == (("r1", 0, []), ["returns"], [])
        assert at.is_tidy()
        said: list[tuple[str, str, str | None]] = []
        for revision, where in enumerate(("after /editions/r1.json", "before INSERT INTO audit"), start=1):
            await at.edit(f"Answer {revision}.")
            await at.killed(where, "POST", "/publish", publish)
            said.append(("published_articles", "returns", "terms"))
            assert (at.live(), await at.changed()) == (("r1", revision, [f"Answer {revision}."]), [])
            assert (await at.audit(), at.is_tidy()) == (said, True)
        # An incident: noted, and open conversations are told.
        talk, token = await at.relay.open()
        incident = {"text": "The mill is down.", "article_ids": ["returns"], "phrases": []}
        request = {"incident": incident, "tell_open": True}
        await at.killed("after /editions/r1.json", "POST", "/incidents", request)
        [there] = (await at.edda.get("/incidents"))["incidents"]
        assert (await at.audit())[-1] == ("opened_incident", there["id"], None)
        async with asyncio.timeout(PATIENCE_S):
            while not [e for e in await at.relay.events(talk, token) if "The mill" in json.dumps(e["data"])]:
                await asyncio.sleep(0.05)


async def test_a_release_goes_live_with_its_entry_and_a_trial_ends_with_it(tmp_path: Path, door: str) -> None:
    async with staged(tmp_path, BATON_BOT_URL=door) as at:
        await at.killed("before INSERT INTO audit", "POST", "/releases/r2/canary", {"share": 0.5})
        assert (await at.edda.get("/canary"), await at.audit()) == ({"canary": None}, [])
        await at.edda.post("/releases/r2/canary", {"share": 0.5})
        await at.killed("before /releases/current", "POST", "/canary/promote", {"why": "good"})
        assert at.live()[0] == "r1"
        trial = (await at.edda.get("/canary"))["canary"]
        assert (trial["release_id"], len(await at.audit())) == ("r2", 1)
        await at.killed("after /releases/current", "POST", "/canary/promote", {"why": "good"})
        assert at.live()[0] == "r2"
        async with asyncio.timeout(PATIENCE_S):
            while (await at.edda.get("/canary"))["canary"] is not None:
                await asyncio.sleep(0.05)
        assert [one[:2] for one in await at.audit()] == [("began_canary", "r2"), ("promoted_canary", "r2")]
        assert at.is_tidy()
        assert (await at.edda.post("/rollback", {"why": "bad"}))["release_id"] == "r1"
        assert (await at.audit())[-1] == ("rolled_back_to", "r1", "bad")


async def test_a_plan_that_falls_due_and_an_import_are_done_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as at:
        await at.edit("Planned.")
        due = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        stop(at.home, "after /editions/r1.json")
        answer = await at.edda.http.post(
            "/api/v1/studio/publish", json={"articles": None, "why": "new terms", "at": due}
        )
        assert answer.status_code == 202
        await at.restarted()
        published = ("published_articles", "returns", "new terms")
        assert (at.live(), await at.changed()) == (("r1", 1, ["Planned."]), [])
        assert (await at.audit())[-1] == published
        # The plan's lease is over.
        engine = await open_database(Settings(home=at.home))
        async with writing(engine) as connection:
            await connection.execute(plans.update().values(leased_until=sa.literal(0)))
        await engine.dispose()
        async with asyncio.timeout(PATIENCE_S):
            while (await at.edda.get("/plans"))["plans"][0]["state"] != "done":
                await asyncio.sleep(0.05)
        assert (at.live()[1], (await at.audit()).count(published)) == (1, 1)
        # An import.
        lines = "".join(
            json.dumps({"id": f"a{n}", "title": f"Title {n}", "answer": "Yes."}) + "\n" for n in range(50)
        )
        sent = await at.edda.http.post("/api/v1/studio/import/preview?name=all.jsonl", content=lines.encode())
        token = sent.json()["token"]
        await at.killed("before INSERT INTO article_versions", "POST", "/import", {"token": token})
        assert (await at.edda.get("/articles"))["total"] == 2
        await at.killed("before COMMIT", "POST", "/import", {"token": token})
        assert (await at.edda.get("/articles"))["total"] == 2
        assert (await at.edda.post("/import", {"token": token}))["added"] == 50
        assert (await at.edda.get("/articles"))["total"] == 52
