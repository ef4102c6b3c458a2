"""`/ws/customer`: one customer, one conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handoff.api.admission import Admission
from handoff.api.connection import Connection
from handoff.api.passes import Passes
from handoff.api.socket import Socket
from handoff.api.tokens import ConversationTokens
from handoff.domain.errors import NotFound, Unauthorized
from handoff.domain.events import CUSTOMER, Actor
from handoff.ports import Signal
from handoff.relay.cursor import Cursor
from handoff.relay.parts import Relay
from handoff.relay.session import Action, Greet, MarkSeen, Run, ShowTyping, customer_session
from handoff.service.waits import Place
from handoff.wire.encoding import frame
from handoff.wire.times import rfc3339


class CustomerSocket(Socket):
    """A customer's connection."""

    __slots__ = ("_admission", "_conversation_id", "_tokens")

    kind = "customer"

    def __init__(
        self,
        connection: Connection,
        relay: Relay,
        passes: Passes,
        tokens: ConversationTokens,
        admission: Admission,
    ) -> None:
        session = customer_session(relay.limits.session, self._now_s())
        super().__init__(connection, relay, session, passes)
        self._tokens = tokens
        self._admission = admission
        self._conversation_id = ""

    async def greet(self, hello: Greet) -> None:
        """See `Socket.greet`."""
        if hello.token is None:
            raise Unauthorized("Say hello with the conversation's token.")
        conversation_id = self._tokens.read(hello.token)
        self.until_end(self._admission.enter_conversation(conversation_id))
        self.is_about(conversation=conversation_id)
        self.until_end(self.relay.readers.follow(conversation_id, self))
        seen = await self.relay.cursors.seen(conversation_id)
        # Read after it is followed, and last: from here on whatever is appended wakes this socket.
        head = await self.relay.feed.head(conversation_id)
        if head is None:
            raise NotFound("There is no such conversation.")
        self._conversation_id = conversation_id
        state = head.state
        # A client that holds more than the log has outlived a restore: it must forget and begin anew.
        reset = hello.after > state.customer_seq
        after = 0 if reset else hello.after
        self.outbox.put(
            frame(
                "welcome",
                conversation_id=conversation_id,
                state=state.state,
                seq=state.customer_seq,
                seen=_by_type(seen),
                now=rfc3339(self.relay.clock.now_ms()),
                reset=reset,
            )
        )
        self.outbox.stream(conversation_id, Cursor(after, None, self.relay.encoder), state.seq)
        place = self.relay.inbox.place(conversation_id)
        if place is not None:
            self.placed(conversation_id, place)

    async def act(self, action: Action) -> None:
        """See `Socket.act`."""
        match action:
            case MarkSeen(seq=seq):
                await self._see(seq)
            case ShowTyping(on=on):
                await self._type(on=on)
            case _:
                raise AssertionError(f"a customer's session made {action}")

    def actor(self) -> Actor:
        return CUSTOMER

    def target(self, run: Run) -> str:
        return self._conversation_id

    async def on_gone(self) -> None:
        if self._conversation_id:
            await self._type(on=False)

    async def _type(self, *, on: bool) -> None:
        body = {"type": "typing", "actor": {"type": "customer"}, "on": on}
        await self.relay.pubsub.publish(Signal(f"conversation:{self._conversation_id}", body))

    async def _see(self, seq: int) -> None:
        head = await self.relay.feed.head(self._conversation_id, at_least=seq)
        if head is None or seq > head.state.seq:
            return
        if await self.relay.cursors.see(self._conversation_id, CUSTOMER.key, seq):
            body = {"type": "seen", "actor": {"type": "customer"}, "seq": seq}
            await self.relay.pubsub.publish(Signal(f"conversation:{self._conversation_id}", body))

    def hear(self, conversation_id: str, body: Mapping[str, Any]) -> None:
        """See `Socket.hear`."""
        if body["actor"]["type"] != "customer":
            self.outbox.put_if_room(frame(body["type"], **_without_type(body)))

    def placed(self, conversation_id: str, place: Place) -> None:
        """See `Socket.placed`."""
        wait = None if place.wait_s is None else {"low": place.wait_s[0], "high": place.wait_s[1]}
        self.outbox.put_if_room(
            frame("queue", position=place.position, wait_s=wait, agents_online=place.agents_online)
        )


def _without_type(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "type"}


def _by_type(seen: Mapping[str, int]) -> dict[str, int]:
    """The furthest cursor of each kind of actor: `{customer: 4, agent: 6}`."""
    furthest: dict[str, int] = {}
    for actor, seq in seen.items():
        kind = actor.partition(":")[0]
        furthest[kind] = max(seq, furthest.get(kind, 0))
    return furthest
