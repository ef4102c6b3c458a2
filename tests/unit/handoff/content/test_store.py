from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.schema import article_questions, articles
from handoff.content.store import Content, ContentStore, ImportResult
from handoff.domain.errors import StorageUnavailable
from handoff.ports import Clock
from kb_index.article import Article
from kb_index.formats import Parsed, RowError, parse

TRACK = Article(
    "track", "Where is my order?", "Open **Orders**.", ("Where is it?", "Track"), ("orders",), "en"
)
PAY = Article("pay", "How can I pay?", "By card | or invoice.\n\nBoth work.", (), (), "pt-BR")
SIZE = Article("size", "Which size?", "See the table → S to “XL”.", ("größe?", "大小"), ("a", "b"))


async def test_what_was_imported_is_there_in_id_order(store: ContentStore) -> None:
    result = await store.import_parsed(Parsed([TRACK, PAY, SIZE], {"greet": ["hi", "hello"]}))
    assert result == ImportResult(added=3, changed=0, unchanged=0, removed=0, intents=1)
    content = await store.content()
    assert content == Content((PAY, SIZE, TRACK), {"greet": ("hi", "hello")})
    assert await store.articles() == [PAY, SIZE, TRACK]
    assert await store.get("size") == SIZE
    assert await store.get("none") is None
    assert await store.count() == 3


async def test_an_empty_home_has_empty_content(store: ContentStore) -> None:
    assert await store.content() == Content((), {})
    assert await store.import_parsed(Parsed()) == ImportResult(0, 0, 0, 0)


async def test_an_import_upserts_by_id_and_says_what_it_did(store: ContentStore) -> None:
    await store.import_parsed(Parsed([TRACK, PAY, SIZE]))
    fewer = Article("track", TRACK.title, TRACK.answer, ("Track",), TRACK.tags)
    new = Article("new", "New?", "New.", ("new",))
    assert await store.import_parsed(Parsed([fewer, PAY, new])) == ImportResult(1, 1, 1, 0)
    assert await store.articles() == [new, PAY, SIZE, fewer]


@pytest.mark.parametrize("field", ["title", "answer", "questions", "tags", "locale"])
async def test_a_change_of_any_field_counts_and_is_stored(store: ContentStore, field: str) -> None:
    await store.import_parsed(Parsed([TRACK]))
    other = {"title": "T", "answer": "A", "questions": ("Track", "Where is it?"), "tags": (), "locale": "de"}
    changed = Article(
        **{**TRACK.as_dict(), "questions": TRACK.questions, "tags": TRACK.tags, field: other[field]}
    )
    assert await store.upsert(changed) == ImportResult(0, 1, 0, 0)
    assert await store.get("track") == changed


async def test_only_what_changed_gets_a_new_time(
    store: ContentStore, engine: AsyncEngine, clock: object
) -> None:
    await store.import_parsed(Parsed([TRACK, PAY]))
    clock.now += 5_000  # type: ignore[attr-defined]
    await store.import_parsed(Parsed([TRACK, Article("pay", "How?", "So.")]))
    async with engine.connect() as connection:
        rows = (await connection.execute(sa.select(articles.c.id, articles.c.updated_at))).all()
    assert {row.id: row.updated_at for row in rows} == {"track": 1_790_000_000_000, "pay": 1_790_000_005_000}


async def test_replace_makes_the_content_exactly_the_file(store: ContentStore, engine: AsyncEngine) -> None:
    await store.import_parsed(Parsed([TRACK, PAY], {"greet": ["hi"]}))
    assert await store.import_parsed(Parsed([TRACK, SIZE]), replace=True) == ImportResult(1, 0, 1, 1)
    assert await store.content() == Content((SIZE, TRACK), {"greet": ("hi",)})
    assert await store.import_parsed(Parsed(), replace=True) == ImportResult(0, 0, 0, 2)
    async with engine.connect() as connection:
        assert (await connection.execute(sa.select(article_questions))).all() == []


async def test_a_file_of_intents_replaces_intents_alone(store: ContentStore) -> None:
    await store.import_parsed(Parsed([TRACK], {"greet": ["hi"], "goodbye": ["bye"]}))
    result = await store.import_parsed(Parsed([], {"greet": ["hi", "hey"]}), replace=True)
    assert result == ImportResult(0, 0, 0, 0, intents=2)
    assert await store.content() == Content((TRACK,), {"greet": ("hi", "hey")})


async def test_intents_are_upserted_by_name(store: ContentStore) -> None:
    await store.import_parsed(Parsed([], {"greet": ["hi"], "goodbye": ["bye"]}))
    assert (await store.import_parsed(Parsed([], {"greet": ["hi"], "thanks": ["ta"]}))).intents == 1
    content = await store.content()
    assert content.intents == {"goodbye": ("bye",), "greet": ("hi",), "thanks": ("ta",)}


async def test_content_with_errors_is_never_stored(store: ContentStore) -> None:
    with pytest.raises(ValueError, match="errors"):
        await store.import_parsed(Parsed([TRACK], errors=[RowError("f", 1, "bad_json", "no")]))
    assert await store.articles() == []


async def test_a_failure_in_the_middle_leaves_everything_as_it_was(
    store: ContentStore, engine: AsyncEngine
) -> None:
    await store.import_parsed(Parsed([TRACK, PAY], {"greet": ["hi"]}))
    before = await store.content()
    async with engine.begin() as connection:
        # The last statement of the import fails, after articles went and others came.
        await connection.execute(
            sa.text(
                "CREATE TRIGGER full BEFORE INSERT ON article_questions WHEN NEW.text = '大小' "
                "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        )
    with pytest.raises(StorageUnavailable):
        await store.import_parsed(Parsed([SIZE], {"greet": ["hello"]}), replace=True)
    assert await store.content() == before


async def test_two_imports_at_once_both_arrive(store: ContentStore) -> None:
    many = [Article(f"a{n}", f"Title {n}", "Answer.", (f"question {n}",)) for n in range(200)]
    results = await asyncio.gather(
        store.import_parsed(Parsed([*many, TRACK])), store.import_parsed(Parsed([*many, PAY]))
    )
    assert sorted(r.added for r in results) == [1, 201]
    assert await store.count() == 202


@pytest.mark.needs_postgres
@pytest.mark.parametrize("case", ["both arrive", "all or nothing", "round trip"])
async def test_postgresql_keeps_the_same_promises(postgres: AsyncEngine, clock: Clock, case: str) -> None:
    store = ContentStore(postgres, clock)
    if case == "both arrive":
        await test_two_imports_at_once_both_arrive(store)
    elif case == "all or nothing":
        await test_a_reader_sees_all_of_an_import_or_nothing(store)
    else:
        await test_what_was_imported_is_there_in_id_order(store)


async def test_a_reader_sees_all_of_an_import_or_nothing(store: ContentStore) -> None:
    def version(n: int) -> Parsed:
        return Parsed([Article(f"a{i}", f"Title {n}", f"Answer {n}", (f"question {n}",)) for i in range(50)])

    await store.import_parsed(version(0))
    done = False

    async def write() -> None:
        nonlocal done
        for n in range(1, 15):
            await store.import_parsed(version(n))
        done = True

    async def read() -> set[int]:
        seen = set()
        while not done:
            content = await store.content()
            seen.add(len({(a.title.split()[-1], a.questions[0].split()[-1]) for a in content.articles}))
        return seen

    _, seen = await asyncio.gather(write(), read())
    assert seen == {1}


async def test_removing(store: ContentStore) -> None:
    await store.import_parsed(Parsed([TRACK, PAY]))
    assert await store.remove(["track", "none"]) == 1
    assert await store.articles() == [PAY]


async def test_ten_thousand_variants_are_imported_within_a_few_seconds(store: ContentStore) -> None:
    many = [
        Article(f"topic-{n:02}", f"Topic {n}", "Answer.", tuple(f"question {i} of {n}" for i in range(130)))
        for n in range(77)
    ]
    began = time.perf_counter()
    await store.import_parsed(Parsed(many), replace=True)
    # Row by row it would be minutes with synchronous=FULL; in one transaction it is a few tenths of a second.
    assert time.perf_counter() - began < 5
    assert sum(len(article.questions) for article in await store.articles()) == 10_010


async def test_a_snapshot_reads_back_to_the_same_content(store: ContentStore, tmp_path: Path) -> None:
    await store.import_parsed(Parsed([TRACK, PAY, SIZE], {"greet": ["hi", "Grüß: Gott"]}))
    folder = tmp_path / "snapshot"
    folder.mkdir()
    content = await store.snapshot(folder)
    assert sorted(file.name for file in folder.iterdir()) == ["content.jsonl", "intents.yml"]
    assert tuple(parse(folder / "content.jsonl").articles) == content.articles == (PAY, SIZE, TRACK)
    assert parse(folder / "intents.yml").intents == {"greet": ["hi", "Grüß: Gott"]}


async def test_the_content_hash_follows_the_content_alone(store: ContentStore) -> None:
    empty = await store.content_hash()
    await store.import_parsed(Parsed([TRACK, PAY]))
    one = await store.content_hash()
    await store.import_parsed(Parsed([PAY, TRACK]), replace=True)
    assert await store.content_hash() == one
    await store.import_parsed(Parsed([], {"greet": ["hi"]}))
    assert len({empty, one, await store.content_hash()}) == 3
