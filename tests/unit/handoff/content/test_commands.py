from __future__ import annotations

import json
from pathlib import Path

import pytest

from handoff.content.commands import (
    Format,
    export_bytes,
    export_content,
    import_content,
    validate_content,
)
from handoff.content.errors import ContentRefused, ExportRefused
from handoff.content.reading import read_source
from handoff.content.store import ContentStore, ImportResult
from kb_index.article import Article
from kb_index.formats import Parsed, parse

KNOWN = ("greet", "goodbye")
TRACK = Article("track", "Where is my order?", "Open Orders.", ("Where is it?",), ("orders",))
PAY = Article("pay", "How can I pay?", "By card.", ("Which cards?",))


def _jsonl(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


async def test_a_file_is_imported(store: ContentStore, tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "a.jsonl", TRACK.as_dict(), PAY.as_dict())
    assert await import_content(store, path) == ImportResult(2, 0, 0, 0)
    assert await import_content(store, _jsonl(path, PAY.as_dict()), replace=True) == ImportResult(0, 0, 1, 1)


async def test_articles_that_name_no_language_are_of_the_site(store: ContentStore, tmp_path: Path) -> None:
    path = _jsonl(
        tmp_path / "a.jsonl",
        {"id": "zahlen", "title": "Wie kann ich zahlen?", "answer": "Mit Karte."},
        {"id": "hours", "title": "When are you open?", "answer": "Always.", "locale": "en-GB"},
        {"id": "rien", "title": "Rien?", "answer": "Rien.", "locale": None},
    )
    await import_content(store, path, locale="de-AT")
    locales = {article.id: article.locale for article in (await store.content()).articles}
    assert locales == {"zahlen": "de-AT", "hours": "en-GB", "rien": "de-AT"}


async def test_every_fault_is_told_with_its_line_and_nothing_is_imported(
    store: ContentStore, tmp_path: Path
) -> None:
    path = _jsonl(
        tmp_path / "a.jsonl",
        TRACK.as_dict(),
        {"id": "x", "answer": "A"},
        PAY.as_dict(),
        {"id": "y", "title": "T"},
        PAY.as_dict(),
    )
    with pytest.raises(ContentRefused) as refused:
        await import_content(store, path, replace=True)
    told = [(row["file"], row["line"], row["code"]) for row in refused.value.data["errors"]]
    assert told == [
        ("a.jsonl", 2, "missing_title"),
        ("a.jsonl", 4, "missing_answer"),
        ("a.jsonl", 5, "duplicate_id"),
    ]
    assert refused.value.message == "3 faults; nothing was imported."
    assert await store.articles() == []


async def test_a_path_that_is_not_there_or_not_readable_is_said_to_be(
    store: ContentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ContentRefused) as refused:
        await import_content(store, tmp_path / "none.jsonl")
    assert refused.value.errors[0].code == "not_found"
    path = _jsonl(tmp_path / "a.jsonl", TRACK.as_dict())

    def locked(_self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", locked)
    with pytest.raises(ContentRefused, match="1 fault") as refused:
        await import_content(store, path)
    assert (refused.value.errors[0].code, refused.value.errors[0].message) == (
        "unreadable",
        "It cannot be read: Permission denied.",
    )


async def test_examples_are_taken_for_known_intents_alone(store: ContentStore, tmp_path: Path) -> None:
    path = tmp_path / "nlu.yml"
    path.write_text(
        'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n\n- intent: refund\n  examples: |\n    - money back\n'
    )
    with pytest.raises(ContentRefused) as refused:
        await import_content(store, path, known=KNOWN)
    (fault,) = refused.value.errors
    assert (fault.file, fault.line, fault.code) == ("nlu.yml", 7, "unknown_intent")
    assert "'refund'" in fault.message
    assert "goodbye, greet" in fault.message
    assert (await store.content()).intents == {}
    assert (await import_content(store, path, known=(*KNOWN, "refund"))).intents == 2


async def test_what_was_exported_is_imported_as_it_was(store: ContentStore, tmp_path: Path) -> None:
    await store.import_parsed(Parsed([TRACK, PAY], {"greet": ["hi"]}))
    before = await store.content()
    for name in ("out.jsonl", "out.csv", "folder"):
        result = await export_content(store, tmp_path / name)
        assert (result.articles, result.intents) == (2, 0)
        assert tuple(sorted(parse(tmp_path / name).articles, key=lambda a: a.id)) == before.articles
        assert await import_content(store, tmp_path / name, replace=True) == ImportResult(0, 0, 2, 0)
    assert (await export_content(store, tmp_path / "out.yml")).intents == 1
    assert parse(tmp_path / "out.yml").intents == {"greet": ["hi"]}
    assert await store.content() == before


async def test_an_export_replaces_a_file_but_never_mixes_with_other_things(
    store: ContentStore, tmp_path: Path
) -> None:
    await store.import_parsed(Parsed([TRACK]))
    await export_content(store, _jsonl(tmp_path / "out.jsonl", PAY.as_dict()))
    assert parse(tmp_path / "out.jsonl").articles == [TRACK]
    empty = tmp_path / "empty.d"
    empty.mkdir()
    await export_content(store, empty)
    assert [file.name for file in empty.iterdir()] == ["track.md"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.md").write_text("# Notes\n")
    with pytest.raises(ExportRefused, match="neither empty nor a folder of articles"):
        await export_content(store, tmp_path / "other")
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["notes.md"]


@pytest.mark.parametrize("form", ["jsonl", "csv", "markdown", "rasa", "intents"])
async def test_an_export_to_send_is_read_back(store: ContentStore, form: Format) -> None:
    await store.import_parsed(Parsed([PAY, TRACK], {"greet": ["ahoy"]}))
    data = await export_bytes(store, form)
    assert await export_bytes(store, form) == data
    name = {"jsonl": "a.jsonl", "csv": "a.csv", "intents": "a.yml"}.get(form, "a.zip")
    source = read_source(data, name)
    assert source.parsed.errors == []
    assert source.parsed.articles == ([] if form == "intents" else [PAY, TRACK])
    assert ("ahoy" in source.parsed.intents.get("greet", [])) == (form in ("intents", "rasa"))


async def test_an_export_into_a_folder_of_articles_writes_what_changed(
    store: ContentStore, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    await store.import_parsed(Parsed([TRACK, PAY]))
    await export_content(store, folder)
    kept = (folder / "track.md").stat().st_mtime_ns
    await store.import_parsed(Parsed([TRACK, Article("size", "Which size?", "Large.")]), replace=True)
    done = await export_content(store, folder)
    assert (done.written, done.unchanged, done.left, done.removed) == (("size.md",), 1, ("pay.md",), ())
    assert (folder / "track.md").stat().st_mtime_ns == kept
    done = await export_content(store, folder, prune=True)
    assert (done.written, done.unchanged, done.left, done.removed) == ((), 2, (), ("pay.md",))
    assert sorted(file.name for file in folder.iterdir()) == ["size.md", "track.md"]


@pytest.mark.parametrize("name", ["out.html", "out.md", "missing/out.jsonl"])
async def test_an_export_says_why_it_cannot_be(store: ContentStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportRefused):
        await export_content(store, tmp_path / name)
    assert not (tmp_path / name).exists()


async def test_a_check_of_the_home_finds_doubts(store: ContentStore) -> None:
    rival = Article("rival", "Where's the parcel?", "There.", ("where  IS my order",))
    bare = Article("bare", "Bare", "Bare.")
    other = Article("other", "Wo?", "Da.", ("Where is it?",), locale="de")
    await store.import_parsed(Parsed([TRACK, rival, bare, other], {"greet": ["Bare!", "hi"]}))
    found = await validate_content(store)
    assert found.ok
    assert (found.articles, found.questions, found.intents) == (4, 3, 1)
    assert [(r.level, r.code, r.articles) for r in found.remarks] == [
        ("warning", "shared_question", ("rival", "track")),
        ("warning", "intent_and_article", ("bare",)),
        ("note", "no_variants", ("bare",)),
    ]


async def test_a_title_repeated_as_a_question_of_its_own_article_is_no_doubt(store: ContentStore) -> None:
    await store.import_parsed(Parsed([Article("a", "Where is it?", "There.", ("where is it",))]))
    assert (await validate_content(store)).remarks == ()


@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", ""), ("b.jsonl", "\n\n"), ("c.csv", "id,title,answer\n")]
)
async def test_a_file_with_nothing_in_it_never_empties_a_home(
    store: ContentStore, tmp_path: Path, name: str, text: str
) -> None:
    await store.import_parsed(Parsed([TRACK]))
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ContentRefused) as refused:
        await import_content(store, tmp_path / name, replace=True)
    assert [error.code for error in refused.value.errors] == ["no_articles"]
    assert (await store.content()).articles == (TRACK,)


async def test_an_empty_home_is_told_so(store: ContentStore) -> None:
    assert [remark.code for remark in (await validate_content(store)).remarks] == ["no_articles"]


async def test_a_check_of_a_file_changes_nothing(store: ContentStore, tmp_path: Path) -> None:
    good = await validate_content(store, _jsonl(tmp_path / "a.jsonl", TRACK.as_dict(), PAY.as_dict()))
    assert (good.ok, good.articles, good.questions, good.remarks) == (True, 2, 2, ())
    bad = await validate_content(store, _jsonl(tmp_path / "b.jsonl", {"id": "x", "title": "T"}))
    assert not bad.ok
    assert [(e.line, e.code) for e in bad.errors] == [(1, "missing_answer")]
    assert await store.articles() == []
