"""Files in, files out: exact round trips, golden files, and every fault with its place."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb_index import formats
from kb_index.article import Article, ArticleError, check_article
from kb_index.formats import Parsed, parse, write_csv, write_intents, write_jsonl, write_markdown

GOLDEN = Path(__file__).parents[2] / "golden" / "kb"

ARTICLES = [
    Article(
        "return-an-item",
        "How do I return an item?",
        "Print the label.\n\n---\n\n- within **30 days**\n- unused",
        ("send it back", 'they said "no refund"', "either | or", "a\\", "C:\\temp"),
        ("returns", "no"),
        "en",
    ),
    Article("no.title_is-2024", "2024: what's new?", "# Nothing\n\n    indented\ttab", (), (), "no"),
    Article(
        "wo-ist-mein-paket",
        "Wo ist mein Paket? 📦",
        "Unterwegs,\nmit „Anführung“.",
        ("paket weg",),
        (),
        "de-AT",
    ),
]


def codes(parsed: Parsed) -> list[tuple[str, int, str]]:
    return [(error.file, error.line, error.code) for error in parsed.errors]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def jsonl(path: Path, *rows: object) -> Path:
    return write(path, "".join(json.dumps(row) + "\n" for row in rows))


GOOD = {"id": "a", "title": "A?", "answer": "x"}


@pytest.mark.parametrize(
    ("name", "writer"),
    [("articles.jsonl", write_jsonl), ("articles.csv", write_csv)],
)
def test_files_match_the_golden_ones(
    tmp_path: Path, name: str, writer: Callable[[Path, Iterable[Article]], None]
) -> None:
    writer(tmp_path / name, ARTICLES)
    assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()
    assert parse(GOLDEN / name) == Parsed(articles=ARTICLES)


def test_markdown_matches_the_golden_files(tmp_path: Path) -> None:
    write_markdown(tmp_path / "out", ARTICLES)
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert written == {path.name: path.read_bytes() for path in (GOLDEN / "articles").iterdir()}
    assert sorted(parse(GOLDEN / "articles").articles, key=lambda a: a.id) == sorted(
        ARTICLES, key=lambda a: a.id
    )


def test_intents_match_the_golden_file(tmp_path: Path) -> None:
    intents = {
        "greet": ["hello", "good morning: you", "- dash", "[Ann](name) here"],
        "faq/chitchat": ["# what?"],
    }
    write_intents(tmp_path / "intents.yml", intents)
    assert (tmp_path / "intents.yml").read_bytes() == (GOLDEN / "intents.yml").read_bytes()
    assert parse(GOLDEN / "intents.yml") == Parsed(intents=intents)


TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"))
    | st.sampled_from("|\\\"':#-,{}[]&*!%@`~\u0085\n"),
    min_size=1,
    max_size=30,
)
RAW = st.fixed_dictionaries(
    {
        "id": st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True),
        "title": TEXT,
        "answer": TEXT,
        "questions": st.lists(TEXT, max_size=4),
        "tags": st.lists(TEXT, max_size=2),
        "locale": st.sampled_from(["en", "no", "pt-BR"]),
        "valid_from": st.sampled_from([None, "2026-12-01T00:00:00Z"]),
        "valid_until": st.sampled_from([None, "2027-01-01T12:30:59Z"]),
    }
)


@st.composite
def any_articles(draw: st.DrawFn) -> list[Article]:
    found: dict[str, Article] = {}
    for raw in draw(st.lists(RAW, max_size=3)):
        try:
            article = check_article(raw)
        except ArticleError:
            continue
        found[article.id] = article
    return list(found.values())


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_articles())
def test_every_format_gives_back_what_was_written(tmp_path: Path, articles: list[Article]) -> None:
    write_jsonl(tmp_path / "a.jsonl", articles)
    write_csv(tmp_path / "a.csv", articles)
    assert parse(tmp_path / "a.jsonl") == Parsed(articles=articles)
    assert parse(tmp_path / "a.csv") == Parsed(articles=articles)
    for article in articles:
        write_markdown(tmp_path / "one", [article])
        assert parse(tmp_path / "one" / f"{article.id}.md") == Parsed(articles=[article])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_intents_come_back_as_they_were(tmp_path: Path, texts: list[str]) -> None:
    try:
        article = check_article({**GOOD, "questions": texts})
    except ArticleError:
        return
    intents = {"greet": list(article.questions)}
    write_intents(tmp_path / "i.yml", intents)
    assert parse(tmp_path / "i.yml") == Parsed(intents=intents)


def test_every_bad_row_is_listed_and_nothing_is_handed_over(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        "\n".join(
            [
                json.dumps(GOOD),
                "",
                "{oops",
                json.dumps({**GOOD, "id": "b", "title": " "}),
                json.dumps({"id": "c", "title": "C"}),
                json.dumps(GOOD),
                json.dumps({**GOOD, "id": "d", "colour": "red"}),
                "[1]",
                '{"id": "e", "id": "e", "title": "E", "answer": "x"}',
                '{"id": "f", "title": "F", "answer": NaN}',
                json.dumps({"title": "G", "answer": "x"}),
            ]
        ),
    )
    parsed = parse(path)
    assert parsed.articles == []
    assert [(line, code) for _file, line, code in codes(parsed)] == [
        (3, "bad_json"),
        (4, "missing_title"),
        (5, "missing_answer"),
        (6, "duplicate_id"),
        (7, "unknown_column"),
        (8, "bad_json"),
        (9, "bad_json"),
        (10, "bad_json"),
        (11, "missing_id"),
    ]
    assert "a.jsonl:1" in parsed.errors[3].message


def test_the_first_hundred_errors_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    parsed = parse(jsonl(tmp_path / "a.jsonl", *[{"id": f"a{n}"} for n in range(130)]))
    assert (len(parsed.errors), parsed.more_errors) == (100, 30)


def test_deeply_nested_json_is_an_error_not_a_crash(tmp_path: Path) -> None:
    assert codes(parse(write(tmp_path / "a.jsonl", "[" * 100_000))) == [("a.jsonl", 1, "bad_json")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.md", "a.yml"])
def test_other_encodings_are_named_with_their_line(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "one\ntwo é\n".encode("latin-1"))
    parsed = parse(path)
    assert codes(parsed) == [(name, 2, "bad_encoding")]
    assert "UTF-8" in parsed.errors[0].message


def test_utf_16_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps(GOOD).encode("utf-16"))
    assert codes(parse(path)) == [("a.jsonl", 1, "bad_encoding")]


def test_a_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    csv_text = b"id,title,answer\na,A?,x\n"
    md_text = b"---\nid: a\ntitle: A?\n---\nx\n"
    for name, data in (("a.jsonl", json.dumps(GOOD).encode()), ("a.csv", csv_text), ("a.md", md_text)):
        assert parse(write(tmp_path / name, mark + data)).articles == [Article("a", "A?", "x")]


def test_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    for name in ("articles.jsonl", "articles.csv"):
        data = (GOLDEN / name).read_bytes().replace(b"\n", b"\r\n")
        assert parse(write(tmp_path / name, data)).articles == ARTICLES
    for golden in (GOLDEN / "articles").iterdir():
        turned = parse(write(tmp_path / golden.name, golden.read_bytes().replace(b"\n", b"\r\n")))
        assert turned.articles == parse(golden).articles


def test_too_large_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_FILE_BYTES", 100)
    monkeypatch.setattr(formats, "MAX_ARTICLE_FILE_BYTES", 50)
    for name, size in (("a.jsonl", 101), ("a.yml", 101), ("a.md", 51)):
        assert codes(parse(write(tmp_path / name, b"x" * size))) == [(name, 0, "too_large")]


def test_ten_megabytes_of_articles_are_read(tmp_path: Path) -> None:
    rows = [{"id": f"a{n}", "title": f"Title {n}", "answer": "x" * 10_000} for n in range(1_000)]
    parsed = parse(jsonl(tmp_path / "a.jsonl", *rows))
    assert (len(parsed.articles), parsed.errors) == (1_000, [])


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    assert codes(parse(tmp_path / "no.csv")) == [("no.csv", 0, "not_found")]
    assert codes(parse(write(tmp_path / "a.docx", b"x"))) == [("a.docx", 0, "unknown_format")]
    (tmp_path / "empty").mkdir()
    assert codes(parse(tmp_path / "empty")) == [("empty", 0, "no_articles")]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("id,title,answer,colour", "unknown_column"),
        ("id,title", "missing_column"),
        ("id,title,answer,id", "duplicate_column"),
        ("id;title;answer", "bad_csv"),
        ("", "missing_column"),
    ],
)
def test_csv_headers_are_checked(tmp_path: Path, header: str, expected: str) -> None:
    parsed = parse(write(tmp_path / "a.csv", header + "\na,A,x\n" if header else ""))
    assert expected in {error.code for error in parsed.errors}
    assert parsed.articles == []


def test_csv_rows_are_named_by_the_line_on_which_they_begin(tmp_path: Path) -> None:
    text = 'id,title,answer\na,A,"one\ntwo\nthree"\nb,,x\nc,C\n\na,A,x\n'
    assert codes(parse(write(tmp_path / "a.csv", text))) == [
        ("a.csv", 5, "missing_title"),
        ("a.csv", 6, "bad_row"),
        ("a.csv", 8, "duplicate_id"),
    ]


def test_broken_csv_quoting_is_an_error(tmp_path: Path) -> None:
    parsed = parse(write(tmp_path / "a.csv", 'id,title,answer\na,"A"x,y\n'))
    assert {error.code for error in parsed.errors} == {"bad_csv"}
    assert parse(write(tmp_path / "b.csv", 'id,title,answer\na,A,"never closed\n')).articles == []


def test_a_long_csv_cell_is_read_and_the_limit_of_the_process_stays(tmp_path: Path) -> None:
    before = formats.csv.field_size_limit()
    questions = "|".join(f"question number {n} " + "x" * 900 for n in range(300))
    parsed = parse(write(tmp_path / "a.csv", f"id,title,answer,questions\na,A,x,{questions}\n"))
    assert len(parsed.articles[0].questions) == 300
    assert formats.csv.field_size_limit() == before


def test_faults_in_front_matter_have_their_line(tmp_path: Path) -> None:
    head = "---\nid: a\ntitle: A\n"
    cases = {
        "plain.md": ("no fence", 1, "bad_front_matter"),
        "open.md": (head, 1, "bad_front_matter"),
        "yaml.md": (head + "tags: [x\n---\ny\n", 5, "bad_front_matter"),
        "twice.md": (head + "title: B\n---\ny\n", 4, "bad_front_matter"),
        "answer.md": (head + "answer: B\n---\ny\n", 4, "bad_front_matter"),
        "nested.md": (head + "questions:\n  - a: b\n---\ny\n", 5, "bad_front_matter"),
        "unknown.md": (head + "colour: red\n---\ny\n", 4, "unknown_column"),
        "locale.md": (head + "locale: en_GB\n---\ny\n", 4, "bad_locale"),
        "window.md": (head + "valid_from: 2026-12-01\n---\ny\n", 4, "bad_time"),
        "body.md": (head + "---\n\n", 5, "missing_answer"),
        "list.md": ("---\n- a\n---\ny\n", 2, "bad_front_matter"),
        "titleless.md": ("---\nid: b\n---\ny\n", 1, "missing_title"),
    }
    for name, (text, line, code) in cases.items():
        assert codes(parse(write(tmp_path / name, text))) == [(name, line, code)], name


def test_scalars_in_front_matter_stay_text(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.md", "---\ntitle: 404\nquestions:\ntags: [yes, 2024-01-01]\nlocale: no\n---\nx\n"
    )
    assert parse(path).articles == [Article("a", "404", "x", (), ("yes", "2024-01-01"), "no")]


def test_bounds_of_validity_need_no_quotes_in_front_matter(tmp_path: Path) -> None:
    text = "---\ntitle: A\nvalid_from: 2026-12-01T00:00:00Z\nvalid_until: '2027-01-01T00:00:00Z'\n---\nx\n"
    (article,) = parse(write(tmp_path / "a.md", text)).articles
    assert (article.valid_from, article.valid_until) == ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")


def test_csv_has_columns_for_the_bounds_that_are_set_and_takes_blank_cells(tmp_path: Path) -> None:
    bounded = Article("b", "B", "y", valid_until="2027-01-01T00:00:00Z")
    write_csv(tmp_path / "a.csv", iter([Article("a", "A", "x"), bounded]))
    header, first, second = (tmp_path / "a.csv").read_text().splitlines()
    assert header == "id,title,answer,questions,tags,locale,valid_until"
    assert (first, second) == ("a,A,x,,,en,", "b,B,y,,,en,2027-01-01T00:00:00Z")
    assert parse(tmp_path / "a.csv").articles == [Article("a", "A", "x"), bounded]


def test_a_yaml_bomb_is_an_error(tmp_path: Path) -> None:
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    parsed = parse(write(tmp_path / "a.md", f"---\nl0: &l0 [lol]\n{layers}title: A\n---\nx\n"))
    assert [error.code for error in parsed.errors] == ["bad_front_matter"]


def test_a_folder_lists_the_faults_of_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path / "a.md", "---\nid: same\ntitle: A\n---\nx\n")
    write(tmp_path / "sub" / "b.md", "---\nid: same\ntitle: B\n---\nx\n")
    write(tmp_path / "c.md", "---\nid: c\n---\nx\n")
    write(tmp_path / "d.md", b"---\nid: d\ntitle: \xff\n---\nx\n")
    parsed = parse(tmp_path)
    assert codes(parsed) == [
        ("c.md", 1, "missing_title"),
        ("d.md", 3, "bad_encoding"),
        ("sub/b.md", 1, "duplicate_id"),
    ]
    assert parsed.articles == []


def test_intents_in_both_of_rasas_shapes(tmp_path: Path) -> None:
    text = (
        'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n    - hello\n'
        "- intent: greet\n  examples:\n  - hey\n  - text: good day\n  - hi\n"
    )
    assert parse(write(tmp_path / "i.yml", text)).intents == {"greet": ["hi", "hello", "hey", "good day"]}


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_named(tmp_path: Path, separator: str, word: str) -> None:
    text = separator.join(("id", "title", "answer")) + "\n"
    (error,) = parse(write(tmp_path / "a.csv", text)).errors
    assert (error.line, error.code) == (1, "bad_csv")
    assert word in error.message


def test_faults_in_intents_have_their_line(tmp_path: Path) -> None:
    head = "nlu:\n"
    cases = {
        "section.yml": ("rules:\n- rule: x\n", 1, "unsupported_section"),
        "none.yml": ('version: "3.1"\n', 1, "bad_yaml"),
        "empty.yml": ("", 1, "bad_yaml"),
        "shape.yml": ("nlu: greet\n", 1, "bad_yaml"),
        "synonym.yml": (head + "- synonym: x\n  examples: |\n    - y\n", 2, "unsupported_section"),
        "name.yml": (head + "- intent: a b\n  examples: |\n    - y\n", 2, "bad_intent"),
        "noexamples.yml": (head + "- intent: greet\n", 2, "missing_examples"),
        "nobullet.yml": (head + "- intent: greet\n  examples: |\n    - a\n    b\n", 5, "bad_example"),
        "long.yml": (head + f"- intent: greet\n  examples: |\n    - a\n    - {'x' * 1001}\n", 5, "too_long"),
        "syntax.yml": (head + "- intent: [greet\n", 3, "bad_yaml"),
    }
    for name, (text, line, code) in cases.items():
        assert codes(parse(write(tmp_path / name, text))) == [(name, line, code)], name


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, ARTICLES)
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_jsonl(path, [])
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["a.jsonl"]
