"""HTTP for customers: open a conversation, renew its token, read its events, search the articles."""

from __future__ import annotations

import hmac
import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import ValidationError

from handoff.accounts.gate import Gate
from handoff.api.admission import Admission, address_of
from handoff.api.tokens import ConversationTokens, identity_signature
from handoff.content.voice import SiteVoice
from handoff.domain.commands import StartConversation
from handoff.domain.errors import (
    BadFrame,
    BadJson,
    BotUnavailable,
    ClientIdReused,
    Forbidden,
    NotFound,
    RateLimited,
    StorageUnavailable,
    TokenExpired,
    TooLarge,
    Unauthorized,
)
from handoff.domain.events import Event
from handoff.ports import BotNotReadyError, Customer
from handoff.relay.parts import Relay
from handoff.settings import Settings
from handoff.wire.answers import EventsPage, FreshToken, OpenedConversation, SearchResults, Site, refusals
from handoff.wire.bodies import json_body, single_names
from handoff.wire.encoding import audience_of, event_json
from handoff.wire.frames import CustomerAbout, Locale, OpenConversation, refusal

API_TOKEN_PREFIX = "bta_"  # noqa: S105 - how an agent's token begins, not one
SEARCH_RESULTS = 5


def customer_routes(
    relay: Relay,
    tokens: ConversationTokens,
    gate: Gate,
    settings: Settings,
    *,
    identity_secret: str,
    admission: Admission,
) -> APIRouter:
    """The endpoints under `/api/v1` that a customer's page calls."""
    # Any request may bring a body, and any body may be too large.
    router = APIRouter(prefix="/api/v1", tags=["customers"], responses=refusals(TooLarge))

    site_voice = SiteVoice(settings.home, settings.voice)

    @router.get("/site", response_model=Site)
    async def site() -> dict[str, Any]:
        """What the widget shows before anybody has spoken."""
        voice = await site_voice.now()
        return {
            "name": settings.site_name,
            "voice": voice,
            "locale": settings.locale,
            "greeting": GREETINGS[voice],
            "low_confidence": settings.low_confidence,
        }

    @router.post(
        "/conversations",
        status_code=201,
        response_model=OpenedConversation,
        dependencies=[Depends(single_names)],
        openapi_extra={"requestBody": json_body(OpenConversation)},
        responses={
            200: {"model": OpenedConversation, "description": "This client_id opened it before"},
            **refusals(BadJson, Unauthorized, ClientIdReused, BadFrame, RateLimited, StorageUnavailable),
        },
    )
    async def open_conversation(request: Request, response: Response) -> dict[str, Any]:
        """A conversation and its token; a repeated client_id gives the same conversation."""
        try:
            # Read strictly from the bytes: FastAPI's own body parsing would take "1" for 1.
            body = OpenConversation.model_validate_json(await request.body())
        except ValidationError as failure:
            raise refusal(failure) from None
        admission.open_conversation(address_of(request), time.monotonic())
        customer = _identified(body.customer or CustomerAbout(), identity_secret)
        page = body.page.model_dump() if body.page is not None else None
        command = StartConversation(body.locale or settings.locale, page)
        content = orjson.dumps(body.model_dump(), option=orjson.OPT_SORT_KEYS).decode()
        outcome, created = await relay.conversations.open(body.client_id, customer, command, content)
        response.status_code = 201 if created else 200
        return {
            "conversation_id": outcome.conversation_id,
            "token": tokens.make(outcome.conversation_id),
            "seq": outcome.seq,
        }

    @router.post(
        "/conversations/{conversation_id}/token",
        response_model=FreshToken,
        responses=refusals(Unauthorized, TokenExpired, NotFound, BadFrame),
    )
    async def renew_token(
        conversation_id: str, authorization: Annotated[str | None, Header()] = None
    ) -> dict[str, Any]:
        """A fresh token for one that is valid or expired not too long ago."""
        if tokens.read(_bearer(authorization), renewing=True) != conversation_id:
            raise NotFound("There is no such conversation.")
        return {"token": tokens.make(conversation_id)}

    @router.get(
        "/conversations/{conversation_id}/events",
        response_model=EventsPage,
        responses=refusals(Unauthorized, TokenExpired, Forbidden, NotFound, BadFrame, StorageUnavailable),
    )
    async def events(
        request: Request,
        conversation_id: str,
        after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 500,
        authorization: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        """The events past `after` that the caller may see, with the head they may know of."""
        agent_id = None
        is_agent = authorization is None or authorization.removeprefix("Bearer ").startswith(API_TOKEN_PREFIX)
        if is_agent:
            user = await gate.authenticate(request.headers, request.cookies, unsafe=False)
            if not user.may("read_conversations"):
                raise Forbidden("This account may not read conversations.")
            agent_id = user.id
        elif tokens.read(_bearer(authorization)) != conversation_id:
            raise NotFound("There is no such conversation.")
        head = await relay.feed.head(conversation_id)
        if head is None:
            raise NotFound("There is no such conversation.")
        page = await _visible(relay, conversation_id, after, limit, for_customer=agent_id is None)
        seq = head.state.seq if agent_id is not None else head.state.customer_seq
        return {
            "events": [event_json(event, audience_of(event, agent_id)) for event in page],
            "seq": seq,
            "state": head.state.state,
            "more": bool(page) and page[-1].seq < seq,
        }

    @router.get("/kb/search", response_model=SearchResults, responses=refusals(BadFrame, BotUnavailable))
    async def search(
        q: Annotated[str, Query(min_length=1, max_length=400)], locale: Locale | None = None
    ) -> dict[str, Any]:
        """Articles that may answer `q`, best first."""
        try:
            return {"results": await relay.bot.search(q, locale or settings.locale, SEARCH_RESULTS)}
        except BotNotReadyError:
            raise BotUnavailable("The search is not ready yet. Try again in a moment.") from None

    return router


GREETINGS = {
    "casual": "Hi! Ask me anything. If I can't help, a person takes over and knows the whole story.",
    "formal": "Welcome. How may we help you? A colleague can join at any time and will see what was said.",
}


async def _visible(
    relay: Relay, conversation_id: str, after: int, limit: int, *, for_customer: bool
) -> list[Event]:
    """At most `limit` events; a page of events that are all hidden is read past, so that paging never stalls."""
    shown: list[Event] = []
    while len(shown) < limit:
        page = await relay.log.read(conversation_id, after, limit)
        if not page:
            break
        after = page[-1].seq
        shown += [event for event in page if event.visible_to_customer or not for_customer]
    return shown[:limit]


def _identified(about: CustomerAbout, identity_secret: str) -> Customer:
    verified = False
    if about.signature is not None:
        expected = identity_signature(identity_secret, about.id or "")
        verified = about.id is not None and hmac.compare_digest(
            expected.encode(), about.signature.lower().encode()
        )
        if not verified:
            raise Unauthorized("The signature does not fit the customer's id.")
    return Customer(about.id, about.name, about.email, about.attributes, verified)


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Send the conversation's token as `Authorization: Bearer TOKEN`.")
    return token.strip()
