"""The bot over HTTP, against a real server that behaves in every way a bot must not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from bot.contract import Decision, Reply, TurnOutcome, TurnRequest, outcome_to_json, request_to_json
from handoff.adapters import bot_workbench
from handoff.adapters.bot_http import HttpBot
from handoff.adapters.bot_workbench import BotWorkbench
from handoff.ports import BotFailedError, BotNotReadyError, BotReleaseRefusedError

REQUEST = TurnRequest("c1", 1, 2, "Wo ist es? 🙂")
OUTCOME = TurnOutcome(2, "r1", Decision("answer", "confident", 0.9, 0.5), (Reply("Here."),))

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server that answers every request as told and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = with_json(200, outcome_to_json(OUTCOME))
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append((" ".join(first.split()[:2]), headers, body))
            await self.answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self._open.discard(writer)


def with_body(status: int, body: bytes) -> Answer:
    async def send(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return send


def with_json(status: int, body: Any) -> Answer:
    return with_body(status, json.dumps(body).encode())


async def hang(_writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def cut_in_the_middle(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"turn": 2')
    await writer.drain()


async def trickle(writer: asyncio.StreamWriter) -> None:
    """Never silent for long, and never done."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def bot(server: Server) -> AsyncIterator[HttpBot]:
    bot = HttpBot(f"http://127.0.0.1:{server.port}", "a secret")
    yield bot
    await bot.close()


async def test_a_turn_is_asked_with_the_secret_and_read(server: Server, bot: HttpBot) -> None:
    assert await bot.turn(REQUEST, 5) == OUTCOME
    [(line, headers, body)] = server.asked
    assert line == "POST /bot/turns"
    assert headers["x-baton-secret"] == "a secret"
    assert json.loads(body) == request_to_json(REQUEST)


async def test_no_proxy_of_the_machine_stands_between(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    bot = HttpBot(f"http://127.0.0.1:{server.port}", "a secret")
    assert await bot.turn(REQUEST, 5) == OUTCOME
    await bot.close()


async def test_a_bot_that_warms_up_has_not_taken_the_turn(server: Server, bot: HttpBot) -> None:
    server.answer = with_json(503, {"error": {"code": "warming"}})
    with pytest.raises(BotNotReadyError):
        await bot.turn(REQUEST, 5)
    assert not await bot.ready()


async def test_a_bot_that_is_not_there_has_not_taken_the_turn(server: Server, bot: HttpBot) -> None:
    await server.stop()
    with pytest.raises(BotNotReadyError):
        await bot.turn(REQUEST, 5)
    assert not await bot.ready()
    with pytest.raises(BotNotReadyError):
        await bot.search("delivery", "en", 5)


NONSENSE: list[Any] = [
    [],
    {},
    None,
    {**outcome_to_json(OUTCOME), "replies": []},
    {**outcome_to_json(OUTCOME), "decision": {"kind": "guess"}},
    {**outcome_to_json(OUTCOME), "turn": 3},
    {**outcome_to_json(OUTCOME), "turn": "2"},
]


@pytest.mark.parametrize("body", NONSENSE)
async def test_nonsense_is_a_failure(server: Server, bot: HttpBot, body: Any) -> None:
    server.answer = with_json(200, body)
    with pytest.raises(BotFailedError):
        await bot.turn(REQUEST, 5)


@pytest.mark.parametrize(
    "answer",
    [
        with_json(500, {"error": {"code": "bot_failed"}}),
        with_json(401, {"error": {"code": "unauthorized"}}),
        with_json(404, {}),
        with_body(200, b""),
        with_body(200, b"<html>"),
        with_body(200, b'{"turn": "\xff"}'),
        cut,
        cut_in_the_middle,
    ],
)
async def test_every_other_answer_is_a_failure(server: Server, bot: HttpBot, answer: Answer) -> None:
    server.answer = answer
    with pytest.raises(BotFailedError):
        await bot.turn(REQUEST, 5)


@pytest.mark.parametrize("answer", [hang, trickle])
async def test_the_time_is_for_the_whole_turn(server: Server, bot: HttpBot, answer: Answer) -> None:
    server.answer = answer
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(BotFailedError):
        async with asyncio.timeout(5):
            await bot.turn(REQUEST, 0.2)
    assert 0.15 < loop.time() - begun < 3


async def test_it_is_ready_when_it_says_so(server: Server, bot: HttpBot) -> None:
    server.answer = with_json(200, {"release_ids": ["r1"]})
    assert await bot.ready()
    for answer in (with_json(500, {}), with_json(401, {}), cut):
        server.answer = answer
        assert not await bot.ready()


async def test_a_search_gives_its_results(server: Server, bot: HttpBot) -> None:
    found = [{"article_id": "track", "title": "Tracking", "snippet": "…", "score": 0.9}]
    server.answer = with_json(200, {"results": found})
    assert await bot.search("where", "en", 3) == found
    assert json.loads(server.asked[0][2]) == {"q": "where", "locale": "en", "limit": 3}


@pytest.mark.parametrize(
    "answer",
    [
        with_json(503, {}),
        with_json(500, {}),
        with_json(200, {}),
        with_json(200, []),
        with_json(200, {"results": None}),
        with_body(200, b"<html>"),
        cut,
    ],
)
async def test_a_search_that_comes_to_nothing_says_so(server: Server, bot: HttpBot, answer: Answer) -> None:
    server.answer = answer
    with pytest.raises(BotNotReadyError):
        await bot.search("where", "en", 3)


TRIED = TurnRequest("c1", 1, 2, "Wo ist es?", release_id="r2")
REFUSAL = {"error": {"code": "release_refused", "message": "model.tar.gz has changed", "data": {}}}


async def test_a_release_that_cannot_be_used_is_told_apart_from_a_bot_that_fails(
    server: Server, bot: HttpBot
) -> None:
    server.answer = with_json(409, REFUSAL)
    with pytest.raises(BotReleaseRefusedError, match=r"model\.tar\.gz has changed"):
        await bot.turn(TRIED, 5.0)
    # Nobody asked for a release: a failure like any other.
    with pytest.raises(BotFailedError, match="409"):
        await bot.turn(REQUEST, 5.0)
    overtaken = {"error": {"code": "turn_overtaken", "message": "later ones were taken", "data": {}}}
    for body in (overtaken, {"error": "broken"}, ["nonsense"]):
        server.answer = with_json(409, body)
        with pytest.raises(BotFailedError, match="409"):
            await bot.turn(TRIED, 5.0)


async def test_a_bot_says_what_it_has_loaded_and_loads_more(server: Server, bot: HttpBot) -> None:
    server.answer = with_json(200, {"release_ids": ["r1", "r2"], "refused": []})
    assert list(await bot.loaded()) == ["r1", "r2"]
    await bot.load("r2")
    assert server.asked[-1][0] == "POST /bot/releases/r2/load"
    server.answer = with_json(409, REFUSAL)
    with pytest.raises(BotReleaseRefusedError, match=r"model\.tar\.gz"):
        await bot.load("r2")
    for answer in (with_json(503, {}), with_json(200, ["nonsense"]), with_body(200, b"{")):
        server.answer = answer
        with pytest.raises(BotNotReadyError):
            await bot.loaded()
    server.answer = with_json(500, {})
    with pytest.raises(BotNotReadyError, match="500"):
        await bot.load("r2")


async def test_every_bot_that_is_there_loads_a_release(server: Server, bot: HttpBot) -> None:
    away = HttpBot("http://127.0.0.1:9", "secret")
    try:
        server.answer = with_json(200, {"release_ids": ["r1"]})
        bench = BotWorkbench([bot, away])
        assert await bench.has_loaded("r1")
        assert not await bench.has_loaded("r2")
        await bench.load("r2")
        with pytest.raises(BotNotReadyError):
            await BotWorkbench([away]).has_loaded("r1")
        with pytest.raises(BotNotReadyError):
            await BotWorkbench([away]).load("r1")
        server.answer = with_json(409, REFUSAL)
        with pytest.raises(BotReleaseRefusedError):
            await bench.load("r2")
    finally:
        await away.close()


async def test_all_bots_that_are_there_are_asked_to_take_up_what_was_published(
    server: Server, bot: HttpBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, away = Server(), HttpBot("http://127.0.0.1:9", "secret")
    await other.start()
    second = HttpBot(f"http://127.0.0.1:{other.port}", "secret")
    bench = BotWorkbench([away, bot, second])
    try:
        server.answer = other.answer = with_json(200, {"live": True})
        assert await bench.follow("r1", 3), "one that is away answers nobody"
        for asked in (server.asked, other.asked):
            line, _, body = asked[-1]
            assert (line, json.loads(body)) == ("POST /bot/follow", {"release_id": "r1", "revision": 3})
        other.answer = with_json(503, {})
        assert await bench.follow("r1", 3), "one that is warming up answers nobody yet"
        for answer in (
            with_json(200, {"live": False}),
            with_json(404, {}),
            with_json(200, {}),
            with_body(200, b"{"),
        ):
            other.answer = answer
            assert not await bench.follow("r1", 3)
        assert not await BotWorkbench([away]).follow("r1", 3)
        monkeypatch.setattr(bot_workbench, "FOLLOW_TIMEOUT_S", 0.05)
        never = asyncio.Event()

        async def slow(_writer: asyncio.StreamWriter) -> None:
            await never.wait()

        other.answer = slow
        assert not await bench.follow("r1", 3), "one that is slow has it later"
        never.set()
    finally:
        for each in (second, away):
            await each.close()
        await other.stop()
