"""What is doubtful about an article while it is written. Nothing here refuses anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from handoff.ports import BotFailedError, BotNotReadyError, Workbench
from handoff.studio.shelf import Shelved, same
from kb_index.article import Article, ArticleError, check_article

SCHEMES: Final = ("http", "https", "mailto")
"""What the widget makes a link of, beside what has no scheme and leads on within the site."""

_LINK: Final = re.compile(r"\[([^\]\n]{0,500})\]\(([^)\n]{0,2000})\)")

_SAID_BY_THE_BOT: Final[Mapping[str, tuple[str, str]]] = {
    "answered_better_elsewhere": ("warning", "Customers who ask this get “{title}” now."),
    "near_duplicate": ("note", "This says the same as “{text}” in “{title}”."),
    "unreachable": ("warning", "Nobody gets this answer: its own questions find “{title}”."),
}


@dataclass(frozen=True, slots=True)
class Advice:
    """One doubt, beside the field that it is about; `index` counts from 0 within a list.

    `other` is the article it has to do with: `{article_id, title, text, score}`.
    """

    code: str
    message: str
    field: str
    severity: Literal["warning", "note"] = "warning"
    index: int | None = None
    other: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        return {
            "code": self.code,
            "message": self.message,
            "field": self.field,
            "severity": self.severity,
            "index": self.index,
            "other": None if self.other is None else dict(self.other),
        }


Check = Callable[[Article], Iterator[Advice]]


async def advise(
    raw: Mapping[str, Any],
    shelved: Mapping[str, Shelved],
    bench: Workbench,
    checks: tuple[Check, ...] = (),
    *,
    draft: bool,
) -> list[Advice]:
    """All doubts about the article that `raw` describes beside the others, in the order of its fields.

    `checks` are more of the kind of those here. Without a bot, what only it can tell is left out, and that is said.
    """
    try:
        article = check_article({"id": "new", **raw})
    except ArticleError as error:
        return [Advice("bad_article", error.message, error.field)]
    found = [*_own(article), *_shared(article, shelved), *_links(article)]
    for check in checks:
        found += check(article)
    try:
        found += _from_bot(await bench.advise(article.as_dict(), draft=draft))
    except (BotNotReadyError, BotFailedError):
        found.append(
            Advice("bot_away", "The bot is not there: nothing was compared by meaning.", "title", "note")
        )
    order = {"title": 0, "questions": 1, "answer": 2}
    return sorted(found, key=lambda one: (order.get(one.field, 3), one.index or 0, one.severity != "warning"))


def _own(article: Article) -> Iterator[Advice]:
    seen: dict[str, int | None] = {same(article.title): None}
    for index, text in enumerate(article.questions):
        if same(text) in seen:
            where = "the title" if seen[same(text)] is None else "another question here"
            yield Advice("repeated", f"This is {where} once more.", "questions", "note", index)
        seen.setdefault(same(text), index)
    if not article.questions:
        yield Advice(
            "no_questions",
            "Nobody asks in the words of a title alone. Add questions as customers put them.",
            "questions",
            "note",
        )


def _shared(article: Article, shelved: Mapping[str, Shelved]) -> Iterator[Advice]:
    places: dict[str, int] = {}
    for index, text in enumerate((article.title, *article.questions)):
        places.setdefault(same(text), index)
    for entry in shelved.values():
        other = entry.kept.article
        if other.id == article.id or other.locale != article.locale:
            continue
        for key in sorted(entry.asked & places.keys(), key=lambda shared: places[shared]):
            index = places[key]
            field, place = ("title", None) if index == 0 else ("questions", index - 1)
            text = article.title if place is None else article.questions[place]
            yield Advice(
                "shared_question",
                f"“{other.title}” is asked with the same words. The bot cannot tell which one is meant.",
                field,
                index=place,
                other={"article_id": other.id, "title": other.title, "text": text, "score": 1.0},
            )


def _links(article: Article) -> Iterator[Advice]:
    for label, target in _LINK.findall(article.answer):
        problem = _problem_of(target.strip())
        if not label.strip():
            problem = "has no words to click on"
        if problem:
            yield Advice("broken_link", f"The link “{label or target}” {problem}.", "answer")


def _problem_of(target: str) -> str | None:
    if not target:
        return "leads nowhere"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "is not an address"
    if not parts.scheme:
        return None
    if parts.scheme.lower() not in SCHEMES:
        return f"begins with {parts.scheme}:, which is not shown as a link"
    if parts.scheme.lower() in ("http", "https") and "." not in (parts.hostname or ""):
        return "is not an address that customers can reach"
    return None


def _from_bot(answer: Mapping[str, Any]) -> Iterator[Advice]:
    for entry in answer.get("warnings") or ():
        severity, words = _SAID_BY_THE_BOT.get(entry.get("code"), ("note", "Compare it with “{title}”."))
        other = entry.get("other")
        named = {"title": other.get("title"), "text": other.get("text")} if isinstance(other, dict) else {}
        yield Advice(
            str(entry.get("code")),
            words.format(title=named.get("title", "another article"), text=named.get("text", "")),
            str(entry.get("field", "questions")),
            "warning" if severity == "warning" else "note",
            entry.get("index"),
            other if isinstance(other, dict) else None,
        )
