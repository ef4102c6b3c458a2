"""The proxy against a server that only counts what it hears: each kind of mischief does what it says, by its seed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from bench.faults.frames_on_wire import FrameSplitter, is_control, payload_of
from bench.faults.proxy import Mischief, Proxy

HEAD = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """A client's frame. The mask is all zeros, which leaves the payload readable."""
    if len(payload) < 126:
        length = bytes([0x80 | len(payload)])
    elif len(payload) < 65_536:
        length = bytes([0x80 | 126]) + len(payload).to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + len(payload).to_bytes(8, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


A, B, C = (frame(b'{"client_id":"%s"}' % name) for name in (b"a", b"b", b"c"))


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 125, 126, 70_000])
def test_a_payload_is_read_through_its_mask(length: int) -> None:
    text = bytes(number % 251 for number in range(length))
    mask = b"\x01\x80\x00\xff"
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
    sent = frame(masked)
    start = len(sent) - length
    assert payload_of(sent[: start - 4] + mask + masked) == text


@pytest.mark.parametrize("size", [1, 2, 7, 100_000])
def test_frames_are_found_however_the_bytes_come(size: int) -> None:
    parts = [HEAD, frame(b"one"), frame(b"x" * 300), frame(b"", 9), frame(b"y" * 70_000), frame(b"end")]
    stream = b"".join(parts)
    splitter = FrameSplitter()
    found = [p for start in range(0, len(stream), size) for p in splitter.feed(stream[start : start + size])]
    assert found == parts
    assert [is_control(part) for part in found[1:]] == [False, False, True, False, False]


class Server:
    """Keeps what it hears on each connection and answers every chunk with `ok`."""

    def __init__(self) -> None:
        self.heard: list[bytearray] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = bytearray()
        self.heard.append(heard)
        while data := await reader.read(65_536):
            heard += data
            writer.write(b"ok")
        writer.close()


@asynccontextmanager
async def proxied(mischief: Mischief, seed: str = "1") -> AsyncIterator[tuple[Proxy, Server]]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    proxy = Proxy(server.port, mischief, seed)
    await proxy.start()
    try:
        yield proxy, server
    finally:
        await proxy.stop()
        listening.close()


async def connected(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(HEAD + frame(b"hello"))
    await reader.readexactly(2)
    return reader, writer


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    """All that still comes; the test's own limit of time says when it never ends. A reset is as good an end as any."""
    heard = b""
    with suppress(ConnectionError):
        while data := await reader.read(100):
            heard += data
    return heard


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_without_mischief_everything_passes_as_it_is() -> None:
    async with proxied(Mischief()) as (proxy, server):
        reader, writer = await connected(proxy)
        sent = b"".join(frame(str(number).encode()) for number in range(100))
        writer.write(sent)
        await until(lambda: len(server.heard[0]) >= len(HEAD + frame(b"hello") + sent))
        assert bytes(server.heard[0]) == HEAD + frame(b"hello") + sent
        assert await reader.readexactly(2) == b"ok"
        assert proxy.counts == {"connections": 1}


async def test_commands_are_repeated_whole_and_other_frames_left_alone() -> None:
    async with proxied(Mischief(repeat=1.0)) as (proxy, server):
        _, writer = await connected(proxy)
        other = frame(b'{"type":"subscribe"}') + frame(b"p", 9)
        writer.write(A + B + other)
        expected = HEAD + frame(b"hello") + A * 2 + B * 2 + other
        await until(lambda: len(server.heard[0]) >= len(expected))
        assert bytes(server.heard[0]) == expected
        assert proxy.counts["repeats"] == 2


async def test_an_overtaken_frame_comes_after_the_next_or_when_none_comes_by_itself() -> None:
    async with proxied(Mischief(overtake=1.0)) as (proxy, server):
        _, writer = await connected(proxy)
        writer.write(A + B + C)
        expected = HEAD + frame(b"hello") + B + A + C
        await until(lambda: len(server.heard[0]) >= len(expected))
        assert bytes(server.heard[0]) == expected


async def test_a_cut_ends_the_connection_on_both_sides() -> None:
    async with proxied(Mischief(frames_between_cuts=3.0, unheard=0.0)) as (proxy, server):
        reader, writer = await connected(proxy)
        for number in range(200):
            writer.write(frame(str(number).encode()))
        await to_the_end(reader)
        assert proxy.counts["cuts"] == 1
        assert len(server.heard[0]) < 200 * len(frame(b"100"))


async def test_an_unheard_cut_passes_the_frame_on_and_swallows_the_answer() -> None:
    async with proxied(Mischief(frames_between_cuts=1e-9, unheard=1.0)) as (proxy, server):
        reader, writer = await connected(proxy)
        writer.write(A)
        await until(lambda: bytes(server.heard[0]).endswith(A))
        writer.write(B)
        answers = await to_the_end(reader)
        assert bytes(server.heard[0]).endswith(B)
        assert answers in (b"", b"ok")


async def test_the_same_seed_cuts_at_the_same_frame() -> None:
    async def heard_before_the_cut(seed: str) -> bytes:
        async with proxied(Mischief(frames_between_cuts=20.0, unheard=0.0, repeat=0.3), seed) as (
            proxy,
            _,
        ):
            reader, writer = await connected(proxy)
            for number in range(300):
                writer.write(frame(b'{"client_id":%d}' % number))
            await to_the_end(reader)
            return str(sorted(proxy.counts.items())).encode()

    assert await heard_before_the_cut("7") == await heard_before_the_cut("7")
    assert await heard_before_the_cut("7") != await heard_before_the_cut("8")


async def test_a_proxy_that_behaves_again_cuts_no_more() -> None:
    async with proxied(Mischief(frames_between_cuts=1e-9, unheard=0.0, repeat=1.0)) as (proxy, server):
        _, writer = await connected(proxy)
        proxy.behave()
        writer.write(A * 20)
        expected = HEAD + frame(b"hello") + A * 20
        await until(lambda: len(server.heard[0]) >= len(expected))
        assert bytes(server.heard[0]) == expected
        proxy.cut_all()
        assert proxy.counts["cuts"] == 1


async def test_a_client_of_a_relay_that_is_down_is_turned_away() -> None:
    proxy = Proxy(1, Mischief(), "1")
    await proxy.start()
    try:
        reader, _ = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await to_the_end(reader) == b""
    finally:
        await proxy.stop()
