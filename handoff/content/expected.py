"""The content that an import was planned for, and whether it is still like that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from handoff.content.errors import ContentMoved
from kb_index.article import Article
from kb_index.formats import Parsed


@dataclass(frozen=True, slots=True)
class Expected:
    """What an import was planned for: digests of the articles and intents that it touches, empty where there is none.

    `ids` are all articles there were; they count only where an import replaces everything.
    """

    articles: Mapping[str, str]
    intents: Mapping[str, str]
    ids: frozenset[str]
    intent_names: frozenset[str]

    def check(
        self,
        parsed: Parsed,
        articles: Mapping[str, Article],
        intents: Mapping[str, Sequence[str]],
        ids: Set[str] | None,
    ) -> None:
        """Compare with what there is of the articles and intents of `parsed`.

        `ids` are all articles there are where the import replaces everything, else None.

        Raises:
            ContentMoved: something is not as it was.
        """
        moved = [
            a.id for a in parsed.articles if digest_of(articles.get(a.id)) != self.articles.get(a.id, "")
        ]
        moved += [n for n in parsed.intents if digest_of(intents.get(n)) != self.intents.get(n, "")]
        if ids is not None and parsed.articles:
            moved += sorted(ids ^ self.ids)
        if ids is not None and parsed.intents:
            moved += sorted(intents.keys() ^ self.intent_names)
        if moved:
            raise ContentMoved(
                f"{moved[0]} was changed since the preview was made. Look at a new one.", changed=moved[:50]
            )


def digest_of(value: Article | Sequence[str] | None) -> str:
    """What tells an article, or an intent's examples, from every other; empty for None."""
    if value is None:
        return ""
    plain = value.as_dict() if isinstance(value, Article) else list(value)
    return hashlib.sha256(json.dumps(plain).encode("ascii")).hexdigest()
