"""Everything a client can be told went wrong: a stable code, a message a person can act on, and data."""

from __future__ import annotations

from typing import Any, ClassVar


class HandoffError(Exception):
    """Base of all refusals. `code` is part of the protocol; `http_status` is used when HTTP carries it."""

    code: ClassVar[str] = "bad_frame"
    http_status: ClassVar[int] = 400

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, Any]:
        """`{code, message, data}`, the inner object of every error answer."""
        return {"code": self.code, "message": self.message, "data": self.data}


class BadJson(HandoffError):
    """The text is not one JSON object."""

    code = "bad_json"


class BadFrame(HandoffError):
    """A field is missing, unknown or has a wrong value."""

    code = "bad_frame"
    http_status = 422


class UnknownType(HandoffError):
    """There is no frame of this type."""

    code = "unknown_type"


class TooLarge(HandoffError):
    """A frame or a body over the limit."""

    code = "too_large"
    http_status = 413


class BinaryRefused(HandoffError):
    """A binary frame; the protocol is text only."""

    code = "binary_refused"


class Unauthorized(HandoffError):
    """No credentials, or wrong ones."""

    code = "unauthorized"
    http_status = 401


class TokenExpired(HandoffError):
    """A conversation's token that was valid once; it can be renewed."""

    code = "token_expired"
    http_status = 401


class Forbidden(HandoffError):
    """Known, but not allowed to do this."""

    code = "forbidden"
    http_status = 403


class NotFound(HandoffError):
    """There is no such thing, or it is somebody else's: the answer is the same."""

    code = "not_found"
    http_status = 404


class WrongState(HandoffError):
    """The conversation's state does not allow the command."""

    code = "wrong_state"
    http_status = 409


class AlreadyClaimed(HandoffError):
    """Another agent holds the conversation; `data.holder` names them."""

    code = "already_claimed"
    http_status = 409


class NotHolder(HandoffError):
    """Only the agent who holds the conversation may do this."""

    code = "not_holder"
    http_status = 409


class NewMessages(HandoffError):
    """The customer wrote after the last message the agent saw."""

    code = "new_messages"
    http_status = 409


class ClientIdReused(HandoffError):
    """This client_id stands for a command with other content."""

    code = "client_id_reused"
    http_status = 409


class RateLimited(HandoffError):
    """Too many in too short a time; `data.retry_ms` says when to come back."""

    code = "rate_limited"
    http_status = 429


class StorageUnavailable(HandoffError):
    """The log cannot be written now. Nothing was stored; send the same again."""

    code = "storage_unavailable"
    http_status = 503


class HelloTimeout(HandoffError):
    """The socket said no hello in time."""

    code = "hello_timeout"
    http_status = 408


class TooSlow(HandoffError):
    """The reader did not keep up; it can resume from its cursor."""

    code = "too_slow"
    http_status = 408


class Idle(HandoffError):
    """Nothing was heard for too long."""

    code = "idle"
    http_status = 408


class Revoked(HandoffError):
    """The session or token behind the socket is no longer valid."""

    code = "revoked"
    http_status = 401


class TooManySockets(HandoffError):
    """The address or the conversation has as many sockets as it may have; `data.retry_ms` says when to try again."""

    code = "too_many_sockets"
    http_status = 429


class ShuttingDown(HandoffError):
    """This process is going; reconnect after `data.retry_ms`."""

    code = "shutting_down"
    http_status = 503


class BotUnavailable(HandoffError):
    """The bot is needed for this answer and is not ready."""

    code = "bot_unavailable"
    http_status = 503
