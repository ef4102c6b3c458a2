"""`/ws/agent`: one agent, the inbox, and any number of conversations."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.websockets import WebSocket
from structlog.contextvars import bind_contextvars

from handoff.accounts.gate import Gate, origin_allowed
from handoff.accounts.model import User
from handoff.api.socket import Socket
from handoff.domain.commands import ClaimConversation
from handoff.domain.errors import Forbidden, HandoffError, NotFound, Revoked, StorageUnavailable
from handoff.domain.events import Actor
from handoff.ports import Presence, Signal
from handoff.relay.cursor import Cursor
from handoff.relay.parts import Relay
from handoff.relay.session import (
    Action,
    Follow,
    Greet,
    MarkSeen,
    Run,
    SetPresence,
    ShowTyping,
    Unfollow,
    agent_session,
)
from handoff.service.inbox import Change
from handoff.settings import Settings
from handoff.wire.encoding import frame
from handoff.wire.times import rfc3339

INBOX_IN_WELCOME: Final = 200
CHECK_CREDENTIALS_S: Final = 10.0
FOLLOWED_AT_MOST: Final = 200
_numbers = itertools.count(1)


def _run_all(ends: list[Callable[[], None]]) -> None:
    for end in ends:
        end()


class AgentSocket(Socket):
    """An agent's connection. The credential it began with is checked again and again while it is open."""

    kind = "agent"

    def __init__(self, socket: WebSocket, relay: Relay, gate: Gate, settings: Settings) -> None:
        super().__init__(socket, relay, agent_session(relay.limits.session, self._now_s()))
        self._gate = gate
        self._settings = settings
        self._number = next(_numbers)
        self._user: User | None = None
        self._identify: Callable[[], Awaitable[User]] | None = None
        self._unfollow: dict[str, Callable[[], None]] = {}

    @property
    def user(self) -> User:
        """Who said hello."""
        assert self._user is not None
        return self._user

    async def greet(self, hello: Greet) -> None:
        self._user = await self._recognise(hello.token)
        if not self._user.may("read_conversations"):
            raise Forbidden("This account may not read conversations.")
        bind_contextvars(agent=self.user.id)
        self._identify = lambda: self._recognise(hello.token)
        self.until_end(self.relay.inbox.listen(self._inbox_changed))
        self.until_end(self.relay.presence.listen(self._agents_changed))
        self.outbox.put(
            frame(
                "welcome",
                agent={"id": self.user.id, "name": self.user.name, "role": self.user.role},
                now=rfc3339(self.relay.clock.now_ms()),
                inbox=self.relay.inbox.items()[:INBOX_IN_WELCOME],
            )
        )
        for shown in self.relay.presence.present():
            self._agents_changed(shown)
        if self.user.may("converse"):
            await self.relay.presence.arrive(self.user.id, self.user.name, self._number)

    async def act(self, action: Action) -> None:
        match action:
            case SetPresence(status=status):
                await self._set_presence(status)
            case Follow(conversation_id=conversation_id, after=after):
                await self._follow(conversation_id, after)
            case Unfollow(conversation_id=conversation_id):
                self._end_follow(conversation_id)
            case ShowTyping(on=on, conversation_id=str(conversation_id)):
                await self._typing(conversation_id, on=on)
            case MarkSeen(seq=seq, conversation_id=str(conversation_id)):
                await self._see(conversation_id, seq)
            case _:
                raise AssertionError(f"an agent's session made {action}")

    def actor(self) -> Actor:
        return Actor("agent", self.user.id, self.user.name)

    def target(self, run: Run) -> str:
        assert run.conversation_id is not None
        if not self.user.may("converse"):
            raise Forbidden("This account may read conversations, not take part in them.")
        takes_over = isinstance(run.command, ClaimConversation) and run.command.takeover
        if takes_over and not self.user.may("take_over"):
            raise Forbidden("Only a supervisor may take a conversation from its holder.")
        return run.conversation_id

    async def on_gone(self) -> None:
        for end in self._unfollow.values():
            end()
        if self._user is not None:
            await self.relay.presence.leave(self.user.id, self._number)

    async def watch_over(self) -> None:
        """Ends the socket of a user who logged out, was disabled or lost the token."""
        assert self._identify is not None
        while True:
            await asyncio.sleep(CHECK_CREDENTIALS_S)
            try:
                await self._identify()
            except StorageUnavailable:
                continue
            except HandoffError:
                raise Revoked("You are no longer logged in.") from None

    async def _recognise(self, token: str | None) -> User:
        if token is not None:
            return await self._gate.user_for_authorization(f"Bearer {token}")
        if not origin_allowed(
            self.socket.headers.get("origin"), self.socket.headers.get("host"), self._settings
        ):
            raise Forbidden("Pages of this origin may not act for agents.")
        return await self._gate.authenticate({}, self.socket.cookies, unsafe=False)

    async def _set_presence(self, status: str) -> None:
        if not self.user.may("converse"):
            raise Forbidden("This account does not take conversations.")
        chosen: dict[str, Presence] = {"online": "online", "away": "away", "offline": "offline"}
        await self.relay.presence.set(self.user.id, self._number, chosen[status])

    # --- following conversations --------------------------------------------------------------------------

    async def _follow(self, conversation_id: str, after: int) -> None:
        if len(self._unfollow) >= FOLLOWED_AT_MOST and conversation_id not in self._unfollow:
            raise Forbidden(f"A socket may follow {FOLLOWED_AT_MOST} conversations. Unsubscribe from some.")
        self._end_follow(conversation_id)
        ends = [
            self.relay.readers.follow(conversation_id, lambda seq: self.outbox.grown(conversation_id, seq)),
            self.relay.readers.listen(
                f"conversation:{conversation_id}", lambda body: self._hear(conversation_id, body)
            ),
        ]
        head = await self.relay.feed.head(conversation_id)
        if head is None:
            for end in ends:
                end()
            raise NotFound("There is no such conversation.", conversation_id=conversation_id)
        self._unfollow[conversation_id] = lambda: _run_all(ends)
        seen = await self.relay.cursors.seen(conversation_id)
        self.outbox.put(
            frame(
                "subscribed",
                conversation_id=conversation_id,
                state=head.state.state,
                seq=head.state.seq,
                seen={"customer": seen.get("customer", 0), "agent": seen.get(self.actor().key, 0)},
                reset=after > head.state.seq,
            )
        )
        start = 0 if after > head.state.seq else after
        cursor = Cursor(start, self.user.id, self.relay.encoder)
        self.outbox.stream(conversation_id, cursor, head.state.seq)

    def _end_follow(self, conversation_id: str) -> None:
        end = self._unfollow.pop(conversation_id, None)
        if end is not None:
            end()
            self.outbox.end_stream(conversation_id)

    async def _typing(self, conversation_id: str, *, on: bool) -> None:
        head = await self.relay.feed.head(conversation_id, at_least=1)
        # Only the holder is shown to the customer as somebody who is about to answer.
        if head is not None and head.state.holder_id == self.user.id:
            actor = {"type": "agent", "id": self.user.id, "name": self.user.name}
            await self.relay.pubsub.publish(
                Signal(f"conversation:{conversation_id}", {"type": "typing", "actor": actor, "on": on})
            )

    async def _see(self, conversation_id: str, seq: int) -> None:
        head = await self.relay.feed.head(conversation_id, at_least=seq)
        if head is None:
            raise NotFound("There is no such conversation.", conversation_id=conversation_id)
        if seq > head.state.seq:
            return
        if await self.relay.cursors.see(conversation_id, self.actor().key, seq):
            body = {"type": "seen", "actor": {"type": "agent", "name": self.user.name}, "seq": seq}
            await self.relay.pubsub.publish(Signal(f"conversation:{conversation_id}", body))

    # --- what others do -------------------------------------------------------------------------------------

    def _hear(self, conversation_id: str, body: Mapping[str, Any]) -> None:
        if body["actor"].get("id") == self.user.id:
            return
        fields = {key: value for key, value in body.items() if key != "type"}
        self.outbox.put_if_room(frame(body["type"], conversation_id=conversation_id, **fields))

    def _agents_changed(self, body: Mapping[str, Any]) -> None:
        self.outbox.put_if_room(frame(body["type"], agent=body["agent"], status=body["status"]))

    def _inbox_changed(self, change: Change) -> None:
        for item in change.items:
            self.outbox.put(frame("inbox", item=item))
        for item in change.previews:
            if item["holder"]["id"] == self.user.id:
                self.outbox.put_if_room(frame("inbox", item=item))
        for conversation_id in change.removed:
            self.outbox.put(frame("inbox_removed", conversation_id=conversation_id))
        for item in change.alerts:
            if self._is_called(item["alert"]):
                self.outbox.put(
                    frame("alert", conversation_id=item["conversation_id"], level=item["alert"], item=item)
                )

    def _is_called(self, level: str) -> bool:
        if level == "supervisors":
            return self.user.may("take_over")
        return self.user.may("converse") and self.relay.presence.status(self.user.id) == "online"
