"""What the intent classifier learns of the articles. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb_index.article import Article

HARDEST: Final = 200
"""Article questions nearest to small talk: an article about returns that asks "hello, anybody there?" must hold."""

SPREAD: Final = 400
"""Further article questions, taken from all articles in turn."""

SAME_AS_TASK: Final = 0.85
"""An article's question this near to an example of a task is the task's: it would unlearn what starts the form."""


def background(
    articles: Sequence[Article],
    vectors: Mapping[str, NDArray[np.float32]],
    talk: NDArray[np.float32],
    tasks: NDArray[np.float32],
) -> list[str]:
    """Article questions that join the `question` intent, so that small talk is told from what articles answer.

    `vectors` holds a vector for each title and question; `talk` and `tasks`, shape (n, dimension), those of the
    examples of talk and of tasks. All titles, the questions nearest to talk and a spread over all articles.
    """
    titles = [article.title for article in articles]
    questions = list(_in_turn([article.questions for article in articles]))
    if questions and len(talk):
        near = np.max(np.stack([vectors[q] for q in questions]) @ talk.T, axis=1)
        hardest = [questions[i] for i in np.argsort(-near, kind="stable")[:HARDEST]]
    else:
        hardest = []
    chosen = dict.fromkeys([*titles, *hardest, *questions[:SPREAD]])
    if not len(tasks):
        return list(chosen)
    return [text for text in chosen if float(np.max(tasks @ vectors[text])) < SAME_AS_TASK]


def _in_turn(groups: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first of each group, the second of each, and so on."""
    for position in range(max((len(g) for g in groups), default=0)):
        for group in groups:
            if position < len(group):
                yield group[position]
