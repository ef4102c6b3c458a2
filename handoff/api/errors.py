"""One JSON shape for every error over HTTP: `{"error": {"code", "message", "data"}}`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from handoff.api.methods import Methods
from handoff.domain.errors import (
    BadFrame,
    BadJson,
    Forbidden,
    HandoffError,
    NotFound,
    RateLimited,
    StorageUnavailable,
    TooLarge,
    Unauthorized,
)
from handoff.wire.encoding import error_body
from handoff.wire.frames import PATTERN_WORDS

METHOD_NOT_ALLOWED = 405
log = structlog.get_logger(__name__)
_BY_STATUS: dict[int, type[HandoffError]] = {
    # FastAPI itself answers 400 to one thing: a body that it cannot parse.
    400: BadJson,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: NotFound,
    413: TooLarge,
}


def install_error_handlers(app: FastAPI) -> None:
    """Make the app answer every failure in the one shape, and never with a stack trace."""
    app.add_exception_handler(HandoffError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http(Methods(app)))
    app.add_exception_handler(Exception, _failed)


def error_response(error: HandoffError, status: int | None = None) -> JSONResponse:
    """The answer that tells of `error`."""
    headers = {"WWW-Authenticate": "Bearer"} if error.http_status == Unauthorized.http_status else {}
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(max(1, int(error.data.get("retry_ms", 1000)) // 1000))
    return JSONResponse(error_body(error), status or error.http_status, headers)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HandoffError)
    return error_response(error)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    if problems[0]["type"] == "json_invalid":
        return error_response(BadJson("The body is not valid JSON. Send one JSON object."))
    # The first element of a location says where the field stands: body, query or path.
    fields = sorted({".".join(str(part) for part in p["loc"][1:]) or str(p["loc"][0]) for p in problems})
    if problems[0]["type"] == "string_pattern_mismatch":
        words = f"must be {PATTERN_WORDS.get(problems[0]['ctx']['pattern'], 'of another form')}"
    else:
        words = problems[0]["msg"]
    return error_response(BadFrame(f"{', '.join(fields)}: {words}.", fields=fields))


def _http(methods: Methods) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        kind = _BY_STATUS.get(error.status_code, BadFrame)
        answer = error_response(kind(str(error.detail)), error.status_code)
        answer.headers.update(error.headers or {})
        allowed = methods.of(request.url.path) if error.status_code == METHOD_NOT_ALLOWED else None
        if allowed is not None:
            # All that are there: the route that refused names its own alone.
            answer.headers["Allow"] = allowed
        return answer

    return refused


async def _failed(request: Request, error: Exception) -> JSONResponse:
    # The route's own path: what stands in its place in a URL was written by whoever called.
    route = request.scope.get("route")
    log.error("request_failed", route=getattr(route, "path", None), exc_info=error)
    return error_response(StorageUnavailable("Something failed here. Try again in a moment."), 500)
