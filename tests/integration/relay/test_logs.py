"""Log lines say which conversation, socket and request, and never what a customer wrote, whatever goes wrong."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import structlog
from sqlalchemy.exc import IntegrityError

from bot.contract import TurnOutcome, TurnRequest
from handoff.adapters.log_sql import SqlEventLog
from handoff.cli.logs import set_up_logging
from handoff.ports import Append, EventLog
from handoff.service import batch
from tests.integration.relay.harness import Agent, Customer, RunningRelay, running_relay, until

WORD = "Zyx{}wvut"
"""A customer's word: no code, id or message of ours could hold it by chance."""


class Lines:
    """What was logged."""

    def __init__(self, form: Literal["json", "text"] = "json") -> None:
        self.stream = io.StringIO()
        set_up_logging(form, self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event."""
        found = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if line["event"] == event]


@pytest.fixture
def lines() -> Iterator[Lines]:
    before = logging.root.handlers
    yield Lines()
    structlog.reset_defaults()
    logging.root.handlers = before


class Words:
    """Makes words that must never be logged, and looks for them."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self) -> str:
        self.made.append(WORD.format(len(self.made)))
        return self.made[-1]

    def found_in(self, text: str) -> list[str]:
        return [word for word in self.made if word.lower() in text.lower()]


async def talk(at: RunningRelay, word: Words) -> tuple[Customer, Agent]:
    """Everything that a customer and an agent can write, each word once."""
    customer = await at.customer(
        page={"url": f"https://shop.example/{word()}?q={word()}", "title": word()},
        customer={"name": word(), "email": f"{word()}@mail.example", "attributes": {word(): word()}},
    )
    await customer.say(word())
    await customer.event("bot.replied")
    await customer.command("rate", metric="csat", score=5, comment=word())
    agent = await at.agent()
    await customer.command("request_human")
    await agent.take(customer.conversation_id)
    here = {"conversation_id": customer.conversation_id}
    await agent.command("say", text=word(), **here)
    await agent.command("note", text=word(), **here)
    await agent.command("return_to_bot", outcome="solved", note=word(), **here)
    await customer.command("request_human")
    await customer.command("leave_contact", email=f"{word()}@mail.example", text=word())
    return customer, agent


async def write_nonsense(customer: Customer, agent: Agent, word: Words) -> None:
    """Frames that nobody can read, on both sockets."""
    for client in (customer, agent):
        for raw in (
            f'{{"type": "say", "text": "{word()}"',
            json.dumps({"type": word(), "text": word()}),
            json.dumps({"type": "say", "client_id": word(), "text": word(), word(): 1}),
            json.dumps(
                {"type": "say", "client_id": secrets.token_urlsafe(18), "text": word(), "choice": word()}
            ),
            json.dumps(["say", word()]),
            word().encode(),
            word() * 9_000,
            json.dumps({"type": "hello", "token": word(), **({"after": 0} if client is customer else {})}),
        ):
            await client.raw(raw)
        await client.closed()


async def ask_nonsense(at: RunningRelay, word: Words) -> None:
    """Requests that are refused."""
    async with httpx.AsyncClient(base_url=at.url) as http:
        for body in (f'{{"client_id": "{word()}', json.dumps({"client_id": word(), word(): word()})):
            assert (await http.post("/api/v1/conversations", content=body)).is_client_error
        for path in (
            f"/{word()}",
            f"/api/v1/conversations/{word()}/events?after={word()}",
            f"/api/v1/inbox?cursor={word()}",
        ):
            assert (await http.get(path, headers={"Authorization": f"Bearer {word()}"})).is_client_error
        assert (
            await http.post("/api/v1/auth/login", json={"name": word(), "password": word()})
        ).is_client_error


async def test_nothing_a_customer_wrote_is_logged(tmp_path: Path, lines: Lines) -> None:
    word = Words()
    async with running_relay(tmp_path) as at:
        customer, agent = await talk(at, word)
        await ask_nonsense(at, word)
        await write_nonsense(customer, agent, word)
    (goodbye,) = [line for line in lines.of("socket_dismissed") if line["socket"].startswith("customer-")]
    assert goodbye["conversation"] == customer.conversation_id
    assert goodbye["code"] == "unauthorized"
    assert len(word.made) > 40
    assert word.found_in(lines.text) == []


async def test_a_defect_anywhere_tells_its_place_and_not_its_words(
    tmp_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exceptions quote what they choke on. Each path on which one may get out is made to."""
    word = Words()

    class Log(SqlEventLog):
        fails = False

        @asynccontextmanager
        async def transaction(self) -> Any:
            async with super().transaction() as inner:
                yield inner
                self.choke()

        async def append(self, appends: Sequence[Append], seqs: Mapping[str, int]) -> bool:
            self.choke()
            return await super().append(appends, seqs)

        def choke(self) -> None:
            if self.fails:
                quoted = IntegrityError(f"INSERT {word()}", {"text": word()}, ValueError(word()))
                raise ValueError(word()) from quoted

    logs: list[Any] = []

    def wrap(log: EventLog) -> EventLog:
        assert isinstance(log, SqlEventLog)
        logs.append(Log(log._engine, "relay-logs", 4000))
        return logs[0]  # type: ignore[no-any-return]

    async def choke(request: TurnRequest) -> TurnOutcome:
        raise ValueError(f"cannot read {request.text}")

    def undecided(*_: Any) -> Any:
        raise KeyError(word())

    async with running_relay(tmp_path, wrap_log=wrap) as at:
        customer = await at.customer()
        at.bot.answer = choke
        await customer.say(word())
        await customer.event("handoff.requested")
        assert lines.of("turn_failed")[0]["conversation"] == customer.conversation_id

        logs[0].fails = True
        assert (await customer.say(word()))["error"]["code"] == "storage_unavailable"
        logs[0].fails = False
        (failed,) = lines.of("append_failed")
        kinds = [each["type"] for each in failed["exception"]]
        assert kinds == ["builtins.ValueError", "sqlalchemy.exc.IntegrityError"]
        assert any("conversations.py" in place for place in failed["exception"][0]["at"])

        with monkeypatch.context() as patch:
            patch.setattr(batch, "decide", undecided)
            assert (await customer.say(word()))["type"] == "nack"
        assert lines.of("decision_failed")

        async def gone(*_: Any, **__: Any) -> Any:
            raise RuntimeError(word())

        with monkeypatch.context() as patch:
            patch.setattr(at.relay.feed, "head", gone)
            await customer.send("seen", seq=1)
            await customer.closed()
            async with httpx.AsyncClient(base_url=at.url) as http:
                answer = await http.get(
                    f"/api/v1/conversations/{customer.conversation_id}/events",
                    headers={"Authorization": f"Bearer {customer.token}"},
                )
        (ended,) = lines.of("socket_failed")
        assert ended["conversation"] == customer.conversation_id
        assert ended["socket"].startswith("customer-")
        assert answer.status_code == 500
        (request,) = lines.of("request_failed")
        assert request["request"] == answer.headers["x-request-id"]
        assert request["exception"][0]["type"] == "builtins.RuntimeError"

        # What nobody waits for is told by the event loop, with the exception's own words.
        lost = asyncio.create_task(gone())
        await asyncio.wait({lost})
        del lost
        gc.collect()
        await until(lambda: lines.of("library"))
    # `head` may have failed more than once after the socket: what matters is that nothing of it is told.
    assert len(word.made) >= 7
    assert word.found_in(lines.text) == []


async def test_the_test_sees_a_word_that_is_logged(lines: Lines) -> None:
    word = Words()
    structlog.get_logger("planted").info("said", text=word())
    assert word.found_in(lines.text) == word.made


def test_lines_can_be_for_people(lines: Lines) -> None:
    del lines
    shown = Lines("text")
    structlog.get_logger("x").info("bot_ready", conversation="c1")
    assert "event='bot_ready'" in shown.text
    assert "conversation='c1'" in shown.text


def test_an_exception_tells_its_chain_without_messages(lines: Lines) -> None:
    def write() -> None:
        raise OSError(28, "No space for Zyxwvut")

    try:
        try:
            write()
        except OSError as failure:
            raise ValueError("Zyxwvut") from failure
    except ValueError:
        structlog.get_logger("x").exception("broke")
    (line,) = lines.of("broke")
    assert [each["type"] for each in line["exception"]] == ["builtins.ValueError", "builtins.OSError"]
    assert line["exception"][1]["errno"] == 28
    assert "test_logs.py" in line["exception"][0]["at"][-1]
    assert "Zyxwvut" not in lines.text
