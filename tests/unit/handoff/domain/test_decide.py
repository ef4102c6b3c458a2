"""What commands make happen beyond the state table: contents, order, and the pairs with a condition."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.contract import Choice, Reply
from handoff.domain.commands import (
    CancelHandoff,
    ClaimConversation,
    CloseConversation,
    EndConversation,
    GiveFeedback,
    NoteAsAgent,
    PassTime,
    RateEpisode,
    RecordTurn,
    ReleaseLease,
    RequestHuman,
    ReturnToBot,
    SayAsAgent,
    SayAsCustomer,
    StartConversation,
    TransferConversation,
)
from handoff.domain.conversation import turns_now_due
from handoff.domain.decide import decide
from handoff.domain.errors import AlreadyClaimed, BadFrame, NewMessages, NotHolder, WrongState
from handoff.domain.events import (
    BOT,
    CUSTOMER,
    SYSTEM,
    AgentJoined,
    AgentLeft,
    ConversationClosed,
    ConversationTransferred,
    CustomerSaid,
    EpisodeStarted,
    HandoffRequested,
    SystemNotice,
)
from handoff.domain.rules import Rules
from tests.unit.handoff.domain.story import (
    ANNA,
    BEN,
    CLIENT_ID,
    MINUTE,
    RULES,
    START,
    Story,
    in_state,
    outcome,
)

# --- the customer's words -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["bot", "waiting", "agent", "closed"])
def test_the_customers_words_are_taken_in_every_state(state: str) -> None:
    story = in_state(state)  # type: ignore[arg-type]
    assert "customer.said" in [event.kind for event in story.say("Hello?")]
    assert story.state.preview == "Hello?"


def test_a_choice_stands_until_the_next_offer() -> None:
    story = in_state("bot")
    story.do(BOT, RecordTurn(2, outcome(2, replies=(Reply("Which?", (Choice("a", "A"),)),))))
    story.say("Something else")
    story.say("A", "a")
    story.do(BOT, RecordTurn(4, outcome(4, replies=(Reply("This?", (Choice("b", "B"),)),))))
    before = story.state
    with pytest.raises(BadFrame) as refused:
        story.say("A", "a")
    assert refused.value.data == {"field": "choice"}
    assert story.state is before
    story.say("B", "b")


def test_the_choices_of_all_replies_of_a_turn_are_offered() -> None:
    story = in_state("bot")
    replies = (Reply("This?", (Choice("a", "A"),)), Reply("That?", (Choice("b", "B"), Choice("a", "A"))))
    story.do(BOT, RecordTurn(2, outcome(2, replies=replies)))
    assert story.state.offer == ("a", "b")


def test_a_choice_of_an_episode_that_is_over_is_no_longer_offered() -> None:
    story = in_state("bot")
    story.answer()
    story.do(CUSTOMER, EndConversation())
    with pytest.raises(BadFrame):
        story.say("A person", "human")
    story.say("Hello again")
    with pytest.raises(BadFrame):
        story.say("A person", "human")


@pytest.mark.parametrize("seq", [4, 1_000_000])
def test_feedback_on_what_is_not_there_is_refused(seq: int) -> None:
    story = in_state("bot")
    story.answer()
    story.do(CUSTOMER, GiveFeedback(3, helpful=False))
    story.do(ANNA, NoteAsAgent("hidden"))
    with pytest.raises(BadFrame):
        story.do(CUSTOMER, GiveFeedback(story.state.customer_seq + seq, helpful=True))


@pytest.mark.parametrize(
    ("metric", "least", "most"), [("csat", 1, 5), ("ces", 1, 7), ("nps", 0, 10)], ids=str
)
def test_a_rating_is_on_its_metrics_scale(metric: str, least: int, most: int) -> None:
    story = in_state("closed")
    for score in (least, most):
        (rated,) = story.do(CUSTOMER, RateEpisode(metric, score, "fine"))
        assert rated.payload.episode == 1  # type: ignore[union-attr]
    for score in (least - 1, most + 1):
        with pytest.raises(BadFrame) as refused:
            story.do(CUSTOMER, RateEpisode(metric, score))
        assert refused.value.data == {"field": "score", "least": least, "most": most}


# --- reopening ------------------------------------------------------------------------------------------------


def test_words_soon_after_an_agents_close_reach_that_agent_first() -> None:
    story = in_state("closed")
    story.now += 2 * MINUTE
    episode, said, handoff = story.say("One more thing")
    assert isinstance(episode.payload, EpisodeStarted)
    assert isinstance(said.payload, CustomerSaid)
    assert isinstance(handoff.payload, HandoffRequested)
    assert (handoff.payload.reason, handoff.payload.offered_to) == ("reopened", "usr_anna")
    assert handoff.payload.evidence["trigger_seq"] == said.seq
    assert (episode.payload.episode, handoff.payload.episode) == (2, 2)
    assert story.state.offered_to == "usr_anna"
    assert story.state.queue_rank == 0


def test_words_later_than_that_begin_with_the_bot() -> None:
    story = in_state("closed")
    story.now += 2 * MINUTE + 1
    before = story.state
    assert [event.kind for event in story.say("Hello")] == ["episode.started", "customer.said"]
    assert turns_now_due(before, story.state) == story.state.open_turns == (story.state.seq,)


@pytest.mark.parametrize("late", ["rated", "noted"])
def test_the_time_runs_from_the_close_not_from_what_was_said_of_it_later(late: str) -> None:
    story = in_state("closed")
    story.now += 90_000
    if late == "rated":
        story.do(CUSTOMER, RateEpisode("csat", 5))
    else:
        story.do(BEN, NoteAsAgent("All well"))
    story.now += 60_000
    story.say("Hello")
    assert story.state.state == "bot"


@pytest.mark.parametrize("by", ["customer", "idle"])
def test_only_an_agents_close_is_reopened_with_the_agent(by: str) -> None:
    story = in_state("bot")
    story.answer()
    if by == "customer":
        story.do(CUSTOMER, EndConversation())
    else:
        story.now += 30 * MINUTE
        story.do(SYSTEM, PassTime())
    story.say("Hello")
    assert story.state.state == "bot"


def test_an_agents_close_of_an_earlier_episode_is_forgotten() -> None:
    story = in_state("closed")
    story.now += 3 * MINUTE
    story.say("Hello")
    story.do(CUSTOMER, EndConversation())
    story.say("Again")
    assert story.state.state == "bot"


# --- agents ---------------------------------------------------------------------------------------------------


def test_of_two_claims_the_first_wins_and_the_other_learns_who_holds_it() -> None:
    story = in_state("waiting")
    (joined,) = story.do(ANNA, ClaimConversation())
    assert joined.payload == AgentJoined("cnv_1.1")
    with pytest.raises(AlreadyClaimed) as refused:
        story.do(BEN, ClaimConversation())
    assert refused.value.data == {"holder": {"id": "usr_anna", "name": "Anna"}}
    assert "Anna" in refused.value.message
    assert story.do(ANNA, ClaimConversation()) == []


def test_a_takeover_moves_the_conversation_and_its_words() -> None:
    story = in_state("agent")
    transferred, joined = story.do(BEN, ClaimConversation(takeover=True))
    assert transferred.payload == ConversationTransferred({"agent": "usr_ben"}, None)
    assert joined.payload == AgentJoined("cnv_1.1")
    assert (story.state.holder_id, story.state.holder_name) == ("usr_ben", "Ben")
    with pytest.raises(NotHolder) as refused:
        story.do(ANNA, SayAsAgent("Wait", CLIENT_ID))
    assert refused.value.data["holder"] == {"id": "usr_ben", "name": "Ben"}
    story.do(BEN, SayAsAgent("Hi", CLIENT_ID))


@pytest.mark.parametrize(
    "command", [SayAsAgent("Hi", CLIENT_ID), TransferConversation({}), ReturnToBot(), CloseConversation(99)]
)
def test_only_the_holder_acts_on_a_held_conversation(command: SayAsAgent) -> None:
    story = in_state("agent")
    with pytest.raises(NotHolder):
        story.do(BEN, command)


@pytest.mark.parametrize("state", ["bot", "waiting", "closed"])
def test_nobody_speaks_as_an_agent_without_holding_the_conversation(state: str) -> None:
    story = in_state(state)  # type: ignore[arg-type]
    with pytest.raises(NotHolder) as refused:
        story.do(ANNA, SayAsAgent("Hi", CLIENT_ID))
    assert refused.value.data == {"state": state, "holder": None}


def test_a_close_with_newer_words_of_the_customer_is_refused() -> None:
    story = in_state("agent")
    seen = story.state.seq
    (said,) = story.say("Wait!")
    with pytest.raises(NewMessages) as refused:
        story.do(ANNA, CloseConversation(seen))
    assert refused.value.data == {"last_customer_seq": said.seq}
    story.do(BEN, NoteAsAgent("not the customer's words"))
    (closed,) = story.do(ANNA, CloseConversation(said.seq, "solved"))
    assert closed.payload == ConversationClosed("agent", 1, "solved")


def test_a_transfer_waits_at_the_front_and_names_whom_it_is_for() -> None:
    story = in_state("agent")
    story.now += MINUTE
    story.do(ANNA, TransferConversation({"agent": "usr_ben"}, "speaks French"))
    assert story.state.state == "waiting"
    assert story.state.offered_to == "usr_ben"
    assert story.state.queue_rank == 0
    assert story.state.waiting_since == story.now
    assert story.state.holder_id is None


def test_a_refusal_names_the_state() -> None:
    with pytest.raises(WrongState) as refused:
        in_state("agent").do(CUSTOMER, RequestHuman())
    assert refused.value.data == {"state": "agent"}


# --- the clock and the leases ---------------------------------------------------------------------------------


def test_an_idle_episode_closes_when_its_time_has_come_and_no_turn_is_open() -> None:
    story = in_state("bot")
    story.now += 90 * MINUTE
    assert story.do(SYSTEM, PassTime()) == []
    story.answer()
    story.now += 30 * MINUTE - 1
    assert story.do(SYSTEM, PassTime()) == []
    story.now += 1
    (closed,) = story.do(SYSTEM, PassTime())
    assert closed.payload == ConversationClosed("idle", 1)
    assert closed.actor == SYSTEM
    assert story.do(SYSTEM, PassTime()) == []


def test_without_a_limit_a_customer_waits_until_somebody_comes() -> None:
    story = in_state("waiting")
    story.now += 10_000 * MINUTE
    assert story.do(SYSTEM, PassTime()) == []
    assert story.state.due_at(RULES.episode_idle_ms, RULES.handoff_limit_ms) is None


def test_with_a_limit_the_wait_ends_with_a_word_and_questions_go_to_the_bot() -> None:
    story = Story(Rules(handoff_limit_ms=MINUTE)).open()
    story.say()
    story.do(CUSTOMER, RequestHuman())
    assert story.state.due_at(1, MINUTE) == START + MINUTE
    story.now += MINUTE - 1
    assert story.do(SYSTEM, PassTime()) == []
    story.now += 1
    before = story.state
    expired, notice = story.do(SYSTEM, PassTime())
    assert expired.kind == "handoff.expired"
    assert isinstance(notice.payload, SystemNotice)
    assert notice.payload.code == "handoff_expired"
    assert turns_now_due(before, story.state) == (2,)
    story.say("Again please", "human")
    assert (story.state.state, story.state.handoffs) == ("waiting", 2)


def test_a_lease_ends_for_the_holder_alone() -> None:
    story = in_state("agent")
    assert story.do(SYSTEM, ReleaseLease("usr_ben")) == []
    (left,) = story.do(SYSTEM, ReleaseLease("usr_anna"))
    assert left.payload == AgentLeft("lease_expired")
    assert story.state.queue_rank == 0
    assert story.do(SYSTEM, ReleaseLease("usr_anna")) == []


def test_a_conversation_opens_once() -> None:
    assert in_state("bot").do(SYSTEM, StartConversation("de")) == []


# --- handoffs -------------------------------------------------------------------------------------------------


def test_each_handoff_has_an_id_of_its_own() -> None:
    story = in_state("bot")
    for _ in range(3):
        story.do(CUSTOMER, RequestHuman())
        story.do(CUSTOMER, CancelHandoff())
    story.claimed().close()
    story.say("Again")
    ids = [event.payload.handoff_id for event in story.log if isinstance(event.payload, HandoffRequested)]
    assert ids == [f"cnv_1.{n}" for n in range(1, 6)]


def test_deciding_again_after_a_conflict_names_the_same_handoff() -> None:
    state = in_state("bot").state
    once, again = (decide(state, CUSTOMER, RequestHuman(), START, RULES) for _ in range(2))
    assert once == again


def test_a_rules_handoff_carries_its_reason() -> None:
    (handoff,) = in_state("bot").do(SYSTEM, RequestHuman("policy"))
    assert isinstance(handoff.payload, HandoffRequested)
    assert handoff.payload.reason == "policy"


def test_a_button_for_a_person_shows_what_the_bot_last_decided_on() -> None:
    story = in_state("bot")
    story.answer()
    (handoff,) = story.do(CUSTOMER, RequestHuman())
    assert isinstance(handoff.payload, HandoffRequested)
    assert handoff.payload.evidence["confidence"] == 0.875
    assert handoff.payload.evidence["trigger_seq"] == 2


def test_a_handoff_before_any_word_names_itself() -> None:
    story = Story().open()
    (handoff,) = story.do(CUSTOMER, RequestHuman())
    assert isinstance(handoff.payload, HandoffRequested)
    assert handoff.payload.evidence["trigger_seq"] == handoff.seq
    assert handoff.payload.summary == ({"text": "The customer asked for a person.", "seqs": [handoff.seq]},)


def test_the_state_given_to_decide_is_not_changed() -> None:
    state = in_state("bot").state
    copy = replace(state)
    decide(state, CUSTOMER, SayAsCustomer("Hi", CLIENT_ID), START, RULES)
    assert state == copy
