"""What the bot's outcomes, its silence and its return make happen."""

from __future__ import annotations

import pytest

from bot.contract import Choice, Reply
from handoff.domain.commands import (
    EndConversation,
    RecordTurn,
    RecordTurnFailure,
    ReleaseLease,
    TellBotIsBack,
    TellBotIsDown,
    TransferConversation,
)
from handoff.domain.conversation import turns_now_due
from handoff.domain.events import (
    BOT,
    CUSTOMER,
    SYSTEM,
    BotReplied,
    BotReplyDiscarded,
    HandoffRequested,
    SystemNotice,
)
from handoff.domain.rules import ASK_BOT_CHOICE, NOTICES, WAIT_CHOICE, Rules
from tests.unit.handoff.domain.story import (
    ANNA,
    MINUTE,
    Story,
    in_state,
    outcome,
)

# --- turns ----------------------------------------------------------------------------------------------------


def test_a_turns_replies_come_in_order_and_its_decision_stands_on_the_first() -> None:
    story = in_state("bot")
    replies = (
        Reply("Sorry to hear that."),
        Reply("Here.", (Choice("a", "A"), Choice("human", "P")), "parcel"),
    )
    first, second = story.do(BOT, RecordTurn(2, outcome(2, replies=replies)))
    assert isinstance(first.payload, BotReplied)
    assert isinstance(second.payload, BotReplied)
    assert (first.actor, second.actor) == (BOT, BOT)
    assert [first.payload.text, second.payload.text] == ["Sorry to hear that.", "Here."]
    assert first.payload.decision is not None
    assert first.payload.decision["passages"] == [
        {"article_id": "parcel", "title": "Where is my parcel", "score": 0.875}
    ]
    assert second.payload.decision is None
    assert second.payload.choices == ({"id": "a", "label": "A"}, {"id": "human", "label": "P"})
    assert second.payload.article_id == "parcel"
    assert second.payload.article_title == "Where is my parcel"
    assert {first.payload.turn, second.payload.turn} == {2}
    assert first.payload.release_id == "rel_1"


def test_an_escalation_is_one_append_with_the_handoff_last() -> None:
    story = in_state("bot")
    *replied, handoff = story.do(BOT, RecordTurn(2, outcome(2, "escalate", reason="frustration")))
    assert [event.kind for event in replied] == ["bot.replied"]
    assert isinstance(handoff.payload, HandoffRequested)
    assert handoff.payload.reason == "frustration"
    assert handoff.payload.evidence == {
        "trigger_seq": 2,
        "confidence": 0.875,
        "threshold": 0.5,
        "answerable": None,
        "frustration": 0.25,
        "frustration_threshold": 0.75,
        "signals": [],
        "intent": "ask",
        "passages": [{"article_id": "parcel", "title": "Where is my parcel", "score": 0.875}],
        "slots": {"order": "A1"},
    }
    assert len({event.at for event in (*replied, handoff)}) == 1


@pytest.mark.parametrize("kind", ["answer", "escalate"])
def test_an_outcome_told_twice_happens_once(kind: str) -> None:
    story = in_state("bot")
    told = outcome(2, kind)  # type: ignore[arg-type]
    assert story.do(BOT, RecordTurn(2, told)) != []
    assert story.do(BOT, RecordTurn(2, told)) == []
    assert story.kinds().count("bot.replied") == 1


@pytest.mark.parametrize("state", ["waiting", "agent", "closed"])
@pytest.mark.parametrize("kind", ["answer", "escalate"])
def test_an_outcome_that_was_overtaken_is_one_discarded_reply_and_no_second_handoff(
    state: str, kind: str
) -> None:
    story = in_state(state)  # type: ignore[arg-type]
    handoffs = story.state.handoffs
    happened = story.do(BOT, RecordTurn(2, outcome(2, kind)))  # type: ignore[arg-type]
    assert [event.payload for event in happened] == [BotReplyDiscarded(2)]
    assert story.do(BOT, RecordTurn(2, outcome(2, kind))) == []  # type: ignore[arg-type]
    assert story.state.handoffs == handoffs
    assert story.state.open_turns == ()


def test_the_outcome_of_an_episode_that_is_over_comes_to_nothing_in_the_next() -> None:
    story = in_state("bot")
    story.do(CUSTOMER, EndConversation())
    story.say("Something else")
    assert story.do(BOT, RecordTurn(2, outcome(2))) == []
    assert story.state.open_turns == (5,)


def test_the_outcome_of_a_turn_that_never_was_comes_to_nothing() -> None:
    assert in_state("bot").do(BOT, RecordTurn(99, outcome(99))) == []


def test_a_failed_turn_is_one_handoff_that_names_it() -> None:
    story = in_state("bot")
    story.say("Second question")
    (handoff,) = story.do(SYSTEM, RecordTurnFailure(2))
    assert isinstance(handoff.payload, HandoffRequested)
    assert handoff.payload.reason == "bot_error"
    assert handoff.payload.evidence["trigger_seq"] == 2
    assert story.do(SYSTEM, RecordTurnFailure(2)) == []
    assert story.do(SYSTEM, RecordTurnFailure(3)) == []


def test_the_failure_of_a_turn_that_has_its_answer_comes_to_nothing() -> None:
    story = in_state("bot")
    story.answer()
    assert story.do(SYSTEM, RecordTurnFailure(2)) == []
    assert story.state.state == "bot"


# --- the bot is down, the bot is back -------------------------------------------------------------------------


def test_the_customer_hears_once_that_the_bot_is_down_until_it_has_answered() -> None:
    story = in_state("bot")
    (notice,) = story.do(SYSTEM, TellBotIsDown(2))
    assert isinstance(notice.payload, SystemNotice)
    assert notice.payload.code == "bot_warming"
    assert [choice["id"] for choice in notice.payload.choices] == [WAIT_CHOICE, "human"]
    story.say("Hello?")
    assert story.do(SYSTEM, TellBotIsDown(2)) == []
    assert story.do(SYSTEM, TellBotIsDown(3)) == []
    story.answer(2)
    assert [event.kind for event in story.do(SYSTEM, TellBotIsDown(4))] == ["system.notice"]


def test_waiting_is_chosen_without_asking_the_bot() -> None:
    story = in_state("bot")
    story.do(SYSTEM, TellBotIsDown(2))
    story.say("I'll wait", WAIT_CHOICE)
    assert story.state.open_turns == (2,)
    assert story.state.state == "bot"


def test_a_person_is_reached_while_the_bot_is_down() -> None:
    story = in_state("bot")
    story.do(SYSTEM, TellBotIsDown(2))
    said, handoff = story.say("A person please", "human")
    assert isinstance(handoff.payload, HandoffRequested)
    assert handoff.payload.reason == "asked"
    assert handoff.payload.evidence["trigger_seq"] == said.seq


def test_a_bot_that_is_back_offers_its_answer_once_and_gives_it_when_asked() -> None:
    story = in_state("bot")
    story.do(SYSTEM, RecordTurnFailure(2))
    (notice,) = story.do(SYSTEM, TellBotIsBack())
    assert isinstance(notice.payload, SystemNotice)
    assert notice.payload.code == "bot_back"
    assert story.do(SYSTEM, TellBotIsBack()) == []
    before = story.state
    story.say("Show me", ASK_BOT_CHOICE)
    assert story.state.state == "bot"
    assert turns_now_due(before, story.state) == (2,)
    story.answer()
    assert story.state.open_turns == ()


def test_a_customer_who_keeps_waiting_keeps_the_place() -> None:
    story = in_state("bot")
    story.do(SYSTEM, RecordTurnFailure(2))
    story.do(SYSTEM, TellBotIsBack())
    since = story.state.waiting_since
    story.now += MINUTE
    story.say("I'll wait", WAIT_CHOICE)
    assert (story.state.state, story.state.waiting_since) == ("waiting", since)


def test_only_those_who_wait_because_of_the_bot_are_offered_its_answer() -> None:
    asked = in_state("waiting")
    assert asked.do(SYSTEM, TellBotIsBack()) == []


@pytest.mark.parametrize("leaves", [ReleaseLease("usr_anna"), TransferConversation({"team": "billing"})])
def test_after_a_claim_the_bot_no_longer_offers_its_answer(
    leaves: ReleaseLease | TransferConversation,
) -> None:
    story = in_state("bot")
    story.do(SYSTEM, RecordTurnFailure(2))
    story.claimed()
    story.do(ANNA, leaves)
    assert story.state.state == "waiting"
    assert story.do(SYSTEM, TellBotIsBack()) == []


@pytest.mark.parametrize("voice", ["formal", "casual"])
def test_notices_speak_in_the_sites_voice(voice: str) -> None:
    story = Story(Rules(notices=NOTICES[voice])).open()  # type: ignore[index]
    story.say()
    (notice,) = story.do(SYSTEM, TellBotIsDown(2))
    assert isinstance(notice.payload, SystemNotice)
    assert notice.payload.text == NOTICES[voice]["bot_warming"].text  # type: ignore[index]
