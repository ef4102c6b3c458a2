"""Previews that change nothing, and imports that do what was shown or nothing."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.content.errors import ContentMoved, ContentRefused, ImportExpired
from handoff.content.imports import MAX_AGE_MS, MAX_PREVIEWS, Imports, PreviewShelf
from handoff.content.preview import Preview, apply_import, preview_from_json, preview_import, preview_to_json
from handoff.content.store import ContentStore, ImportResult
from kb_index.article import Article
from kb_index.formats import Parsed
from tests.unit.handoff.content.conftest import HeldClock

TRACK = Article("track", "Where is my order?", "Open Orders.", ("Where is it?",), ("orders",))
PAY = Article("pay", "How can I pay?", "By card.", ("Which cards?", "cash"), ("money",))
SIZE = Article("size", "Which size?", "Large.")
NEWER = replace(PAY, answer="By card or invoice.", questions=("Which cards?", "invoice?"))


def lines(*articles: Article) -> bytes:
    return "".join(json.dumps(article.as_dict()) + "\n" for article in articles).encode()


def by_id(preview: Preview) -> dict[str, str]:
    return {each.article.id: each.change for each in preview.articles}


async def test_a_preview_counts_and_shows_each_change(store: ContentStore) -> None:
    await store.import_parsed(Parsed([TRACK, PAY], {"greet": ["hi", "hello"]}))
    preview = await preview_import(store, lines(TRACK, NEWER, SIZE), "a.jsonl")
    counts = preview.counts
    assert (counts.added, counts.changed, counts.unchanged, counts.errors, counts.removed) == (1, 1, 1, 0, 0)
    assert by_id(preview) == {"track": "unchanged", "pay": "changed", "size": "added"}
    changed = next(each for each in preview.articles if each.article.id == "pay")
    assert [(f.field, f.added, f.removed) for f in changed.fields] == [
        ("answer", (), ()),
        ("questions", ("invoice?",), ("cash",)),
    ]
    assert (changed.fields[0].before, changed.fields[0].after) == ("By card.", "By card or invoice.")
    assert (changed.origin.file, changed.origin.line) == ("a.jsonl", 2)
    assert await store.articles() == [PAY, TRACK]

    nlu = b"nlu:\n- intent: greet\n  examples: |\n    - hi\n    - hey\n"
    (intent,) = (await preview_import(store, nlu, "a.yml")).intents
    assert (intent.change, intent.added, intent.removed) == ("changed", ("hey",), ("hello",))


async def test_faults_are_in_the_preview_and_refuse_the_import(store: ContentStore) -> None:
    preview = await preview_import(store, lines(TRACK) + b"{\n", "a.jsonl")
    assert preview.counts.errors == 1
    assert [(e.file, e.line, e.code) for e in preview.errors] == [("a.jsonl", 2, "bad_json")]
    with pytest.raises(ContentRefused):
        await apply_import(store, preview)
    assert await store.articles() == []


async def test_an_import_does_what_was_shown(store: ContentStore) -> None:
    await store.import_parsed(Parsed([TRACK, PAY]))
    preview = await preview_import(store, lines(TRACK, NEWER, SIZE), "a.jsonl")
    assert await apply_import(store, preview) == ImportResult(1, 1, 1, 0)
    assert await store.articles() == [NEWER, SIZE, TRACK]


async def test_what_is_skipped_stays_as_it_is(store: ContentStore) -> None:
    other = Article("other", "Other?", "Yes.")
    await store.import_parsed(Parsed([PAY, other], {"greet": ["hi"], "goodbye": ["bye"]}))
    preview = await preview_import(store, lines(NEWER, SIZE, TRACK), "a.jsonl")
    assert preview.missing == ("other",)
    done = await apply_import(store, preview, replace=True, skip_ids=["pay", "size"])
    assert done == ImportResult(1, 0, 0, 1)
    assert await store.articles() == [PAY, TRACK]
    both = b"nlu:\n- intent: greet\n  examples: |\n    - hey\n- intent: thanks\n  examples: |\n    - ta\n"
    preview = await preview_import(store, both, "a.yml")
    assert (await apply_import(store, preview, replace=True, skip_ids=["intent:greet"])).intents == 2
    assert (await store.content()).intents == {"greet": ("hi",), "thanks": ("ta",)}
    assert await apply_import(store, preview, skip_ids=["intent:greet", "intent:thanks"]) == ImportResult(
        0, 0, 0, 0
    )


@pytest.mark.parametrize("what", ["changed", "removed", "added"])
async def test_content_that_moved_meanwhile_refuses_the_import(store: ContentStore, what: str) -> None:
    await store.import_parsed(Parsed([TRACK, PAY]))
    preview = await preview_import(store, lines(NEWER, SIZE), "a.jsonl")
    if what == "changed":
        await store.upsert(replace(PAY, answer="By card alone."))
    elif what == "removed":
        await store.remove(["pay"])
    else:
        await store.upsert(replace(SIZE, answer="Small."))
    before = await store.articles()
    with pytest.raises(ContentMoved) as moved:
        await apply_import(store, preview)
    assert moved.value.data["changed"] == ["size" if what == "added" else "pay"]
    assert await store.articles() == before


async def test_what_the_import_does_not_touch_may_move_unless_it_replaces_all(store: ContentStore) -> None:
    await store.import_parsed(Parsed([TRACK, PAY], {"greet": ["hi"]}))
    preview = await preview_import(store, lines(NEWER), "a.jsonl")
    await store.upsert(replace(TRACK, answer="Elsewhere."))
    await store.import_parsed(Parsed([], {"greet": ["hey"]}))
    assert (await apply_import(store, preview)).changed == 1
    preview = await preview_import(store, lines(PAY), "a.jsonl")
    await store.upsert(SIZE)
    with pytest.raises(ContentMoved):
        await apply_import(store, preview, replace=True)
    assert (await apply_import(store, preview)).changed == 1


@pytest.mark.needs_postgres
@pytest.mark.parametrize("what", ["changed", "removed", "added", "replaced", "intents"])
async def test_postgresql_keeps_the_same_promises(postgres: AsyncEngine, clock: HeldClock, what: str) -> None:
    store = ContentStore(postgres, clock)
    if what == "replaced":
        await test_what_the_import_does_not_touch_may_move_unless_it_replaces_all(store)
    elif what == "intents":
        await test_intents_that_moved_refuse_the_import(store)
    else:
        await test_content_that_moved_meanwhile_refuses_the_import(store, what)


async def test_intents_that_moved_refuse_the_import(store: ContentStore) -> None:
    await store.import_parsed(Parsed([], {"greet": ["hi"]}))
    preview = await preview_import(store, b"nlu:\n- intent: greet\n  examples: |\n    - hey\n", "a.yml")
    await store.import_parsed(Parsed([], {"greet": ["hello"]}))
    with pytest.raises(ContentMoved):
        await apply_import(store, preview)
    assert (await store.content()).intents == {"greet": ("hello",)}


async def test_a_page_changes_title_and_answer_and_leaves_what_editors_added(store: ContentStore) -> None:
    await store.import_parsed(
        Parsed([PAY, Article("how-can-i-pay", "How can I pay?", "Old.", ("a", "b"), ("t",))])
    )
    html = b"<title>T</title><h2>How can I pay?</h2><p>By card or invoice.</p>"
    preview = await preview_import(store, html, "a.html")
    (each,) = preview.articles
    assert (each.change, [f.field for f in each.fields]) == ("changed", ["answer"])
    await apply_import(store, preview)
    article = await store.get("how-can-i-pay")
    assert article is not None
    assert (article.answer, article.questions, article.tags) == ("By card or invoice.", ("a", "b"), ("t",))


async def test_new_articles_may_come_as_drafts(store: ContentStore) -> None:
    await store.import_parsed(Parsed([PAY]))
    preview = await preview_import(store, lines(NEWER, SIZE), "a.jsonl")
    await apply_import(store, preview, status="draft", by="Eve")
    assert (await store.content(drafts=False)).articles == (NEWER,)
    assert await store.articles() == [NEWER, SIZE]


async def test_the_shape_is_json_with_what_changes_first(store: ContentStore) -> None:
    await store.import_parsed(Parsed([TRACK]))
    preview = await preview_import(store, lines(TRACK, SIZE, PAY), "a.jsonl")
    shape = json.loads(json.dumps(preview.shape(2)))
    assert shape["counts"] == {
        "added": 2,
        "changed": 0,
        "unchanged": 1,
        "errors": 0,
        "removed": 0,
        "intents": 0,
    }
    assert [(a["id"], a["change"], a["source"]["line"]) for a in shape["articles"]] == [
        ("size", "added", 2),
        ("pay", "added", 3),
    ]
    assert shape["more_articles"] == 1
    assert (shape["kind"], shape["errors"], shape["more_errors"]) == ("jsonl", [], 0)


async def test_a_preview_travels_between_processes(store: ContentStore) -> None:
    await store.import_parsed(Parsed([PAY], {"greet": ["hi"]}))
    html = b"<title>T</title><h2 id='x'>Why?</h2><p>So.</p>"
    nlu = b"nlu:\n- intent: greet\n  examples: |\n    - hey\n"
    for data, name in ((lines(NEWER, SIZE), "a.jsonl"), (html, "a.html"), (nlu, "a.yml"), (b"{", "b.jsonl")):
        preview = await preview_import(store, data, name)
        assert preview_from_json(json.loads(json.dumps(preview_to_json(preview)))) == preview


async def test_an_import_in_two_steps_by_two_processes(
    store: ContentStore, tmp_path: Path, clock: HeldClock
) -> None:
    token, preview = await Imports(store, tmp_path, clock).preview(lines(PAY), "C:\\Users\\x\\a.jsonl")
    assert preview.name == "a.jsonl"
    file = tmp_path / "run" / "imports" / token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    other = Imports(store, tmp_path, clock)
    assert await other.apply(token, by="Eve") == ImportResult(1, 0, 0, 0)
    with pytest.raises(ImportExpired):
        await other.apply(token, by="Eve")


async def test_how_it_was_written_is_kept_with_an_import(
    store: ContentStore, tmp_path: Path, clock: HeldClock
) -> None:
    out = io.BytesIO()
    text = "---\n# mine\ntitle: 'Pay?'\n---\nBy card.\n"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("help/pay.md", text)
        archive.writestr("help/size.md", text)
    imports = Imports(store, tmp_path, clock)
    token, _ = await imports.preview(out.getvalue(), "a.zip")
    await imports.apply(token, by="Eve", skip_ids=["size"])
    assert dict(imports.sources.articles()) == {"pay": ("kb_index/articles/help/pay.md", text)}


def kept(home: Path) -> list[str]:
    return [path.name for path in (home / "run" / "imports").iterdir()]


async def made(store: ContentStore) -> Preview:
    return await preview_import(store, lines(PAY), "a.jsonl")


async def test_previews_go_after_an_hour_and_twenty_at_most_are_kept(
    store: ContentStore, tmp_path: Path, clock: HeldClock
) -> None:
    shelf = PreviewShelf(tmp_path, clock)
    preview = await made(store)
    tokens = []
    for _ in range(MAX_PREVIEWS + 2):
        clock.now += 1000
        tokens.append(shelf.put(preview))
    assert len(kept(tmp_path)) == MAX_PREVIEWS
    with pytest.raises(ImportExpired):
        shelf.get(tokens[1])
    assert shelf.get(tokens[2]) == preview
    clock.now += MAX_AGE_MS
    assert shelf.get(tokens[-1]) == preview
    clock.now += 1000
    with pytest.raises(ImportExpired):
        shelf.get(tokens[-1])
    assert kept(tmp_path) == []


@pytest.mark.parametrize("token", ["", ".", "..", "../../baton.db", "a" * 42, "a" * 44, "\0" * 43, "a" * 43])
async def test_nothing_else_is_taken_for_a_preview(
    store: ContentStore, tmp_path: Path, clock: HeldClock, token: str
) -> None:
    shelf = PreviewShelf(tmp_path, clock)
    shelf.put(await made(store))
    with pytest.raises(ImportExpired):
        shelf.get(token)
    shelf.drop(token)
    assert len(kept(tmp_path)) == 1


async def test_a_damaged_preview_is_as_good_as_none(
    store: ContentStore, tmp_path: Path, clock: HeldClock
) -> None:
    shelf = PreviewShelf(tmp_path, clock)
    token = shelf.put(await made(store))
    for damage in (b'{"name": ', b"[]", b"{}", b""):
        (tmp_path / "run" / "imports" / token).write_bytes(damage)
        with pytest.raises(ImportExpired):
            shelf.get(token)
