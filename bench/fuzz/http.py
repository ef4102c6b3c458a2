"""Requests at every operation of a relay's `/openapi.json`, right ones and wrong ones, made and judged by schemathesis.

It runs as a program of its own, told everything by a file of settings: what it loads and patches stays out of here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from bench.programs import BenchError

LIMIT_S: Final = 3600.0
"""Time for all requests of one caller, shrinking a failure included."""

JUDGED_BY: Final = """\
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]

"""
"""A body that is wrong may also be refused for its size, before anybody has read it."""

KEPT_FROM_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "TMPDIR")
"""Nothing that a machine says about proxies or seeds may change what is sent, or where."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens doors: without it each request would end at the first of them."""

    conversation_id: str
    conversation_token: str
    api_token: str
    session: tuple[str, str]
    """Cookie and CSRF token of somebody who is logged in."""
    ending_session: tuple[str, str]
    """The same of one who is to be logged out."""


@dataclass(frozen=True, slots=True)
class HttpFuzzed:
    """What came of it. `failures` are what was found wrong, each with the request that shows it in `told`."""

    requests: int
    operations: int
    failures: int
    told: str


async def log_in(http: httpx.AsyncClient, name: str, password: str) -> tuple[str, str]:
    """Cookie and CSRF token of a new session."""
    answer = await http.post("/api/v1/auth/login", json={"name": name, "password": password})
    answer.raise_for_status()
    return answer.cookies["baton_session"], answer.json()["csrf"]


async def fuzz_http(url: str, count: int, seed: int, folder: Path, keys: Keys | None = None) -> HttpFuzzed:
    """At most `count` drawn requests for each operation, besides those at the limits of its fields.

    Args:
        url: the relay's, such as `http://127.0.0.1:8080`.
        folder: an empty one, for what schemathesis writes.
        keys: what the caller has; a stranger has none.

    Raises:
        BenchError: it could not be run, or left an operation out.
    """
    doors = _doors(keys) if keys is not None else []
    settings = "".join([JUDGED_BY, *(_entry(**entry) for entry in doors)])
    options = ("--checks", "all", *_drawn(count, seed))
    return await _fuzz(url, folder, settings, options)


async def fuzz_studio(url: str, count: int, seed: int, folder: Path, session: tuple[str, str]) -> HttpFuzzed:
    """The same of the studio alone, for an editor whose cookie and CSRF token `session` is.

    What an editor may write is checked further than a schema tells (whether an article is there, a time has passed), so
    that whether it is refused is not judged: no failure inside, and no status or shape that is not documented.
    """
    headers = ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in _cookie(session).items())
    checks = ("--checks", "not_a_server_error,status_code_conformance,response_schema_conformance")
    only = ("--include-path-regex", "^/api/v1/studio/")
    options = (*checks, *only, *_drawn(count, seed))
    return await _fuzz(url, folder, f"headers = {{ {headers} }}\n", options)


def _drawn(count: int, seed: int) -> tuple[str, ...]:
    return "--max-examples", str(count), "--seed", str(seed), "--generation-database", "none"


async def _fuzz(url: str, folder: Path, text: str, options: tuple[str, ...]) -> HttpFuzzed:
    settings, report = folder / "schemathesis.toml", folder / "report.json"
    settings.write_text(text)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "schemathesis.cli", "--config-file", str(settings), "run", f"{url}/openapi.json"),
        *("--phases", "coverage,fuzzing", "--continue-on-failure", *options),
        *("--report", "json", "--report-json-path", str(report)),
        *("--suppress-health-check", "all", "--no-color"),
        cwd=folder,
        env={name: os.environ[name] for name in KEPT_FROM_ENVIRONMENT if name in os.environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            output, _ = await process.communicate()
    except TimeoutError:
        raise BenchError(f"schemathesis took longer than {LIMIT_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = output.decode(errors="replace")
    return _judged(report, told)


def _judged(report: Path, told: str) -> HttpFuzzed:
    try:
        found: dict[str, Any] = json.loads(report.read_text())
    except (OSError, ValueError):
        raise BenchError(f"schemathesis told nothing:\n{told}") from None
    operations, cases = found["operations"], found["test_cases"]
    if not found["complete"] or operations["tested"] != operations["selected"] or found["errors"]:
        raise BenchError(f"schemathesis did not try everything:\n{told}")
    return HttpFuzzed(cases["generated"], operations["tested"], cases["unique_failures"], told)


def _doors(keys: Keys) -> list[dict[str, Any]]:
    """The header that opens each path, and the conversation that the token belongs to."""
    conversation = "/api/v1/conversations/{conversation_id}"
    bearer = {"Authorization": f"Bearer {keys.conversation_token}"}
    ids = {"conversation_id": keys.conversation_id}
    return [
        {"path": f"{conversation}/token", "headers": bearer, "parameters": ids},
        {"path": f"{conversation}/events", "headers": bearer, "parameters": ids},
        {"path": "/api/v1/inbox", "headers": {"Authorization": f"Bearer {keys.api_token}"}},
        {"path": "/api/v1/auth/me", "headers": _cookie(keys.session)},
        {"path": "/api/v1/auth/password", "headers": _cookie(keys.session)},
        {"path": "/api/v1/auth/logout", "headers": _cookie(keys.ending_session)},
    ]


def _cookie(session: tuple[str, str]) -> dict[str, str]:
    return {"Cookie": f"baton_session={session[0]}", "X-Baton-CSRF": session[1]}


def _entry(path: str, headers: dict[str, str], parameters: dict[str, str] | None = None) -> str:
    """One operation's settings in TOML, whose strings are JSON's."""
    lines = ["[[operations]]", f"include-path = {json.dumps(path)}"]
    for name, values in (("headers", headers), ("parameters", parameters or {})):
        pairs = ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items())
        lines.append(f"{name} = {{ {pairs} }}")
    return "\n".join([*lines, "", ""])
