"""`/ws/agent`: one agent, the inbox, and any number of conversations."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from handoff.accounts.gate import Gate, origin_allowed
from handoff.accounts.model import User
from handoff.api.connection import Connection
from handoff.api.passes import Passes
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
from handoff.service.waits import Place
from handoff.settings import Settings
from handoff.wire.encoding import frame
from handoff.wire.times import rfc3339

INBOX_IN_WELCOME: Final = 200
CHECK_CREDENTIALS_S: Final = 10.0
FOLLOWED_AT_MOST: Final = 200
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the handshake brought: the cookies, and the headers that say whose page it came from."""

    cookies: Mapping[str, str]
    origin: str | None
    host: str | None


class AgentSocket(Socket):
    """An agent's connection. The credential it began with is checked again and again while it is open."""

    __slots__ = ("_actor", "_credentials", "_gate", "_number", "_settings", "_unfollow", "_user", "_watch")

    kind = "agent"

    def __init__(
        self,
        connection: Connection,
        relay: Relay,
        passes: Passes,
        *,
        gate: Gate,
        settings: Settings,
        credentials: Credentials,
    ) -> None:
        session = agent_session(relay.limits.session, self._now_s())
        super().__init__(connection, relay, session, passes)
        self._gate = gate
        self._settings = settings
        self._credentials = credentials
        self._number = next(_numbers)
        self._user: User | None = None
        self._actor: Actor | None = None
        self._unfollow: dict[str, Callable[[], None]] = {}
        self._watch: asyncio.Task[None] | None = None

    @property
    def user(self) -> User:
        """Who said hello."""
        assert self._user is not None
        return self._user

    async def greet(self, hello: Greet) -> None:
        user = await self._recognise(hello.token)
        if not user.may("read_conversations"):
            raise Forbidden("This account may not read conversations.")
        self._user, self._actor = user, Actor("agent", user.id, user.name)
        self.is_about(agent=user.id)
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
        if user.may("converse"):
            await self.relay.presence.arrive(user.id, user.name, self._number)
        self._watch = asyncio.create_task(self._watch_over(hello.token))

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
        assert self._actor is not None
        return self._actor

    def target(self, run: Run) -> str:
        assert run.conversation_id is not None
        if not self.user.may("converse"):
            raise Forbidden("This account may read conversations, not take part in them.")
        takes_over = isinstance(run.command, ClaimConversation) and run.command.takeover
        if takes_over and not self.user.may("take_over"):
            raise Forbidden("Only a supervisor may take a conversation from its holder.")
        return run.conversation_id

    async def on_gone(self) -> None:
        # Let go of as well as ended: what holds this socket would otherwise wait with it for the collector.
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        for conversation_id in tuple(self._unfollow):
            self._end_follow(conversation_id)
        if self._user is not None:
            await self.relay.presence.leave(self.user.id, self._number)

    async def _watch_over(self, token: str | None) -> None:
        """End the socket of a user who logged out, was disabled or lost the token."""
        while True:
            await asyncio.sleep(CHECK_CREDENTIALS_S)
            try:
                await self._recognise(token)
            except StorageUnavailable:
                continue
            except HandoffError:
                self.dismiss(Revoked("You are no longer logged in."))
                return

    async def _recognise(self, token: str | None) -> User:
        if token is not None:
            return await self._gate.user_for_authorization(f"Bearer {token}")
        brought = self._credentials
        if not origin_allowed(brought.origin, brought.host, self._settings):
            raise Forbidden("Pages of this origin may not act for agents.")
        return await self._gate.authenticate({}, brought.cookies, unsafe=False)

    async def _set_presence(self, status: str) -> None:
        if not self.user.may("converse"):
            raise Forbidden("This account does not take conversations.")
        chosen: dict[str, Presence] = {"online": "online", "away": "away", "offline": "offline"}
        await self.relay.presence.set(self.user.id, self._number, chosen[status])

    # --- following conversations --------------------------------------------------------------------------

    async def _follow(self, conversation_id: str, after: int) -> None:
        if len(self._unfollow) >= FOLLOWED_AT_MOST and conversation_id not in self._unfollow:
            raise Forbidden(
                f"A socket may follow {FOLLOWED_AT_MOST} conversations. Unsubscribe from some.",
                conversation_id=conversation_id,
            )
        self._end_follow(conversation_id)
        self._unfollow[conversation_id] = self.relay.readers.follow(conversation_id, self)
        try:
            seen = await self.relay.cursors.seen(conversation_id)
            # Read after it is followed, and last: from here on whatever is appended wakes this socket.
            head = await self.relay.feed.head(conversation_id)
            if head is None:
                raise NotFound("There is no such conversation.")
        except HandoffError as refused:
            self._end_follow(conversation_id)
            refused.data["conversation_id"] = conversation_id
            raise
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

    def hear(self, conversation_id: str, body: Mapping[str, Any]) -> None:
        """See `Socket.hear`."""
        if body["actor"].get("id") == self.user.id:
            return
        fields = {key: value for key, value in body.items() if key != "type"}
        self.outbox.put_if_room(frame(body["type"], conversation_id=conversation_id, **fields))

    def placed(self, conversation_id: str, place: Place) -> None:
        """See `Socket.placed`: an agent is told by the inbox."""

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
