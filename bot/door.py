"""Requests and answers at the bot's door: bodies checked, values written, failures in the one shape.

Every failure is `{"error": {"code", "message", "data"}}`; its cause is logged, not shown.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.contract import MAX_TEXT, ContractError
from bot.editions import DraftRefused
from bot.live import ReleaseRefused, Warming
from bot.turns import TurnOvertaken

log = logging.getLogger(__name__)

BODY_LIMIT: Final = 256 * 1024
"""Bytes of a body, for most routes."""

_CODES: Final = {400: "bad_json", 404: "not_found", 405: "not_found", 413: "too_large", 503: "warming"}


class Problem(Exception):
    """An answer in the error shape."""

    def __init__(self, status: int, code: str, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.data = data or {}


Handler = Callable[..., Awaitable[HTTPResponse]]


def guarded(handler: Handler) -> Handler:
    """Turn what a handler raises into an answer. The cause of a failure is logged, not shown."""

    async def guarded(request: Request, **parts: str) -> HTTPResponse:
        try:
            return await handler(request, **parts)
        except Problem as problem:
            return as_error(problem)
        except ContractError as error:
            return as_error(Problem(400, "bad_frame", str(error)))
        except Warming as error:
            refused = [{"release_id": r.release_id, "message": r.message} for r in error.refused]
            return as_error(Problem(503, "warming", str(error), {"refused": refused}))
        except ReleaseRefused as error:
            return as_error(Problem(409, "release_refused", str(error)))
        except DraftRefused as error:
            return as_error(Problem(409, "draft_refused", str(error)))
        except TurnOvertaken as error:
            return as_error(Problem(409, "turn_overtaken", str(error), {"last_turn": error.last_turn}))
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path, exc_info=error)
            return as_error(Problem(500, "bot_failed", "The bot could not answer this."))

    return guarded


def on_exception(request: Request, error: Exception) -> HTTPResponse:
    """What Sanic itself raises: an unknown path, a body that is too large, a broken request."""
    if isinstance(error, SanicException) and error.status_code in _CODES:
        return as_error(Problem(error.status_code, _CODES[error.status_code], str(error) or "Not possible."))
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return as_error(Problem(500, "bot_failed", "The bot could not answer this."))


def body_of(request: Request, *, limit: int = BODY_LIMIT) -> dict[str, Any]:
    """The request's object, of at most `limit` bytes. Raises `Problem` or `ContractError`."""
    if len(request.body) > limit:
        raise Problem(413, "too_large", f"The body has {len(request.body)} bytes; {limit} are allowed.")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "bad_json", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise ContractError("body must be an object")
    return body


def text_of(body: Mapping[str, Any], field: str) -> str:
    """A text of 1 to `MAX_TEXT` characters. Raises `ContractError`."""
    value = body.get(field)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
        raise ContractError(f"{field} must be a string of 1 to {MAX_TEXT} characters")
    return value


def as_json(body: Any, status: int = 200) -> HTTPResponse:
    """An answer with a body."""
    return HTTPResponse(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        status=status,
        content_type="application/json",
    )


def as_error(problem: Problem) -> HTTPResponse:
    """An answer in the error shape."""
    body = {"error": {"code": problem.code, "message": str(problem), "data": problem.data}}
    return as_json(body, problem.status)
