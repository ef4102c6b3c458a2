"""Every operation of `/openapi.json` with generated requests: no failure inside, and no answer that is not documented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.fuzz.http import Keys, fuzz_http, fuzz_studio, log_in
from tests.integration.relay.harness import RunningRelay, ScriptedBot, running_relay
from tests.integration.relay.studio import editor, released
from tests.integration.relay.test_studio_articles import REFUNDS, RETURNS, a_home
from tests.unit.handoff.studio.programs import bot_python

DRAWN = 15
"""Requests drawn for each operation; those at the limits of its fields come on top, some 300 in all."""

DRAWN_STUDIO = 2
"""The studio has four times as many operations; those at the limits are some 2,500 in all."""

PASSWORD = "a-long-enough-password"


async def keys_of(at: RunningRelay) -> Keys:
    """What somebody has who uses every part of the interface."""
    customer = await at.customer()
    await customer.say("Where is my order?")
    await customer.event("bot.replied")
    await at.accounts.add_user("Grace", "supervisor", PASSWORD)
    token, _ = await at.accounts.add_token("Grace", "tests")
    async with httpx.AsyncClient(base_url=at.url) as http:
        sessions = [await log_in(http, "Grace", PASSWORD) for _ in range(2)]
    return Keys(customer.conversation_id, customer.token, token, *sessions)


class TryingBot(ScriptedBot):
    """A bot that tries out what it is asked to: what it answers is not what is looked at here."""

    async def try_turn(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The same for all."""
        return {"outcome": {"turn": 1}, "explanation": {}, "dialogue": "", "asked": len(asked)}

    async def advise(self, article: Mapping[str, Any], *, draft: bool) -> dict[str, Any]:
        """Nothing is doubtful."""
        del article, draft
        return {"warnings": []}

    async def embed(self, texts: Sequence[str]) -> tuple[str, list[list[float]]]:
        """Nothing is alike."""
        return "tests", [[1.0, float(number)] for number, _ in enumerate(texts)]


@pytest.mark.parametrize("who", ["a stranger", "somebody with every key"])
async def test_every_answer_is_one_that_is_documented(who: str, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "schemathesis"
    home.mkdir()
    folder.mkdir()
    # As many conversations from one address as are drawn: the bound on them has tests of its own.
    async with running_relay(home, openings_per_minute=1_000_000) as at:
        keys = None if who == "a stranger" else await keys_of(at)
        found = await fuzz_http(at.url, DRAWN, 1, folder, keys)
    assert found.failures == 0, found.told
    assert found.operations >= 13
    assert found.requests > 200


@pytest.mark.timeout(400)
async def test_nothing_that_an_editor_sends_makes_the_studio_fail(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "schemathesis"
    home.mkdir()
    folder.mkdir()
    await a_home(home, RETURNS, REFUNDS)
    released(home, "r2", [RETURNS], live=False)
    async with running_relay(home, bot=TryingBot(), bot_python=bot_python(tmp_path)) as at:
        await at.accounts.add_user("Edda", "editor", PASSWORD)
        async with httpx.AsyncClient(base_url=at.url) as http:
            session = await log_in(http, "Edda", PASSWORD)
        found = await fuzz_studio(at.url, DRAWN_STUDIO, 1, folder, session)
        async with editor(at, "Otto") as otto:
            # Something was written, and all of it can be read.
            assert (await otto.get("/articles"))["total"] > 0
            assert (await otto.get("/releases"))["releases"]
    assert found.failures == 0, found.told
    assert found.operations >= 60
    assert found.requests > 1000


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_health_answers_probes_that_ask_for_the_head_alone(path: str, tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        whole, head = await http.get(path), await http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


async def test_a_method_that_is_not_there_is_told_those_that_are(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        answer = await http.delete("/api/v1/conversations")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("exam", "GET, POST"),
        ("exam/q1", "DELETE"),
        ("exam/import", "POST"),
        ("articles/advice", "POST"),
        ("articles/returns", "DELETE, GET, PUT"),
        ("settings", "GET, PUT"),
    ],
)
async def test_a_path_with_several_methods_names_them_all(path: str, allowed: str, tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        answer = await http.options(f"/api/v1/studio/{path}")
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("conversations", '{"client_id": "0123456789abcdef", "client_id": "fedcba9876543210"}'),
        ("conversations", '{"client_id": "0123456789abcdef", "customer": {"id": "1", "id": "2"}}'),
        ("conversations", '{"client_id": "0123456789abcdef", "customer": {"attributes": {"a": NaN}}}'),
        ("auth/login", '{"name": "Ada", "password": "one", "password": "two"}'),
    ],
)
async def test_a_body_that_readers_would_understand_differently_is_refused(
    path: str, body: str, tmp_path: Path
) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        answer = await http.post(
            f"/api/v1/{path}", content=body, headers={"Content-Type": "application/json"}
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_json")
