"""What an article may be, and what it becomes when it is taken in."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_index.article import Article, ArticleError, check_article, check_id, clean_text, content_hash

GOOD: dict[str, Any] = {"id": "returns", "title": "How do I return it?", "answer": "Print the label."}


def refusal(**changes: Any) -> ArticleError:
    raw = {**GOOD, **changes}
    with pytest.raises(ArticleError) as caught:
        check_article({key: value for key, value in raw.items() if value is not ...})
    return caught.value


def test_the_least_article_gets_defaults() -> None:
    assert check_article(GOOD) == Article("returns", "How do I return it?", "Print the label.", (), (), "en")


def test_optional_fields_may_be_null() -> None:
    nothing = {"questions": None, "tags": None, "locale": None, "valid_from": None, "valid_until": None}
    assert check_article({**GOOD, **nothing}) == check_article(GOOD)


@pytest.mark.parametrize("value", [..., None, "", "   ", "\n\t"])
def test_title_and_answer_are_required(value: Any) -> None:
    assert (refusal(title=value).code, refusal(title=value).field) == ("missing_title", "title")
    assert (refusal(answer=value).code, refusal(answer=value).field) == ("missing_answer", "answer")


def test_an_id_is_required() -> None:
    assert refusal(id=...).code == "missing_id"
    assert refusal(id="").code == "missing_id"


@pytest.mark.parametrize("value", ["Upper", "a b", "../x", "-a", ".a", "a/b", "ä", "a" * 101, 7, "a\n"])
def test_ids_that_could_not_be_a_file_name_are_refused(value: Any) -> None:
    assert refusal(id=value).code == "bad_id"


def test_the_longest_id_is_taken() -> None:
    assert check_id("a" * 100) == "a" * 100


def test_unknown_fields_are_named() -> None:
    error = refusal(titel="x")
    assert (error.code, error.field) == ("unknown_field", "titel")
    assert "titel" in error.message


@pytest.mark.parametrize(("field", "longest"), [("title", 200), ("answer", 20_000)], ids=["title", "answer"])
def test_length_limits_are_exact(field: str, longest: int) -> None:
    check_article({**GOOD, field: "x" * longest})
    assert refusal(**{field: "x" * (longest + 1)}).code == "too_long"


def test_question_limits_are_exact() -> None:
    check_article({**GOOD, "questions": ["x" * 1000]})
    assert refusal(questions=["x" * 1001]).code == "too_long"
    assert len(check_article({**GOOD, "questions": [f"q{n}" for n in range(5000)]}).questions) == 5000
    assert refusal(questions=[f"q{n}" for n in range(5001)]).code == "too_many"


@pytest.mark.parametrize(
    "character", ["\x00", "\x07", "\x1b", "\x85", "\u202e", "\u2066", "\u2028", "\ud800", "\ufffe", "\ufdd0"]
)
def test_characters_that_hide_or_break_are_refused(character: str) -> None:
    for changes in (
        {"title": f"a{character}b"},
        {"answer": f"a{character}b"},
        {"questions": [f"a{character}b"]},
    ):
        assert refusal(**changes).code == "bad_character"


def test_right_to_left_text_and_emoji_are_taken() -> None:
    article = check_article({**GOOD, "title": "איפה החבילה שלי? 📦", "locale": "he"})
    assert article.title == "איפה החבילה שלי? 📦"


@pytest.mark.parametrize("value", ["one", {"a": 1}, 3])
def test_questions_must_be_a_list(value: Any) -> None:
    assert refusal(questions=value).code == "bad_type"


@pytest.mark.parametrize("value", [3, True, ["x"]])
def test_texts_must_be_texts(value: Any) -> None:
    assert refusal(title=value).code == "bad_type"
    assert refusal(questions=[value]).code == "bad_type"


def test_an_empty_question_is_named_by_its_place() -> None:
    error = refusal(questions=["fine", " "])
    assert error.code == "empty_entry"
    assert "2" in error.message


def test_repeated_questions_count_once_and_keep_their_order() -> None:
    assert check_article({**GOOD, "questions": ["b", "a", " b "]}).questions == ("b", "a")


@pytest.mark.parametrize("value", ["english please", "e", "en_GB", 5, "en-"])
def test_odd_locales_are_refused(value: Any) -> None:
    assert refusal(locale=value).code == "bad_locale"


@pytest.mark.parametrize("field", ["valid_from", "valid_until"])
@pytest.mark.parametrize(
    "value",
    [
        "2026-12-01",
        "2026-12-01T00:00Z",
        "2026-12-01 00:00:00Z",
        "2026-12-01T00:00:00",
        "2026-12-01T00:00:00+00:00",
        "2026-12-01T00:00:00.000Z",
        "2026-12-01t00:00:00z",
        "2026-02-31T00:00:00Z",
        "2026-12-01T24:00:00Z",
        "0000-12-01T00:00:00Z",
        "２０２６-12-01T00:00:00Z",  # noqa: RUF001 - digits, but not those of a time
        "soon",
    ],
)
def test_times_in_another_form_are_refused(field: str, value: str) -> None:
    error = refusal(**{field: value})
    assert (error.code, error.field) == ("bad_time", field)
    assert refusal(**{field: 20261201}).code == "bad_type"


def test_the_bounds_of_validity_are_taken_as_they_are() -> None:
    article = check_article({**GOOD, "valid_from": " 2026-12-01T00:00:00Z ", "valid_until": ""})
    assert (article.valid_from, article.valid_until) == ("2026-12-01T00:00:00Z", None)
    leap = check_article({**GOOD, "valid_until": "2028-02-29T23:59:59Z"})
    assert (leap.valid_from, leap.valid_until) == (None, "2028-02-29T23:59:59Z")


def test_what_ends_before_it_begins_is_refused() -> None:
    for until in ("2026-12-01T00:00:00Z", "2026-11-30T23:59:59Z"):
        error = refusal(valid_from="2026-12-01T00:00:00Z", valid_until=until)
        assert (error.code, error.field) == ("never_valid", "valid_until")


def test_an_article_is_valid_from_its_beginning_to_before_its_end() -> None:
    bounds = {"valid_from": "2026-12-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z"}
    article = check_article({**GOOD, **bounds})
    times = {
        "2026-11-30T23:59:59Z": False,
        "2026-12-01T00:00:00Z": True,
        "2026-12-31T23:59:59Z": True,
        "2027-01-01T00:00:00Z": False,
    }
    assert {time: article.is_valid_at(time) for time in times} == times
    assert all(check_article(GOOD).is_valid_at(time) for time in times)


def test_without_bounds_the_json_and_the_hash_are_what_they_were_before_there_were_bounds() -> None:
    article = check_article({**GOOD, "questions": ["b", "a"], "tags": ["t"]})
    assert list(article.as_dict()) == ["id", "title", "answer", "questions", "tags", "locale"]
    assert content_hash([article]) == "f0d0691867d8b0911f17248a3d011c5853d92df694e7075fdac6881c73cb7de4"
    bounded = check_article({**article.as_dict(), "valid_until": "2026-12-01T00:00:00Z"})
    assert list(bounded.as_dict())[-1] == "valid_until"
    assert check_article(bounded.as_dict()) == bounded


def test_text_is_normalised() -> None:
    article = check_article({**GOOD, "title": " Cafe\u0301  time ", "answer": "one\r\ntwo\rthree\n"})
    assert article.title == "Café time"
    assert article.answer == "one\ntwo\nthree"


@given(st.text(min_size=1, max_size=50))
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    try:
        once = clean_text(text, "title", 200, line_breaks=False)
    except ArticleError:
        return
    assert clean_text(once, "title", 200, line_breaks=False) == once
    assert unicodedata.is_normalized("NFC", once)


def test_the_hash_ignores_every_order() -> None:
    one = Article("a", "A", "x", ("p", "q"), ("t", "u"))
    two = Article("b", "B", "y")
    turned = Article("a", "A", "x", ("q", "p"), ("u", "t"))
    assert content_hash([one, two]) == content_hash([two, turned])


@pytest.mark.parametrize(
    "other",
    [
        Article("b", "A", "x", ("p",)),
        Article("a", "B", "x", ("p",)),
        Article("a", "A", "y", ("p",)),
        Article("a", "A", "x", ("q",)),
        Article("a", "A", "x", ("p",), ("t",)),
        Article("a", "A", "x", ("p",), (), "de"),
        Article("a", "A", "x"),
        Article("a", "A", "x", ("p",), valid_from="2026-12-01T00:00:00Z"),
        Article("a", "A", "x", ("p",), valid_until="2026-12-01T00:00:00Z"),
    ],
)
def test_the_hash_sees_every_field(other: Article) -> None:
    assert content_hash([Article("a", "A", "x", ("p",))]) != content_hash([other])


def test_the_hash_of_nothing_is_defined() -> None:
    assert content_hash([]) == content_hash(())


def test_articles_and_releases_need_the_standard_library_alone() -> None:
    program = (
        "import sys; import kb_index.article, kb_index.editions, kb_index.releases; "
        "print(sorted({'numpy', 'yaml', 'faiss', 'scipy', 'onnxruntime'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
    )
    assert run.stdout.strip() == "[]"
