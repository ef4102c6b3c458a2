"""What the fuzz sends: right frames are right, the others are of every kind, and a seed repeats."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fuzz.frames import Known, Side, draw_messages, right_messages
from bench.fuzz.schemas import values_for
from handoff.domain.errors import HandoffError
from handoff.wire.frames import read_agent_frame, read_customer_frame

KNOWN = Known(["cnv_1", "cnv_2"])
READ = {"customer": read_customer_frame, "agent": read_agent_frame}


@pytest.mark.parametrize("side", ["customer", "agent"])
@settings(derandomize=True, database=None, max_examples=60, deadline=None)
@given(data=st.data())
def test_most_right_frames_are_taken_by_the_models(side: Side, data: st.DataObject) -> None:
    text = data.draw(right_messages(side))
    assert isinstance(text, str)
    try:
        READ[side](text)
    except HandoffError as refused:
        # What a schema cannot say: a blank text, a NUL.
        assert refused.code == "bad_frame", refused  # noqa: PT017


@pytest.mark.parametrize("side", ["customer", "agent"])
def test_right_ones_are_about_what_exists_and_of_many_types(side: Side) -> None:
    frames = [json.loads(text) for text in draw_messages(side, KNOWN, 400, 1, right=True)]
    assert len({frame["type"] for frame in frames}) >= 6
    if side == "agent":
        assert sum(f.get("conversation_id") in KNOWN.conversations for f in frames) > 100


def test_the_others_hold_bytes_text_and_json() -> None:
    messages = draw_messages("customer", KNOWN, 1_000, 1, right=False)
    assert any(isinstance(message, bytes) for message in messages)
    taken = 0
    for message in messages:
        if isinstance(message, str):
            try:
                read_customer_frame(message)
                taken += 1
            except HandoffError:
                continue
    assert 0 < taken < 700


def test_a_seed_repeats() -> None:
    one, same, other = (draw_messages("agent", KNOWN, 100, seed, right=False) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_schema_that_says_something_new_is_not_taken_for_anything() -> None:
    with pytest.raises(ValueError, match="tuple"):
        values_for({"type": "tuple"}, {})
