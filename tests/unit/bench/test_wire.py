"""The load generator's end of a WebSocket."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Opcode

from bench.wire import Frames, Wire, WireError, text_frame


def server_frame(payload: bytes, opcode: int = 1, *, final: bool = True) -> bytes:
    """A frame as a server sends it."""
    size = len(payload)
    if size < 126:
        head = bytes((final << 7 | opcode, size))
    elif size < 65_536:
        head = bytes((final << 7 | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((final << 7 | opcode, 127)) + size.to_bytes(8, "big")
    return head + payload


SIZES = [0, 1, 125, 126, 65_535, 65_536]


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_of_any_size_is_read(size):
    assert Frames().take(server_frame(b"x" * size)) == [(1, b"x" * size)]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 200])
def test_frames_are_read_however_they_are_cut(step):
    sent = [b"", b"one", b"y" * 130, b"two"]
    data = b"".join(server_frame(payload) for payload in sent)
    frames = Frames()
    found = []
    for start in range(0, len(data), step):
        found += frames.take(data[start : start + step])
    assert found == [(1, payload) for payload in sent]


def test_a_frame_in_pieces_is_refused():
    with pytest.raises(WireError):
        Frames().take(server_frame(b"half", final=False))


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        if message == "ping":
            await (await connection.ping())
        if message == "bye":
            await connection.close(1008)
            return
        await connection.send(message)


@pytest.mark.parametrize("size", SIZES[1:])
async def test_what_is_sent_is_read_by_websockets_as_it_was(size):
    async with serve(echo, "127.0.0.1", 0, max_size=None) as server:
        wire = await Wire.connect(url_of(server), "/")
        found: asyncio.Queue[bytes] = asyncio.Queue()
        wire.on_text = found.put_nowait
        wire.write(text_frame(b"x" * size))
        async with asyncio.timeout(5):
            assert await found.get() == b"x" * size
        wire.close()


async def test_a_ping_is_answered():
    async with serve(echo, "127.0.0.1", 0) as server:
        wire = await Wire.connect(url_of(server), "/")
        found: asyncio.Queue[bytes] = asyncio.Queue()
        wire.on_text = found.put_nowait
        wire.write(text_frame(b"ping"))
        async with asyncio.timeout(5):
            assert await found.get() == b"ping"  # sent only after the pong
        wire.close()


async def test_why_it_was_closed_is_kept_and_ends_the_waiting():
    async with serve(echo, "127.0.0.1", 0) as server:
        wire = await Wire.connect(url_of(server), "/")
        wire.write(text_frame(b"bye"))
        with pytest.raises(WireError, match="1008"):
            await wire.receive()
        assert wire.closed == "closed with 1008"


async def test_a_refused_upgrade_is_told():
    async with serve(echo, "127.0.0.1", 0, process_request=lambda c, _: c.respond(404, "no")) as server:
        with pytest.raises(WireError, match="404"):
            await Wire.connect(url_of(server), "/")


async def test_a_refusal_in_place_of_the_frame_that_is_waited_for():
    async with serve(echo, "127.0.0.1", 0) as server:
        wire = await Wire.connect(url_of(server), "/")
        wire.send("pong")
        wire.send("nack", client_id="x", error={"code": "wrong_state"})
        with pytest.raises(WireError, match="wrong_state"):
            await wire.receive_one("ack")
        wire.close()


def url_of(server: object) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]


def test_the_opcode_is_websockets_own():
    assert text_frame(b"")[0] & 0x0F == Opcode.TEXT
