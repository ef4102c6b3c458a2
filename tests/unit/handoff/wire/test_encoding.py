"""What leaves: each reader's copy of each event, encoded once for all who may see the same."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any, get_args

import pytest

from handoff.domain import events as e
from handoff.domain.errors import WrongState
from handoff.domain.events import Actor, Event, Payload
from handoff.wire import encoding
from handoff.wire.encoding import EventEncoder, actor_json, audience_of, error_body, event_json, frame

ANNA, BEN = "usr_anna", "usr_ben"
SECRET = "only for agents"
CID = "c" * 16

FULL: dict[type[Any], Payload] = {
    e.ConversationStarted: e.ConversationStarted("en", {"url": "https://shop.example"}),
    e.EpisodeStarted: e.EpisodeStarted(2),
    e.CustomerSaid: e.CustomerSaid("Hello", CID, "a"),
    e.BotReplied: e.BotReplied(
        2, "rel_1", "answer", "Hi", ({"id": "a", "label": "A"},), "parcel", "My parcel", {"why": SECRET}
    ),
    e.BotReplyDiscarded: e.BotReplyDiscarded(2),
    e.HandoffRequested: e.HandoffRequested(
        "cnv_1.1", 1, "asked", {"why": SECRET}, ({"text": SECRET, "seqs": [1]},), SECRET
    ),
    e.HandoffCancelled: e.HandoffCancelled(),
    e.HandoffExpired: e.HandoffExpired(),
    e.HandoffAlerted: e.HandoffAlerted("agents"),
    e.AgentJoined: e.AgentJoined("cnv_1.1"),
    e.AgentLeft: e.AgentLeft("lease_expired"),
    e.AgentSaid: e.AgentSaid("Hello", CID),
    e.AgentNoted: e.AgentNoted(SECRET),
    e.ConversationTransferred: e.ConversationTransferred({"agent": BEN}, SECRET),
    e.ConversationReturnedToBot: e.ConversationReturnedToBot(SECRET, SECRET),
    e.CustomerLeftContact: e.CustomerLeftContact("a@b", "Call me"),
    e.ContactFollowedUp: e.ContactFollowedUp(SECRET),
    e.ConversationClosed: e.ConversationClosed("agent", 1, SECRET),
    e.CustomerRated: e.CustomerRated("csat", 5, 1, "fine"),
    e.CustomerGaveFeedback: e.CustomerGaveFeedback(3, helpful=True),
    e.SystemNotice: e.SystemNotice("bot_back", "Back.", ({"id": "a", "label": "A"},)),
}
SHOWN_TO_CUSTOMERS = {
    "conversation.started": {"locale", "page"},
    "episode.started": {"episode"},
    "customer.said": {"text", "choice", "client_id"},
    "bot.replied": {"turn", "release_id", "kind", "text", "choices", "article_id", "article_title"},
    "handoff.requested": {"handoff_id", "episode", "reason"},
    "handoff.cancelled": set(),
    "handoff.expired": set(),
    "agent.joined": {"handoff_id"},
    "agent.left": {"reason"},
    "agent.said": {"text"},
    "conversation.transferred": {"to"},
    "conversation.returned_to_bot": set(),
    "customer.left_contact": {"email", "text"},
    "conversation.closed": {"by", "episode"},
    "customer.rated": {"metric", "score", "episode", "comment"},
    "customer.gave_feedback": {"seq", "helpful"},
    "system.notice": {"code", "text", "choices"},
}


def event_of(payload: Payload, seq: int = 7, actor: Actor | None = None) -> Event:
    by = actor or Actor("agent", ANNA, "Anna")
    return Event("cnv_1", seq, f"evt_{seq}", 1_700_000_000_250, by, payload, seq - 3)


def test_every_kind_is_tried() -> None:
    assert set(FULL) == set(get_args(Payload))


@pytest.mark.parametrize("payload", FULL.values(), ids=lambda payload: payload.KIND)
def test_a_customers_copy_has_the_stated_fields_and_nothing_of_the_agents(payload: Payload) -> None:
    event = event_of(payload)
    if not event.visible_to_customer:
        assert event.kind not in SHOWN_TO_CUSTOMERS
        return
    copy = event_json(event, "customer")
    assert set(copy["data"]) == SHOWN_TO_CUSTOMERS[event.kind]
    assert SECRET not in json.dumps(copy)


@pytest.mark.parametrize("payload", FULL.values(), ids=lambda payload: payload.KIND)
@pytest.mark.parametrize("audience", ["agent", "author"])
def test_an_agents_copy_is_whole_but_for_other_peoples_client_ids(payload: Payload, audience: str) -> None:
    shown = event_json(event_of(payload), audience)["data"]  # type: ignore[arg-type]
    whole = json.loads(json.dumps(e.to_data(payload)))
    if payload.KIND == "customer.said" or (payload.KIND == "agent.said" and audience == "agent"):
        assert whole.pop("client_id") == CID
    assert shown == whole


def test_the_shape_of_an_event() -> None:
    assert event_json(event_of(FULL[e.AgentSaid]), "customer") == {
        "seq": 7,
        "prev": 4,
        "id": "evt_7",
        "at": "2023-11-14T22:13:20.250Z",
        "kind": "agent.said",
        "actor": {"type": "agent", "id": ANNA, "name": "Anna"},
        "data": {"text": "Hello"},
    }


def test_prev_is_the_event_before_that_this_reader_may_see() -> None:
    event = event_of(FULL[e.AgentSaid])
    assert event_json(event, "customer")["prev"] == 4
    assert event_json(event, "agent")["prev"] == 6


@pytest.mark.parametrize(
    ("actor", "reader", "audience"),
    [
        (Actor("customer"), None, "customer"),
        (Actor("agent", ANNA), None, "customer"),
        (Actor("agent", ANNA), ANNA, "author"),
        (Actor("agent", ANNA), BEN, "agent"),
        (Actor("customer"), BEN, "agent"),
        (Actor("system"), BEN, "agent"),
    ],
)
def test_who_is_shown_which_copy(actor: Actor, reader: str | None, audience: str) -> None:
    assert audience_of(event_of(FULL[e.AgentSaid], actor=actor), reader) == audience


@pytest.mark.parametrize("payload", FULL.values(), ids=lambda payload: payload.KIND)
def test_a_frame_from_the_cache_is_the_same_text(payload: Payload) -> None:
    encoder, event = EventEncoder(), event_of(payload)
    for reader in (None, ANNA, BEN):
        fresh = EventEncoder().frame(event, reader)
        assert encoder.frame(event, reader) == fresh
        assert encoder.frame(event, reader) is encoder.frame(event, reader)
        body = json.loads(fresh)
        assert body["type"] == "event"
        assert body.get("conversation_id") == (None if reader is None else "cnv_1")
        assert body["event"] == json.loads(json.dumps(event_json(event, audience_of(event, reader))))


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "AT_HAND", 3)
    encoder = EventEncoder()
    first = encoder.frame(event_of(FULL[e.AgentLeft], 1), None)
    for seq in range(2, 6):
        encoder.frame(event_of(FULL[e.AgentLeft], seq), None)
    again = encoder.frame(event_of(FULL[e.AgentLeft], 1), None)
    assert again == first
    assert again is not first


def test_frames_that_are_kept_take_no_more_than_their_length() -> None:
    encoder = EventEncoder()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [
            encoder.frame(event_of(e.CustomerSaid("x" * 4000, CID), seq), None) for seq in range(100, 200)
        ]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < 1.5 * sum(map(len, kept))


def test_text_outside_ascii_and_line_breaks_survive() -> None:
    said = e.CustomerSaid("Grüße 😀\n\u2028\x7f", CID)
    body = json.loads(EventEncoder().frame(event_of(said), None))
    assert body["event"]["data"]["text"] == "Grüße 😀\n\u2028\x7f"


def test_frames_and_errors_have_their_one_shape() -> None:
    assert json.loads(frame("pong")) == {"type": "pong"}
    error = {"code": "wrong_state", "message": "No.", "data": {"state": "bot"}}
    assert error_body(WrongState("No.", state="bot")) == {"error": error}


@pytest.mark.parametrize(
    ("actor", "shown"),
    [
        (Actor("customer"), {"type": "customer"}),
        (Actor("agent", ANNA, "Anna"), {"type": "agent", "id": ANNA, "name": "Anna"}),
        (Actor("agent", ANNA), {"type": "agent", "id": ANNA}),
    ],
)
def test_an_actor_shows_what_is_known(actor: Actor, shown: dict[str, str]) -> None:
    assert actor_json(actor) == shown
