"""Questions that no system can know from before."""

from collections import Counter
from itertools import islice

import pytest

from bench.questions import endless, read_questions
from bench.rasa_project import read_articles


def test_every_article_is_asked_about_and_none_that_is_not_there():
    articles = {article.id for article in read_articles()}
    asked = Counter(question.article_id for question in read_questions())
    assert set(asked) <= articles
    assert len(asked) >= 60


def test_no_question_is_an_articles_own():
    known = {t.strip().lower().rstrip("?.!") for a in read_articles() for t in (a.title, *a.questions)}
    assert not [q.text for q in read_questions() if q.text.strip().lower().rstrip("?.!") in known]


def test_no_two_questions_of_a_run_are_alike_and_the_bare_ones_come_first():
    bare = read_questions()
    asked = list(islice(endless(bare, 1), 5000))
    assert len({question.text for question in asked}) == 5000
    assert {question.text for question in asked[: len(bare)]} == {question.text for question in bare}


def test_a_seed_decides_the_order():
    bare = read_questions()
    first, again, other = (list(islice(endless(bare, seed), 300)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_dressed_question_keeps_its_words_and_its_article():
    bare = {question.text: question.article_id for question in read_questions()}
    for question in islice(endless(read_questions(), 3), 1000):
        assert any(text in question.text and of == question.article_id for text, of in bare.items())


def test_a_line_without_its_article_is_named(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text("# why\n\nreturns: can I?\njust a question\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"questions\.txt:4"):
        read_questions(path)
