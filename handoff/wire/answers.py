"""What HTTP answers with, as types for `/openapi.json`, and how refusals stand there."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from handoff.domain.errors import HandoffError


class Site(BaseModel):
    """What a widget shows before anybody has spoken."""

    name: str
    voice: str
    locale: str
    greeting: str
    low_confidence: str


class OpenedConversation(BaseModel):
    """A conversation, the token that opens it, and its last event."""

    conversation_id: str
    token: str
    seq: int


class FreshToken(BaseModel):
    """A token for the same conversation."""

    token: str


class ShownEvent(BaseModel):
    """An event as its reader may see it; `data` depends on `kind`."""

    seq: int
    prev: int
    id: str
    at: str
    kind: str
    actor: dict[str, str]
    data: dict[str, Any]


class EventsPage(BaseModel):
    """Events in order. `seq` is the last that the caller may see, `more` says that another page follows."""

    events: list[ShownEvent]
    seq: int
    state: str
    more: bool


class SearchResults(BaseModel):
    """Articles, best first."""

    results: list[dict[str, Any]]


class Person(BaseModel):
    """Somebody who may log in."""

    id: str
    name: str
    role: str


class Session(BaseModel):
    """Who is logged in; `csrf` goes into the header of whatever changes something."""

    agent: Person
    csrf: str
    must_change_password: bool


class InboxPage(BaseModel):
    """Items in the queue's order; `cursor` asks for the next page, null at the end."""

    items: list[dict[str, Any]]
    cursor: int | None


class Alive(BaseModel):
    """The process answers."""

    status: str


class Readiness(BaseModel):
    """Whether all is there that a question needs; each part is `ok` or says what is wrong with it."""

    ready: bool
    parts: dict[str, str]


Responses = dict[int | str, dict[str, Any]]
"""What FastAPI documents beside a route's own answer."""


_REFUSAL: Final = {
    "title": "Refusal",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "data"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "data": {"type": "object"},
            },
        }
    },
}
"""The one shape of every refusal. Not a model: FastAPI would build a validator of it for each status of each route."""


def refusals(*errors: type[HandoffError]) -> Responses:
    """The documented answers for routes that may refuse with `errors`; those of one status share a line."""
    codes: dict[int, list[str]] = {}
    for error in errors:
        codes.setdefault(error.http_status, []).append(error.code)
    return {
        status: {
            "description": " or ".join(f"`{code}`" for code in found),
            "content": {"application/json": {"schema": _REFUSAL}},
        }
        for status, found in codes.items()
    }
