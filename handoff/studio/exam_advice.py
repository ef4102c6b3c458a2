"""That a text which is to be taught is a question of the exam: what was learnt by heart tests nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from handoff.studio.advice import Advice, Check
from handoff.studio.exam import folded
from kb_index.article import Article

CODE = "in_exam"
MESSAGE = "The exam asks this in the same words. Taught, it no longer shows how the bot does with what it has not seen."


def in_exam(asked: Collection[str]) -> Check:
    """A check of an article's title and questions; `asked` is as `Exam.asked` gives it."""

    def check(article: Article) -> Iterator[Advice]:
        if folded(article.title) in asked:
            yield Advice(CODE, MESSAGE, "title")
        for index, text in enumerate(article.questions):
            if folded(text) in asked:
                yield Advice(CODE, MESSAGE, "questions", index=index)

    return check
