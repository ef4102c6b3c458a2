"""Conversations of random people and clocks: what must hold whatever anybody does (P3, P5, P6, P9)."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.contract import Choice, DecisionKind, Reply
from handoff.domain import commands as c
from handoff.domain.conversation import Conversation, apply, fold, from_snapshot, to_snapshot, turns_now_due
from handoff.domain.errors import HandoffError
from handoff.domain.events import (
    BOT,
    CUSTOMER,
    SYSTEM,
    Actor,
    BotReplied,
    BotReplyDiscarded,
    CustomerSaid,
    Event,
    HandoffAlerted,
    HandoffRequested,
    SystemNotice,
)
from handoff.domain.rules import RELAY_CHOICES, AlertLevel, Expiry, Rules
from tests.unit.handoff.domain.story import ANNA, BEN, CLIENT_ID, MINUTE, Story, outcome

AGENTS = st.sampled_from([ANNA, BEN])
KINDS = st.sampled_from(["answer", "clarify", "task", "chat", "unsure", "escalate"])
FIELDS = {spec.name for spec in dataclasses.fields(Conversation)}
REPLIES = st.lists(
    st.builds(
        Reply,
        st.sampled_from(["One.", "Two."]),
        st.lists(st.sampled_from([Choice("a", "A"), Choice("b", "B"), Choice("human", "P")])).map(tuple),
        st.sampled_from([None, "parcel", "returns"]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)


class ConversationMachine(RuleBasedStateMachine):
    """A customer, two agents, the bot and the clock, each doing as they please."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story(Rules(handoff_limit_ms=10 * MINUTE)).open()
        self.settled: dict[int, str] = {}
        self.asked: set[int] = set()

    def attempt(self, actor: Actor, command: c.Command) -> None:
        """Do it if it may be done, and hold the append against the promises."""
        before = self.story.state
        try:
            appended = self.story.do(actor, command)
        except HandoffError:
            assert self.story.state is before
            return
        self.check_speakers(before, appended)
        self.check_turns(before, appended)
        due = turns_now_due(before, self.story.state)
        assert not due or self.story.state.state == "bot"
        assert set(due) <= set(self.story.state.open_turns)
        if before.state == "bot":
            assert set(due).isdisjoint(before.open_turns)

    def check_speakers(self, before: Conversation, appended: list[Event]) -> None:
        kinds = [event.kind for event in appended]
        for event in appended:
            if event.kind == "bot.replied":
                assert before.state == "bot"
                assert self.story.state.state == ("waiting" if "handoff.requested" in kinds else "bot")
            if event.kind == "agent.said":
                assert (before.state, before.holder_id) == ("agent", event.actor.id)
            if event.kind == "agent.joined":
                assert self.story.state.holder_id == event.actor.id
        if "handoff.requested" in kinds:
            assert kinds.count("handoff.requested") == 1
            assert kinds[-1] == "handoff.requested"

    def check_turns(self, before: Conversation, appended: list[Event]) -> None:
        """Each question is open, or has one outcome, or was overtaken by an agent or a new episode."""
        outcomes = {
            event.payload.turn
            for event in appended
            if isinstance(event.payload, BotReplied | BotReplyDiscarded)
        }
        assert len(outcomes) <= 1
        for turn in outcomes:
            assert turn not in self.settled
            self.settled[turn] = "outcome"
        state = before
        for event in appended:
            if event.kind in ("conversation.returned_to_bot", "episode.started"):
                self.settled.update((turn, "overtaken") for turn in state.open_turns)
            said = event.payload if isinstance(event.payload, CustomerSaid) else None
            if said is not None and state.state == "bot" and said.choice not in RELAY_CHOICES:
                self.asked.add(event.seq)
            state = apply(state, event)
        assert set(state.open_turns) == self.asked - set(self.settled)

    # --- the customer -----------------------------------------------------------------------------------------

    @rule(text=st.sampled_from(["Where is it?", "No!", "Thanks"]), with_choice=st.booleans(), data=st.data())
    def says(self, text: str, with_choice: bool, data: st.DataObject) -> None:
        choice = None
        if with_choice and self.story.state.offer:
            choice = data.draw(st.sampled_from(self.story.state.offer))
        self.attempt(CUSTOMER, c.SayAsCustomer(text, CLIENT_ID, choice))

    @rule(choice=st.sampled_from(["human", "relay:wait", "relay:ask_bot", "a", "gone"]))
    def chooses_what_may_be_stale(self, choice: str) -> None:
        self.attempt(CUSTOMER, c.SayAsCustomer("This one", CLIENT_ID, choice))

    @rule(
        command=st.sampled_from(
            [
                c.RequestHuman(),
                c.CancelHandoff(),
                c.EndConversation(),
                c.LeaveContact("a@example.org"),
                c.RateEpisode("nps", 9),
                c.GiveFeedback(1, helpful=True),
            ]
        )
    )
    def does(self, command: c.Command) -> None:
        self.attempt(CUSTOMER, command)

    # --- the agents -------------------------------------------------------------------------------------------

    @rule(agent=AGENTS, takeover=st.booleans())
    def claims(self, agent: Actor, takeover: bool) -> None:
        self.attempt(agent, c.ClaimConversation(takeover))

    @rule(
        agent=AGENTS,
        command=st.sampled_from(
            [
                c.SayAsAgent("Hello", CLIENT_ID),
                c.NoteAsAgent("hidden"),
                c.TransferConversation({"agent": "usr_ben"}),
                c.ReturnToBot("settled", "by phone"),
                c.FinishFollowUp("written"),
            ]
        ),
    )
    def acts(self, agent: Actor, command: c.Command) -> None:
        self.attempt(agent, command)

    @rule(agent=AGENTS, behind=st.integers(0, 3))
    def closes(self, agent: Actor, behind: int) -> None:
        self.attempt(agent, c.CloseConversation(max(self.story.state.seq - behind, 0)))

    # --- the bot, the clock, the leases -----------------------------------------------------------------------

    @rule(turn=st.integers(1, 60), kind=KINDS, replies=REPLIES)
    def outcome_of_any_turn(self, turn: int, kind: DecisionKind, replies: tuple[Reply, ...]) -> None:
        self.attempt(BOT, c.RecordTurn(turn, outcome(turn, kind, replies=replies)))

    @precondition(lambda self: self.story.state.open_turns)
    @rule(data=st.data(), kind=KINDS, replies=REPLIES, fails=st.booleans())
    def outcome_of_an_open_turn(
        self, data: st.DataObject, kind: DecisionKind, replies: tuple[Reply, ...], fails: bool
    ) -> None:
        turn = data.draw(st.sampled_from(self.story.state.open_turns))
        if fails:
            self.attempt(SYSTEM, c.RecordTurnFailure(turn))
        else:
            self.attempt(BOT, c.RecordTurn(turn, outcome(turn, kind, replies=replies)))

    @precondition(lambda self: self.story.state.open_turns)
    @rule()
    def bot_is_down(self) -> None:
        self.attempt(SYSTEM, c.TellBotIsDown(self.story.state.open_turns[0]))

    @rule()
    def bot_is_back(self) -> None:
        self.attempt(SYSTEM, c.TellBotIsBack())

    @rule(agent=AGENTS)
    def lease_ends(self, agent: Actor) -> None:
        self.attempt(SYSTEM, c.ReleaseLease(agent.id or ""))

    @rule(expiry=st.sampled_from(["contact", "bot"]))
    def the_site_changes_its_mind(self, expiry: Expiry) -> None:
        self.story.rules = Rules(handoff_limit_ms=10 * MINUTE, handoff_expiry=expiry)

    @rule(level=st.sampled_from(["agents", "supervisors"]), late=st.booleans())
    def a_rung_is_due(self, level: AlertLevel, late: bool) -> None:
        since = self.story.state.waiting_since
        self.attempt(SYSTEM, c.RaiseAlert(level, (since or 0) - late))

    @rule(ms=st.sampled_from([-5000, 1, 1000, MINUTE, 3 * MINUTE, 45 * MINUTE]))
    def time_passes(self, ms: int) -> None:
        self.story.now += ms
        self.attempt(SYSTEM, c.PassTime())

    # --- what always holds ------------------------------------------------------------------------------------

    @invariant()
    def the_log_has_no_holes_and_time_does_not_run_back(self) -> None:
        log = self.story.log
        assert [event.seq for event in log] == list(range(1, len(log) + 1))
        assert all(a.at <= b.at for a, b in pairwise(log))

    @invariant()
    def a_customer_can_prove_that_nothing_is_missing(self) -> None:
        last = 0
        for event in self.story.log:
            if event.visible_to_customer:
                assert event.customer_prev == last
                last = event.seq
        assert self.story.state.customer_seq == last

    @invariant()
    def the_state_is_the_fold_and_survives_as_json(self) -> None:
        state = self.story.state
        assert fold(state.id, self.story.log) == state
        # A copy is made without looking at what a field is called.
        assert vars(state).keys() == FIELDS
        assert from_snapshot(json.loads(json.dumps(to_snapshot(state)))) == state

    @invariant()
    def there_is_a_holder_exactly_while_an_agent_has_it(self) -> None:
        state = self.story.state
        assert (state.holder_id is not None) == (state.state == "agent")
        assert (state.waiting_since is not None) == (state.state == "waiting")

    @invariant()
    def a_wait_is_called_out_once_at_each_level_and_ever_louder(self) -> None:
        calls: list[str] = []
        for event in self.story.log:
            if isinstance(event.payload, HandoffAlerted):
                calls.append(event.payload.level)
            elif event.kind in ("handoff.requested", "agent.left", "conversation.transferred"):
                calls = []
            assert calls in ([], ["agents"], ["supervisors"], ["agents", "supervisors"])
        assert self.story.state.state == "waiting" or self.story.state.alert is None

    @invariant()
    def a_customer_is_asked_for_an_address_once_a_wait(self) -> None:
        asked = 0
        for event in self.story.log:
            if isinstance(event.payload, SystemNotice) and event.payload.code == "leave_contact":
                asked += 1
            elif event.kind in ("handoff.requested", "agent.left", "conversation.transferred"):
                asked = 0
            assert asked <= 1

    @invariant()
    def handoffs_are_told_apart_and_rest_on_what_happened(self) -> None:
        handoffs = [event for event in self.story.log if isinstance(event.payload, HandoffRequested)]
        assert len({event.payload.handoff_id for event in handoffs}) == len(handoffs)  # type: ignore[union-attr]
        for event in handoffs:
            assert isinstance(event.payload, HandoffRequested)
            assert 1 <= event.payload.evidence["trigger_seq"] <= event.seq
            for sentence in event.payload.summary:
                assert sentence["seqs"]
                assert all(1 <= seq <= event.seq for seq in sentence["seqs"])


ConversationMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestConversation = ConversationMachine.TestCase
