"""Errors: one stable code each, one shape, and a status that HTTP understands."""

from __future__ import annotations

import pytest

from handoff.domain import errors
from handoff.domain.errors import HandoffError, WrongState

ALL = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, HandoffError) and cls is not HandoffError
]
PROTOCOL = (
    "bad_json bad_frame unknown_type too_large binary_refused unauthorized token_expired forbidden not_found "
    "wrong_state already_claimed not_holder new_messages client_id_reused rate_limited storage_unavailable "
    "hello_timeout too_slow idle revoked shutting_down"
)


def test_each_error_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in ALL]
    assert len(codes) == len(set(codes))


def test_the_codes_of_the_protocol_are_there() -> None:
    assert set(PROTOCOL.split()) <= {cls.code for cls in ALL}


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.code)
def test_every_error_has_a_status_and_says_when_it_happens(cls: type[HandoffError]) -> None:
    assert 400 <= cls.http_status < 600
    assert cls.__doc__


def test_the_one_shape() -> None:
    error = WrongState("Not now.", state="bot")
    assert error.to_json() == {"code": "wrong_state", "message": "Not now.", "data": {"state": "bot"}}
    assert str(error) == "Not now."
