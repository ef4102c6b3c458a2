"""What is doubtful about content that is well-formed: questions that two articles share, articles hard to find."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kb_index.article import Article


@dataclass(frozen=True, slots=True)
class Remark:
    """One doubt. A warning costs right answers; a note is a chance to get more of them."""

    level: Literal["warning", "note"]
    code: str
    message: str
    articles: tuple[str, ...] = ()


def remarks(articles: Sequence[Article], intents: Mapping[str, Sequence[str]]) -> list[Remark]:
    """Every doubt, warnings first, each kind in the order of the articles."""
    warnings: list[Remark] = []
    notes: list[Remark] = []
    askers: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for article in articles:
        seen = set()
        for text in (article.title, *article.questions):
            key = _folded(text)
            if key in seen:
                continue
            seen.add(key)
            askers[article.locale, key].append((article.id, text))
        if not article.questions:
            notes.append(
                Remark(
                    "note",
                    "no_variants",
                    f"{article.id} has a title alone. Each question added in customers' words helps to find it.",
                    (article.id,),
                )
            )
    for holders in askers.values():
        if len(holders) > 1:
            ids = tuple(holder for holder, _ in holders)
            warnings.append(
                Remark(
                    "warning",
                    "shared_question",
                    f"{', '.join(ids)} ask the same: {holders[0][1]!r}. The bot cannot tell which one is meant.",
                    ids,
                )
            )
    asked = {key: holders[0][0] for (_, key), holders in askers.items()}
    for name, examples in intents.items():
        for example in examples:
            article_id = asked.get(_folded(example))
            if article_id is not None:
                warnings.append(
                    Remark(
                        "warning",
                        "intent_and_article",
                        f"{example!r} is an example of the intent {name} and a question of {article_id}.",
                        (article_id,),
                    )
                )
    if not articles:
        notes.append(Remark("note", "no_articles", "There are no articles: nothing can be answered."))
    return [*warnings, *notes]


def _folded(text: str) -> str:
    """What customers would take for the same words: case, spacing and closing marks do not count."""
    words = unicodedata.normalize("NFKC", text).casefold().split()
    return " ".join(words).strip(" .?!\u2026\u00bf\u00a1")
