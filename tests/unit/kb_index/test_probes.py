"""What a probe may not see, and what held-back questions say of an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from kb_index.article import Article
from kb_index.encoder import Vectors, normalised
from kb_index.probes import PARTS, Comparison, Probe, area, compare, held_out, mark, marks_of
from tests.unit.kb_index.conftest import WordEncoder


def silent(_stage: str, _done: int, _total: int) -> None:
    pass


def test_each_question_and_each_article_is_held_back_by_one_probe(shop: list[Article]) -> None:
    whole = [held_out(shop, number) for number in range(PARTS)]
    assert sorted(gone for ids, _ in whole for gone in ids) == sorted(article.id for article in shop)
    questions = {(article.id, text) for article in shop for text in article.questions}
    for number, (gone, out) in enumerate(whole):
        assert out <= questions
        assert not {owner for owner, _ in out} & gone, "an article that is gone has nothing left to hold back"
        assert held_out(list(reversed(shop)), number) == (gone, out), "the order does not matter"
    # A question may be missed where its own part meets its article's.
    assert len(set().union(*(out for _, out in whole))) >= 0.7 * len(questions)


def test_a_title_is_never_held_back() -> None:
    same = [
        Article(id=f"a{n}", title="the same", answer="x", questions=("the same", f"q{n}")) for n in range(10)
    ]
    for number in range(PARTS):
        assert all(text != "the same" for _, text in held_out(same, number)[1])


def test_a_mark_is_of_the_question_and_its_article() -> None:
    assert mark("a", "text") != mark("b", "text")
    assert mark("a", "text") == mark("a", "text")
    assert mark("a", "\ud800")
    assert marks_of([("b", "x"), ("a", "y")]) == sorted([mark("a", "y"), mark("b", "x")])


class Blurred(WordEncoder):
    """Sees every text through noise: `share` of it."""

    def __init__(self, share: float) -> None:
        super().__init__(f"blurred {share}")
        self._share = share

    def encode(self, texts: Sequence[str]) -> Vectors:
        random = np.random.default_rng(0)
        noise = normalised(random.standard_normal((len(texts), self.dimension)).astype(np.float32))
        return normalised((1 - self._share) * super().encode(texts) + self._share * noise)


def probes_of(shop: list[Article], encoder: WordEncoder, number: int = 2) -> list[Probe]:
    found = []
    for part in range(number):
        gone, out = held_out(shop, part)
        found.append(Probe(encoder, gone, frozenset(marks_of(out))))
    return found


def test_a_clearer_encoder_is_found_better_and_a_blurred_one_worse(shop: list[Article]) -> None:
    clear, blurred = WordEncoder(), Blurred(0.7)
    better = compare(shop, blurred, probes_of(shop, clear), silent)
    worse = compare(shop, clear, probes_of(shop, blurred), silent)
    assert better.gain == pytest.approx(-worse.gain)
    assert better.gain > 0.1
    assert better.worth(0.01)
    assert not worse.worth(0.01)
    assert better.verdict(0.01).startswith("better")
    assert worse.verdict(0.01).startswith("not better")
    figures = better.figures()
    assert figures["questions"] == sum(len(held_out(shop, part)[1]) for part in range(2))
    assert figures["top1_tuned"] > figures["top1_base"]
    assert figures["auroc_tuned"] > figures["auroc_base"]


def test_the_same_encoder_is_not_worth_it(shop: list[Article]) -> None:
    same = compare(shop, WordEncoder(), probes_of(shop, WordEncoder()), silent)
    assert same.gain == 0.0
    assert not same.worth(0.01)


def test_a_gain_in_one_figure_does_not_buy_a_loss_in_the_other() -> None:
    base, tuned = np.array([True] * 90 + [False] * 10), np.array([True] * 88 + [False] * 12)
    assert not Comparison(base, tuned, 0.8, 0.9).worth(0.01)
    assert Comparison(base, base, 0.8, 0.9).worth(0.01)


def test_a_gain_within_chance_is_not_worth_it() -> None:
    random = np.random.default_rng(0)
    base = random.random(60) < 0.8
    tuned = base.copy()
    tuned[np.flatnonzero(~base)[:6]] = True
    tuned[np.flatnonzero(base)[:5]] = False
    found = Comparison(base, tuned, 0.8, 0.8)
    assert 0.01 < found.top1_gain < found.uncertainty
    assert not found.worth(0.01)


def test_nothing_to_ask_is_no_gain() -> None:
    few = [Article(id="a", title="one", answer="x"), Article(id="b", title="two", answer="y")]
    found = compare(few, WordEncoder(), [Probe(WordEncoder("tuned"), frozenset(), frozenset())], silent)
    assert len(found.base_right) == 0
    assert not found.worth(0.01)
    assert found.figures()["questions"] == 0


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [([2.0, 3.0], [0.0, 1.0], 1.0), ([0.0], [1.0], 0.0), ([1.0], [1.0], 0.5), ([1.0, 3.0], [2.0], 0.5)],
)
def test_area(high: list[float], low: list[float], expected: float) -> None:
    assert area(np.array(high), np.array(low)) == expected
