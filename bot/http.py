"""The bot's one door: HTTP on the loopback for the relay, closed to everyone without the shared secret.

It knows nothing of Rasa, so that it is open within a second while TensorFlow is still being imported. Every failure
has the one error shape `{"error": {"code", "message", "data"}}`; a turn without a decision or a reply is a
500, never an empty success.
"""

from __future__ import annotations

import hmac
import time
from typing import Final

from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.contract import MAX_TEXT, ContractError, outcome_to_json, request_from_json
from bot.door import Problem, as_error, as_json, body_of, guarded, on_exception, text_of
from bot.editions import Editions
from bot.figures import Figures
from bot.http_studio import ARTICLE_LIMIT, add_studio_routes
from bot.live import LiveReleases, Warming
from bot.turns import Turns

SECRET_HEADER: Final = "X-Baton-Secret"  # noqa: S105 - the name of a header
RESULTS_LIMIT: Final = 20
TEXTS_LIMIT: Final = 64
SNIPPET: Final = 200


def make_app(
    secret: str,
    turns: Turns,
    releases: LiveReleases,
    editions: Editions,
    figures: Figures,
    *,
    name: str = "baton_bot",
) -> Sanic:
    """The application. `secret` must not be empty. `name` is Sanic's, unique within a process."""
    if not secret:
        raise ValueError("the bot is not served without a secret: set BATON_BOT_SECRET")
    app = Sanic(name, configure_logging=False)
    app.config.REQUEST_MAX_SIZE = ARTICLE_LIMIT  # each route has a limit of its own
    app.config.REQUEST_TIMEOUT = 60
    app.config.RESPONSE_TIMEOUT = 60
    app.config.KEEP_ALIVE_TIMEOUT = 120
    app.config.FALLBACK_ERROR_FORMAT = "json"
    expected = secret.encode()

    async def check_secret(request: Request) -> HTTPResponse | None:
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if hmac.compare_digest(given, expected):
            return None
        return as_error(Problem(401, "unauthorized", f"The header {SECRET_HEADER} is missing or wrong."))

    app.register_middleware(check_secret, "request")
    app.error_handler.add(Exception, on_exception)
    _add_turn_routes(app, turns, releases, editions, figures)
    _add_question_routes(app, releases)
    add_studio_routes(app, releases, editions)
    return app


def _add_turn_routes(
    app: Sanic, turns: Turns, releases: LiveReleases, editions: Editions, figures: Figures
) -> None:
    async def ready(_request: Request) -> HTTPResponse:
        refused = [
            {"release_id": r.release_id, "message": r.message} for r in (*releases.refused, *editions.refused)
        ]
        if not releases.loaded:
            raise Warming(releases.refused)
        return as_json({"release_ids": list(releases.loaded), "refused": refused})

    async def turn(request: Request) -> HTTPResponse:
        began = time.monotonic()
        outcome = await turns.take(request_from_json(body_of(request)))
        figures.turns.observe(time.monotonic() - began)
        return as_json(outcome_to_json(outcome))

    async def load(_request: Request, release_id: str) -> HTTPResponse:
        await releases.load(release_id)
        return as_json({"release_ids": list(releases.loaded)})

    async def metrics(_request: Request) -> HTTPResponse:
        return HTTPResponse(figures.text(), content_type="text/plain; version=0.0.4; charset=utf-8")

    app.add_route(guarded(metrics), "/metrics", methods=["GET"], name="metrics")
    app.add_route(guarded(ready), "/bot/ready", methods=["GET"], name="ready")
    app.add_route(guarded(turn), "/bot/turns", methods=["POST"], name="turns")
    app.add_route(guarded(load), "/bot/releases/<release_id:str>/load", methods=["POST"], name="load")


def _add_question_routes(app: Sanic, releases: LiveReleases) -> None:
    async def search(request: Request) -> HTTPResponse:
        body = body_of(request)
        query, locale = text_of(body, "q"), body.get("locale")
        limit = body.get("limit", 5)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= RESULTS_LIMIT:
            raise ContractError(f"limit must be 1 to {RESULTS_LIMIT}")
        if locale is not None and not isinstance(locale, str):
            raise ContractError("locale must be a string")
        engine = await releases.engine_for(None)
        await engine.vectors.prepare([query])
        knowledge = engine.knowledge
        ranking = knowledge.search(query, engine.vectors.get([query])[0], locale=locale, k=limit)
        results = [
            {
                "article_id": c.article_id,
                "title": c.title,
                "snippet": snippet(knowledge.article(c.article_id).answer),
                "score": round(c.score, 4),
            }
            for c in ranking.candidates
        ]
        return as_json({"results": results})

    async def explain(request: Request) -> HTTPResponse:
        body = body_of(request)
        text, locale = text_of(body, "text"), body.get("locale", "en")
        if not isinstance(locale, str):
            raise ContractError("locale must be a string")
        engine = await releases.engine_for(None)
        return as_json(await engine.explain(text, locale))

    async def embed(request: Request) -> HTTPResponse:
        texts = body_of(request).get("texts")
        if not isinstance(texts, list) or not 1 <= len(texts) <= TEXTS_LIMIT:
            raise ContractError(f"texts must be a list of 1 to {TEXTS_LIMIT} strings")
        if not all(isinstance(t, str) and 1 <= len(t) <= MAX_TEXT for t in texts):
            raise ContractError(f"each text must have 1 to {MAX_TEXT} characters")
        engine = await releases.engine_for(None)
        await engine.vectors.prepare(texts)
        vectors = engine.vectors.get(texts)
        return as_json(
            {
                "encoder": engine.vectors.encoder.fingerprint,
                "vectors": [[round(float(x), 6) for x in vector] for vector in vectors],
            }
        )

    app.add_route(guarded(search), "/bot/search", methods=["POST"], name="search")
    app.add_route(guarded(explain), "/bot/explain", methods=["POST"], name="explain")
    app.add_route(guarded(embed), "/bot/embed", methods=["POST"], name="embed")


def snippet(answer: str) -> str:
    """The start of an answer without its Markdown marks, cut at a word."""
    plain = " ".join(answer.replace("**", "").replace("`", "").replace("#", "").split())
    if len(plain) <= SNIPPET:
        return plain
    return plain[:SNIPPET].rsplit(" ", 1)[0] + " …"
