"""Every frame and body a client may send, in one file. Unknown fields fail; limits are part of the type."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails

from bot.contract import MAX_TEXT
from handoff.domain.errors import BadFrame, BadJson, HandoffError, UnknownType


def _storable(text: str) -> str:
    # PostgreSQL stores no NUL; lone surrogates cannot be written as UTF-8 at all.
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return text


def _plain_value(value: Any) -> str | int | float | bool | None:
    # What JSON takes and a database, or the next program, does not: NaN, infinities, numbers over 64 bits.
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= 1000:
        return _storable(value)
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(
        "must be at most 1000 characters of text, a finite number of 64 bits, true, false or null"
    )


_PLAIN_VALUE: Final[JsonDict] = {
    "anyOf": [
        {"type": "string", "maxLength": 1000},
        {"type": "integer", "exclusiveMinimum": -(2**63), "exclusiveMaximum": 2**63},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "null"},
    ]
}
"""What `_plain_value` takes, as a schema; that NUL and half a character are refused it cannot say."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Storable = Annotated[str, AfterValidator(_storable)]
Text = Annotated[Storable, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_not_blank)]
Note = Annotated[Storable, Field(max_length=MAX_TEXT)]
Short = Annotated[Storable, Field(max_length=200)]
_CLIENT_ID: Final = r"^[\x21-\x7e]{16,64}$"
_CONVERSATION_ID: Final = r"^[A-Za-z0-9_\-]{1,64}$"
_LOCALE: Final = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$"
_EMAIL: Final = r"^[^@\s]{1,64}@[^@\s]{1,190}$"
PATTERN_WORDS: Final = {
    _CLIENT_ID: "16 to 64 printable ASCII characters without spaces",
    _CONVERSATION_ID: "a conversation's id: 1 to 64 of A-Z, a-z, 0-9, _ and -",
    _LOCALE: "a language tag such as en or de-AT",
    _EMAIL: "an email address: one @, at most 64 characters before it and 190 after it, no spaces",
}
"""What each pattern asks for. A refusal says this: whoever reads it may not read regular expressions."""

ClientId = Annotated[str, Field(pattern=_CLIENT_ID)]
ConversationId = Annotated[str, Field(pattern=_CONVERSATION_ID)]
Seq = Annotated[int, Field(ge=0, le=2**31 - 1)]
Token = Annotated[str, Field(min_length=1, max_length=2048)]
Locale = Annotated[str, Field(pattern=_LOCALE)]
# The pattern first: behind a function it is checked, but the schema in /openapi.json would not tell of it.
Email = Annotated[str, Field(pattern=_EMAIL), AfterValidator(_storable)]
Score = Annotated[int, Field(ge=0, le=10)]
AttributeName = Annotated[Storable, Field(min_length=1, max_length=200)]
AttributeValue = Annotated[Any, AfterValidator(_plain_value), WithJsonSchema(_PLAIN_VALUE)]


class Frame(BaseModel):
    """Base of all that comes from outside."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# --- what a customer's socket sends -------------------------------------------------------------------------


class CustomerHello(Frame):
    type: Literal["hello"]
    token: Token
    after: Seq = 0


class CustomerSay(Frame):
    type: Literal["say"]
    client_id: ClientId
    text: Text
    choice: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class RequestHumanFrame(Frame):
    type: Literal["request_human"]
    client_id: ClientId


class CancelHandoffFrame(Frame):
    type: Literal["cancel_handoff"]
    client_id: ClientId


class EndFrame(Frame):
    type: Literal["end"]
    client_id: ClientId


class RateFrame(Frame):
    type: Literal["rate"]
    client_id: ClientId
    metric: Literal["csat", "ces", "nps"]
    score: Score
    comment: Note | None = None


class FeedbackFrame(Frame):
    type: Literal["feedback"]
    client_id: ClientId
    seq: Annotated[int, Field(ge=1, le=2**31 - 1)]
    helpful: bool


class LeaveContactFrame(Frame):
    type: Literal["leave_contact"]
    client_id: ClientId
    email: Email
    text: Note | None = None


class SeenFrame(Frame):
    type: Literal["seen"]
    seq: Seq


class TypingFrame(Frame):
    type: Literal["typing"]
    on: bool


class Ping(Frame):
    type: Literal["ping"]


CustomerFrame = (
    CustomerHello
    | CustomerSay
    | RequestHumanFrame
    | CancelHandoffFrame
    | EndFrame
    | RateFrame
    | FeedbackFrame
    | LeaveContactFrame
    | SeenFrame
    | TypingFrame
    | Ping
)


# --- what an agent's socket sends ---------------------------------------------------------------------------


class AgentHello(Frame):
    type: Literal["hello"]
    token: Token | None = None


class PresenceFrame(Frame):
    type: Literal["presence"]
    status: Literal["online", "away", "offline"]


class Subscribe(Frame):
    type: Literal["subscribe"]
    conversation_id: ConversationId
    after: Seq = 0


class Unsubscribe(Frame):
    type: Literal["unsubscribe"]
    conversation_id: ConversationId


class AgentCommandFrame(Frame):
    conversation_id: ConversationId
    client_id: ClientId


class ClaimFrame(AgentCommandFrame):
    type: Literal["claim"]
    takeover: bool = False


class AgentSay(AgentCommandFrame):
    type: Literal["say"]
    text: Text


class NoteFrame(AgentCommandFrame):
    type: Literal["note"]
    text: Text


class TransferTarget(Frame):
    agent: Short | None = None
    team: Short | None = None


class TransferFrame(AgentCommandFrame):
    type: Literal["transfer"]
    to: TransferTarget
    note: Note | None = None


class ReturnToBotFrame(AgentCommandFrame):
    type: Literal["return_to_bot"]
    outcome: Short | None = None
    note: Note | None = None


class CloseFrame(AgentCommandFrame):
    type: Literal["close"]
    after: Seq
    outcome: Short | None = None


class FollowUpDoneFrame(AgentCommandFrame):
    type: Literal["follow_up_done"]
    outcome: Short | None = None


class AgentTyping(Frame):
    type: Literal["typing"]
    conversation_id: ConversationId
    on: bool


class AgentSeen(Frame):
    type: Literal["seen"]
    conversation_id: ConversationId
    seq: Seq


AgentFrame = (
    AgentHello
    | PresenceFrame
    | Subscribe
    | Unsubscribe
    | ClaimFrame
    | AgentSay
    | NoteFrame
    | TransferFrame
    | ReturnToBotFrame
    | CloseFrame
    | FollowUpDoneFrame
    | AgentTyping
    | AgentSeen
    | Ping
)


# --- bodies -----------------------------------------------------------------------------------------------


class Page(Frame):
    url: Annotated[Storable, Field(max_length=2000)]
    title: Annotated[Storable, Field(max_length=300)] = ""


class CustomerAbout(Frame):
    id: Annotated[Storable, Field(min_length=1, max_length=200)] | None = None
    name: Annotated[Storable, Field(max_length=200)] | None = None
    email: Email | None = None
    attributes: Annotated[dict[AttributeName, AttributeValue], Field(max_length=50)] | None = None
    signature: Annotated[str, Field(max_length=128)] | None = None


class OpenConversation(Frame):
    client_id: ClientId
    locale: Locale | None = None
    page: Page | None = None
    customer: CustomerAbout | None = None


# --- reading them -----------------------------------------------------------------------------------------

_CUSTOMER: Final[TypeAdapter[CustomerFrame]] = TypeAdapter(
    Annotated[CustomerFrame, Field(discriminator="type")]
)
_AGENT: Final[TypeAdapter[AgentFrame]] = TypeAdapter(Annotated[AgentFrame, Field(discriminator="type")])
_TYPES: Final = frozenset(
    get_args(cls.model_fields["type"].annotation)[0]
    for cls in (*get_args(CustomerFrame), *get_args(AgentFrame))
)
FIELDS_TOLD: Final = 10
FIELD_CHARACTERS: Final = 100
"""What an error repeats of a frame's faults: a hostile frame must not come back as a long answer."""


def read_customer_frame(text: str) -> CustomerFrame:
    """The frame in a customer's text message. Raises BadJson, UnknownType or BadFrame."""
    try:
        return _CUSTOMER.validate_json(text)
    except ValidationError as failure:
        raise refusal(failure) from None


def read_agent_frame(text: str) -> AgentFrame:
    """The frame in an agent's text message. Raises BadJson, UnknownType or BadFrame."""
    try:
        return _AGENT.validate_json(text)
    except ValidationError as failure:
        raise refusal(failure) from None


def refusal(failure: ValidationError) -> HandoffError:
    """What to tell the sender: the first problem in words and the fields that are wrong."""
    errors = failure.errors(include_url=False, include_input=False)
    kind, where = errors[0]["type"], errors[0]["loc"]
    if kind in ("json_invalid", "string_unicode"):
        return BadJson("This is not valid JSON. Send one JSON object.")
    if not where and kind in ("model_attributes_type", "model_type", "dict_type"):
        return BadJson("This is not a JSON object. Send one JSON object.")
    if kind == "union_tag_invalid":
        return UnknownType("There is no frame of this type here.")
    if kind == "union_tag_not_found":
        return BadFrame("The frame has no type. Every frame names its type.", fields=["type"])
    fields = sorted({_path(error["loc"]) for error in errors})[:FIELDS_TOLD]
    return BadFrame(f"{_path(where)}: {_in_words(errors[0])}.", fields=fields)


def _in_words(error: ErrorDetails) -> str:
    if error["type"] == "string_pattern_mismatch":
        return f"must be {PATTERN_WORDS[error['ctx']['pattern']]}"
    return error["msg"].removeprefix("Value error, ")


def _path(location: tuple[int | str, ...]) -> str:
    # Inside a frame a location begins with the frame's own type. Names that a client made up are cut.
    inside = location[1:] if len(location) > 1 and location[0] in _TYPES else location
    return ".".join(str(part) for part in inside)[:FIELD_CHARACTERS]


def client_id_of(text: str) -> str | None:
    """The client_id in a frame that was refused, so that its sender learns which command it was."""
    try:
        # Not orjson: it refuses half an emoji, which is what a browser sends of a text that was cut in its middle.
        raw: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    client_id = raw.get("client_id") if isinstance(raw, dict) else None
    fits = isinstance(client_id, str) and len(client_id) <= 64 and client_id.isascii()
    return client_id if fits else None
