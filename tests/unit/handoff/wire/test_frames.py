"""Every frame in its smallest form, and every way a frame can be wrong, with the code it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bot.contract import MAX_TEXT
from handoff.domain.errors import HandoffError
from handoff.wire import frames as f

CID = "c" * 16
SMALLEST: dict[str, dict[str, dict[str, Any]]] = {
    "customer": {
        "hello": {"token": "t"},
        "say": {"client_id": CID, "text": "a"},
        "request_human": {"client_id": CID},
        "cancel_handoff": {"client_id": CID},
        "end": {"client_id": CID},
        "rate": {"client_id": CID, "metric": "csat", "score": 5},
        "feedback": {"client_id": CID, "seq": 1, "helpful": False},
        "leave_contact": {"client_id": CID, "email": "a@b"},
        "seen": {"seq": 0},
        "typing": {"on": True},
        "ping": {},
    },
    "agent": {
        "hello": {},
        "presence": {"status": "away"},
        "subscribe": {"conversation_id": "cnv_1"},
        "unsubscribe": {"conversation_id": "cnv_1"},
        "claim": {"conversation_id": "cnv_1", "client_id": CID},
        "say": {"conversation_id": "cnv_1", "client_id": CID, "text": "a"},
        "note": {"conversation_id": "cnv_1", "client_id": CID, "text": "a"},
        "transfer": {"conversation_id": "cnv_1", "client_id": CID, "to": {}},
        "return_to_bot": {"conversation_id": "cnv_1", "client_id": CID},
        "follow_up_done": {"conversation_id": "cnv_1", "client_id": CID},
        "close": {"conversation_id": "cnv_1", "client_id": CID, "after": 0},
        "typing": {"conversation_id": "cnv_1", "on": False},
        "seen": {"conversation_id": "cnv_1", "seq": 3},
        "ping": {},
    },
}
READ: dict[str, Callable[[str], Any]] = {"customer": f.read_customer_frame, "agent": f.read_agent_frame}
FRAMES = [(side, name) for side, frames in SMALLEST.items() for name in frames]
SAY = {"type": "say", **SMALLEST["customer"]["say"]}


def refused(side: str, text: str) -> HandoffError:
    with pytest.raises(HandoffError) as caught:
        READ[side](text)
    return caught.value


def assert_bad_field(side: str, frame: dict[str, Any], field: str) -> None:
    error = refused(side, json.dumps(frame))
    assert error.code == "bad_frame"
    assert error.data == {"fields": [field]}
    assert error.message.startswith(f"{field}: ")


def test_every_frame_is_tried() -> None:
    for side, union in (("customer", f.CustomerFrame), ("agent", f.AgentFrame)):
        types = {get_args(cls.model_fields["type"].annotation)[0] for cls in get_args(union)}
        assert types == set(SMALLEST[side])


@pytest.mark.parametrize(("side", "name"), FRAMES)
def test_the_smallest_form_is_accepted(side: str, name: str) -> None:
    read = READ[side](json.dumps({"type": name, **SMALLEST[side][name]}))
    assert read.type == name
    assert read.model_dump(exclude_unset=True) == {"type": name, **SMALLEST[side][name]}


@pytest.mark.parametrize(("side", "name"), FRAMES)
def test_each_field_of_the_smallest_form_is_needed(side: str, name: str) -> None:
    for field in SMALLEST[side][name]:
        rest = {key: value for key, value in SMALLEST[side][name].items() if key != field}
        assert_bad_field(side, {"type": name, **rest}, field)


@pytest.mark.parametrize(("side", "name"), FRAMES)
def test_an_unknown_field_is_refused(side: str, name: str) -> None:
    assert_bad_field(side, {"type": name, **SMALLEST[side][name], "extra": 1}, "extra")


@pytest.mark.parametrize(("side", "name"), FRAMES)
@pytest.mark.parametrize("wrong", [None, [], {"a": 1}, 1.5], ids=str)
def test_a_field_of_the_wrong_type_is_refused(side: str, name: str, wrong: object) -> None:
    for field in SMALLEST[side][name]:
        if field == "to" and isinstance(wrong, dict):
            continue
        assert_bad_field(side, {"type": name, **SMALLEST[side][name], field: wrong}, field)


@pytest.mark.parametrize(
    ("side", "name", "field", "value"),
    [
        ("customer", "say", "text", ""),
        ("customer", "say", "text", " \n\t\u2003"),
        ("customer", "say", "text", "x" * (MAX_TEXT + 1)),
        ("customer", "say", "text", "a\x00b"),
        ("customer", "say", "client_id", "c" * 15),
        ("customer", "say", "client_id", "c" * 65),
        ("customer", "say", "client_id", "c" * 16 + "\n"),
        ("customer", "say", "client_id", "ü" * 16),
        ("customer", "say", "client_id", "c " * 8),
        ("customer", "say", "choice", ""),
        ("customer", "say", "choice", "c" * 201),
        ("customer", "hello", "token", ""),
        ("customer", "hello", "token", "t" * 2049),
        ("customer", "hello", "after", -1),
        ("customer", "hello", "after", 2**31),
        ("customer", "hello", "after", "1"),
        ("customer", "hello", "after", True),
        ("customer", "rate", "metric", "stars"),
        ("customer", "rate", "score", -1),
        ("customer", "rate", "score", 11),
        ("customer", "rate", "comment", "x" * (MAX_TEXT + 1)),
        ("customer", "feedback", "seq", 0),
        ("customer", "feedback", "helpful", "yes"),
        ("customer", "leave_contact", "email", "nobody"),
        ("customer", "leave_contact", "email", "a@b c"),
        ("customer", "leave_contact", "email", "a" * 65 + "@b"),
        ("customer", "seen", "seq", 10**400),
        ("customer", "typing", "on", 1),
        ("agent", "presence", "status", "asleep"),
        ("agent", "subscribe", "conversation_id", ""),
        ("agent", "subscribe", "conversation_id", "../etc"),
        ("agent", "subscribe", "conversation_id", "c" * 65),
        ("agent", "note", "text", "  "),
        ("agent", "claim", "takeover", "true"),
        ("agent", "transfer", "note", "\x00"),
        ("agent", "return_to_bot", "outcome", "x" * 201),
        ("agent", "close", "after", -1),
    ],
)
def test_a_value_out_of_bounds_is_refused(side: str, name: str, field: str, value: object) -> None:
    assert_bad_field(side, {"type": name, **SMALLEST[side][name], field: value}, field)


def test_a_fault_inside_a_field_is_named_by_its_path() -> None:
    frame = {"type": "transfer", **SMALLEST["agent"]["transfer"], "to": {"agent": 5, "room": "x"}}
    assert refused("agent", json.dumps(frame)).data == {"fields": ["to.agent", "to.room"]}


def test_limits_are_counted_in_characters() -> None:
    text = "😀" * MAX_TEXT
    assert f.read_customer_frame(json.dumps({**SAY, "text": text})).text == text  # type: ignore[union-attr]


@pytest.mark.parametrize("side", ["customer", "agent"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "hello",
        '{"type":"ping"} {"type":"ping"}',
        '\ufeff{"type":"ping"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"type":"seen","seq":' + "9" * 5000 + "}",
        r'{"type":"say","text":"\ud800"}',
        '{"type":"say","text":"\ud800"}',
        '{"type":"ping",}',
        "{'type':'ping'}",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_not_json_is_bad_json(side: str, text: str) -> None:
    assert refused(side, text).code == "bad_json"


@pytest.mark.parametrize("side", ["customer", "agent"])
@pytest.mark.parametrize("text", ["[]", '"ping"', "null", "1", "NaN", "true", '[{"type":"ping"}]'])
def test_what_is_not_an_object_is_bad_json(side: str, text: str) -> None:
    error = refused(side, text)
    assert error.code == "bad_json"
    assert "object" in error.message


@pytest.mark.parametrize("side", ["customer", "agent"])
@pytest.mark.parametrize(
    "type_", ["", "PING", "shout", None, 5, ["ping"], {"type": "ping"}, "welcome"], ids=str
)
def test_a_frame_of_no_known_type_is_told_so(side: str, type_: object) -> None:
    assert refused(side, json.dumps({"type": type_})).code == "unknown_type"


@pytest.mark.parametrize("side", ["customer", "agent"])
def test_frames_of_the_other_socket_are_unknown(side: str) -> None:
    other = "agent" if side == "customer" else "customer"
    for name in set(SMALLEST[other]) - set(SMALLEST[side]):
        assert refused(side, json.dumps({"type": name, **SMALLEST[other][name]})).code == "unknown_type"


@pytest.mark.parametrize("side", ["customer", "agent"])
def test_a_frame_without_a_type_is_told_so(side: str) -> None:
    error = refused(side, "{}")
    assert (error.code, error.data) == ("bad_frame", {"fields": ["type"]})


def test_of_a_field_told_twice_the_last_counts_everywhere() -> None:
    text = f'{{"type":"ping","type":"end","client_id":"{"a" * 16}","client_id":"{CID}"}}'
    assert f.read_customer_frame(text) == f.EndFrame(type="end", client_id=CID)
    assert f.client_id_of(text) == CID


def test_many_faults_are_told_shortly() -> None:
    frame = {"type": "ping", **{f"{n}" + "k" * 5000: n for n in range(30)}}
    error = refused("customer", json.dumps(frame))
    assert error.code == "bad_frame"
    assert len(json.dumps(error.to_json())) < 3000


def test_a_message_tells_what_to_do_in_plain_words() -> None:
    assert refused("customer", json.dumps({**SAY, "text": " "})).message == "text: must not be blank."


# --- who sent what was refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "client_id"),
    [
        (json.dumps({"client_id": CID, "type": "shout"}), CID),
        (json.dumps({"client_id": "c" * 64}), "c" * 64),
        (json.dumps({"client_id": "c" * 65}), None),
        (json.dumps({"client_id": 5}), None),
        (json.dumps([CID]), None),
        ("{", None),
        ("[" * 100_000, None),
        ('{"client_id":"\ud800"}', None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_refused_frame_still_says_which_command_it_was(text: str, client_id: str | None) -> None:
    assert f.client_id_of(text) == client_id


# --- bodies -----------------------------------------------------------------------------------------------------


def body_refused(body: dict[str, Any] | str) -> HandoffError:
    with pytest.raises(ValidationError) as caught:
        f.OpenConversation.model_validate_json(body if isinstance(body, str) else json.dumps(body))
    return f.refusal(caught.value)


def test_the_smallest_body_and_the_fullest_are_accepted() -> None:
    f.OpenConversation.model_validate({"client_id": CID})
    values = ["x", 1, -(2**62), 1.5, True, None]
    attributes = {f"a{n}": value for n, value in enumerate(values)}
    body = {
        "client_id": CID,
        "locale": "zh-Hant-TW",
        "page": {"url": "https://shop.example/p", "title": "P"},
        "customer": {
            "id": "42",
            "name": "Ada",
            "email": "a@b.example",
            "attributes": attributes,
            "signature": "0f",
        },
    }
    read = f.OpenConversation.model_validate_json(json.dumps(body))
    assert read.customer is not None
    assert read.customer.attributes == attributes


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"locale": "e"}, "locale"),
        ({"page": {}}, "page.url"),
        ({"page": {"url": "x" * 2001}}, "page.url"),
        ({"customer": {"email": "nobody"}}, "customer.email"),
        ({"customer": {"id": ""}}, "customer.id"),
        ({"customer": {"name": "\x00"}}, "customer.name"),
        ({"customer": {"attributes": {"plan": [1]}}}, "customer.attributes.plan"),
        ({"customer": {"attributes": {"plan": {}}}}, "customer.attributes.plan"),
        ({"customer": {"attributes": {"n": 2**63}}}, "customer.attributes.n"),
        ({"customer": {"attributes": {"n": float("nan")}}}, "customer.attributes.n"),
        ({"customer": {"attributes": {"n": float("inf")}}}, "customer.attributes.n"),
        ({"customer": {"attributes": {"n": "\x00"}}}, "customer.attributes.n"),
        ({"customer": {"attributes": {"n": "x" * 1001}}}, "customer.attributes.n"),
        ({"customer": {"attributes": {str(n): n for n in range(51)}}}, "customer.attributes"),
        ({"extra": 1}, "extra"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_fault_in_a_body_is_named_by_its_path(value: dict[str, Any], field: str) -> None:
    error = body_refused({"client_id": CID, **value})
    assert (error.code, error.data) == ("bad_frame", {"fields": [field]})


def test_a_number_too_large_for_a_float_is_refused() -> None:
    body = f'{{"client_id":"{CID}","customer":{{"attributes":{{"n":1e999}}}}}}'
    assert body_refused(body).data == {"fields": ["customer.attributes.n"]}


def test_a_body_that_is_not_json_is_told_so() -> None:
    assert body_refused("{").code == "bad_json"
    assert body_refused("[]").code == "bad_json"


def test_everything_that_comes_from_outside_is_strict_and_frozen() -> None:
    seen: list[type[BaseModel]] = [f.Frame]
    while seen:
        cls = seen.pop()
        assert cls.model_config["extra"] == "forbid"
        assert cls.model_config["strict"]
        assert cls.model_config["frozen"]
        seen += cls.__subclasses__()


# --- fuzz -------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted({name for _, name in FRAMES}))
FIELDS = st.sampled_from(
    ["type", *{key for frames in SMALLEST.values() for fs in frames.values() for key in fs}]
)


@given(side=st.sampled_from(["customer", "agent"]), text=st.text())
def test_any_text_is_read_or_refused(side: str, text: str) -> None:
    _read_or_refuse(side, text)


@given(
    side=st.sampled_from(["customer", "agent"]),
    name=NAMES,
    fields=st.dictionaries(FIELDS | st.text(max_size=8), JSON, max_size=6),
    whole=st.booleans(),
)
def test_any_object_is_read_or_refused(side: str, name: str, fields: dict[str, Any], whole: bool) -> None:
    smallest = SMALLEST[side].get(name, {}) if whole else {}
    _read_or_refuse(side, json.dumps({"type": name, **smallest, **fields}))


def _read_or_refuse(side: str, text: str) -> None:
    error: HandoffError | None = None
    try:
        READ[side](text)
    except HandoffError as refusal:
        error = refusal
    if error is not None:
        assert error.code in {"bad_json", "bad_frame", "unknown_type"}
        assert error.message.endswith(".")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({**SAY, "client_id": "short"}, "client_id: must be 16 to 64 printable ASCII characters"),
        (
            {"type": "leave_contact", "client_id": CID, "email": "nobody"},
            "email: must be an email address",
        ),
    ],
)
def test_a_form_that_is_wrong_is_told_in_words(frame: dict[str, Any], words: str) -> None:
    assert refused("customer", json.dumps(frame)).message.startswith(words)


def test_every_pattern_has_words() -> None:
    kinds = (*get_args(f.CustomerFrame), *get_args(f.AgentFrame), f.OpenConversation)
    patterns = set(
        re.findall(r'"pattern": ("(?:[^"\\\\]|\\\\.)*")', json.dumps([k.model_json_schema() for k in kinds]))
    )
    assert {json.loads(pattern) for pattern in patterns} <= set(f.PATTERN_WORDS)
    assert len(patterns) >= 3


def test_half_an_emoji_is_refused_to_the_command_it_stands_in() -> None:
    text = json.dumps({**SAY, "text": "half an emoji: \ud83d"})
    assert refused("customer", text).code == "bad_json"
    assert f.client_id_of(text) == CID


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"client_id": "\\ud800"}', '{"client_id": 7}', "9" * 5000, "{"]
)
def test_what_cannot_be_told_back_has_no_client_id(text: str) -> None:
    assert f.client_id_of(text) is None
