"""What the studio asks a bot: a turn with what is not published yet, and advice on an article. Nothing of it is kept."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.contract import MAX_DIALOGUE, ContractError, TurnRequest, outcome_to_json
from bot.dialogue import Dialogue, unpacked
from bot.door import as_json, body_of, guarded, text_of
from bot.editions import Editions
from bot.live import LiveReleases
from kb_index.article import (
    MAX_QUESTION,
    MAX_TITLE,
    Article,
    ArticleError,
    check_article,
    clean_text,
)

if TYPE_CHECKING:
    from bot.content import Content
    from bot.engine import Engine
    from kb_index.advice import Advice

ARTICLE_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of a body with an article: 5,000 variants of 1,000 characters and more."""

FOLLOW_LIMIT_S: Final = 2.5
"""How long whoever publishes waits for its being answered from: less than the relay's own limit."""

NOTHING: Final = "…"
"""In the place of an answer that is not written yet: an article without one is no article."""


def add_studio_routes(app: Sanic, releases: LiveReleases, editions: Editions) -> None:
    """`POST /bot/try`, `POST /bot/advise` and `POST /bot/follow`."""
    one_at_a_time = asyncio.Semaphore(
        1
    )  # advice costs up to seconds of a core, which customers' turns need too

    async def content_of(engine: Engine, body: Mapping[str, Any]) -> Content:
        drafted = body.get("draft", False)
        if not isinstance(drafted, bool):
            raise ContractError("draft must be true or false")
        return await editions.drafted(engine) if drafted else engine.content

    async def try_out(request: Request) -> HTTPResponse:
        body = body_of(request)
        asked, dialogue = tried(body)
        engine = await releases.engine_for(asked.release_id)
        found = await engine.explained(asked, dialogue, content=await content_of(engine, body))
        packed = found.dialogue.packed(asked.episode)
        outcome = replace(found.outcome, dialogue=packed)
        return as_json(
            {"outcome": outcome_to_json(outcome), "explanation": found.explanation, "dialogue": packed}
        )

    async def advise(request: Request) -> HTTPResponse:
        from kb_index import advice  # noqa: PLC0415 - imports FAISS and scikit-learn, beside an open door

        body = body_of(request, limit=ARTICLE_LIMIT)
        written = unfinished(body.get("article"))
        engine = await releases.engine_for(None)
        content = await content_of(engine, body)
        if written is None:
            return as_json({"warnings": [], "checked": 0, "variants": 0})
        async with one_at_a_time:
            found = await asyncio.to_thread(
                advice.advise, content.knowledge, written.article, engine.maker.encoder
            )
        return as_json(
            {"warnings": told(found, written), "checked": found.checked, "variants": found.variants}
        )

    async def follow(request: Request) -> HTTPResponse:
        release_id, revision = published(body_of(request))
        return as_json({"live": await releases.take_up(release_id, revision, limit_s=FOLLOW_LIMIT_S)})

    app.add_route(guarded(follow), "/bot/follow", methods=["POST"], name="follow")
    app.add_route(guarded(try_out), "/bot/try", methods=["POST"], name="try")
    app.add_route(guarded(advise), "/bot/advise", methods=["POST"], name="advise")


def published(body: Mapping[str, Any]) -> tuple[str, int]:
    """The release and the revision that the body of `POST /bot/follow` names. Raises `ContractError`."""
    release_id, revision = body.get("release_id"), body.get("revision")
    if not isinstance(release_id, str):
        raise ContractError("release_id must be a string")
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 0:
        raise ContractError("revision must be a number from 0")
    return release_id, revision


def tried(body: Mapping[str, Any]) -> tuple[TurnRequest, Dialogue]:
    """The turn that the body of `POST /bot/try` asks for and the dialogue that it continues. Raises `ContractError`."""
    text, choice, locale = text_of(body, "text"), body.get("choice"), body.get("locale", "en")
    release_id, packed = body.get("release_id"), body.get("dialogue")
    for name, value in (("choice", choice), ("release_id", release_id), ("dialogue", packed)):
        if value is not None and not isinstance(value, str):
            raise ContractError(f"{name} must be a string")
    if not isinstance(locale, str):
        raise ContractError("locale must be a string")
    if packed is not None and len(packed) > MAX_DIALOGUE:
        raise ContractError(f"dialogue must have at most {MAX_DIALOGUE} characters")
    episode, dialogue = (1, Dialogue()) if packed is None else unpacked(packed)
    request = TurnRequest(
        conversation_id=f"try {uuid.uuid4().hex}",
        episode=episode,
        turn=_last_turn(dialogue) + 1,
        text=text,
        choice=choice,
        locale=locale,
        release_id=release_id,
    )
    return request, dialogue


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An article that somebody is writing. `places` (questions,): where each of its questions stood in what was sent;
    `repeated`: the places of those that stood there before, each with its first."""

    article: Article
    places: tuple[int, ...]
    repeated: tuple[tuple[int, int], ...]


def unfinished(raw: object) -> Unfinished | None:
    """What is written so far: without an id it is a new article, without a title its first variant stands there, and blank
    variants count as none. None where it asks nothing yet. Raises `ContractError` for what no article may hold."""
    if not isinstance(raw, Mapping):
        raise ContractError("article must be an object")
    given = raw.get("questions") or []
    if not isinstance(given, list):
        raise ContractError("article: questions must be a list of texts.")
    first: dict[str, int] = {}
    repeated: list[tuple[int, int]] = []
    try:
        for place, question in enumerate(given):
            if _is_blank(question):
                continue
            text = clean_text(question, "questions", MAX_QUESTION, line_breaks=False)
            if first.setdefault(text, place) != place:
                repeated.append((place, first[text]))
        title = next(iter(first), "")[:MAX_TITLE] if _is_blank(raw.get("title")) else raw["title"]
        if _is_blank(title):
            return None
        written = {
            "id": raw.get("id") or f"new-{uuid.uuid4().hex}",
            "title": title,
            "answer": NOTHING if _is_blank(raw.get("answer")) else raw["answer"],
            "questions": list(first),
        }
        return Unfinished(check_article({**raw, **written}), tuple(first.values()), tuple(repeated))
    except ArticleError as error:
        raise ContractError(f"article: {error.message}") from error


def told(advice: Advice, of: Unfinished) -> list[dict[str, Any]]:
    """The warnings as JSON values, each with its place in what was sent."""
    article = of.article
    found = [
        {**asdict(warned), "index": None if warned.index is None else of.places[warned.index]}
        for warned in advice.warnings
    ]
    for place, before in of.repeated:
        text = article.questions[of.places.index(before)]
        other = {"article_id": article.id, "title": article.title, "text": text, "score": 1.0}
        found.append(
            {"code": "near_duplicate", "field": "questions", "index": place, "text": text, "other": other}
        )
    return found


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _last_turn(dialogue: Dialogue) -> int:
    """The number of the last message; options that its reply offers are told from those of others by it."""
    for event in reversed(dialogue.events):
        if event.get("event") == "user":
            number = str(event.get("message_id"))
            return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    return 0
