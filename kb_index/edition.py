"""What an edition says, and what it may say. Standard library only. `kb_index.editions` keeps the files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from kb_index.article import Article, ArticleError, check_article, check_id, check_locale, clean_text

FORMAT: Final = 1

MAX_INCIDENTS: Final = 20
MAX_INCIDENT_TEXT: Final = 2_000
MAX_INCIDENT_ARTICLES: Final = 1_000
MAX_PHRASES: Final = 50
MAX_PHRASE: Final = 300

_INCIDENT_FIELDS: Final = ("id", "text", "article_ids", "phrases", "since", "next_news", "locale")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,15}(Z|[+-][0-9]{2}:[0-9]{2})")

T = TypeVar("T")


class EditionError(RuntimeError):
    """An edition cannot be read or written. `code` is stable, the message says what to do."""

    code = "edition_error"


class BadEdition(EditionError):
    """An edition or an incident is refused. `field` names the field, `reason` is stable (`too_long`, `bad_time` ...)."""

    code = "bad_edition"

    def __init__(self, reason: str, message: str, field: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field


@dataclass(frozen=True, slots=True)
class Incident:
    """What is down, told before the answer to who asks about it.

    `text` is Markdown. It concerns questions that an article of `article_ids` answers, and those that mean the like of one
    of `phrases`. `since` and `next_news` are RFC 3339.
    """

    id: str
    text: str
    article_ids: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    since: str = ""
    next_news: str | None = None
    locale: str = "en"

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        return {**asdict(self), "article_ids": list(self.article_ids), "phrases": list(self.phrases)}


@dataclass(frozen=True, slots=True)
class Edition:
    """What is live beside the release's own articles: `articles` instead of those of the same ids or as new ones, less
    those `removed`, and the `incidents` that are open. The first of a release has revision 1."""

    release_id: str
    revision: int
    at: str
    by: str
    articles: tuple[Article, ...] = ()
    removed: tuple[str, ...] = ()
    incidents: tuple[Incident, ...] = ()

    def applied_to(self, articles: Iterable[Article]) -> tuple[Article, ...]:
        """The release's own `articles` as this edition has them, by id."""
        found = {article.id: article for article in articles}
        found |= {article.id: article for article in self.articles}
        for article_id in self.removed:
            found.pop(article_id, None)
        return tuple(found[article_id] for article_id in sorted(found))

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape of the file."""
        return {
            "format": FORMAT,
            "release_id": self.release_id,
            "revision": self.revision,
            "at": self.at,
            "by": self.by,
            "articles": [article.as_dict() for article in self.articles],
            "removed": list(self.removed),
            "incidents": [incident.as_dict() for incident in self.incidents],
        }


def check_edition(raw: object) -> Edition:
    """The edition that `raw`, of the shape of `Edition.as_dict`, describes. Raises `BadEdition` at the first fault."""
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise BadEdition("bad_format", f"An edition is an object of the format {FORMAT}.", "format")
    release_id, revision = raw.get("release_id"), raw.get("revision")
    if not isinstance(release_id, str):
        raise BadEdition("bad_type", "release_id must be text.", "release_id")
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 1:
        raise BadEdition("bad_type", "revision must be a whole number of at least 1.", "revision")
    edition = Edition(
        release_id=release_id,
        revision=revision,
        at=_moment(raw.get("at"), "at"),
        by=_checked("by", lambda: clean_text(raw.get("by"), "by", 80, line_breaks=False)),
        articles=tuple(_article(entry) for entry in _entries(raw, "articles")),
        removed=_ids(raw, "removed", None),
        incidents=tuple(check_incident(entry) for entry in _entries(raw, "incidents")),
    )
    _all_different([article.id for article in edition.articles], "articles")
    _all_different([incident.id for incident in edition.incidents], "incidents")
    if len(edition.incidents) > MAX_INCIDENTS:
        raise BadEdition("too_many", f"{MAX_INCIDENTS} incidents may be open at once.", "incidents")
    both = {article.id for article in edition.articles} & set(edition.removed)
    if both:
        raise BadEdition("bad_entry", f"The article {min(both)} is changed and removed at once.", "removed")
    return edition


def check_incident(raw: object) -> Incident:
    """The incident that `raw`, of the shape of `Incident.as_dict`, describes. Raises `BadEdition` at the first fault."""
    if not isinstance(raw, Mapping):
        raise BadEdition("bad_type", "An incident must be an object.", "incidents")
    for key in raw:
        if key not in _INCIDENT_FIELDS:
            raise BadEdition("unknown_field", f"An incident has no field {str(key)[:50]!r}.", str(key))
    phrases = _entries(raw, "phrases")
    if len(phrases) > MAX_PHRASES:
        raise BadEdition(
            "too_many", f"phrases holds {len(phrases)} entries; {MAX_PHRASES} are allowed.", "phrases"
        )
    text = _checked("text", lambda: clean_text(raw.get("text"), "text", MAX_INCIDENT_TEXT, line_breaks=True))
    if not text:
        raise BadEdition("missing_text", "The incident says nothing.", "text")
    next_news = raw.get("next_news")
    return Incident(
        id=_checked("id", lambda: check_id(raw.get("id"))),
        text=text,
        article_ids=_ids(raw, "article_ids", MAX_INCIDENT_ARTICLES),
        phrases=tuple(dict.fromkeys(_phrase(phrase) for phrase in phrases)),
        since=_moment(raw.get("since"), "since"),
        next_news=None if next_news is None else _moment(next_news, "next_news"),
        locale=_checked("locale", lambda: check_locale(raw.get("locale"))),
    )


def _article(entry: object) -> Article:
    if not isinstance(entry, Mapping):
        raise BadEdition("bad_type", "An article must be an object.", "articles")
    try:
        return check_article(entry)
    except ArticleError as error:
        name = str(entry.get("id"))[:50]
        raise BadEdition(
            error.code, f"The article {name}: {error.message}", f"articles.{error.field}"
        ) from error


def _checked(field: str, check: Callable[[], T]) -> T:
    try:
        return check()
    except ArticleError as error:
        raise BadEdition(error.code, error.message.replace("The article", "It"), field) from error


def _entries(raw: Mapping[Any, Any], field: str) -> Sequence[Any]:
    found = raw.get(field)
    if found is None:
        return ()
    if not isinstance(found, list | tuple):
        raise BadEdition("bad_type", f"{field} must be a list.", field)
    return found


def _ids(raw: Mapping[Any, Any], field: str, most: int | None) -> tuple[str, ...]:
    found = _entries(raw, field)
    if most is not None and len(found) > most:
        raise BadEdition("too_many", f"{field} holds {len(found)} entries; {most} are allowed.", field)
    return _checked(field, lambda: tuple(dict.fromkeys(check_id(entry) for entry in found)))


def _phrase(value: object) -> str:
    phrase = _checked("phrases", lambda: clean_text(value, "phrases", MAX_PHRASE, line_breaks=False))
    if not phrase:
        raise BadEdition("empty_entry", "An entry of phrases is empty.", "phrases")
    return phrase


def _moment(value: object, field: str) -> str:
    """RFC 3339 of any offset and precision: when something happened, not what texts are compared by."""
    try:
        if isinstance(value, str) and _TIME.fullmatch(value) is not None:
            datetime.fromisoformat(value)
            return value
    except ValueError:
        pass
    raise BadEdition("bad_time", f"{field} must be a time such as 2026-12-01T00:00:00Z.", field)


def _all_different(ids: Sequence[str], field: str) -> None:
    twice = sorted({name for name in ids if ids.count(name) > 1}) if len(set(ids)) != len(ids) else []
    if twice:
        raise BadEdition("duplicate_id", f"The id {twice[0]} is there twice.", field)
