"""One reader's place: nothing missing, nothing twice, nothing it may not see (P3)."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.events import Actor, AgentNoted, CustomerSaid, Event, Payload
from handoff.relay.cursor import Cursor
from handoff.wire.encoding import EventEncoder


def a_log(hidden: list[bool]) -> list[Event]:
    """A log in which the marked events are notes, with the chain that customers check."""
    log: list[Event] = []
    seen = 0
    for seq, is_hidden in enumerate(hidden, start=1):
        payload: Payload = AgentNoted("note") if is_hidden else CustomerSaid("text", "c" * 16)
        log.append(Event("cnv_1", seq, f"evt_{seq}", 0, Actor("agent", "usr_1"), payload, seen))
        seen = seen if is_hidden else seq
    return log


def seqs(frames: list[bytes]) -> list[int]:
    return [json.loads(frame)["event"]["seq"] for frame in frames]


def test_events_come_once_and_in_order() -> None:
    log = a_log([False] * 4)
    cursor = Cursor(0, "usr_2", EventEncoder())
    assert seqs(cursor.frames_for(log[:2])) == [1, 2]
    assert seqs(cursor.frames_for(log[:2])) == []
    assert seqs(cursor.frames_for(log[1:])) == [3, 4]
    assert cursor.seq == 4


def test_a_reader_goes_on_where_it_was() -> None:
    assert seqs(Cursor(2, None, EventEncoder()).frames_for(a_log([False] * 4))) == [3, 4]


def test_a_hole_is_not_sent_over() -> None:
    log = a_log([False] * 4)
    cursor = Cursor(0, None, EventEncoder())
    with pytest.raises(ValueError, match="event 3 does not follow cursor 1"):
        cursor.frames_for([log[0], log[2]])
    assert cursor.seq == 1


def test_what_a_customer_may_not_see_moves_the_cursor_in_silence() -> None:
    log = a_log([False, True, True, False, True])
    customer, agent = Cursor(0, None, EventEncoder()), Cursor(0, "usr_2", EventEncoder())
    assert seqs(customer.frames_for(log)) == [1, 4]
    assert seqs(agent.frames_for(log)) == [1, 2, 3, 4, 5]
    assert customer.seq == agent.seq == 5


@given(hidden=st.lists(st.booleans(), max_size=30), data=st.data())
def test_read_in_any_pieces_the_customers_chain_is_whole(hidden: list[bool], data: st.DataObject) -> None:
    log = a_log(hidden)
    cursor = Cursor(0, None, EventEncoder())
    frames: list[bytes] = []
    while cursor.seq < len(log):
        start = data.draw(st.integers(0, cursor.seq), label="from")
        end = data.draw(st.integers(cursor.seq + 1, len(log)), label="to")
        frames += cursor.frames_for(log[start:end])
    events = [json.loads(frame)["event"] for frame in frames]
    assert [event["seq"] for event in events] == [event.seq for event in log if event.visible_to_customer]
    assert all(later["prev"] == earlier["seq"] for earlier, later in pairwise(events))
    assert not events or events[0]["prev"] == 0
