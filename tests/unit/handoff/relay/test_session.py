"""A socket's session: what comes in becomes actions, in order; what is wrong, early or too much is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain import commands as c
from handoff.domain.errors import NotHolder
from handoff.relay.session import (
    BAD_FRAMES_AT_MOST,
    Answer,
    Dismiss,
    Follow,
    Greet,
    MarkSeen,
    Run,
    Session,
    SessionLimits,
    SetPresence,
    ShowTyping,
    Unfollow,
    ack,
    agent_session,
    customer_session,
    nack,
)

CID = "c" * 16
LIMITS = SessionLimits(max_frame_bytes=1024, rate=2.0, burst=1000)
MAKE: dict[str, Callable[[SessionLimits, float], Session[Any]]] = {
    "customer": customer_session,
    "agent": agent_session,
}
HELLO = {"customer": {"type": "hello", "token": "t", "after": 4}, "agent": {"type": "hello"}}
SIDES = sorted(MAKE)


def greeted(side: str, limits: SessionLimits = LIMITS) -> Session[Any]:
    session = MAKE[side](limits, 0.0)
    assert isinstance(session.receive(json.dumps(HELLO[side]), 0.0), Greet)
    return session


def error_of(action: object) -> dict[str, Any]:
    assert isinstance(action, Answer)
    error: dict[str, Any] = json.loads(action.text)["error"]
    return error


# --- what frames mean -------------------------------------------------------------------------------------------

TO = {"conversation_id": "cnv_1", "client_id": CID}
MEANINGS: list[tuple[str, dict[str, Any], object]] = [
    ("customer", {"type": "say", "client_id": CID, "text": "Hi"}, c.SayAsCustomer("Hi", CID)),
    (
        "customer",
        {"type": "say", "client_id": CID, "text": "A", "choice": "a"},
        c.SayAsCustomer("A", CID, "a"),
    ),
    ("customer", {"type": "request_human", "client_id": CID}, c.RequestHuman("asked")),
    ("customer", {"type": "cancel_handoff", "client_id": CID}, c.CancelHandoff()),
    ("customer", {"type": "end", "client_id": CID}, c.EndConversation()),
    (
        "customer",
        {"type": "rate", "client_id": CID, "metric": "nps", "score": 9, "comment": "!"},
        c.RateEpisode("nps", 9, "!"),
    ),
    ("customer", {"type": "feedback", "client_id": CID, "seq": 3, "helpful": True}, c.GiveFeedback(3, True)),
    (
        "customer",
        {"type": "leave_contact", "client_id": CID, "email": "a@b", "text": "x"},
        c.LeaveContact("a@b", "x"),
    ),
    ("customer", {"type": "seen", "seq": 3}, MarkSeen(3, None)),
    ("customer", {"type": "typing", "on": True}, ShowTyping(True, None)),
    ("agent", {"type": "presence", "status": "away"}, SetPresence("away")),
    ("agent", {"type": "subscribe", "conversation_id": "cnv_1", "after": 5}, Follow("cnv_1", 5)),
    ("agent", {"type": "subscribe", "conversation_id": "cnv_1"}, Follow("cnv_1", 0)),
    ("agent", {"type": "unsubscribe", "conversation_id": "cnv_1"}, Unfollow("cnv_1")),
    ("agent", {"type": "typing", "conversation_id": "cnv_1", "on": False}, ShowTyping(False, "cnv_1")),
    ("agent", {"type": "seen", "conversation_id": "cnv_1", "seq": 3}, MarkSeen(3, "cnv_1")),
    ("agent", {"type": "claim", **TO}, c.ClaimConversation()),
    ("agent", {"type": "claim", **TO, "takeover": True}, c.ClaimConversation(takeover=True)),
    ("agent", {"type": "say", **TO, "text": "Hi"}, c.SayAsAgent("Hi", CID)),
    ("agent", {"type": "note", **TO, "text": "N"}, c.NoteAsAgent("N")),
    (
        "agent",
        {"type": "transfer", **TO, "to": {"team": "billing"}, "note": "N"},
        c.TransferConversation({"team": "billing"}, "N"),
    ),
    ("agent", {"type": "return_to_bot", **TO, "outcome": "o", "note": "n"}, c.ReturnToBot("o", "n")),
    ("agent", {"type": "close", **TO, "after": 7, "outcome": "o"}, c.CloseConversation(7, "o")),
    ("agent", {"type": "follow_up_done", **TO, "outcome": "o"}, c.FinishFollowUp("o")),
]


@pytest.mark.parametrize(("side", "frame", "meaning"), MEANINGS, ids=lambda v: str(v)[:40])
def test_what_a_frame_means(side: str, frame: dict[str, Any], meaning: object) -> None:
    action = greeted(side).receive(json.dumps(frame), 0.0)
    if "client_id" in frame:
        assert action == Run(meaning, CID, frame.get("conversation_id"))  # type: ignore[arg-type]
    else:
        assert action == meaning


@pytest.mark.parametrize("side", SIDES)
def test_a_ping_is_answered(side: str) -> None:
    assert greeted(side).receive('{"type":"ping"}', 0.0) == Answer(b'{"type":"pong"}')


def test_commands_keep_the_order_they_came_in() -> None:
    session = greeted("customer")
    frames = [{"type": "say", "client_id": CID, "text": str(n)} for n in range(50)]
    actions = [session.receive(json.dumps(frame), 0.0) for frame in frames]
    assert [a.command.text for a in actions if isinstance(a, Run)] == [str(n) for n in range(50)]  # type: ignore[union-attr]


# --- hello ------------------------------------------------------------------------------------------------------


def test_hello_says_who_and_from_where() -> None:
    assert customer_session(LIMITS, 0).receive(json.dumps(HELLO["customer"]), 0) == Greet("t", 4)
    assert agent_session(LIMITS, 0).receive('{"type":"hello"}', 0) == Greet(None, 0)
    assert agent_session(LIMITS, 0).receive('{"type":"hello","token":"t"}', 0) == Greet("t", 0)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("frame", ['{"type":"ping"}', f'{{"type":"say","client_id":"{CID}","text":"Hi"}}'])
def test_who_does_not_say_hello_first_is_sent_away(side: str, frame: str) -> None:
    if side == "agent":
        frame = frame.replace("}", ',"conversation_id":"cnv_1"}') if "say" in frame else frame
    action = MAKE[side](LIMITS, 0.0).receive(frame, 0.0)
    assert isinstance(action, Dismiss)
    assert action.error.code == "unauthorized"


@pytest.mark.parametrize("side", SIDES)
def test_a_second_hello_ends_the_socket(side: str) -> None:
    action = greeted(side).receive(json.dumps(HELLO[side]), 0.0)
    assert isinstance(action, Dismiss)
    assert action.error.code == "unauthorized"


@pytest.mark.parametrize("side", SIDES)
def test_a_hello_that_was_refused_can_be_said_again(side: str) -> None:
    session = MAKE[side](LIMITS, 0.0)
    assert error_of(session.receive('{"type":"hello","token":5}', 0.0))["code"] == "bad_frame"
    assert isinstance(session.receive(json.dumps(HELLO[side]), 0.0), Greet)


# --- what is wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{}", "binary_refused"),
        (b"", "binary_refused"),
        ("{", "bad_json"),
        ("[]", "bad_json"),
        ('{"type":"shout"}', "unknown_type"),
        ('{"type":"ping","x":1}', "bad_frame"),
        ("x" * 1025, "too_large"),
        ("ü" * 513, "too_large"),
        ("\ud800", "bad_json"),
    ],
    ids=lambda v: repr(v)[:20],
)
def test_what_is_wrong_is_answered_with_its_code_and_the_socket_goes_on(
    side: str, data: str | bytes, code: str
) -> None:
    session = greeted(side)
    error = error_of(session.receive(data, 0.0))
    assert error["code"] == code
    assert session.receive('{"type":"ping"}', 0.0) == Answer(b'{"type":"pong"}')


@pytest.mark.parametrize("side", SIDES)
def test_the_limit_is_of_bytes_and_the_last_one_fits(side: str) -> None:
    session = greeted(side)
    frame = '{"type":"ping"}'
    assert session.receive(frame + " " * (1024 - len(frame)), 0.0) == Answer(b'{"type":"pong"}')
    error = error_of(session.receive(frame + "\u00a0" * 505, 0.0))
    assert (error["code"], error["data"]) == ("too_large", {"limit": 1024})


def test_a_refused_command_is_a_nack_that_names_it() -> None:
    action = greeted("customer").receive(json.dumps({"type": "say", "client_id": CID, "text": ""}), 0.0)
    assert isinstance(action, Answer)
    body = json.loads(action.text)
    assert (body["type"], body["client_id"]) == ("nack", CID)
    assert body["error"]["code"] == "bad_frame"


def test_what_is_refused_without_a_client_id_is_an_error() -> None:
    action = greeted("customer").receive('{"type":"say"}', 0.0)
    assert isinstance(action, Answer)
    assert set(json.loads(action.text)) == {"type", "error"}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("data", ["{", b"\x00", "x" * 2000])
def test_after_twenty_frames_nobody_can_read_the_client_is_sent_away(side: str, data: str | bytes) -> None:
    session = greeted(side)
    for _ in range(BAD_FRAMES_AT_MOST - 1):
        assert isinstance(session.receive(data, 0.0), Answer)
    assert isinstance(session.receive(data, 0.0), Dismiss)
    assert BAD_FRAMES_AT_MOST == 20


# --- too much ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_too_many_frames_are_refused_with_the_time_to_come_back(side: str) -> None:
    session = greeted(side, SessionLimits(rate=2.0, burst=3))
    ping = '{"type":"ping"}'
    assert [session.receive(ping, 0.0) for _ in range(2)] == [Answer(b'{"type":"pong"}')] * 2
    error = error_of(session.receive(ping, 0.0))
    assert error["code"] == "rate_limited"
    retry_s = error["data"]["retry_ms"] / 1000
    assert 0.5 <= retry_s <= 0.51
    assert session.receive(ping, retry_s) == Answer(b'{"type":"pong"}')


def test_a_client_that_is_only_too_fast_is_never_sent_away() -> None:
    session = greeted("customer", SessionLimits(rate=1.0, burst=1))
    frame = json.dumps({"type": "say", "client_id": CID, "text": "Hi"})
    for _ in range(100):
        action = session.receive(frame, 0.0)
        assert isinstance(action, Answer)
        assert json.loads(action.text)["client_id"] == CID


# --- answers ----------------------------------------------------------------------------------------------------


def test_an_ack_names_the_conversation_for_agents_alone() -> None:
    assert json.loads(ack(CID, 7, 2)) == {"type": "ack", "client_id": CID, "seq": 7, "events": 2}
    assert json.loads(ack(CID, 7, 0, "cnv_1")) == {
        "type": "ack",
        "client_id": CID,
        "conversation_id": "cnv_1",
        "seq": 7,
        "events": 0,
    }


def test_a_nack_carries_the_whole_error() -> None:
    body = json.loads(nack(CID, NotHolder("No.", holder=None)))
    assert body == {
        "type": "nack",
        "client_id": CID,
        "error": {"code": "not_holder", "message": "No.", "data": {"holder": None}},
    }


# --- fuzz -------------------------------------------------------------------------------------------------------

SNIPPETS = st.sampled_from(
    [
        '{"type":',
        '"say"',
        '"ping"}',
        '"client_id":"' + CID + '",',
        '"text":"a"',
        "}",
        "[",
        "\ud800",
        "\x00",
        "9" * 30,
    ]
)
RAW = st.one_of(st.text(), st.binary(), st.lists(SNIPPETS, max_size=8).map("".join))


@given(side=st.sampled_from(SIDES), messages=st.lists(RAW, max_size=30), hello=st.booleans())
def test_whatever_comes_in_is_an_action(side: str, messages: list[str | bytes], hello: bool) -> None:
    session = greeted(side) if hello else MAKE[side](LIMITS, 0.0)
    for message in messages:
        action = session.receive(message, 0.0)
        if isinstance(action, Answer):
            json.loads(action.text)
        elif isinstance(action, Dismiss):
            return
        else:
            assert isinstance(message, str)
