"""A TCP proxy between clients and one relay that misbehaves, by a seed.

What misbehaving can mean over TCP: a connection is **cut** at any moment, or one direction **stalls**. Bytes that TCP
delivered twice or in another order would be a broken TCP, which no client and no relay ever sees, so the other two
happen where they do in life, between whole messages: a client's frame is **repeated** (as a client library does that
does not trust its first send) or **overtaken** by the next one (as with two tabs). This happens to commands alone,
the frames with a `client_id`: a second `subscribe` asks for the events once more, and rightly gets them. Frames are
never changed. What the relay sends is only ever cut or stalled: a proxy that repeated the relay's
frames would make readers see twice what was sent once.

A cut may be **unheard**: the proxy passes a client's frame on, swallows all the relay answers, and only then cuts. The
command was run and its `ack` was not heard: for the client this is a crash between commit and `ack`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from bench.faults.frames_on_wire import FrameSplitter, is_control, payload_of

CHUNK = 65_536
HELD_BACK_S = 0.2
"""A frame that is to be overtaken waits at most so long for one that overtakes it."""

HOST = "127.0.0.1"
COMMAND = b'"client_id"'


@dataclass(frozen=True, slots=True)
class Mischief:
    """How often what happens. Shares are of a client's frames; all 0 is a proxy that only passes on."""

    frames_between_cuts: float = 0.0
    """Mean number of frames after which a connection is cut; 0: never."""
    unheard: float = 0.3
    """Share of the cuts that swallow the relay's last answers."""
    stall: float = 0.0
    stall_s: tuple[float, float] = (0.05, 1.0)
    repeat: float = 0.0
    overtake: float = 0.0


class Proxy:
    """Listens on a port of its own and connects each client to `relay_port`."""

    def __init__(self, relay_port: int, mischief: Mischief, seed: str) -> None:
        self.port = 0
        self.counts: Counter[str] = Counter()
        """`cuts`, `stalls`, `repeats`, `overtakes` and `connections` so far."""
        self._relay_port = relay_port
        self._mischief = mischief
        self._seed = seed
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut what is left and listen no more."""
        assert self._server is not None
        self._server.close()
        for link in tuple(self._links):
            link.cut()
        await self._server.wait_closed()

    def behave(self) -> None:
        """No more mischief on connections from now on, and none on those that are open."""
        self._mischief = Mischief()
        for link in self._links:
            link.behave()

    def deafen(self) -> None:
        """Swallow all that the relay says on the connections open now. They are of no use after that: cut them."""
        for link in self._links:
            link.deaf = True

    def cut_all(self) -> None:
        """Cut every connection that is open now."""
        for link in tuple(self._links):
            self.counts["cuts"] += 1
            link.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counts["connections"] += 1
        # One generator for each connection: what the others do does not change what happens to this one.
        rng = Random(f"{self._seed}:{self.counts['connections']}")
        try:
            relay_reader, relay_writer = await asyncio.open_connection(HOST, self._relay_port)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, relay_writer, self._mischief, rng, self.counts)
        self._links.add(link)
        try:
            await link.run(reader, relay_reader)
        finally:
            self._links.discard(link)


class _Link:
    """One client's connection to the relay."""

    def __init__(
        self,
        client: asyncio.StreamWriter,
        relay: asyncio.StreamWriter,
        mischief: Mischief,
        rng: Random,
        counts: Counter[str],
    ) -> None:
        self.deaf = False
        self._client = client
        self._relay = relay
        self._mischief = mischief
        self._rng = rng
        self._counts = counts
        self._held: bytes | None = None
        mean = mischief.frames_between_cuts
        self._frames_left = int(rng.expovariate(1 / mean)) + 2 if mean else 0

    async def run(self, from_client: asyncio.StreamReader, from_relay: asyncio.StreamReader) -> None:
        """Pass on in both directions until one ends."""
        pumps = [asyncio.create_task(self._up(from_client)), asyncio.create_task(self._down(from_relay))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.cut()

    def cut(self) -> None:
        """End it at once on both sides, without a goodbye."""
        self._client.transport.abort()
        self._relay.transport.abort()

    def behave(self) -> None:
        """No more mischief from now on."""
        self._mischief = Mischief()
        self._frames_left = 0

    async def _up(self, reader: asyncio.StreamReader) -> None:
        splitter = FrameSplitter()
        passed = 0
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                for part in splitter.feed(data):
                    passed += 1
                    # First the request that opens the socket, then the hello.
                    if passed <= 2 or is_control(part):
                        self._relay.write(part)
                    elif await self._pass_on(part):
                        return
                await self._relay.drain()

    async def _down(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self._happens(self._mischief.stall / 4, "stalls"):
                    await self._stand_still()
                if not self.deaf:
                    self._client.write(data)
                    await self._client.drain()

    async def _pass_on(self, frame: bytes) -> bool:
        """Forward one frame with whatever happens to it; True when the connection is cut now."""
        if self._happens(self._mischief.stall, "stalls"):
            await self._stand_still()
        is_command = COMMAND in payload_of(frame)
        if is_command and self._held is None and self._happens(self._mischief.overtake, "overtakes"):
            self._held = frame
            asyncio.get_running_loop().call_later(HELD_BACK_S, self._release)
        else:
            self._relay.write(frame)
            self._release()
            if is_command and self._happens(self._mischief.repeat, "repeats"):
                self._relay.write(frame)
        if not self._mischief.frames_between_cuts:
            return False
        self._frames_left -= 1
        if self._frames_left > 0:
            return False
        if self._rng.random() < self._mischief.unheard:
            self.deaf = True
            # Long enough for most commits; whether this one was in time is what the client cannot know.
            await asyncio.sleep(self._rng.uniform(0.0, 0.1))
        self._counts["cuts"] += 1
        return True

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None and not self._relay.is_closing():
            self._relay.write(held)

    def _happens(self, share: float, what: str) -> bool:
        if not share or self._rng.random() >= share:
            return False
        self._counts[what] += 1
        return True

    async def _stand_still(self) -> None:
        await asyncio.sleep(self._rng.uniform(*self._mischief.stall_s))
