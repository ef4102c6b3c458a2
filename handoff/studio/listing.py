"""Lists of articles and of what is not live yet, from memory. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from handoff.content.versions import Kept
from handoff.studio.live import Live, differing
from handoff.studio.merging import changed_fields, fields_of
from handoff.studio.shelf import Shelved, folded
from handoff.wire.times import rfc3339

State = Literal["all", "live", "changed", "new", "draft", "expired"]
Sort = Literal["updated", "title", "questions"]

_SORTS: Final[Mapping[Sort, Callable[[Kept], Any]]] = {
    "updated": lambda kept: (-kept.updated_at, kept.article.id),
    "title": lambda kept: (folded(kept.article.title), kept.article.id),
    "questions": lambda kept: (len(kept.article.questions), kept.article.id),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is to show. `text` is looked for in id, title, questions, answer and tags, all its words."""

    text: str = ""
    tag: str | None = None
    locale: str | None = None
    state: State = "all"
    sort: Sort = "updated"
    offset: int = 0
    limit: int = 50


def article_page(
    shelved: Mapping[str, Shelved], live: Live | None, wanted: Wanted, *, now: str
) -> dict[str, Any]:
    """One page of the articles that fit: `{articles, total, tags, locales}`; `now` is RFC 3339 to the second."""
    words = folded(wanted.text).split()
    fitting = [
        entry.kept
        for entry in shelved.values()
        if all(word in entry.haystack for word in words)
        and (wanted.tag is None or wanted.tag in entry.kept.article.tags)
        and (wanted.locale is None or wanted.locale == entry.kept.article.locale)
        and (wanted.state == "all" or wanted.state in _states(entry.kept, live, now))
    ]
    fitting.sort(key=_SORTS[wanted.sort])
    tags = Counter(tag for entry in shelved.values() for tag in entry.kept.article.tags)
    return {
        "articles": [
            article_line(kept, live) for kept in fitting[wanted.offset : wanted.offset + wanted.limit]
        ],
        "total": len(fitting),
        "tags": [{"name": name, "n": n} for name, n in sorted(tags.items(), key=lambda t: (-t[1], t[0]))],
        "locales": sorted({entry.kept.article.locale for entry in shelved.values()}),
    }


def article_line(kept: Kept, live: Live | None) -> dict[str, Any]:
    """An article as a list shows it."""
    article = kept.article
    return {
        "id": article.id,
        "title": article.title,
        "locale": article.locale,
        "tags": list(article.tags),
        "questions": len(article.questions),
        "status": kept.status,
        "live": live_state(kept, live),
        "valid_from": article.valid_from,
        "valid_until": article.valid_until,
        "owner": kept.owner,
        "updated_at": rfc3339(kept.updated_at),
        "updated_by": kept.updated_by,
    }


def whole_article(kept: Kept) -> dict[str, Any]:
    """An article with all its fields."""
    article = kept.article
    return {
        **article.as_dict(),
        "valid_from": article.valid_from,
        "valid_until": article.valid_until,
        "owner": kept.owner,
        "status": kept.status,
        "version": kept.version,
        "updated_at": rfc3339(kept.updated_at),
        "updated_by": kept.updated_by,
    }


def live_state(kept: Kept, live: Live | None) -> Literal["live", "changed", "new"]:
    """Whether customers get the article as it stands here, otherwise, or not at all."""
    there = None if live is None else live.articles.get(kept.article.id)
    if there is None:
        return "new"
    return "live" if there == kept.article else "changed"


def changes(
    shelved: Mapping[str, Shelved], live: Live, removals: Mapping[str, tuple[str, int]]
) -> list[dict[str, Any]]:
    """What is not live as it stands here, the newest first. `removals` tells who removed an article, and when."""
    found = []
    for article_id in differing(live, shelved):
        there = live.articles.get(article_id)
        if article_id not in shelved:
            assert there is not None, "it differs"
            by, at = removals.get(article_id, ("", 0))
            found.append(_change(article_id, there.title, "removed", (), status="ready", by=by, at=at))
            continue
        kept = shelved[article_id].kept
        kind, fields = "new", tuple[str, ...]()
        if there is not None:
            before = fields_of(there, status=kept.status, owner=kept.owner)
            after = fields_of(kept.article, status=kept.status, owner=kept.owner)
            kind, fields = "changed", tuple(changed_fields(before, after))
        title = kept.article.title
        found.append(
            _change(
                article_id,
                title,
                kind,
                fields,
                status=kept.status,
                by=kept.updated_by,
                at=kept.updated_at,
            )
        )
    return sorted(found, key=lambda change: (change["at"], change["id"]), reverse=True)


def _change(
    article_id: str, title: str, kind: str, fields: Iterable[str], *, status: str, by: str, at: int
) -> dict[str, Any]:
    return {
        "id": article_id,
        "title": title,
        "change": kind,
        "fields": list(fields),
        "status": status,
        "by": by,
        "at": rfc3339(at),
    }


def _states(kept: Kept, live: Live | None, now: str) -> set[str]:
    states = {kept.status, live_state(kept, live)}
    until = kept.article.valid_until
    if until is not None and until <= now:
        states.add("expired")
    return states
