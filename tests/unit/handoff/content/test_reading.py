"""Files, folders and zips of all kinds to what they hold, with every fault at its place."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from handoff.content import reading
from handoff.content.apart import read_apart
from handoff.content.reading import read_source
from handoff.content.source import Source, source_from_json, source_to_json
from handoff.settings import PROJECT_ROOT
from kb_index.article import MAX_QUESTIONS

MARKDOWN = "---\nid: pay\ntitle: How can I pay?\n---\n\nBy card.\n"
NLU = 'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n'
RULES = 'version: "3.1"\nrules:\n- rule: greet\n  steps:\n  - intent: greet\n  - action: utter_greet\n'


def page(title: str, body: str) -> str:
    return f"<html><head><title>{title}</title></head><body><main>{body}</main></body></html>"


def zipped(files: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def written(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def errors(source: Source) -> list[tuple[str, int, str]]:
    return [(e.file, e.line, e.code) for e in source.parsed.errors]


def notes(source: Source) -> list[tuple[str, str]]:
    return [(n.file, n.code) for n in source.notes]


SITE: dict[str, str | bytes] = {
    "help/returns.html": page(
        "Returns", '<h2 id="how">How do I return it?</h2><p>Print <a href="label">it</a>.</p>'
    ),
    "help/pay.html": page("Paying", "<p>By card or by invoice.</p>"),
    "help/empty.html": page("", ""),
    "style.css": "p{}",
    "manual.pdf": b"%PDF",
}


def test_a_folder_of_pages_and_its_zip_are_the_same(tmp_path: Path) -> None:
    sources = [
        read_source(written(tmp_path / "site", SITE), "site", locale="de"),
        read_source(zipped(SITE), "site.zip", locale="de"),
    ]
    for source in sources:
        assert source.kind == "html"
        assert [(a.id, a.title, a.answer, a.locale) for a in source.parsed.articles] == [
            ("paying", "Paying", "By card or by invoice.", "de"),
            ("how-do-i-return-it", "How do I return it?", "Print it.", "de"),
        ]
        origin = source.origins["how-do-i-return-it"]
        assert (origin.file, origin.line, origin.anchor) == ("help/returns.html", 1, "how")
        assert notes(source) == [("help/empty.html", "empty_page"), ("manual.pdf", "not_read")]
        assert source.pages == {"paying", "how-do-i-return-it"}
    assert sources[0] == sources[1]


def test_a_sitemap_says_which_pages_count_and_where_they_stand(tmp_path: Path) -> None:
    sitemap = (
        "<urlset><url><loc>https://x.example/help/returns</loc></url>"
        "<url><loc>https://x.example/gone</loc></url></urlset>"
    )
    folder = written(tmp_path / "site", {**SITE, "sitemap.xml": sitemap})
    for source in (
        read_source(folder, "site"),
        read_source(folder / "sitemap.xml", "sitemap.xml"),
        read_source(zipped({**SITE, "sitemap.xml": sitemap}), "site.zip"),
    ):
        (article,) = source.parsed.articles
        assert article.answer == "Print [it](https://x.example/help/label)."
        assert ("sitemap.xml", "page_missing") in notes(source)
    assert ("help/pay.html", "not_in_sitemap") in notes(read_source(folder, "site"))


def test_a_sitemap_names_further_ones(tmp_path: Path) -> None:
    index = "<sitemapindex><sitemap><loc>https://x.example/one.xml</loc></sitemap></sitemapindex>"
    one = "<urlset><url><loc>https://x.example/help/pay</loc></url></urlset>"
    looped = index.replace("one.xml", "sitemap.xml")
    source = read_source(
        zipped({**SITE, "sitemap.xml": index, "one.xml": one, "sitemap2.xml": looped}), "s.zip"
    )
    assert [a.id for a in source.parsed.articles] == ["paying"]


def test_a_sitemap_alone_and_a_dangerous_one_are_faults() -> None:
    assert errors(read_source(b"<urlset/>", "sitemap.xml")) == [("sitemap.xml", 0, "sitemap_alone")]
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><urlset/>'
    assert errors(read_source(zipped({**SITE, "sitemap.xml": bomb}), "s.zip")) == [
        ("sitemap.xml", 0, "unsafe_xml")
    ]


def test_a_fault_in_a_page_names_file_line_and_anchor() -> None:
    bidi = page("T", '\n<h2>Fine?</h2><p>Yes.</p>\n<h2 id="bad">Is it \u202etfel?</h2><p>No.</p>')
    source = read_source(
        zipped({"a/one.html": bidi, "a/two.html": b"<p>\xff", "b.html": page("B", "<p>b</p>")}), "s.zip"
    )
    assert errors(source) == [("a/two.html", 1, "bad_encoding"), ("a/one.html#bad", 3, "bad_character")]
    assert source.parsed.articles == []
    assert source.texts == {}


def test_a_zip_of_markdown_csv_and_json_lines_is_read_with_its_lines() -> None:
    rows = json.dumps({"id": "track", "title": "Where is it?", "answer": "There."}) + "\n"
    files: dict[str, str | bytes] = {
        "a/pay.md": MARKDOWN,
        "b.jsonl": rows,
        "c.csv": "id,title,answer\nsize,Which?,Large.\n",
    }
    source = read_source(zipped(files), "all.zip")
    assert source.kind == "mixed"
    assert sorted(a.id for a in source.parsed.articles) == ["pay", "size", "track"]
    assert {key: (o.file, o.line) for key, o in source.origins.items()} == {
        "pay": ("a/pay.md", 1),
        "track": ("b.jsonl", 1),
        "size": ("c.csv", 2),
    }
    assert source.texts == {"a/pay.md": MARKDOWN}
    faulty = read_source(zipped({**files, "b.jsonl": rows + rows + "{\n", "d.md": "# none"}), "all.zip")
    assert errors(faulty) == [
        ("b.jsonl", 2, "duplicate_id"),
        ("b.jsonl", 3, "bad_json"),
        ("d.md", 1, "bad_front_matter"),
    ]


def test_a_rasa_project_is_its_data_and_its_articles(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "data/nlu.yml": NLU,
        "data/rules.yml": RULES,
        "domain.yml": 'version: "3.1"\nintents:\n- greet\n',
        "config.yml": "recipe: default.v1\n",
        "README.md": "# A bot\n",
        "kb_index/articles/pay.md": MARKDOWN,
        "tests/data.jsonl": "{}\n",
    }
    source = read_source(written(tmp_path / "bot", files), "bot", known=["greet"])
    assert source.kind == "rasa"
    assert source.parsed.intents == {"greet": ["hi"]}
    assert [a.id for a in source.parsed.articles] == ["pay"]
    assert sorted(source.texts) == ["data/nlu.yml", "data/rules.yml", "kb_index/articles/pay.md"]
    assert sorted(notes(source)) == [
        ("README.md", "not_read"),
        ("config.yml", "not_read"),
        ("data/rules.yml", "kept_not_trained"),
        ("domain.yml", "not_read"),
        ("tests/data.jsonl", "not_read"),
    ]


def test_the_project_s_own_data_has_nothing_that_is_not_trained() -> None:
    source = read_source(PROJECT_ROOT / "nlu_data", "nlu_data")
    assert source.parsed.errors == []
    assert len(source.parsed.intents) > 5
    assert {code for _, code in notes(source)} == {"not_read"}
    assert {name.split("/")[0] for name in source.texts} == {"nlu", "rules", "stories"}


def test_an_intent_that_the_bot_does_not_know_is_a_fault_of_its_line(tmp_path: Path) -> None:
    more = NLU + "- intent: fly\n  examples: |\n    - up\n"
    folder = written(tmp_path / "bot", {"nlu/a.yml": NLU, "nlu/b.yml": more})
    assert errors(read_source(folder, "bot", known=["greet"])) == [("nlu/b.yml", 6, "unknown_intent")]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.docx", b"x", "unknown_format"),
        ("a", b"x", "unknown_format"),
        ("a.zip", b"x", "bad_zip"),
        ("a.zip", zipped({"style.css": "p{}"}), "no_articles"),
        ("a.html", b"<html><body></body></html>", "no_articles"),
        ("a.yml", RULES.encode(), "no_articles"),
        ("a.jsonl", b"\n", "no_articles"),
        ("a.jsonl", b'{"id":"a","title":"T","answer":"x","questions":' + b"[" * 50_000, "bad_json"),
        ("a.md", b"---\ntitle: &a [*a]\n---\nx", "bad_front_matter"),
        ("a.csv", b"id;title;answer\n", "bad_csv"),
    ],
)
def test_what_holds_nothing_says_why(name: str, data: bytes, code: str) -> None:
    assert [error.code for error in read_source(data, name).parsed.errors] == [code]


def test_ten_thousand_variants_at_once_are_a_fault_of_their_line() -> None:
    questions = [f"question number {number}" for number in range(10_000)]
    row = json.dumps({"id": "a", "title": "T", "answer": "x", "questions": questions})
    (error,) = read_source(f"\n{row}\n".encode(), "a.jsonl").parsed.errors
    assert (error.line, error.code) == (2, "too_many")
    assert str(MAX_QUESTIONS) in error.message


def test_one_import_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": f"a{n}", "title": "T", "answer": "x" * 100} for n in range(4)]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    monkeypatch.setattr(reading, "MAX_ARTICLES", 3)
    assert errors(read_source(data, "a.jsonl")) == [("", 0, "too_large")]
    monkeypatch.setattr(reading, "MAX_ARTICLES", 4)
    monkeypatch.setattr(reading, "MAX_TEXT", 403)
    assert errors(read_source(data, "a.jsonl")) == [("", 0, "too_large")]
    monkeypatch.setattr(reading, "MAX_TEXT", 404)
    assert errors(read_source(data, "a.jsonl")) == []
    monkeypatch.setattr(reading, "MAX_TEXT", len(MARKDOWN) - 1)
    source = read_source(MARKDOWN.encode(), "pay.md")
    assert (len(source.parsed.articles), source.texts, notes(source)) == (1, {}, [("", "form_not_kept")])


def test_what_was_read_travels_between_processes(tmp_path: Path) -> None:
    project = written(
        tmp_path / "bot", {"data/nlu.yml": NLU, "data/rules.yml": RULES, "articles/pay.md": MARKDOWN}
    )
    for source in (
        read_source(zipped(SITE), "site.zip"),
        read_source(project, "bot", known=["greet"]),
        read_source(b"{", "a.jsonl"),
    ):
        assert source_from_json(json.loads(json.dumps(source_to_json(source)))) == source


async def test_reading_apart_is_the_same_reading(tmp_path: Path) -> None:
    data = zipped(SITE)
    assert await read_apart(data, "site.zip", locale="de") == read_source(data, "site.zip", locale="de")
    folder = written(tmp_path / "site", SITE)
    assert await read_apart(folder, "site") == read_source(folder, "site")
    project = written(tmp_path / "bot", {"data/nlu.yml": NLU})
    assert errors(await read_apart(project, "bot", known=["bye"])) == [("data/nlu.yml", 3, "unknown_intent")]


async def test_a_file_that_takes_too_long_is_given_up_and_named() -> None:
    # Seconds of trafilatura each, on the fastest machine.
    heavy = page("T", "<p>" + "a<br>" * 90_000)
    data = zipped({"a.html": page("A", "<p>a</p>"), **{f"b/heavy{n}.html": heavy for n in range(30)}})
    (error,) = (await read_apart(data, "site.zip", time_limit_s=12)).parsed.errors
    assert (error.code, error.line) == ("too_heavy", 0)
    assert error.file.startswith("b/heavy")
