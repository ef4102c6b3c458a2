"""The endpoints over HTTP, with the smallest app that answers refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from handoff.accounts.gate import Gate, origin_allowed
from handoff.accounts.routes import auth_routes
from handoff.accounts.service import Accounts
from handoff.domain.errors import HandoffError
from handoff.settings import Settings

PASSWORD = "correct horse battery"
LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"
LOGOUT = "/api/v1/auth/logout"
CHANGE = "/api/v1/auth/password"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, allowed_origins=["https://support.example/"])


@pytest.fixture
def app(accounts: Accounts, settings: Settings) -> FastAPI:
    app = FastAPI()
    app.include_router(auth_routes(accounts, settings))
    gate = Gate(accounts, settings)

    @app.exception_handler(HandoffError)
    async def refuse(_request: Request, error: HandoffError) -> JSONResponse:
        return JSONResponse({"error": error.to_json()}, status_code=error.http_status)

    async def work(request: Request) -> dict[str, str]:
        unsafe = request.method != "GET"
        user = await gate.authenticate(request.headers, request.cookies, unsafe=unsafe)
        return {"name": user.name}

    app.add_api_route("/work", work, methods=["GET", "POST"])
    return app


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, client=("203.0.113.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://baton.example:8420") as client:
        yield client


async def _logged_in(browser: httpx.AsyncClient, accounts: Accounts) -> dict[str, str]:
    await accounts.add_user("Ada", "agent", PASSWORD)
    answer = await browser.post(LOGIN, json={"name": "Ada", "password": PASSWORD})
    return {"X-Baton-CSRF": answer.json()["csrf"]}


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_log_in_work_log_out(browser: httpx.AsyncClient, accounts: Accounts) -> None:
    user, _ = await accounts.add_user("Ada", "agent", PASSWORD)
    assert _code(await browser.get(ME)) == (401, "unauthorized")
    answer = await browser.post(LOGIN, json={"name": "ada", "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "agent": {"id": user.id, "name": "Ada", "role": "agent"},
        "csrf": body["csrf"],
        "must_change_password": False,
    }
    assert (await browser.get(ME)).json() == body
    assert (await browser.post("/work", headers={"X-Baton-CSRF": body["csrf"]})).json() == {"name": "Ada"}
    answer = await browser.post(LOGOUT, headers={"X-Baton-CSRF": body["csrf"]})
    assert answer.status_code == 204
    assert not browser.cookies
    assert _code(await browser.get(ME)) == (401, "unauthorized")


async def test_the_cookie_is_out_of_reach(browser: httpx.AsyncClient, accounts: Accounts) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    answer = await browser.post(LOGIN, json={"name": "Ada", "password": PASSWORD})
    value, *flags = answer.headers["set-cookie"].split("; ")
    assert value.startswith("baton_session=bts_")
    assert {flag.lower() for flag in flags} == {"httponly", "samesite=strict", "path=/", "max-age=43200"}
    assert answer.headers["cache-control"] == "no-store"
    assert value.split("=", 1)[1] not in answer.text


async def test_over_https_the_cookie_is_secure(accounts: Accounts, tmp_path: Path) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    app = FastAPI()
    app.include_router(auth_routes(accounts, Settings(home=tmp_path, secure_cookies=True)))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://baton.example") as client:
        answer = await client.post(LOGIN, json={"name": "Ada", "password": PASSWORD})
    assert "Secure" in answer.headers["set-cookie"].split("; ")


async def test_wrong_credentials_and_too_many_of_them(browser: httpx.AsyncClient, accounts: Accounts) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    wrong = {"name": "Ada", "password": "wrong horse battery"}
    for _ in range(5):
        assert _code(await browser.post(LOGIN, json=wrong)) == (401, "unauthorized")
    answer = await browser.post(LOGIN, json=wrong)
    assert _code(answer) == (429, "rate_limited")
    assert answer.json()["error"]["data"] == {"retry_ms": 2000}
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Ada"},
        {"name": "Ada", "password": PASSWORD, "role": "admin"},
        {"name": 1, "password": PASSWORD},
        {"name": "x" * 2000, "password": PASSWORD},
        {"name": "Ada", "password": "x" * 2000},
        [],
    ],
    ids=["empty", "no password", "unknown field", "number", "long name", "long password", "list"],
)
async def test_bodies_of_another_shape_are_refused(browser: httpx.AsyncClient, body: object) -> None:
    assert (await browser.post(LOGIN, json=body)).status_code == 422


async def test_a_cookie_alone_changes_nothing(browser: httpx.AsyncClient, accounts: Accounts) -> None:
    csrf = await _logged_in(browser, accounts)
    change = {"current": PASSWORD, "new": "another long password"}
    for headers in ({}, {"X-Baton-CSRF": "guess"}, {"X-Baton-CSRF": "gu\u00e9ss".encode("latin-1")}):
        for path, body in ((LOGOUT, None), (CHANGE, change), ("/work", None)):
            answer = await browser.post(path, json=body, headers=headers)
            assert _code(answer) == (403, "forbidden")
    assert (await browser.get("/work")).json() == {"name": "Ada"}
    assert (await browser.post("/work", headers=csrf)).status_code == 200


async def test_pages_of_other_origins_change_nothing(browser: httpx.AsyncClient, accounts: Accounts) -> None:
    csrf = await _logged_in(browser, accounts)
    evil = {"Origin": "https://evil.example"}
    assert _code(await browser.post("/work", headers=csrf | evil)) == (403, "forbidden")
    login = {"name": "Ada", "password": PASSWORD}
    assert _code(await browser.post(LOGIN, json=login, headers=evil)) == (403, "forbidden")
    for origin in ("http://baton.example:8420", "https://support.example"):
        assert (await browser.post("/work", headers=csrf | {"Origin": origin})).status_code == 200


async def test_a_one_time_password_is_changed_before_anything_else(
    browser: httpx.AsyncClient, accounts: Accounts
) -> None:
    _, one_time = await accounts.add_user("Ada", "agent")
    assert one_time is not None
    body = (await browser.post(LOGIN, json={"name": "Ada", "password": one_time})).json()
    assert body["must_change_password"] is True
    csrf = {"X-Baton-CSRF": body["csrf"]}
    answer = await browser.post("/work", headers=csrf)
    assert _code(answer) == (403, "forbidden")
    assert answer.json()["error"]["data"] == {"must_change_password": True}
    assert (await browser.get(ME)).json()["must_change_password"] is True
    short = {"current": one_time, "new": "short"}
    assert _code(await browser.post(CHANGE, json=short, headers=csrf)) == (422, "invalid_password")
    wrong = {"current": "not this one, no", "new": PASSWORD}
    assert _code(await browser.post(CHANGE, json=wrong, headers=csrf)) == (403, "wrong_password")
    right = {"current": one_time, "new": PASSWORD}
    assert (await browser.post(CHANGE, json=right, headers=csrf)).status_code == 204
    assert (await browser.post("/work", headers=csrf)).status_code == 200


async def test_an_api_token_needs_no_csrf_token_and_has_no_session(
    browser: httpx.AsyncClient, accounts: Accounts
) -> None:
    await accounts.add_user("Ada", "agent")
    token, record = await accounts.add_token("Ada", "script")
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await browser.post("/work", headers=bearer)).json() == {"name": "Ada"}
    for path in (LOGOUT, CHANGE):
        body = {"current": PASSWORD, "new": PASSWORD}
        assert _code(await browser.post(path, json=body, headers=bearer)) == (401, "unauthorized")
    assert _code(await browser.get(ME, headers=bearer)) == (401, "unauthorized")
    await accounts.revoke_token(record.id)
    assert _code(await browser.post("/work", headers=bearer)) == (401, "unauthorized")


@pytest.mark.parametrize("header", ["Bearer bta_wrong", "Basic QWRhOng=", "Bearer", ""])
async def test_a_wrong_token_is_not_excused_by_a_good_cookie(
    browser: httpx.AsyncClient, accounts: Accounts, header: str
) -> None:
    csrf = await _logged_in(browser, accounts)
    answer = await browser.post("/work", headers=csrf | {"Authorization": header})
    assert _code(answer) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://baton.example:8420", "baton.example:8420", True),
        ("http://BATON.example:8420", "baton.EXAMPLE:8420", True),
        ("https://baton.example", "baton.example", True),
        ("https://baton.example", "baton.example:443", True),
        ("http://[::1]:8420", "[::1]:8420", True),
        ("https://support.example", "baton.example", True),
        ("https://support.example:443", None, True),
        ("http://support.example", "baton.example", False),
        ("http://baton.example:8421", "baton.example:8420", False),
        ("http://baton.example.evil.example:8420", "baton.example:8420", False),
        ("http://evil.example", "baton.example", False),
        ("http://baton.example@evil.example", "evil.example", False),
        ("http://baton.example/path", "baton.example", False),
        ("http://baton.example:port", "baton.example:port", False),
        ("file://baton.example", "baton.example", False),
        ("null", "baton.example", False),
        ("null", "null", False),
        ("", "", False),
        (None, "baton.example", False),
        ("http://baton.example", None, False),
        ("http://[bad", "[bad", False),
    ],
)
def test_origins(settings: Settings, origin: str | None, host: str | None, *, allowed: bool) -> None:
    assert origin_allowed(origin, host, settings) is allowed
