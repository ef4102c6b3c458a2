"""Random interleavings of a customer, three agents, the bot's outcomes, the clock and failing commits.

Frames go through the sockets' sessions, commands through the one door in batches of any composition, events through
each reader's cursor in pieces of any size. After every step P2, P3, P5 and P6 are checked against what clients were
told, by rules that are stated here anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.domain import commands as c
from handoff.domain.errors import HandoffError
from handoff.domain.events import BOT, CUSTOMER, SYSTEM, Actor, Event
from handoff.domain.rules import Rules
from handoff.relay.cursor import Cursor
from handoff.relay.session import Run, Session, ack, agent_session, customer_session, nack
from handoff.service.conversations import Conversations
from handoff.service.feed import Feed
from handoff.wire.encoding import EventEncoder
from tests.contract.held_clock import HeldClock
from tests.unit.handoff.domain.story import outcome
from tests.unit.handoff.relay.interleaved import (
    AGENTS,
    ANA,
    AT_ONCE,
    BEN,
    CNV,
    HIDDEN_FROM_CUSTOMER,
    LIMITS,
    PEOPLE,
    SUE,
    Reader,
    Sent,
    agent_frames,
    choices,
    customer_frames,
    words,
)
from tests.unit.handoff.relay.memory_log import MemoryLog


class Interleavings(RuleBasedStateMachine):
    """One conversation and everybody who has a part in it."""

    encoder: ClassVar = EventEncoder()

    @initialize()
    def open(self) -> None:
        """A conversation with its readers connected."""
        self.loop = asyncio.new_event_loop()
        self.clock = HeldClock()
        self.log = MemoryLog()
        self.log.begin(CNV)
        self.sent: dict[tuple[str, str], Sent] = {}
        self.waiting: list[tuple[Sent, Run]] = []
        self.system: list[tuple[Actor, c.Command]] = []
        self.claims: list[list[dict[str, Any]]] = []
        self.sessions: dict[str, Session[Any]] = {actor.key: self._connected(actor) for actor in PEOPLE}
        self.readers = {actor.key: Reader(actor.id) for actor in PEOPLE}
        for reader in self.readers.values():
            reader.cursor = Cursor(0, reader.agent_id, self.encoder)
        self._run(self._start())

    def teardown(self) -> None:
        """Stop the door."""
        if hasattr(self, "loop"):
            self._run(self.door.stop())
            self.loop.close()

    async def _start(self) -> None:
        self.door = Conversations(
            self.log, Feed(self.log), MemoryPubSub(), self.clock, Rules(handoff_limit_ms=600_000)
        )
        self.door.start()
        await self.door.execute(CNV, SYSTEM, c.StartConversation("en"))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def _connected(self, actor: Actor) -> Session[Any]:
        if actor is CUSTOMER:
            session: Session[Any] = customer_session(LIMITS, 0.0)
            session.receive('{"type":"hello","token":"t"}', 0.0)
        else:
            session = agent_session(LIMITS, 0.0)
            session.receive('{"type":"hello"}', 0.0)
        return session

    # --- what people and machines do ----------------------------------------------------------------------

    @rule(text=words, at_once=AT_ONCE)
    def customer_says(self, text: str, at_once: bool) -> None:
        """Words."""
        self._send(CUSTOMER, {"type": "say", "text": text}, at_once=at_once)

    @rule(text=words, choice=choices, at_once=AT_ONCE)
    def customer_chooses(self, text: str, choice: str, at_once: bool) -> None:
        """A choice, on offer or not."""
        self._send(CUSTOMER, {"type": "say", "text": text, "choice": choice}, at_once=at_once)

    @rule(frame=customer_frames, at_once=AT_ONCE)
    def customer_presses(self, frame: dict[str, Any], at_once: bool) -> None:
        """Another command of the customer."""
        self._send(CUSTOMER, frame, at_once=at_once)

    @precondition(lambda self: self._state().state == "bot")
    @rule(at_once=AT_ONCE)
    def customer_asks_for_a_person(self, at_once: bool) -> None:
        """The way into the queue, taken often enough to see what lies behind it."""
        self._send(CUSTOMER, {"type": "request_human"}, at_once=at_once)

    @rule(agent=AGENTS, frame=agent_frames, at_once=AT_ONCE)
    def agent_sends(self, agent: Actor, frame: dict[str, Any], at_once: bool) -> None:
        """A command of any agent, allowed or not."""
        self._send(agent, frame, at_once=at_once)

    @precondition(lambda self: self._state().state == "agent")
    @rule(frame=agent_frames, at_once=AT_ONCE)
    def holder_sends(self, frame: dict[str, Any], at_once: bool) -> None:
        """A command of the agent who holds the conversation."""
        holder = next(agent for agent in (ANA, BEN, SUE) if agent.id == self._state().holder_id)
        self._send(holder, frame, at_once=at_once)

    @precondition(lambda self: self._state().state == "waiting")
    @rule(data=st.data(), alone=st.booleans())
    def all_agents_claim(self, data: st.DataObject, alone: bool) -> None:
        """Three claims at once, with whatever else is under way or with nothing."""
        if alone:
            self.commit(data)
        for agent in (ANA, BEN, SUE):
            self._send(agent, {"type": "claim"}, at_once=False)
        self.commit(data)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def somebody_sends_again(self, data: st.DataObject) -> None:
        """The same command under its `client_id`, answered before or not."""
        sent = self.sent[data.draw(st.sampled_from(sorted(self.sent)))]
        self._queue(sent)

    @precondition(lambda self: any(s.frame["type"] == "say" for s in self.sent.values()))
    @rule(data=st.data())
    def somebody_reuses_a_client_id(self, data: st.DataObject) -> None:
        """Other words under a `client_id` whose command was run: refused, whatever happened meanwhile."""
        acked = sorted(k for k, s in self.sent.items() if s.frame["type"] == "say" and _acks(s))
        if acked:
            sent = self.sent[data.draw(st.sampled_from(acked))]
            other = Sent(sent.actor, {**sent.frame, "text": "Something else."})
            self._queue(other)
            self.commit(data)
            assert [a["error"]["code"] for a in other.answers if a["type"] == "nack"] in (
                ["client_id_reused"],
                ["storage_unavailable"],
            )

    @precondition(lambda self: self._events())
    @rule(data=st.data(), kind=st.sampled_from(("answer", "unsure", "escalate")))
    def bot_answers(self, data: st.DataObject, kind: Any) -> None:
        """An outcome of a turn: most often one that is open, else one that is settled or never was."""
        turn = data.draw(st.sampled_from((*self._state().open_turns, *self._state().open_turns, 2, 7)))
        self.system.append((BOT, c.RecordTurn(turn, outcome(turn, kind))))

    @rule(agent=AGENTS, turn=st.integers(1, 12), which=st.integers(0, 4))
    def machinery_speaks(self, agent: Actor, turn: int, which: int) -> None:
        """What timers, leases and the watch over the bot say."""
        commands = (
            c.RecordTurnFailure(turn), c.TellBotIsDown(turn), c.TellBotIsBack(), c.ReleaseLease(agent.id or ""), c.PassTime(),
        )  # fmt: skip
        self.system.append((SYSTEM, commands[which]))

    @rule(ms=st.sampled_from((1, 1_000, 130_000, 700_000, 2_000_000, -5_000)))
    def time_passes(self, ms: int) -> None:
        """Forward, or back as a corrected clock does."""
        self.clock.now += ms

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        """Everything under way reaches the door at once, in any order."""
        self._commit(data, fails=False)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def commit_fails(self, data: st.DataObject) -> None:
        """The storage refuses the commit."""
        self._commit(data, fails=True)

    # --- what readers see ---------------------------------------------------------------------------------

    @rule(data=st.data(), most=st.integers(1, 5))
    def reader_reads(self, data: st.DataObject, most: int) -> None:
        """Some of the events past a reader's cursor."""
        self._read(self.readers[data.draw(st.sampled_from(sorted(self.readers)))], most)

    @rule(data=st.data(), lost=st.integers(0, 3))
    def reader_reconnects(self, data: st.DataObject, lost: int) -> None:
        """The last frames never arrived; a new cursor begins at what the reader holds."""
        reader = self.readers[data.draw(st.sampled_from(sorted(self.readers)))]
        if lost:
            del reader.got[-lost:]
        reader.cursor = Cursor(reader.held, reader.agent_id, self.encoder)

    def _read(self, reader: Reader, most: int) -> None:
        assert reader.cursor is not None
        events = self._run(self.log.read(CNV, max(reader.cursor.seq - 1, 0), most + 1))
        reader.got += [json.loads(frame)["event"] for frame in reader.cursor.frames_for(events)]

    # --- the promises -------------------------------------------------------------------------------------

    @invariant()
    def p2_a_command_is_run_once_and_answered_alike(self) -> None:
        """One event of words for each `client_id`, one `ack` for each command."""
        if not hasattr(self, "log"):
            return
        said = [
            (event.actor.key, event.payload.client_id)  # type: ignore[union-attr]
            for event in self._events()
            if event.kind in ("customer.said", "agent.said")
        ]
        assert len(said) == len(set(said))
        for sent in self.sent.values():
            acks = [(a["seq"], a["events"]) for a in _acks(sent)]
            assert len(set(acks)) <= 1, acks
            if acks and sent.frame["type"] == "say":
                assert (sent.actor.key, sent.frame["client_id"]) in said

    @invariant()
    def p3_readers_see_all_in_order(self) -> None:
        """A reader's events are a beginning of those it may see, and `prev` proves it."""
        if not hasattr(self, "log"):
            return
        for reader in self.readers.values():
            visible = [e.seq for e in self._events() if reader.agent_id or e.kind not in HIDDEN_FROM_CUSTOMER]
            got = [event["seq"] for event in reader.got]
            assert got == visible[: len(got)]
            assert [event["prev"] for event in reader.got] == [0, *got][: len(got)]

    @invariant()
    def p5_one_owner_speaks(self) -> None:
        """The bot in state bot alone, an agent while holding; told by the kinds of events alone."""
        if not hasattr(self, "log"):
            return
        state, holder = "none", None
        for event in self._events():
            if event.kind == "bot.replied":
                assert state == "bot"
            elif event.kind == "agent.said":
                assert (state, holder) == ("agent", event.actor.id)
            elif event.kind == "agent.joined":
                # P6 in the log: nobody joins where somebody is, unless a transfer came between.
                assert state == "waiting"
                state, holder = "agent", event.actor.id
            elif event.kind in ("handoff.requested", "agent.left", "conversation.transferred"):
                state, holder = "waiting", None
            elif event.kind == "conversation.closed":
                state, holder = "closed", None
            elif event.kind.startswith(
                ("conversation.started", "episode.", "handoff.", "conversation.returned")
            ):
                state, holder = "bot", None

    @invariant()
    def p6_one_claim_wins(self) -> None:
        """Of the claims of one batch that nothing else could decide, one won; losers learn who holds it."""
        if not hasattr(self, "log"):
            return
        for answers in self.claims:
            assert sum(a["type"] == "ack" for a in answers) == 1
            winner = next(a["by"] for a in answers if a["type"] == "ack")
            for loser in (a for a in answers if a["type"] == "nack"):
                assert loser["error"]["code"] == "already_claimed"
                assert loser["error"]["data"]["holder"]["name"] == winner

    # --- how it works -------------------------------------------------------------------------------------

    def _state(self) -> Any:
        return self.log.heads_[CNV].state

    def _events(self) -> list[Event]:
        return self.log.events[CNV]

    def _send(self, actor: Actor, frame: dict[str, Any], *, at_once: bool) -> None:
        client_id = f"client-id-{len(self.sent):06}"
        about = {} if actor is CUSTOMER else {"conversation_id": CNV}
        sent = Sent(actor, {**frame, **about, "client_id": client_id})
        self.sent[actor.key, client_id] = sent
        self._queue(sent)
        if at_once:
            self._run(self._all([self.waiting.pop()], []))

    def _queue(self, sent: Sent) -> None:
        action = self.sessions[sent.actor.key].receive(json.dumps(sent.frame), 0.0)
        assert isinstance(action, Run), action
        self.waiting.append((sent, action))

    def _commit(self, data: st.DataObject, *, fails: bool) -> None:
        self.log.fails = fails
        waiting, self.waiting = self.waiting, []
        if len(waiting) > 1:
            waiting = data.draw(st.permutations(waiting))
        system, self.system = self.system, []
        before = self._state().state
        self._run(self._all(waiting, system))
        self.log.fails = False
        answers = [{**sent.answers[-1], "by": sent.actor.name} for sent, _ in waiting]
        only_claims = not system and all(
            sent.frame["type"] == "claim" and not sent.frame.get("takeover") for sent, _ in waiting
        )
        first_sends = all(len(sent.answers) == 1 for sent, _ in waiting)
        actors = [sent.actor.key for sent, _ in waiting]
        if (
            before == "waiting"
            and only_claims
            and first_sends
            and waiting
            and not fails
            and len(actors) == len(set(actors))
        ):
            self.claims.append(answers)

    async def _all(self, waiting: list[tuple[Sent, Run]], system: list[tuple[Actor, c.Command]]) -> None:
        people = (self._execute(sent, action) for sent, action in waiting)
        machines = (self._quietly(actor, command) for actor, command in system)
        await asyncio.gather(*people, *machines)

    async def _execute(self, sent: Sent, action: Run) -> None:
        try:
            done = await self.door.execute(CNV, sent.actor, action.command, action.client_id)
        except HandoffError as refused:
            self._must_be_due_to_a_failed_commit(refused)
            answer = nack(action.client_id, refused)
        else:
            answer = ack(action.client_id, done.seq, done.events)
        sent.answers.append(json.loads(answer))

    async def _quietly(self, actor: Actor, command: c.Command) -> None:
        try:
            await self.door.execute(CNV, actor, command)
        except HandoffError as refused:
            self._must_be_due_to_a_failed_commit(refused)

    def _must_be_due_to_a_failed_commit(self, refused: HandoffError) -> None:
        """The door makes every defect that a command meets `storage_unavailable`: nothing may hide behind it."""
        if refused.code == "storage_unavailable" and not self.log.fails:
            raise AssertionError("a command met a defect") from refused


def _acks(sent: Sent) -> list[dict[str, Any]]:
    return [answer for answer in sent.answers if answer["type"] == "ack"]


Interleavings.TestCase.settings = settings(
    max_examples=250,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestInterleavings = Interleavings.TestCase
