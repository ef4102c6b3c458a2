"""Events as the log stores them: every payload survives its JSON, and bad ones are not taken for good."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.events import (
    CUSTOMER_OMITS,
    HIDDEN_FROM_CUSTOMER,
    PAYLOADS,
    Actor,
    Event,
    Payload,
    from_data,
    to_data,
)

VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10)
OBJECTS = st.dictionaries(st.text(max_size=5), VALUES | st.lists(VALUES, max_size=3), max_size=4)
TEXT = st.text(max_size=30)
MAYBE = st.none() | TEXT
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "page": st.none() | OBJECTS,
    "choices": st.lists(OBJECTS, max_size=3).map(tuple),
    "decision": st.none() | OBJECTS,
    "evidence": OBJECTS,
    "summary": st.lists(OBJECTS, max_size=3).map(tuple),
    "to": OBJECTS,
    "turn": st.integers(1, 2**31),
    "seq": st.integers(1, 2**31),
    "episode": st.integers(1, 2**31),
    "score": st.integers(0, 10),
    "helpful": st.booleans(),
    **dict.fromkeys(
        ("choice", "article_id", "article_title", "offered_to", "note", "outcome", "comment"), MAYBE
    ),
}


def payloads() -> st.SearchStrategy[Payload]:
    """Any payload; what is optional may be missing."""
    kinds = []
    for cls in get_args(Payload):
        optional = {field.name for field in dataclasses.fields(cls) if field.default is None}
        fields = {
            field.name: FIELDS.get(field.name, MAYBE if field.name in optional else TEXT)
            for field in dataclasses.fields(cls)
        }
        kinds.append(st.builds(cls, **fields))
    return st.one_of(kinds)


@given(payload=payloads())
def test_every_payload_survives_its_json(payload: Payload) -> None:
    stored = json.loads(json.dumps(to_data(payload)))
    assert from_data(payload.KIND, stored) == payload


@given(payload=payloads())
def test_what_is_not_set_is_left_out(payload: Payload) -> None:
    assert None not in to_data(payload).values()


@pytest.mark.parametrize("kind", PAYLOADS)
def test_an_unknown_field_is_not_taken_for_a_payload(kind: str) -> None:
    with pytest.raises(TypeError):
        from_data(kind, {"no_such_field": 1})


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        from_data("customer.danced", {})


def test_kinds_are_told_apart() -> None:
    assert len(PAYLOADS) == len(get_args(Payload))


def test_what_customers_do_not_see_is_named_by_kinds_and_fields_that_exist() -> None:
    assert set(PAYLOADS) >= HIDDEN_FROM_CUSTOMER
    for kind, omitted in CUSTOMER_OMITS.items():
        assert omitted <= set(PAYLOADS[kind].__dataclass_fields__)


@pytest.mark.parametrize(
    ("actor", "key"),
    [
        (Actor("customer"), "customer"),
        (Actor("agent", "usr_1", "Anna"), "agent:usr_1"),
        (Actor("agent", "usr_1", "Anna B."), "agent:usr_1"),
        (Actor("bot"), "bot"),
    ],
)
def test_an_actor_is_known_by_type_and_id(actor: Actor, key: str) -> None:
    assert actor.key == key


@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_customer_is_shown_all_but_the_hidden_kinds(kind: str) -> None:
    payload: Any = object.__new__(PAYLOADS[kind])
    event = Event("cnv_1", 1, "evt_1", 0, Actor("system"), payload, 0)
    assert event.visible_to_customer == (
        kind not in {"agent.noted", "bot.reply_discarded", "contact.followed_up", "handoff.alerted"}
    )
