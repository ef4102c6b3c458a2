"""Bodies: what JSON readers let pass, and the schema of a body that a route reads itself."""

from __future__ import annotations

import json

import pytest
from starlette.requests import Request
from starlette.types import Message

from handoff.domain.errors import BadJson
from handoff.wire.bodies import json_body, single_names
from handoff.wire.frames import OpenConversation


def request(body: bytes) -> Request:
    """A request with this body."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


@pytest.mark.parametrize(
    "body", [b'{"a": 1, "a": 1}', b'{"a": [{"b": 1, "b": 2}]}', b'{"a": NaN}', b"[-Infinity]"]
)
async def test_what_readers_disagree_about_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        await single_names(request(body))


@pytest.mark.parametrize(
    "body",
    [b'{"a": 1, "A": {"a": 2}}', b"", b'{"a": 1', b"\xff\xfe", b"[" * 50_000],
    ids=["right", "empty", "cut off", "not Unicode", "deep"],
)
async def test_all_else_is_left_to_whoever_reads_the_body(body: bytes) -> None:
    await single_names(request(body))


def test_a_documented_body_needs_no_definitions_from_elsewhere() -> None:
    schema = json_body(OpenConversation)["content"]["application/json"]["schema"]
    assert '"$ref"' not in json.dumps(schema)
    assert "$defs" not in schema
    about = schema["properties"]["customer"]["anyOf"][0]["properties"]
    assert about["email"]["anyOf"][0]["pattern"]
    assert {"type": "boolean"} in about["attributes"]["anyOf"][0]["additionalProperties"]["anyOf"]
