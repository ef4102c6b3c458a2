"""A Rasa project in and out: byte for byte what came in, but for what was changed in between."""

from __future__ import annotations

import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.clock import SystemClock
from handoff.content.commands import ExportResult, export_content, import_content
from handoff.content.errors import ContentRefused, ExportRefused
from handoff.content.intents import shipped_examples
from handoff.content.project import project_zip
from handoff.content.sources import Sources
from handoff.content.store import ContentStore
from handoff.settings import PROJECT_ROOT
from handoff.studio.audit import Audit
from handoff.studio.intents import IntentDesk
from kb_index.article import Article
from kb_index.formats import Parsed

ARTICLES = PROJECT_ROOT / "kb_index" / "articles"
DATA = PROJECT_ROOT / "nlu_data"


def files(folder: Path, *parts: str) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for part in parts or ("",)
        for path in (folder / part).rglob("*")
        if path.is_file()
    }


SHIPPED = {
    **files(PROJECT_ROOT, "nlu_data/nlu", "nlu_data/rules", "nlu_data/stories"),
    **files(PROJECT_ROOT, "kb_index/articles"),
}


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path / "home")


async def exported(
    store: ContentStore, path: Path, sources: Sources | None, **options: object
) -> ExportResult:
    return await export_content(store, path, form="rasa", sources=sources, **options)  # type: ignore[arg-type]


async def test_the_project_s_own_folders_come_back_byte_for_byte(
    store: ContentStore, tmp_path: Path, sources: Sources
) -> None:
    await import_content(store, DATA, sources=sources)
    await import_content(store, ARTICLES, sources=sources)
    await exported(store, tmp_path / "out", sources)
    assert files(tmp_path / "out") == SHIPPED


async def test_a_folder_that_is_there_is_not_touched_where_nothing_changed(
    store: ContentStore, tmp_path: Path
) -> None:
    """Without what the home keeps of how it was written: the folder itself is enough."""
    folder = tmp_path / "checkout"
    for part in ("nlu_data", "kb_index/articles"):
        shutil.copytree(PROJECT_ROOT / part, folder / part)
    await import_content(store, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = await exported(store, folder, None)
    assert (done.written, done.left, done.unchanged) == ((), (), len(SHIPPED))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    # Told by what lies there, without being asked for.
    assert (await export_content(store, folder)).unchanged == len(SHIPPED)


async def test_one_changed_article_and_one_more_example_change_two_files(
    store: ContentStore, tmp_path: Path, sources: Sources
) -> None:
    folder = tmp_path / "checkout"
    for name, data in SHIPPED.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    await import_content(store, folder, sources=sources)
    article = await store.get("invoice")
    assert article is not None
    await store.upsert(replace(article, questions=(*article.questions, "bill please")))
    greet = (await store.content()).intents["greet"]
    await store.import_parsed(Parsed([], {"greet": ["good day", *greet[1:]]}))
    done = await exported(store, folder, sources)
    assert done.written == ("kb_index/articles/invoice.md", "nlu_data/nlu/talk.yml")
    after = files(folder)
    talk = SHIPPED["nlu_data/nlu/talk.yml"]
    assert after["nlu_data/nlu/talk.yml"] == talk.replace(b"      - hi\n", b"      - good day\n", 1)
    invoice, was = (
        after["kb_index/articles/invoice.md"].split(b"\n"),
        SHIPPED["kb_index/articles/invoice.md"].split(b"\n"),
    )
    assert [line for line in invoice if line not in was] == [b"  - bill please"]
    assert [line for line in was if line not in invoice] == []
    # What was written is what the home has: another import changes nothing.
    result = await import_content(store, folder, sources=sources)
    assert (result.added, result.changed, result.intents) == (0, 0, 0)


async def test_a_home_s_examples_come_on_top_of_those_that_ship(store: ContentStore, tmp_path: Path) -> None:
    await store.import_parsed(Parsed([], {"greet": ["ahoy"]}))
    done = await exported(store, tmp_path / "out", None)
    assert len(done.written) == len(SHIPPED) - len(list(ARTICLES.iterdir()))
    written = files(tmp_path / "out")
    changed = [name for name, data in written.items() if data != SHIPPED[name]]
    assert changed == ["nlu_data/nlu/talk.yml"]
    assert written[changed[0]].count(b"\n") == SHIPPED[changed[0]].count(b"\n") + 1
    assert b"      - hey hey\n      - ahoy\n" in written[changed[0]]


RASA = """version: "3.1"
nlu:
# Greetings.
- intent: greet
  examples: |
    - hi
    - hello
"""
MORE = """version: "3.1"
nlu:
- intent: greet
  examples: |
    - good evening
- lookup: city
  examples: |
    - Bern
"""
RULES = (
    'version: "3.1"\nrules:\n- rule: greet   # back\n  steps:\n  - intent: greet\n  - action: utter_greet\n'
)
PAY = "---\n# paying\ntitle: 'How can I pay?'\n---\nBy card."


def project(folder: Path) -> Path:
    texts = {
        "data/nlu.yml": RASA,
        "data/more.yml": MORE,
        "data/rules.yml": RULES,
        "articles/money/pay.md": PAY,
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


async def test_another_project_keeps_its_own_layout(
    store: ContentStore, tmp_path: Path, sources: Sources
) -> None:
    folder = project(tmp_path / "bot")
    await import_content(store, folder, sources=sources)
    assert (await store.content()).intents["greet"] == ("good evening", "hi", "hello")
    await exported(store, tmp_path / "out", sources)
    assert files(tmp_path / "out") == {
        "data/nlu.yml": RASA.encode(),
        "data/more.yml": MORE.encode(),
        "data/rules.yml": RULES.encode(),
        "kb_index/articles/money/pay.md": PAY.encode(),
    }
    await store.import_parsed(
        Parsed(
            [Article("size", "Which size?", "Large.")],
            {"greet": ["hi", "good evening", "hey"], "thanks": ["ta"]},
        )
    )
    done = await exported(store, folder, sources)
    assert done.written == ("articles/money/size.md", "data/intents.yml", "data/nlu.yml")
    assert (folder / "data/nlu.yml").read_text() == RASA.replace("    - hello\n", "    - hey\n")
    assert (folder / "data/more.yml").read_text() == MORE


async def test_what_the_home_lost_goes_and_what_it_never_had_stays(
    store: ContentStore, tmp_path: Path, sources: Sources
) -> None:
    folder = project(tmp_path / "bot")
    await import_content(store, folder, sources=sources)
    (folder / "data/nlu.yml").write_text(RASA + "    - written since\n")
    await store.import_parsed(Parsed([], {"greet": ["good evening", "hi"]}))
    await exported(store, folder, sources)
    assert (folder / "data/nlu.yml").read_text() == RASA.replace(
        "    - hello\n", ""
    ) + "    - written since\n"


async def test_articles_that_are_gone_are_named_and_removed_when_asked(
    store: ContentStore, tmp_path: Path, sources: Sources
) -> None:
    folder = project(tmp_path / "bot")
    (folder / "articles" / "notes.md").write_text("# Not an article\n")
    await import_content(store, folder, sources=sources)
    await store.remove(["pay"])
    done = await exported(store, folder, sources)
    assert (done.left, done.removed) == (("articles/money/pay.md",), ())
    done = await exported(store, folder, sources, prune=True)
    assert (done.left, done.removed) == ((), ("articles/money/pay.md",))
    assert (folder / "articles" / "notes.md").exists()


async def test_a_rasa_file_with_faults_stops_the_export_before_anything_is_written(
    store: ContentStore, tmp_path: Path
) -> None:
    folder = project(tmp_path / "bot")
    await import_content(store, folder)
    await store.upsert(Article("size", "Which size?", "Large."))
    (folder / "data" / "broken.yml").write_text("nlu:\n- intent: greet\n  examples: |\n    no dash\n")
    before = files(folder)
    with pytest.raises(ExportRefused, match=r"data/broken\.yml"):
        await exported(store, folder, None)
    assert files(folder) == before


async def test_a_project_in_the_way_of_a_new_article_is_not_overwritten(
    store: ContentStore, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "size.md").write_text("---\nid: other\ntitle: Other\n---\nx\n")
    await store.import_parsed(Parsed([Article("size", "Which size?", "Large.")]))
    with pytest.raises(ExportRefused, match=r"size\.md is there already"):
        await export_content(store, folder)
    assert (folder / "size.md").read_text().startswith("---\nid: other")


async def test_a_zip_holds_the_same_and_is_the_same_each_time(
    store: ContentStore, tmp_path: Path, sources: Sources
) -> None:
    await import_content(store, project(tmp_path / "bot"), sources=sources)
    content = await store.content()
    data = project_zip(content, sources, rasa=True, locale="en")
    assert data == project_zip(content, sources, rasa=True, locale="en")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("data/rules.yml") == RULES.encode()
        assert archive.read("kb_index/articles/money/pay.md") == PAY.encode()
    alone = project_zip(content, sources, rasa=False, locale="en")
    with zipfile.ZipFile(io.BytesIO(alone)) as archive:
        assert archive.namelist() == ["money/pay.md"]
    (tmp_path / "back.zip").write_bytes(data)
    result = await import_content(store, tmp_path / "back.zip", sources=sources)
    assert (result.added, result.changed, result.intents) == (0, 0, 0)


async def test_texts_that_are_kept_follow_the_last_import(
    store: ContentStore, tmp_path: Path, sources: Sources
) -> None:
    folder = project(tmp_path / "bot")
    await import_content(store, folder, sources=sources)
    assert sorted(sources.rasa()) == ["data/more.yml", "data/nlu.yml", "data/rules.yml"]
    # The article moved, a file of the project is gone.
    (folder / "articles" / "money" / "pay.md").rename(folder / "articles" / "pay.md")
    (folder / "data" / "more.yml").unlink()
    await import_content(store, folder, sources=sources)
    assert sorted(sources.rasa()) == ["data/nlu.yml", "data/rules.yml"]
    assert dict(sources.articles()) == {"pay": ("kb_index/articles/pay.md", PAY)}
    kept = tmp_path / "home" / "sources"
    assert sorted(files(kept)) == ["data/nlu.yml", "data/rules.yml", "index.json", "kb_index/articles/pay.md"]
    # A file of intents alone is content, and no project.
    (tmp_path / "intents.yml").write_text(RASA)
    await import_content(store, tmp_path / "intents.yml", sources=sources)
    assert sorted(sources.rasa()) == ["data/nlu.yml", "data/rules.yml"]


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b'{"../../x.md": "pay"}', b'{"kb_index/articles/pay.md": 7}', b"\xff"]
)
async def test_damaged_texts_cost_the_form_and_nothing_else(
    store: ContentStore, tmp_path: Path, sources: Sources, damage: bytes
) -> None:
    await import_content(store, project(tmp_path / "bot"), sources=sources)
    (tmp_path / "home" / "sources" / "index.json").write_bytes(damage)
    await export_content(store, tmp_path / "out", sources=sources)
    assert files(tmp_path / "out") == {
        "pay.md": b"---\nid: pay\ntitle: How can I pay?\nlocale: en\n---\n\nBy card.\n"
    }


async def test_own_intents_leave_as_real_rules_and_their_examples_come_back(
    store: ContentStore, engine: AsyncEngine, sources: Sources, tmp_path: Path
) -> None:
    clock = SystemClock()
    desk = IntentDesk(engine, clock, Audit(engine, clock), shipped_examples())
    words = {"kind": "words", "words": [{"value": "tent", "synonyms": ["tents"]}]}
    await desk.save_entity("product", words, base_version=None, by="Ada")
    bulk = {
        "name": "bulk",
        "description": "buys in bulk",
        "does": {"kind": "say", "texts": {"en": "Write to us."}},
    }
    await desk.create(bulk, ["buy in bulk", "100 [tents](product)"], by="Ada")
    out = tmp_path / "out"
    await exported(store, out, sources)
    own = {name: yaml.safe_load((out / "nlu_data" / name).read_text()) for name in (
        "nlu/own_entities.yml", "rules/own_rules.yml", "domain/own_intents.yml",
    )}  # fmt: skip
    assert [next(iter(entry)) for entry in own["nlu/own_entities.yml"]["nlu"]] == ["lookup", "synonym"]
    [rule] = own["rules/own_rules.yml"]["rules"]
    assert rule["steps"] == [{"intent": "bulk"}, {"action": "utter_say_bulk"}]
    assert own["domain/own_intents.yml"]["responses"]["utter_say_bulk"][0]["text"] == "Write to us."
    # Once more changes nothing, and the examples are taken by the home that knows the intent.
    before = files(out)
    await exported(store, out, sources)
    assert files(out) == before
    file = out / "nlu_data" / "nlu" / "intents.yml"
    file.write_text(file.read_text().replace("buy in bulk", "buy very much"))
    assert (await import_content(store, out, sources=sources)).intents >= 1
    assert "buy very much" in (await desk.get("bulk")).examples
    # Without it no home takes them: nothing would react.
    await desk.remove("bulk", base_version=(await desk.get("bulk")).version, by="Ada")
    with pytest.raises(ContentRefused) as refused:
        await import_content(store, file)
    assert [error["code"] for error in refused.value.data["errors"]] == ["unknown_intent"]
    # And its rule does not come back with the next training of who goes on with the files.
    await exported(store, out, sources)
    assert "bulk" not in (out / "nlu_data" / "rules" / "own_rules.yml").read_text()
