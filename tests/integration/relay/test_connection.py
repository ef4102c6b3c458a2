"""What a WebSocket may do below the frames of the protocol: handshakes, fragments, control frames, silence."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from pathlib import Path
from random import Random

import pytest
import structlog
import websockets
from websockets.frames import Close, Frame, Opcode
from websockets.server import ServerProtocol

from handoff.api import connection as connection_module
from handoff.api import open_sockets
from handoff.api.connection import Connection
from handoff.api.outbox import Outbox
from handoff.api.socket import Socket
from tests.integration.relay.gated_log import GatedLog, gated
from tests.integration.relay.harness import Client, Customer, RunningRelay, running_relay, until

PROTOCOL_LIMIT = 16
"""Times the limit of a frame: a longer message is not even read."""


class ClosedTransport(asyncio.Transport):
    """As uvloop's are: writing to one is an error."""

    def is_closing(self) -> bool:
        return True

    def write(self, data: object) -> None:
        raise RuntimeError("the handler is closed")


async def close_code(client: Client) -> int | None:
    await client.closed()
    assert client.connection is not None
    return client.connection.close_code


def write(client: Client, frame: Frame) -> None:
    """Put a frame on the wire that the client's own library would not send."""
    assert client.connection is not None
    client.connection.transport.write(frame.serialize(mask=True))


async def raw_answer(at: RunningRelay, request: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", at.settings.port)
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


async def test_frames_come_as_the_network_cuts_them(tmp_path: Path) -> None:
    """Whole, in halves and several at once, short and long, with control frames between: heard once each, in order."""
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        assert customer.connection is not None
        texts = [f"{n} " + "é" * size for n, size in enumerate((1, 50, 61, 62, 63, 200, 2_000, 3_900, 1))]
        stream = b""
        for n, text in enumerate(texts):
            say = json.dumps(
                {"type": "say", "client_id": f"client-id-of-{n:05}", "text": text}, ensure_ascii=False
            )
            stream += Frame(Opcode.TEXT, say.encode()).serialize(mask=True)
            stream += Frame(Opcode.PING, b"still there?").serialize(mask=True)
        cut = Random(1)
        while stream:
            size = cut.choice((1, 2, 5, 6, 7, 130, 1_000, 9_000))
            customer.connection.transport.write(stream[:size])
            stream = stream[size:]
            await asyncio.sleep(0)
        for n in range(len(texts)):
            await customer.frame("ack", client_id=f"client-id-of-{n:05}")
        said = [event["data"]["text"] for event in customer.events if event["kind"] == "customer.said"]
        assert said == texts


async def test_a_message_in_fragments_is_one_message(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        assert customer.connection is not None
        said = json.dumps({"type": "say", "client_id": "f" * 16, "text": "in three pieces — ünd mehr"})
        await customer.connection.send([said[:10], said[10:40], said[40:]])
        await customer.frame("ack", client_id="f" * 16)
        # Control frames may come between fragments.
        write(customer, Frame(Opcode.TEXT, b'{"type":', fin=False))
        write(customer, Frame(Opcode.PING, b"between"))
        write(customer, Frame(Opcode.CONT, b'"ping"}', fin=True))
        await customer.frame("pong")
        texts = [e["data"]["text"] for e in customer.events if e["kind"] == "customer.said"]
        assert texts == ["in three pieces — ünd mehr"]


async def test_a_ping_of_the_protocol_is_answered(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        assert customer.connection is not None
        async with asyncio.timeout(10):
            await (await customer.connection.ping(b"are you there"))


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([Frame(Opcode.TEXT, b"\xff\xfe")], 1007),
        ([Frame(Opcode.CONT, b"nothing before")], 1002),
        ([Frame(Opcode.TEXT, b"x" * (65_536 * PROTOCOL_LIMIT + 1))], 1009),
        (
            [Frame(Opcode.TEXT, b"x" * 600_000, fin=False), Frame(Opcode.CONT, b"x" * 600_000, fin=False)],
            1009,
        ),
    ],
    ids=["not-utf-8", "continues-nothing", "too-long", "too-long-in-pieces"],
)
async def test_what_breaks_the_protocol_ends_the_socket_and_no_other(
    tmp_path: Path, frames: list[Frame], code: int
) -> None:
    async with running_relay(tmp_path) as at:
        customer, other = await at.customer(), await at.customer()
        for frame in frames:
            write(customer, frame)
        assert await close_code(customer) == code
        assert (await other.say("still here"))["type"] == "ack"
        back = Customer(at)
        back.token = customer.token
        assert (await back.connect())["type"] == "welcome"


async def test_a_client_that_hangs_up_without_a_word_is_gone(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        assert customer.connection is not None
        customer.connection.transport.abort()
        await until(lambda: len(at.sockets) == 0)
        # A goodbye in due form is answered in due form.
        polite = await at.customer()
        await polite.close()
        assert await close_code(polite) == 1000
        await until(lambda: len(at.sockets) == 0)


async def test_a_client_that_hangs_up_before_its_answers_is_no_failure(tmp_path: Path) -> None:
    made: list[GatedLog] = []
    async with running_relay(tmp_path, wrap_log=gated(made)) as at:
        customer, other = await at.customer(), await at.customer()
        assert customer.connection is not None
        made[0].gate.clear()
        before = made[0].at_gate
        await customer.send("say", client_id="before-it-left-1", text="Hello?")
        await until(lambda: made[0].at_gate > before)
        [hers] = [open_.connection for open_ in at.sockets if open_._commands]
        with structlog.testing.capture_logs() as logs:
            customer.connection.transport.abort()
            await until(lambda: len(at.sockets) == 1)
            hers._transport = ClosedTransport()
            made[0].gate.set()
            # Committed after those words; by then all that was to be sent for them has been tried.
            await other.say("still here")
        assert [entry for entry in logs if entry["log_level"] == "error"] == []


@pytest.mark.parametrize("before", [[], [{"type": "seen", "seq": 1}] * 3], ids=["at-once", "behind-others"])
async def test_words_that_come_together_with_the_goodbye_are_kept(
    tmp_path: Path, before: list[dict[str, object]]
) -> None:
    async with running_relay(tmp_path) as at:
        known = await at.customer()
        leaving = Customer(at)
        await leaving.dial()
        assert leaving.connection is not None
        # All in one breath: hello itself takes the relay a while, and what follows waits for it.
        said = {"type": "say", "client_id": "last-words-000001", "text": "My last words"}
        spoken = [{"type": "hello", "token": known.token}, *before, said]
        frames = [Frame(Opcode.TEXT, json.dumps(frame).encode()) for frame in spoken]
        frames.append(Frame(Opcode.CLOSE, Close(1000, "").serialize()))
        leaving.connection.transport.write(b"".join(frame.serialize(mask=True) for frame in frames))
        await leaving.closed()
        assert (await known.event("customer.said"))["data"]["text"] == "My last words"
        await until(lambda: len(at.sockets) == 1)


async def test_a_machine_that_was_switched_off_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "PING_S", 0.2)
    monkeypatch.setattr(open_sockets, "LOOK_S", 0.05)
    async with running_relay(tmp_path) as at:
        there, gone = await at.customer(), await at.customer()
        assert gone.connection is not None
        # It takes nothing any more, so that the question whether it is there is never answered.
        gone.connection.transport.pause_reading()
        await until(lambda: len(at.sockets) == 1)
        assert (await there.say("still here"))["type"] == "ack"
        gone.connection.transport.resume_reading()


async def test_doors_that_do_not_exist_and_handshakes_that_are_none(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"{at.ws}/ws/nobody")
        assert refused.value.response.status_code == 403
        upgrade = "GET /ws/customer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        assert (await raw_answer(at, f"{upgrade}\r\n")).startswith(b"HTTP/1.1 400 ")
        assert (
            await raw_answer(at, f"{upgrade}Sec-WebSocket-Key: c2hvcnQ=\r\nSec-WebSocket-Version: 13\r\n\r\n")
        ).startswith(b"HTTP/1.1 400 ")
        assert len(at.sockets) == 0
        assert (await at.customer()).frames[0]["type"] == "welcome"


async def test_a_client_that_names_no_subprotocol_or_another_is_served(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        for offered, chosen in ((None, None), ("other.v9", None), ("baton.v1", "baton.v1")):
            subprotocols = [websockets.Subprotocol(offered)] if offered else None
            async with websockets.connect(f"{at.ws}/ws/customer", subprotocols=subprotocols) as client:
                assert client.subprotocol == chosen


async def test_a_handshake_that_is_left_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        with socket.create_connection(("127.0.0.1", at.settings.port)) as half:
            half.sendall(b"GET /ws/customer HTTP/1.1\r\nHost: x\r\nConnection: Upgr")
        assert (await at.customer()).frames[0]["type"] == "welcome"
        assert len(at.sockets) == 1


async def test_a_socket_that_is_gone_leaves_nothing_for_the_collector(tmp_path: Path) -> None:
    def left() -> list[str]:
        kinds = (Connection, Socket, Outbox, ServerProtocol)
        return [type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, kinds)]

    async with running_relay(tmp_path) as at:
        # The first of each makes what stays: caches, compiled statements.
        for client in (await at.customer(), await at.agent()):
            await client.close()
        await until(lambda: bool(gc.collect() + 1) and left() == [])
        gc.disable()
        try:
            customer, agent = await at.customer(), await at.agent("Ben")
            await customer.command("request_human")
            await agent.take(customer.conversation_id)
            await customer.send("nonsense")
            await customer.close()
            await agent.close()
            await until(lambda: len(at.sockets) == 0)
            await until(lambda: left() == [])
        finally:
            gc.enable()
