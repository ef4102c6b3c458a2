"""docs/ says what the code does: tables are those of the code, and nothing a client can meet is missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route, WebSocketRoute

from bench.__main__ import BENCHMARKS
from bench.faults.checker import Verdict
from bot.contract import DecisionKind, EscalationReason
from handoff.api.agent_socket import FOLLOWED_AT_MOST, INBOX_IN_WELCOME
from handoff.api.app import make_app
from handoff.api.operations import PAGE as INBOX_PAGE
from handoff.domain.conversation import PREVIEW_CHARACTERS
from handoff.domain.events import PAYLOADS
from handoff.domain.rules import RELAY_CHOICES, NoticeCode
from handoff.relay.parts import SocketLimits
from handoff.relay.session import BAD_FRAMES_AT_MOST, SessionLimits
from handoff.service.metrics import Metrics
from handoff.settings import PROJECT_ROOT, Settings
from handoff.wire import frames as f
from tests.architecture.documented_errors import REMEDIES, all_errors
from tests.architecture.generate_docs import (
    DOCS,
    MARKED,
    PAGES,
    TABLES,
    leaf_commands,
    named_options,
    with_tables,
)

PROTOCOL = (DOCS / "protocol.md").read_text()
SETTINGS = (DOCS / "settings.md").read_text()
STUDIO = (DOCS / "studio.md").read_text()
RUNNING = (DOCS / "running.md").read_text()
CONTRIBUTING = (PROJECT_ROOT / "CONTRIBUTING.md").read_text()
SENDERS = [*(PROJECT_ROOT / "handoff").glob("api/*.py"), PROJECT_ROOT / "handoff/relay/session.py"]


@pytest.mark.parametrize("page", PAGES)
def test_tables_are_those_of_the_code(page: str) -> None:
    text = (DOCS / page).read_text()
    assert with_tables(text) == text, "run: python -m tests.architecture.generate_docs"


def test_every_table_is_shown_once_and_a_table_that_differs_is_seen() -> None:
    shown = [found[2] for page in PAGES for found in MARKED.finditer((DOCS / page).read_text())]
    assert sorted(shown) == sorted(TABLES)
    tampered = PROTOCOL.replace("`already_claimed` | 409", "`already_claimed` | 410")
    assert tampered != PROTOCOL
    assert with_tables(tampered) == PROTOCOL


# --- settings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    assert f"`BATON_{name.upper()}`" in SETTINGS
    assert len(Settings.model_fields[name].description or "") > 10


def test_every_setting_that_is_mentioned_exists() -> None:
    mentioned = set(re.findall(r"BATON_[A-Z_]+[A-Z]", PROTOCOL + SETTINGS + RUNNING)) - {"BATON_NAME"}
    assert mentioned <= {f"BATON_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("family", list(Metrics().registry.collect()), ids=lambda family: family.name)
def test_every_figure_is_told_with_what_is_normal(family: Any) -> None:
    watched = RUNNING.partition("| Watch |")[2].partition("\n\n")[0]
    counted = f"{family.name}_total" if family.type == "counter" else family.name
    # Events counted are nobody's alarm; all others have a row of their own.
    assert f"`{counted}" in watched or family.name == "baton_appends"


def test_bounds_are_told_as_they_are() -> None:
    for name in ("sockets_per_address", "sockets_per_conversation", "openings_per_minute"):
        default = Settings.model_fields[name].default
        assert f"| `BATON_{name.upper()}` | {default:,} |" in RUNNING


# --- the command line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "command"), list(leaf_commands()), ids=lambda value: str(value)[:30])
def test_every_command_and_option_is_described(path: str, command: Any) -> None:
    (row,) = [line for line in PROTOCOL.splitlines() if re.match(rf"\| `baton {path}[ `]", line)]
    assert (command.help or "").strip()
    for option in named_options(command):
        assert f"`{option.opts[0]}`" in row
        assert option.help


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_is_described_with_its_figures_and_how_long_it_takes(name: str) -> None:
    for page in (PROTOCOL.partition("## 9. Benchmarks")[2], CONTRIBUTING):
        assert re.search(rf"^\| `{name}[ `]", page, re.MULTILINE), name


def test_figures_that_must_be_0_are_named() -> None:
    told = PROTOCOL.partition("## 9. Benchmarks")[2]
    assert [name for name in Verdict().figures() if f"`{name}`" not in told] == []


# --- errors, events, frames -----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", list(all_errors()), ids=lambda error: error.code)
def test_every_error_code_is_described_with_what_to_do(error: Any) -> None:
    assert f"| `{error.code}` | {error.http_status} |" in PROTOCOL
    assert REMEDIES[error.code]


def test_no_remedy_is_for_an_error_that_does_not_exist() -> None:
    assert set(REMEDIES) == {error.code for error in all_errors()}


def test_every_code_of_the_bots_door_is_described() -> None:
    source = "".join(
        (PROJECT_ROOT / "bot" / name).read_text() for name in ("door.py", "http.py", "http_studio.py")
    )
    codes = set(re.findall(r'Problem\(\d+, "(\w+)"', source))
    assert "warming" in codes
    assert [code for code in codes if f"{code}`" not in PROTOCOL] == []


@pytest.mark.parametrize("kind", PAYLOADS)
def test_every_kind_of_event_is_described(kind: str) -> None:
    assert f"| `{kind}` |" in PROTOCOL


@pytest.mark.parametrize(
    "word",
    [*get_args(DecisionKind), *get_args(EscalationReason), *get_args(NoticeCode), *RELAY_CHOICES],
)
def test_every_word_with_a_meaning_is_explained(word: str) -> None:
    assert f"`{word}`" in PROTOCOL


@pytest.mark.parametrize("cls", [*get_args(f.CustomerFrame), *get_args(f.AgentFrame)])
def test_every_frame_a_client_sends_is_described(cls: Any) -> None:
    type_ = get_args(cls.model_fields["type"].annotation)[0]
    half = PROTOCOL.split("### What an agent's socket sends")[0 if cls in get_args(f.CustomerFrame) else 1]
    assert f"| `{type_}` |" in half


def sent_frames() -> Iterator[tuple[str, str, set[str]]]:
    """`(file, type, fields)` of each frame that the sockets' code makes."""
    for path in SENDERS:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "frame":
                continue
            # A frame whose type is computed passes on a signal; those are `typing`, `seen` and `presence`.
            if isinstance(node.args[0], ast.Constant):
                named = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
                yield path.name, str(node.args[0].value), named


def test_every_frame_the_relay_sends_is_described_with_its_fields() -> None:
    sent = list(sent_frames())
    assert {"welcome", "ack", "nack", "queue", "subscribed", "inbox", "bye"} <= {name for _, name, _ in sent}
    customers, agents = (
        re.split(r"\n### |\n## ", part)[0]
        for part in (
            PROTOCOL.split(f"### What {who} socket receives")[1] for who in ("a customer's", "an agent's")
        )
    )
    for file, name, fields in sent:
        pages = {"customer_socket.py": [customers], "agent_socket.py": [agents]}.get(
            file, [customers + agents]
        )
        rows = [row for page in pages for row in page.splitlines() if row.startswith(f"| `{name}` |")]
        assert rows, f"{name} is not described"
        told = " ".join(rows)
        assert [field for field in fields if not re.search(rf"`{field}\b", told)] == [], name


def test_events_and_their_frames_are_described_for_both_sockets() -> None:
    assert PROTOCOL.count("\n| `event` |") == 2


# --- endpoints ------------------------------------------------------------------------------------------------


def routes() -> list[tuple[str, str]]:
    """Every method and path that the relay answers."""
    running: Any = SimpleNamespace(
        relay=None,
        accounts=None,
        tokens=None,
        identity_secret="",
        studio=SimpleNamespace(audit=None),
        close=None,
    )
    app = make_app(Settings(), running, Path("nowhere"))
    found = []
    pending: list[tuple[str, Any]] = [("", route) for route in app.routes]
    while pending:
        prefix, route = pending.pop()
        # A router within a router: its routes know nothing of what they are included under.
        inner = prefix + getattr(getattr(route, "include_context", None), "prefix", "")
        pending += [(inner, each) for each in getattr(getattr(route, "original_router", None), "routes", [])]
        if isinstance(route, WebSocketRoute) or type(route).__name__ == "APIWebSocketRoute":
            found.append(("", prefix + route.path))
        elif isinstance(route, APIRoute | Route):
            found += [(method, prefix + route.path) for method in route.methods or () if method != "HEAD"]
    return found


def test_every_endpoint_is_described() -> None:
    found = routes()
    assert ("POST", "/api/v1/conversations") in found
    assert ("", "/ws/agent") in found
    for method, path in found:
        shown = (
            rf"`{method} {re.escape(path)}[`?]"
            if method and path.startswith("/api")
            else rf"`?{re.escape(path)}`"
        )
        assert re.search(shown, PROTOCOL + STUDIO), f"{method} {path} is not described"


# --- numbers that are not settings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        f"| frames nobody can read | {BAD_FRAMES_AT_MOST} |",
        f"| commands under way | {SocketLimits(SessionLimits()).commands_at_once} |",
        f"| conversations an agent's socket follows | {FOLLOWED_AT_MOST} |",
        f"`inbox` the first {INBOX_IN_WELCOME} items",
        f"{INBOX_PAGE} items of the inbox",
        f"at most {PREVIEW_CHARACTERS} characters",
    ],
)
def test_limits_are_told_as_they_are(told: str) -> None:
    assert told in PROTOCOL


def test_a_sockets_limits_are_the_settings_own() -> None:
    ours, theirs = SocketLimits(SessionLimits()), Settings()
    assert (ours.hello_s, ours.idle_s, ours.send_buffer) == (
        theirs.hello_limit,
        theirs.idle_limit,
        theirs.send_buffer,
    )
    assert (ours.session.max_frame_bytes, ours.session.rate, ours.session.burst) == (
        theirs.max_frame_bytes,
        theirs.message_rate,
        theirs.message_burst,
    )
