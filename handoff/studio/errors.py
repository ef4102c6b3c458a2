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


class JobQueueFull(HandoffError):
    """As many jobs of this kind wait as may."""

    code = "job_queue_full"
    http_status = 409


class JobLost(HandoffError):
    """The job's process ended again and again without a word. Nothing live was changed."""

    code = "job_lost"
    http_status = 500


class ReportMissing(HandoffError):
    """The release has no report; the message says why where it is known."""

    code = "report_missing"
    http_status = 404


class CanaryRefused(HandoffError):
    """A release cannot be tried on a share of conversations now; the message says why. Everything stays as it was."""

    code = "canary_refused"
    http_status = 409


class NoCanary(HandoffError):
    """No release is on trial."""

    code = "no_canary"
    http_status = 409


class ExamRefused(HandoffError):
    """Exam questions are refused, all of them. `data.errors` lists each with its line, code and message."""

    code = "exam_refused"
    http_status = 422


class BadSetting(HandoffError):
    """A setting of the studio has a value that it cannot have. `data.field` names it, with `data.least` and
    `data.most`, or with what it may be in `data.known`."""

    code = "bad_studio_setting"
    http_status = 422


class CannotPublish(HandoffError):
    """An article cannot go live as it stands. What was live still is."""

    code = "cannot_publish"
    http_status = 409


class ArticleExists(HandoffError):
    """There is an article with this id already."""

    code = "article_exists"
    http_status = 409


class AlreadySettled(HandoffError):
    """Somebody has dealt with this group of questions. `data` says who, when, how, and into what."""

    code = "already_settled"
    http_status = 409


class PersonalData(HandoffError):
    """A text that is to be taught holds personal data. `data.found` lists which text and what kind."""

    code = "personal_data"
    http_status = 422


class NothingToTeach(HandoffError):
    """No text is left that could be taught: those of the group were erased, are too long, or hold personal data."""

    code = "nothing_to_teach"
    http_status = 422


class UnknownIntent(HandoffError):
    """The bot has no such intent. `data.known` lists those it has."""

    code = "unknown_intent"
    http_status = 422


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
