"""Examples of an intent that mean the like of what an article is asked: the bot says it, by what it has live or in draft."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from handoff.ports import Workbench
from handoff.studio.advice import Advice
from kb_index.rules import plain

_WRITTEN: Final = "new-intent"
"""To the bot, the id of what is being written."""

_MESSAGES: Final[Mapping[str, str]] = {
    "near_duplicate": "This means the like of “{text}”, which “{title}” answers. The bot cannot tell which one is meant.",
    "answered_better_elsewhere": "Customers who ask this get “{title}” now.",
}


@dataclass(frozen=True, slots=True)
class Articles:
    """Where the bot looks: articles of `locale`, with what is not live yet where `draft` is true."""

    bench: Workbench
    locale: str
    draft: bool


async def near_articles(
    description: str,
    examples: Sequence[str],
    articles: Articles,
    *,
    leads_to: str | None,
    told: Collection[int],
) -> list[Advice]:
    """Doubts about examples that an article is asked for in other words.

    To the bot they are the questions of an article that is being written: so all articles are compared, however many.
    `leads_to` is the article that the intent answers with, which may be like it; `told` are examples of which it is known.
    Raises `BotNotReadyError`, `BotFailedError`.
    """
    written = {
        "id": _WRITTEN,
        "title": description,
        "questions": [plain(text) for text in examples],
        "locale": articles.locale,
    }
    answer = await articles.bench.advise(written, draft=articles.draft)
    return list(_found(answer.get("warnings") or (), leads_to, set(told)))


def _found(warnings: Sequence[Mapping[str, Any]], leads_to: str | None, told: set[int]) -> Iterator[Advice]:
    # What says the same comes before what merely finds the article.
    for code, message in _MESSAGES.items():
        for warned in warnings:
            index, other = warned.get("index"), warned.get("other")
            if warned.get("code") != code or not isinstance(index, int) or not isinstance(other, Mapping):
                continue
            # It may be another example of this intent that is near.
            if index in told or other.get("article_id") in (_WRITTEN, leads_to):
                continue
            told.add(index)
            yield Advice(
                "near_article",
                message.format(title=other.get("title"), text=other.get("text")),
                "examples",
                "warning" if code == "near_duplicate" else "note",
                index,
                dict(other),
            )
