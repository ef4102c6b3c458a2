"""An article: one answer, its title, and the ways in which customers ask for it. Standard library only.

Articles arrive from files and from the studio, and both pass `check_article`: what it returns is normalised
(NFC, trimmed), so that equal content is equal bytes and has the same hash everywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

MAX_TITLE: Final = 200
MAX_ANSWER: Final = 20_000
MAX_QUESTIONS: Final = 5_000
MAX_QUESTION: Final = 1_000
MAX_TAGS: Final = 50
MAX_TAG: Final = 50

WINDOW: Final = ("valid_from", "valid_until")
"""The fields that say when an article is found; files hold them only where they are set."""

FIELDS: Final = ("id", "title", "answer", "questions", "tags", "locale", *WINDOW)
"""Every field of an article, in the order in which files hold them."""

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")

# Controls that turn the reading direction round: text could show other words than it holds (CVE-2021-42574).
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))
"""Unicode categories: controls, surrogates, line and paragraph separators."""
_LINE_BREAKS: Final = frozenset("\n\t")
_SPACING: Final = re.compile(r"[ \t\n]+")


@dataclass(frozen=True, slots=True)
class Article:
    """One answer. `questions` are variants: other ways to ask what `title` asks. `answer` is Markdown.

    `valid_from` and `valid_until` are RFC 3339 in UTC to the second (`2026-12-01T00:00:00Z`), None where there is no such
    bound: the bot finds the article from the one, inclusive, to the other, exclusive.
    """

    id: str
    title: str
    answer: str
    questions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    locale: str = "en"
    valid_from: str | None = None
    valid_until: str | None = None

    def is_valid_at(self, at: str) -> bool:
        """Whether the article is found at the time `at`, which has the form of the bounds."""
        # In this one form times are in the order of their texts.
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape in the order of `FIELDS`: every field but the bounds of validity that are not set.

        So what has none keeps the bytes and the hash that it had before there were bounds.
        """
        bounds = {"valid_from": self.valid_from, "valid_until": self.valid_until}
        return {
            "id": self.id,
            "title": self.title,
            "answer": self.answer,
            "questions": list(self.questions),
            "tags": list(self.tags),
            "locale": self.locale,
            **{name: time for name, time in bounds.items() if time is not None},
        }


class ArticleError(ValueError):
    """An article is refused. `code` is stable, `field` names the field, the message says what to change."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


def check_article(raw: Mapping[str, Any]) -> Article:
    """The article that `raw` describes, normalised. Raises `ArticleError` at the first fault.

    `title` and `answer` are required; so is `id`. `questions` and `tags` are lists of strings; of repeated
    entries the first stays. `None` means that an optional field is absent.
    """
    for key in raw:
        if key not in FIELDS:
            raise ArticleError(
                "unknown_field", f"There is no field {str(key)[:50]!r}; known: {', '.join(FIELDS)}.", str(key)
            )
    valid_from, valid_until = (check_time(raw.get(name), name) for name in WINDOW)
    if valid_from is not None and valid_until is not None and valid_from >= valid_until:
        raise ArticleError(
            "never_valid",
            f"valid_until ({valid_until}) must be later than valid_from ({valid_from}).",
            "valid_until",
        )
    return Article(
        id=check_id(raw.get("id")),
        title=_title(raw.get("title")),
        answer=_answer(raw.get("answer")),
        questions=_texts(raw.get("questions"), "questions", MAX_QUESTIONS, MAX_QUESTION),
        tags=_texts(raw.get("tags"), "tags", MAX_TAGS, MAX_TAG),
        locale=check_locale(raw.get("locale")),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def check_id(value: object) -> str:
    """`value` if it may name an article. Raises `ArticleError` (`missing_id`, `bad_id`)."""
    if value is None or value == "":
        raise ArticleError("missing_id", "The article has no id.", "id")
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise ArticleError(
            "bad_id",
            f"The id {str(value)[:50]!r} is not allowed: 1 to 100 of a-z, 0-9, '.', '_' and '-', "
            "beginning with a letter or digit.",
            "id",
        )
    return value


def content_hash(articles: Iterable[Article]) -> str:
    """Hex sha256 of what `articles` say: the same articles in any order give the same hash.

    The order of an article's own questions and tags does not count either; nothing is learnt from it.
    """
    lines = []
    for article in articles:
        fields = article.as_dict()
        fields["questions"] = sorted(article.questions)
        fields["tags"] = sorted(article.tags)
        lines.append(json.dumps(fields, ensure_ascii=True, sort_keys=True, separators=(",", ":")))
    return hashlib.sha256("\n".join(sorted(lines)).encode("ascii")).hexdigest()


def clean_text(value: object, field: str, longest: int, *, line_breaks: bool) -> str:
    """`value` in NFC, trimmed, with `\\n` line ends. Raises where it could not be stored or shown as it is."""
    if not isinstance(value, str):
        raise ArticleError("bad_type", f"{field} must be text, not {type(value).__name__}.", field)
    # Checked before normalising, so that a huge text costs nothing.
    if len(value) > 4 * longest:
        raise ArticleError("too_long", f"{field} has {len(value)} characters; {longest} are allowed.", field)
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not line_breaks:
        text = _SPACING.sub(" ", text)
    if len(text) > longest:
        raise ArticleError("too_long", f"{field} has {len(text)} characters; {longest} are allowed.", field)
    for character in text:
        if line_breaks and character in _LINE_BREAKS:
            continue
        if character in _BIDI or unicodedata.category(character) in _REFUSED or _is_noncharacter(character):
            raise ArticleError(
                "bad_character",
                f"{field} holds the character U+{ord(character):04X}, which is not allowed.",
                field,
            )
    return text


def check_locale(value: object) -> str:
    """`value` if it is a language tag, `en` where there is none. Raises `ArticleError` (`bad_locale`)."""
    if value is None or value == "":
        return "en"
    if not isinstance(value, str) or len(value) > 35 or _LOCALE.fullmatch(value) is None:
        raise ArticleError(
            "bad_locale",
            f"The locale {str(value)[:50]!r} is not a language tag such as en or pt-BR.",
            "locale",
        )
    return value


def check_time(value: object, field: str) -> str | None:
    """`value` if it is a time as `2026-12-01T00:00:00Z`, None where there is none. Raises `ArticleError` (`bad_time`).

    This one form alone: others, right in themselves, would make equal content unequal bytes.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ArticleError("bad_type", f"{field} must be text, not {type(value).__name__}.", field)
    time = value.strip()
    if not time:
        return None
    if not _is_time(time):
        raise ArticleError(
            "bad_time",
            f"{field} must be a time in UTC to the second such as 2026-12-01T00:00:00Z, not {time[:50]!r}.",
            field,
        )
    return time


def _title(value: object) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise ArticleError("missing_title", "The article has no title.", "title")
    return clean_text(value, "title", MAX_TITLE, line_breaks=False)


def _answer(value: object) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise ArticleError("missing_answer", "The article has no answer.", "answer")
    return clean_text(value, "answer", MAX_ANSWER, line_breaks=True)


def _texts(value: object, field: str, most: int, longest: int) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ArticleError("bad_type", f"{field} must be a list of texts.", field)
    if len(value) > most:
        raise ArticleError("too_many", f"{field} holds {len(value)} entries; {most} are allowed.", field)
    seen: dict[str, None] = {}
    for position, entry in enumerate(value, start=1):
        if entry is None or (isinstance(entry, str) and not entry.strip()):
            raise ArticleError("empty_entry", f"Entry {position} of {field} is empty.", field)
        seen.setdefault(clean_text(entry, field, longest, line_breaks=False))
    return tuple(seen)


def _is_time(text: str) -> bool:
    if _TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)  # there is no 31st of February
    except ValueError:
        return False
    return True


def _is_noncharacter(character: str) -> bool:
    """U+FFFE, U+FFFF, their like in every plane, and U+FDD0 to U+FDEF: no file format carries them safely."""
    return ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef"
