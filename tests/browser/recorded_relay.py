"""A relay that only plays recorded frames: for the states of the pages that a real relay reaches rarely or late.

It serves the built pages under the same policy as the real one, keeps conversations in memory, answers commands as
docs/protocol.md says in the simplest case, and lets a test cut connections, leave out frames or refuse commands.
It decides nothing a test of the relay could rely on.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fastapi import WebSocket, WebSocketDisconnect

from tests.browser.recorded_http import make_app
from tests.browser.recorded_talk import Json, Talk
from tests.browser.served import Served

HUMAN = {"id": "human", "label": "Talk to a person"}
MAYA = {"type": "agent", "id": "u-maya", "name": "Maya Lindqvist"}


class RecordedRelay(Served):
    """A relay in a thread of its own; `url` is where the pages are."""

    def __init__(self) -> None:
        self.talks: dict[str, Talk] = {}
        self.agents: dict[WebSocket, dict[str, int]] = {}
        self.must_change = False
        self.logged_in = True
        self.agent: Json = {"id": MAYA["id"], "name": MAYA["name"], "role": "supervisor"}
        self.greeting = "Hi! Ask me about orders, delivery, returns or kit."
        self.answer: Callable[[Talk, str], list[Json]] | None = None
        self.refuse: dict[str, Json] = {}
        self.drop_events: set[int] = set()
        self.hold_acks = False
        self.refuse_sockets = False
        self.clock = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)
        self.real_time = False
        self.demo_locale = "en-GB"
        super().__init__(make_app(self))

    def stop(self) -> None:
        """Cut everybody off, then close the port and the thread."""
        self.cut()
        super().stop()

    # --- what tests do ------------------------------------------------------------------------------------

    def talk(self, name: str | None = None, talk_id: str | None = None) -> Talk:
        """A new conversation."""
        talk = Talk(talk_id or f"c{len(self.talks) + 1:03d}", customer={"name": name} if name else {})
        self.talks[talk.id] = talk
        return talk

    def add(self, talk: Talk, kind: str, actor: Json | str, data: Json, *, after_s: float = 8) -> Json:
        """Append an event and tell everybody."""
        event = self.record(talk, kind, actor, data, after_s=after_s)
        self.run(self._tell(talk, event))
        return event

    def record(self, talk: Talk, kind: str, actor: Json | str, data: Json, *, after_s: float = 8) -> Json:
        """Append an event without telling anybody."""
        self.clock += timedelta(seconds=after_s)
        now = datetime.now(UTC) if self.real_time else self.clock
        at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        seq = len(talk.events) + 1
        event: Json = {
            "seq": seq,
            "id": f"{talk.id}-{seq}",
            "at": at,
            "kind": kind,
            "actor": {"type": actor} if isinstance(actor, str) else actor,
            "data": data,
        }
        talk.events.append(event)
        match kind:
            case "handoff.requested":
                talk.state, talk.waiting_since, talk.reason = "waiting", at, data["reason"]
            case "agent.joined":
                talk.state, talk.holder = "agent", {k: event["actor"].get(k) for k in ("id", "name")}
            case "handoff.cancelled" | "handoff.expired" | "conversation.returned_to_bot" | "episode.started":
                talk.state, talk.holder = "bot", None
            case "conversation.closed":
                talk.state, talk.holder = "closed", None
            case "agent.left":
                talk.state, talk.holder, talk.waiting_since = "waiting", None, at
            case "handoff.alerted":
                talk.alert = data["level"]
            case "customer.left_contact":
                talk.follow_up = {"since": at, "email": data["email"], "text": data.get("text")}
            case "contact.followed_up":
                talk.follow_up = None
        return event

    def to_customer(self, talk: Talk, frame: Json) -> None:
        """Send any frame to the customer's sockets."""
        self.run(self._send_all(talk.sockets, frame))

    def to_agents(self, frame: Json) -> None:
        """Send any frame to every agent's socket."""
        self.run(self._send_all(list(self.agents), frame))

    def cut(self) -> None:
        """Break every socket, as a dead connection does."""

        async def close() -> None:
            for socket in [*self.agents, *(s for t in self.talks.values() for s in t.sockets)]:
                with contextlib.suppress(RuntimeError):
                    await socket.close(1012)

        self.run(close())

    # --- frames -------------------------------------------------------------------------------------------

    async def _send_all(self, sockets: list[WebSocket], frame: Json) -> None:
        for socket in list(sockets):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await socket.send_text(json.dumps(frame))

    async def _tell(self, talk: Talk, event: Json) -> None:
        if event["seq"] in self.drop_events:
            self.drop_events.discard(event["seq"])
            return
        for_customer = [e for e in talk.wire(customer=True) if e["seq"] == event["seq"]]
        for wire in for_customer:
            await self._send_all(talk.sockets, {"type": "event", "event": wire})
        wire = next(e for e in talk.wire(customer=False) if e["seq"] == event["seq"])
        for socket, cursors in list(self.agents.items()):
            if talk.id in cursors:
                await self._send_all([socket], {"type": "event", "conversation_id": talk.id, "event": wire})
        if talk.state in ("waiting", "agent") or talk.follow_up is not None:
            frame = {"type": "inbox", "item": talk.item()}
        else:
            frame = {"type": "inbox_removed", "conversation_id": talk.id}
        await self._send_all(list(self.agents), frame)
        if event["kind"] == "handoff.alerted":
            level = event["data"]["level"]
            called = {"type": "alert", "conversation_id": talk.id, "level": level, "item": talk.item()}
            await self._send_all(list(self.agents), called)

    async def _append(self, talk: Talk, kind: str, actor: Json | str, data: Json) -> Json:
        event = self.record(talk, kind, actor, data)
        await self._tell(talk, event)
        return event

    async def _ack(self, socket: WebSocket, talk: Talk, frame: Json, seq: int) -> None:
        talk.acks[frame["client_id"]] = seq
        if not self.hold_acks:
            await socket.send_text(
                json.dumps(
                    {
                        "type": "ack",
                        "client_id": frame["client_id"],
                        "conversation_id": talk.id,
                        "seq": seq,
                        "events": 1,
                    }
                )
            )

    async def _refused(self, socket: WebSocket, talk: Talk, frame: Json) -> bool:
        """Answer a repeat, or what the test wants refused."""
        client_id = frame["client_id"]
        if client_id in talk.acks:
            await self._ack(socket, talk, frame, talk.acks[client_id])
            return True
        if frame["type"] in self.refuse:
            error = self.refuse.pop(frame["type"])
            await socket.send_text(json.dumps({"type": "nack", "client_id": client_id, "error": error}))
            return True
        return False

    async def _customer_frame(self, socket: WebSocket, talk: Talk, frame: Json) -> None:
        match frame["type"]:
            case "ping":
                await socket.send_text('{"type":"pong"}')
                return
            case "seen":
                talk.seen = frame["seq"]
                return
            case "typing":
                await self._send_all(
                    list(self.agents),
                    {
                        "type": "typing",
                        "conversation_id": talk.id,
                        "actor": {"type": "customer"},
                        "on": frame["on"],
                    },
                )
                return
        if await self._refused(socket, talk, frame):
            return
        match frame["type"]:
            case "say":
                if talk.state == "closed":
                    await self._append(talk, "episode.started", "system", {"episode": 2})
                said = {"text": frame["text"], "client_id": frame["client_id"], "choice": frame.get("choice")}
                event = await self._append(talk, "customer.said", "customer", said)
                await self._ack(socket, talk, frame, event["seq"])
                if frame.get("choice") == "human":
                    await self._append(
                        talk, "handoff.requested", "customer", {"handoff_id": "h1", "reason": "asked"}
                    )
                elif talk.state == "bot" and self.answer is not None:
                    for reply in self.answer(talk, frame["text"]):
                        await self._append(
                            talk, reply.pop("kind", "bot.replied"), "bot", {"turn": event["seq"], **reply}
                        )
            case "request_human":
                event = await self._append(
                    talk, "handoff.requested", "customer", {"handoff_id": "h1", "reason": "asked"}
                )
                await self._ack(socket, talk, frame, event["seq"])
                await self._send_all(
                    [socket], {"type": "queue", "position": 2, "wait_s": {"low": 120, "high": 300}}
                )
            case "cancel_handoff":
                event = await self._append(talk, "handoff.cancelled", "customer", {})
                await self._ack(socket, talk, frame, event["seq"])
            case "leave_contact":
                left = {"email": frame["email"], "text": frame.get("text")}
                await self._append(talk, "customer.left_contact", "customer", left)
                closed = {"by": "customer", "episode": 1}
                event = await self._append(talk, "conversation.closed", "customer", closed)
                await self._ack(socket, talk, frame, event["seq"])
            case "end":
                event = await self._append(
                    talk, "conversation.closed", "customer", {"by": "customer", "episode": 1}
                )
                await self._ack(socket, talk, frame, event["seq"])

    async def _agent_frame(self, socket: WebSocket, frame: Json) -> None:
        kind = frame["type"]
        if kind == "ping":
            await socket.send_text('{"type":"pong"}')
            return
        talk = self.talks.get(frame.get("conversation_id", ""))
        if talk is None:
            return
        if kind == "subscribe":
            self.agents[socket][talk.id] = frame["after"]
            seq = len(talk.events)
            subscribed = {
                "type": "subscribed",
                "conversation_id": talk.id,
                "state": talk.state,
                "seq": seq,
                "seen": 0,
            }
            await socket.send_text(json.dumps(subscribed))
            for event in talk.wire(customer=False):
                if event["seq"] > frame["after"]:
                    await self._send_all(
                        [socket], {"type": "event", "conversation_id": talk.id, "event": event}
                    )
            return
        if kind == "unsubscribe":
            self.agents[socket].pop(talk.id, None)
            return
        if kind in ("typing", "seen"):
            await self._send_all(
                talk.sockets,
                {"type": kind, "actor": MAYA, **{k: frame[k] for k in ("on", "seq") if k in frame}},
            )
            return
        if "client_id" not in frame or await self._refused(socket, talk, frame):
            return
        events: dict[str, tuple[str, Json]] = {
            "claim": ("agent.joined", {"handoff_id": "h1"}),
            "say": ("agent.said", {"text": frame.get("text"), "client_id": frame["client_id"]}),
            "note": ("agent.noted", {"text": frame.get("text"), "client_id": frame["client_id"]}),
            "return_to_bot": (
                "conversation.returned_to_bot",
                {"outcome": frame.get("outcome"), "note": frame.get("note")},
            ),
            "follow_up_done": ("contact.followed_up", {}),
            "close": ("conversation.closed", {"by": "agent", "outcome": frame.get("outcome"), "episode": 1}),
        }
        name, data = events[kind]
        event = await self._append(talk, name, MAYA, data)
        await self._ack(socket, talk, frame, event["seq"])

    # --- sockets ----------------------------------------------------------------------------------------

    def me(self) -> Json:
        """What a session says about its agent."""
        return {"agent": self.agent, "csrf": "csrf", "must_change_password": self.must_change}

    async def serve_customer(self, socket: WebSocket) -> None:
        """One customer's connection."""
        if self.refuse_sockets:
            await socket.close(1013)
            return
        await socket.accept(subprotocol="baton.v1")
        talk: Talk | None = None
        try:
            hello = json.loads(await socket.receive_text())
            talk = self.talks.get(hello["token"].removeprefix("t:"))
            if talk is None:
                error = {"code": "not_found", "message": "There is no such conversation.", "data": {}}
                await socket.send_text(json.dumps({"type": "error", "error": error}))
                await socket.close(4404)
                return
            wire = talk.wire(customer=True)
            head = wire[-1]["seq"] if wire else 0
            reset = hello["after"] > head
            welcome = {
                "type": "welcome",
                "conversation_id": talk.id,
                "state": talk.state,
                "seq": head,
                "seen": talk.seen,
                "now": datetime.now(UTC).isoformat(),
                "reset": reset,
            }
            await socket.send_text(json.dumps(welcome))
            for event in wire:
                if reset or event["seq"] > hello["after"]:
                    await socket.send_text(json.dumps({"type": "event", "event": event}))
            talk.sockets.append(socket)
            while True:
                await self._customer_frame(socket, talk, json.loads(await socket.receive_text()))
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            if talk is not None and socket in talk.sockets:
                talk.sockets.remove(socket)

    async def serve_agent(self, socket: WebSocket) -> None:
        """One agent's connection."""
        if self.refuse_sockets:
            await socket.close(1013)
            return
        await socket.accept(subprotocol="baton.v1")
        try:
            await socket.receive_text()
            items = [
                t.item()
                for t in self.talks.values()
                if t.state in ("waiting", "agent") or t.follow_up is not None
            ]
            now = datetime.now(UTC) if self.real_time else self.clock
            welcome = {
                "type": "welcome",
                "agent": self.me()["agent"],
                "now": now.isoformat(),
                "inbox": items,
            }
            await socket.send_text(json.dumps(welcome))
            self.agents[socket] = {}
            while True:
                await self._agent_frame(socket, json.loads(await socket.receive_text()))
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            self.agents.pop(socket, None)
