"""The bot's one door: HTTP on the loopback for the relay, closed to everyone without the shared secret.

It knows nothing of Rasa, so that it is open within a second while TensorFlow is still being imported. Every failure
has the one error shape `{"error": {"code", "message", "data"}}`; a turn without a decision or a reply is a
500, never an empty success.
"""

from __future__ import annotations

import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sanic import Sanic
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.contract import MAX_TEXT, ContractError, outcome_to_json, request_from_json
from bot.figures import Figures
from bot.live import LiveReleases, ReleaseRefused, Warming
from bot.turns import TurnOvertaken, Turns

log = logging.getLogger(__name__)

SECRET_HEADER: Final = "X-Baton-Secret"  # noqa: S105 - the name of a header
BODY_LIMIT: Final = 256 * 1024
RESULTS_LIMIT: Final = 20
TEXTS_LIMIT: Final = 64
SNIPPET: Final = 200

_CODES: Final = {400: "bad_json", 404: "not_found", 405: "not_found", 413: "too_large", 503: "warming"}


class Problem(Exception):
    """An answer in the error shape."""

    def __init__(self, status: int, code: str, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.data = data or {}


def make_app(
    secret: str, turns: Turns, releases: LiveReleases, figures: Figures, *, name: str = "baton_bot"
) -> Sanic:
    """The application. `secret` must not be empty. `name` is Sanic's, unique within a process."""
    if not secret:
        raise ValueError("the bot is not served without a secret: set BATON_BOT_SECRET")
    app = Sanic(name, configure_logging=False)
    app.config.REQUEST_MAX_SIZE = BODY_LIMIT
    app.config.REQUEST_TIMEOUT = 60
    app.config.RESPONSE_TIMEOUT = 60
    app.config.KEEP_ALIVE_TIMEOUT = 120
    app.config.FALLBACK_ERROR_FORMAT = "json"
    expected = secret.encode()

    async def check_secret(request: Request) -> HTTPResponse | None:
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if hmac.compare_digest(given, expected):
            return None
        return _error(Problem(401, "unauthorized", f"The header {SECRET_HEADER} is missing or wrong."))

    app.register_middleware(check_secret, "request")
    app.error_handler.add(Exception, _on_exception)
    _add_turn_routes(app, turns, releases, figures)
    _add_question_routes(app, releases)
    return app


def _add_turn_routes(app: Sanic, turns: Turns, releases: LiveReleases, figures: Figures) -> None:
    async def ready(_request: Request) -> HTTPResponse:
        refused = [{"release_id": r.release_id, "message": r.message} for r in releases.refused]
        if not releases.loaded:
            raise Warming(releases.refused)
        return _json({"release_ids": list(releases.loaded), "refused": refused})

    async def turn(request: Request) -> HTTPResponse:
        began = time.monotonic()
        outcome = await turns.take(request_from_json(_body(request)))
        figures.turns.observe(time.monotonic() - began)
        return _json(outcome_to_json(outcome))

    async def load(_request: Request, release_id: str) -> HTTPResponse:
        await releases.load(release_id)
        return _json({"release_ids": list(releases.loaded)})

    async def metrics(_request: Request) -> HTTPResponse:
        return HTTPResponse(figures.text(), content_type="text/plain; version=0.0.4; charset=utf-8")

    app.add_route(_guarded(metrics), "/metrics", methods=["GET"], name="metrics")
    app.add_route(_guarded(ready), "/bot/ready", methods=["GET"], name="ready")
    app.add_route(_guarded(turn), "/bot/turns", methods=["POST"], name="turns")
    app.add_route(_guarded(load), "/bot/releases/<release_id:str>/load", methods=["POST"], name="load")


def _add_question_routes(app: Sanic, releases: LiveReleases) -> None:
    async def search(request: Request) -> HTTPResponse:
        body = _body(request)
        query, locale = _text(body, "q"), body.get("locale")
        limit = body.get("limit", 5)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= RESULTS_LIMIT:
            raise ContractError(f"limit must be 1 to {RESULTS_LIMIT}")
        if locale is not None and not isinstance(locale, str):
            raise ContractError("locale must be a string")
        engine = await releases.engine_for(None)
        await engine.vectors.prepare([query])
        ranking = engine.knowledge.search(query, engine.vectors.get([query])[0], locale=locale, k=limit)
        results = [
            {
                "article_id": c.article_id,
                "title": c.title,
                "snippet": snippet(engine.knowledge.article(c.article_id).answer),
                "score": round(c.score, 4),
            }
            for c in ranking.candidates
        ]
        return _json({"results": results})

    async def explain(request: Request) -> HTTPResponse:
        body = _body(request)
        text, locale = _text(body, "text"), body.get("locale", "en")
        if not isinstance(locale, str):
            raise ContractError("locale must be a string")
        engine = await releases.engine_for(None)
        return _json(await engine.explain(text, locale))

    async def embed(request: Request) -> HTTPResponse:
        texts = _body(request).get("texts")
        if not isinstance(texts, list) or not 1 <= len(texts) <= TEXTS_LIMIT:
            raise ContractError(f"texts must be a list of 1 to {TEXTS_LIMIT} strings")
        if not all(isinstance(t, str) and 1 <= len(t) <= MAX_TEXT for t in texts):
            raise ContractError(f"each text must have 1 to {MAX_TEXT} characters")
        engine = await releases.engine_for(None)
        await engine.vectors.prepare(texts)
        vectors = engine.vectors.get(texts)
        return _json(
            {
                "encoder": engine.vectors.encoder.fingerprint,
                "vectors": [[round(float(x), 6) for x in vector] for vector in vectors],
            }
        )

    app.add_route(_guarded(search), "/bot/search", methods=["POST"], name="search")
    app.add_route(_guarded(explain), "/bot/explain", methods=["POST"], name="explain")
    app.add_route(_guarded(embed), "/bot/embed", methods=["POST"], name="embed")


Handler = Callable[..., Awaitable[HTTPResponse]]


def _guarded(handler: Handler) -> Handler:
    """Turn what a handler raises into an answer. The cause of a failure is logged, not shown."""

    async def guarded(request: Request, **parts: str) -> HTTPResponse:
        try:
            return await handler(request, **parts)
        except Problem as problem:
            return _error(problem)
        except ContractError as error:
            return _error(Problem(400, "bad_frame", str(error)))
        except Warming as error:
            refused = [{"release_id": r.release_id, "message": r.message} for r in error.refused]
            return _error(Problem(503, "warming", str(error), {"refused": refused}))
        except ReleaseRefused as error:
            return _error(Problem(409, "release_refused", str(error)))
        except TurnOvertaken as error:
            return _error(Problem(409, "turn_overtaken", str(error), {"last_turn": error.last_turn}))
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path, exc_info=error)
            return _error(Problem(500, "bot_failed", "The bot could not answer this."))

    return guarded


def _on_exception(request: Request, error: Exception) -> HTTPResponse:
    """What Sanic itself raises: an unknown path, a body that is too large, a broken request."""
    if isinstance(error, SanicException) and error.status_code in _CODES:
        return _error(Problem(error.status_code, _CODES[error.status_code], str(error) or "Not possible."))
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return _error(Problem(500, "bot_failed", "The bot could not answer this."))


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "bad_json", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise ContractError("body must be an object")
    return body


def _text(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
        raise ContractError(f"{field} must be a string of 1 to {MAX_TEXT} characters")
    return value


def snippet(answer: str) -> str:
    """The start of an answer without its Markdown marks, cut at a word."""
    plain = " ".join(answer.replace("**", "").replace("`", "").replace("#", "").split())
    if len(plain) <= SNIPPET:
        return plain
    return plain[:SNIPPET].rsplit(" ", 1)[0] + " …"


def _json(body: Any, status: int = 200) -> HTTPResponse:
    return HTTPResponse(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        status=status,
        content_type="application/json",
    )


def _error(problem: Problem) -> HTTPResponse:
    body = {"error": {"code": problem.code, "message": str(problem), "data": problem.data}}
    return _json(body, problem.status)
