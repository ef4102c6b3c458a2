"""What an import would do, before it does it: counts, faults by row, and each article with its change.

`preview_import` changes nothing; `apply_import` does what was shown, all of it or nothing, and refuses when the
content has moved meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from handoff.content.apart import read_apart
from handoff.content.errors import ContentRefused
from handoff.content.expected import Expected, digest_of
from handoff.content.source import (
    Kind,
    Origin,
    Source,
    rows_to_json,
    source_from_json,
    source_to_json,
)
from handoff.content.sources import Sources
from handoff.content.store import Content, ContentStore, ImportResult
from kb_index.article import FIELDS, Article
from kb_index.formats import Parsed, RowError

Change = Literal["added", "changed", "unchanged"]

INTENT: Final = "intent:"
"""What stands before an intent's name where articles and intents are named together."""

_LISTS: Final = ("questions", "tags")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of an article that changes. Of lists, `added` and `removed` say what; else these are empty."""

    field: str
    before: Any
    after: Any
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArticleChange:
    """An article of the file. `fields` are those that change; `origin` is where it was read."""

    article: Article
    change: Change
    fields: tuple[FieldChange, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class IntentChange:
    """An intent of the file, and the examples that come and go."""

    name: str
    change: Change
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Articles by what happens to them; `errors` are faults, `removed` articles that `replace` would remove."""

    added: int
    changed: int
    unchanged: int
    errors: int
    removed: int
    intents: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import of `source` would do to the content that `expected` names."""

    name: str
    source: Source
    articles: tuple[ArticleChange, ...]
    intents: tuple[IntentChange, ...]
    missing: tuple[str, ...]
    """Articles of the home that the file does not hold: `replace` removes them."""
    expected: Expected

    @property
    def kind(self) -> Kind:
        """What the file is."""
        return self.source.kind

    @property
    def errors(self) -> Sequence[RowError]:
        """Faults by file and line. With any, nothing can be imported."""
        return self.source.parsed.errors

    @property
    def counts(self) -> Counts:
        """In numbers."""
        of = [article.change for article in self.articles]
        return Counts(
            added=of.count("added"),
            changed=of.count("changed"),
            unchanged=of.count("unchanged"),
            errors=len(self.errors) + self.source.parsed.more_errors,
            removed=len(self.missing) if self.articles else 0,
            intents=sum(intent.change != "unchanged" for intent in self.intents),
        )

    def shape(self, limit: int = 200) -> dict[str, Any]:
        """The JSON of the studio: at most `limit` articles and intents, what changes first."""
        counts = self.counts
        articles = sorted(self.articles, key=lambda each: each.change == "unchanged")
        intents = sorted(self.intents, key=lambda each: each.change == "unchanged")
        return {
            "name": self.name,
            "kind": self.kind,
            "counts": {name: getattr(counts, name) for name in Counts.__slots__},
            "errors": rows_to_json(self.errors),
            "more_errors": self.source.parsed.more_errors,
            "notes": rows_to_json(self.source.notes),
            "more_notes": self.source.more_notes,
            "articles": [_article_shape(each) for each in articles[:limit]],
            "more_articles": max(0, len(articles) - limit),
            "intents": [
                {"name": i.name, "change": i.change, "added": list(i.added), "removed": list(i.removed)}
                for i in intents[:limit]
            ],
        }


async def preview_import(
    store: ContentStore,
    source: Path | bytes,
    name: str,
    *,
    locale: str = "en",
    known: Iterable[str] | None = None,
) -> Preview:
    """What importing a path, or bytes with a file name, would do. Faults are in the preview, not raised.

    `locale` is that of articles which name none; `known` the intents that may get examples, by default the shipped.
    """
    read = await read_apart(source, name, locale=locale, known=known)
    return await asyncio.to_thread(make_preview, name, read, await store.content())


async def apply_import(
    store: ContentStore,
    preview: Preview,
    *,
    replace: bool = False,
    skip_ids: Collection[str] = (),
    sources: Sources | None = None,
    by: str = "command line",
    status: str = "ready",
) -> ImportResult:
    """Do what the preview shows, all of it or nothing.

    `skip_ids` are articles that are left as the home has them, and intents as `intent:NAME`. `replace` removes what
    the file does not hold, within the kind of content that it holds. In `sources` is kept how it was written. `by`
    stands in the articles' histories; `status` (`ready` or `draft`) is that of new ones.

    Raises:
        ContentRefused: the preview has faults.
        ContentMoved: an article or intent that is touched was changed since.
    """
    parsed = preview.source.parsed
    if parsed.errors:
        raise ContentRefused(parsed.errors, parsed.more_errors)
    skipped = frozenset(skip_ids)
    taken = Parsed(
        articles=[each.article for each in preview.articles if each.article.id not in skipped],
        intents={n: list(e) for n, e in parsed.intents.items() if f"{INTENT}{n}" not in skipped},
    )
    if not taken.articles and not taken.intents:
        return ImportResult(0, 0, 0, 0)
    done = await store.import_parsed(
        taken, replace=replace, by=by, status=status, keep=skipped, expected=preview.expected
    )
    if sources is not None:
        await asyncio.to_thread(sources.record, _without(preview.source, skipped))
    return done


def make_preview(name: str, source: Source, content: Content) -> Preview:
    """The preview of `source` against the home's content."""
    there = {article.id: article for article in content.articles}
    incoming = [
        _merged(article, there.get(article.id)) if article.id in source.pages else article
        for article in source.parsed.articles
    ]
    intents = source.parsed.intents
    return Preview(
        name=name,
        source=replace(source, parsed=replace(source.parsed, articles=incoming)),
        articles=tuple(
            _article_change(article, there.get(article.id), source.origins.get(article.id, Origin(name)))
            for article in incoming
        ),
        intents=tuple(
            _intent_change(intent, examples, content.intents.get(intent))
            for intent, examples in intents.items()
        ),
        missing=tuple(sorted(there.keys() - {article.id for article in incoming})) if incoming else (),
        expected=Expected(
            articles={article.id: digest_of(there.get(article.id)) for article in incoming},
            intents={intent: digest_of(content.intents.get(intent)) for intent in intents},
            ids=frozenset(there),
            intent_names=frozenset(content.intents),
        ),
    )


def preview_to_json(preview: Preview) -> dict[str, Any]:
    """As plain values, to be applied by another process."""
    return {
        "name": preview.name,
        "source": source_to_json(preview.source),
        "there": {
            each.article.id: [each.change, [[f.field, f.before, f.after] for f in each.fields]]
            for each in preview.articles
        },
        "intents": [[i.name, i.change, i.added, i.removed] for i in preview.intents],
        "missing": preview.missing,
        "expected": {
            "articles": dict(preview.expected.articles),
            "intents": dict(preview.expected.intents),
            "ids": sorted(preview.expected.ids),
            "intent_names": sorted(preview.expected.intent_names),
        },
    }


def preview_from_json(raw: Mapping[str, Any]) -> Preview:
    """What `preview_to_json` was given. It is our own writing, and not checked again."""
    source = source_from_json(raw["source"])
    return Preview(
        name=raw["name"],
        source=source,
        articles=tuple(
            ArticleChange(
                article,
                raw["there"][article.id][0],
                tuple(_field_change(*values) for values in raw["there"][article.id][1]),
                source.origins.get(article.id, Origin(raw["name"])),
            )
            for article in source.parsed.articles
        ),
        intents=tuple(IntentChange(n, c, tuple(a), tuple(r)) for n, c, a, r in raw["intents"]),
        missing=tuple(raw["missing"]),
        expected=Expected(
            articles=raw["expected"]["articles"],
            intents=raw["expected"]["intents"],
            ids=frozenset(raw["expected"]["ids"]),
            intent_names=frozenset(raw["expected"]["intent_names"]),
        ),
    )


def _merged(article: Article, there: Article | None) -> Article:
    """A page says nothing of variants, tags and times: what the home has of these stays."""
    if there is None:
        return article
    return replace(there, title=article.title, answer=article.answer, locale=article.locale)


def _article_change(article: Article, there: Article | None, origin: Origin) -> ArticleChange:
    if there is None:
        return ArticleChange(article, "added", (), origin)
    before, after = there.as_dict(), article.as_dict()
    fields = tuple(
        _field_change(name, before.get(name), after.get(name))
        for name in FIELDS
        if before.get(name) != after.get(name)
    )
    return ArticleChange(article, "changed" if fields else "unchanged", fields, origin)


def _field_change(name: str, before: Any, after: Any) -> FieldChange:
    if name not in _LISTS:
        return FieldChange(name, before, after)
    old, new = set(before), set(after)
    return FieldChange(
        name,
        before,
        after,
        tuple(entry for entry in after if entry not in old),
        tuple(entry for entry in before if entry not in new),
    )


def _intent_change(name: str, examples: Sequence[str], there: Sequence[str] | None) -> IntentChange:
    if there is None:
        return IntentChange(name, "added", tuple(examples), ())
    old, new = set(there), set(examples)
    return IntentChange(
        name,
        "unchanged" if list(there) == list(examples) else "changed",
        tuple(example for example in examples if example not in old),
        tuple(example for example in there if example not in new),
    )


def _without(source: Source, skipped: Collection[str]) -> Source:
    origins = {key: origin for key, origin in source.origins.items() if key not in skipped}
    return replace(source, origins=origins)


def _article_shape(each: ArticleChange) -> dict[str, Any]:
    return {
        **each.article.as_dict(),
        "change": each.change,
        "fields": [
            {
                "field": f.field,
                "before": f.before,
                "after": f.after,
                **({"added": list(f.added), "removed": list(f.removed)} if f.field in _LISTS else {}),
            }
            for f in each.fields
        ],
        "source": {"file": each.origin.file, "line": each.origin.line, "anchor": each.origin.anchor},
    }
