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
from typing import Any, Final

MAX_TITLE: Final = 200
MAX_ANSWER: Final = 20_000
MAX_QUESTIONS: Final = 5_000
MAX_QUESTION: Final = 1_000
MAX_TAGS: Final = 50
MAX_TAG: Final = 50

FIELDS: Final = ("id", "title", "answer", "questions", "tags", "locale")
"""Every field of an article, in the order in which files hold them."""

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")

# Controls that turn the reading direction round: text could show other words than it holds (CVE-2021-42574).
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))
"""Unicode categories: controls, surrogates, line and paragraph separators."""
_LINE_BREAKS: Final = frozenset("\n\t")
_SPACING: Final = re.compile(r"[ \t\n]+")


@dataclass(frozen=True, slots=True)
class Article:
    """One answer. `questions` are variants: other ways to ask what `title` asks. `answer` is Markdown."""

    id: str
    title: str
    answer: str
    questions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    locale: str = "en"

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape, every field present, in the order of `FIELDS`."""
        return {
            "id": self.id,
            "title": self.title,
            "answer": self.answer,
            "questions": list(self.questions),
            "tags": list(self.tags),
            "locale": self.locale,
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
    return Article(
        id=check_id(raw.get("id")),
        title=_title(raw.get("title")),
        answer=_answer(raw.get("answer")),
        questions=_texts(raw.get("questions"), "questions", MAX_QUESTIONS, MAX_QUESTION),
        tags=_texts(raw.get("tags"), "tags", MAX_TAGS, MAX_TAG),
        locale=_locale(raw.get("locale")),
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


def _locale(value: object) -> str:
    if value is None or value == "":
        return "en"
    if not isinstance(value, str) or len(value) > 35 or _LOCALE.fullmatch(value) is None:
        raise ArticleError(
            "bad_locale",
            f"The locale {str(value)[:50]!r} is not a language tag such as en or pt-BR.",
            "locale",
        )
    return value


def _is_noncharacter(character: str) -> bool:
    """U+FFFE, U+FFFF, their like in every plane, and U+FDD0 to U+FDEF: no file format carries them safely."""
    return ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef"
