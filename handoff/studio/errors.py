"""Refusals of the studio."""

from __future__ import annotations

from typing import Any

from handoff.domain.errors import HandoffError


class EditConflict(HandoffError):
    """Somebody else has changed the same since it was opened. `data` says who, when and where the two differ."""

    code = "edit_conflict"
    http_status = 409


class BadArticle(HandoffError):
    """An article is refused. `data.field` names the field, `data.fault` the code of what is wrong with it."""

    code = "bad_article"
    http_status = 422

    def __init__(self, message: str, *, field: str, fault: str, **data: Any) -> None:
        super().__init__(message, field=field, fault=fault, **data)


class NothingLive(HandoffError):
    """There is no live release to publish into: the first training makes one."""

    code = "nothing_live"
    http_status = 409


class CannotPublish(HandoffError):
    """An article cannot go live as it stands. What was live still is."""

    code = "cannot_publish"
    http_status = 409


class ArticleExists(HandoffError):
    """There is an article with this id already."""

    code = "article_exists"
    http_status = 409


class BadIncident(HandoffError):
    """An incident is refused. `data.field` names the field, `data.fault` the code of what is wrong with it."""

    code = "bad_incident"
    http_status = 422


class PlanDecided(HandoffError):
    """Somebody has agreed to this, refused it, or taken it back already."""

    code = "plan_decided"
    http_status = 409


class BadIntent(HandoffError):
    """An intent or an entity is refused. `data.field` names the field, `data.fault` the code of what is wrong with it."""

    code = "bad_intent"
    http_status = 422

    def __init__(self, message: str, *, field: str, fault: str, **data: Any) -> None:
        super().__init__(message, field=field, fault=fault, **data)


class IntentExists(HandoffError):
    """There is an intent of this name already."""

    code = "intent_exists"
    http_status = 409
