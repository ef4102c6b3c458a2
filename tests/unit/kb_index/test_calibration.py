"""Thresholds from counted cases, and confidence from questions held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kb_index.calibration import (
    DEFAULT_ANSWERABLE,
    DEFAULT_CALIBRATION,
    DEFAULT_CONFIDENCE,
    SIGNALS,
    Calibration,
    Confidence,
    RiskUnknown,
    calibrate,
    signals,
)
from kb_index.encoder import Vectors, normalised
from kb_index.exam import Corpus, Rehearsal
from kb_index.index import VectorIndex
from kb_index.knowledge import no_progress
from kb_index.ranking import Scored
from kb_index.risk import FALLBACK_THRESHOLD, RISKS, UNSUPPORTED_THRESHOLD, choose_threshold
from kb_index.words import WordIndex


def corpus(articles: int, variants: int, spread: float) -> Corpus:
    """Articles as clusters: the wider the spread, the harder."""
    random = np.random.default_rng(7)
    centres = random.standard_normal((articles, 16))

    def rows(each: int) -> tuple[Vectors, np.ndarray]:
        owners = np.repeat(np.arange(articles), each)
        noise = spread * random.standard_normal((len(owners), 16))
        return normalised((centres[owners] + noise).astype(np.float32)), owners

    # Without words: each text is one and the same.
    texts = ["same"] * (articles * variants)
    words = WordIndex.build(texts, np.repeat(np.arange(articles), variants), articles)
    return Corpus(rows(1), rows(variants), VectorIndex(*rows(1)), articles, texts, words)


def test_the_threshold_is_the_lowest_that_keeps_the_risk() -> None:
    confidence = np.linspace(0.999, 0.0, 1000)
    right = np.ones(1000, dtype=bool)
    right[500::2] = False
    choice = choose_threshold(confidence, right, np.ones(1000), risk=0.05)
    given = confidence >= choice.threshold
    assert choice.supported
    assert choice.wrong == pytest.approx((~right[given]).mean())
    assert choice.bound is not None
    assert choice.bound <= 0.05
    assert 500 < given.sum() < 600


def test_a_smaller_risk_is_a_higher_threshold() -> None:
    random = np.random.default_rng(1)
    confidence = random.random(5000)
    right = random.random(5000) < confidence
    thresholds = [
        choose_threshold(confidence, right, np.ones(5000), risk).threshold for risk in (0.02, 0.1, 0.3)
    ]
    assert thresholds == sorted(thresholds, reverse=True)
    assert len(set(thresholds)) == 3


def test_mass_counts() -> None:
    """The same answers with the wrong ones ten times as heavy need a higher threshold."""
    random = np.random.default_rng(2)
    confidence = random.random(4000)
    right = random.random(4000) < confidence
    even = choose_threshold(confidence, right, np.ones(4000), 0.1)
    heavy = choose_threshold(confidence, right, np.where(right, 1.0, 10.0), 0.1)
    assert heavy.threshold > even.threshold


def test_few_questions_get_the_stricter_threshold_and_say_so() -> None:
    confidence = np.array([0.99, 0.98, 0.6, 0.5])
    choice = choose_threshold(confidence, np.array([True, True, True, False]), np.ones(4), 0.02)
    assert not choice.supported
    assert choice.threshold >= FALLBACK_THRESHOLD


def test_no_confident_question_leaves_the_strictest() -> None:
    choice = choose_threshold(np.array([0.4, 0.3]), np.array([True, False]), np.ones(2), 0.02)
    assert (choice.threshold, choice.supported, choice.wrong) == (UNSUPPORTED_THRESHOLD, False, None)


def test_equal_confidences_are_answered_together() -> None:
    confidence = np.array([0.9] * 300 + [0.8] * 300)
    right = np.array([True] * 300 + [True] * 250 + [False] * 50)
    assert choose_threshold(confidence, right, np.ones(600), 0.05).threshold == 0.9


def test_weightless_questions_do_not_count() -> None:
    confidence = np.array([0.99] + [0.9] * 500)
    right = np.array([False] + [True] * 500)
    mass = np.array([0.0] + [1.0] * 500)
    assert choose_threshold(confidence, right, mass, 0.02).supported


def test_well_separated_articles_are_answered_and_strangers_are_not() -> None:
    learnt = calibrate(corpus(20, 20, 0.2), risk=0.02, unanswerable_share=0.1, progress=no_progress)
    assert learnt.figures["threshold_support"] == "supported"
    assert learnt.figures["accuracy_top1"] == 1.0
    assert float(learnt.figures["coverage"] or 0) > 0.95


def test_the_estimate_keeps_the_risk_on_articles_that_overlap() -> None:
    learnt = calibrate(corpus(20, 30, 1.2), risk=0.1, unanswerable_share=0.2, progress=no_progress)
    assert learnt.figures["threshold_support"] == "supported"
    assert float(learnt.figures["wrong_answer_bound"] or 1) <= 0.1
    assert 0.2 < float(learnt.figures["coverage"] or 0) < 0.95


def test_no_weight_is_negative() -> None:
    learnt = calibrate(corpus(10, 12, 1.0), risk=0.05, unanswerable_share=0.1, progress=no_progress)
    assert (learnt.weights >= 0).all()
    assert (learnt.confidence.weights >= 0).all()


@pytest.mark.parametrize(("articles", "variants"), [(4, 30), (30, 1), (1, 100)])
def test_what_is_too_little_to_learn_from_keeps_the_defaults(articles: int, variants: int) -> None:
    learnt = calibrate(
        corpus(articles, variants, 0.3), risk=0.02, unanswerable_share=0.1, progress=no_progress
    )
    assert learnt.confidence == DEFAULT_CONFIDENCE
    assert learnt.threshold == FALLBACK_THRESHOLD
    assert learnt.figures["threshold_support"] == "too_few_questions"


def test_no_unanswerable_share_is_allowed() -> None:
    learnt = calibrate(corpus(10, 12, 0.2), risk=0.02, unanswerable_share=0.0, progress=no_progress)
    assert 0.0 < learnt.threshold < 1.0


def test_progress_reaches_its_end() -> None:
    seen: list[tuple[str, int, int]] = []
    calibrate(
        corpus(10, 12, 0.2), risk=0.02, unanswerable_share=0.1, progress=lambda *step: seen.append(step)
    )
    assert [done for _stage, done, _total in seen] == sorted(done for _stage, done, _total in seen)
    assert seen[-1][1] == seen[-1][2]


def scored(*rows: list[float], shares: tuple[float, ...]) -> Scored:
    return Scored(np.arange(len(rows)), np.array(rows), np.array(shares))


@pytest.mark.parametrize("probability", [DEFAULT_CONFIDENCE, DEFAULT_ANSWERABLE])
def test_probabilities_rise_with_every_signal(probability: Confidence) -> None:
    base = [0.6, 0.0, 0.4, 0.1, -1.0]
    start = probability.of(scored(base, base, shares=(0.6, 0.4)))
    for column in range(5):
        higher = [value + 0.1 * (place == column) for place, value in enumerate(base)]
        assert probability.of(scored(higher, base, shares=(0.6, 0.4))) > start
    assert probability.of(scored(base, base, shares=(0.9, 0.1))) >= start


def test_an_only_candidate_leads_nobody() -> None:
    row = [0.6, 0.0, 0.4, 0.0, -1.0]
    lead = SIGNALS.index("lead")
    assert signals(scored(row, shares=(1.0,)))[lead] == 0.0
    assert signals(scored(row, row, shares=(1.0, 0.0)))[lead] == 6.0


def test_no_candidate_is_no_confidence() -> None:
    assert DEFAULT_CONFIDENCE.of(Scored(np.zeros(0, np.int64), np.zeros((0, 5)), np.zeros(0))) == 0.0


def test_any_article_is_at_least_as_likely_as_the_best_and_strangers_are_told_apart() -> None:
    learnt = calibrate(corpus(20, 20, 0.5), risk=0.02, unanswerable_share=0.1, progress=no_progress)
    assert float(learnt.figures["answerable_auroc"] or 0) > 0.9
    near, far = [0.95, 0.5, 0.9, 0.5, -0.1], [0.3, 0.0, 0.2, 0.0, -2.5]
    assert learnt.answerable.of(scored(near, far, shares=(0.99, 0.01))) > 0.9
    assert learnt.answerable.of(scored(far, far, shares=(0.5, 0.5))) < 0.5


def test_the_upper_limit_stands_beside_the_bound() -> None:
    random = np.random.default_rng(4)
    confidence = random.random(4000)
    choice = choose_threshold(confidence, random.random(4000) < confidence, np.ones(4000), 0.1)
    assert choice.wrong is not None
    assert choice.bound is not None
    assert choice.upper95 is not None
    assert choice.wrong < choice.bound <= 0.1
    assert choice.bound < choice.upper95 < 0.13


def test_what_an_encoder_has_learnt_by_heart_is_not_believed() -> None:
    """Vectors that lie on their article's centre, because the encoder saw them; those it did not see are scattered."""
    seen, unseen = corpus(12, 20, 0.05), corpus(12, 20, 1.5)
    out = np.arange(12 * 20) % 4 == 0
    vectors = np.where(out[:, None], unseen.variants[0], seen.variants[0])
    rehearsed = Corpus(seen.titles, (vectors, seen.variants[1]), seen.passages, 12, seen.asked, seen.words)
    gone = np.arange(12) < 3
    kept = out & ~gone[seen.variants[1]]
    naive = calibrate(seen, risk=0.1, unanswerable_share=0.1, progress=no_progress)
    learnt = calibrate(
        seen,
        risk=0.1,
        unanswerable_share=0.1,
        progress=no_progress,
        rehearsals=[Rehearsal(rehearsed, kept, gone)] * 2,
    )
    assert naive.figures["accuracy_top1"] == 1.0
    assert learnt.figures["questions_asked"] == 2 * kept.sum()
    assert float(learnt.figures["accuracy_top1"] or 1) < 0.9


class TestAnotherRisk:
    @pytest.fixture
    def learnt(self) -> Calibration:
        return calibrate(corpus(20, 20, 0.8), risk=0.02, unanswerable_share=0.1, progress=no_progress)

    @pytest.mark.parametrize(("risk", "share"), [(0.02, 0.1), (0.1, 0.1), (0.05, 0.0), (0.001, 0.3)])
    def test_is_what_training_with_it_would_have_chosen_of_the_same_answers(
        self, learnt: Calibration, risk: float, share: float
    ) -> None:
        found = learnt.for_risk(risk, share)
        trained = calibrate(corpus(20, 20, 0.8), risk=risk, unanswerable_share=0.1, progress=no_progress)
        assert learnt.threshold_for(risk, share) == found.threshold
        assert (found.figures["risk"], found.figures["unanswerable_share"]) == (risk, share)
        if share == 0.1:
            assert found.threshold == trained.threshold
            assert found.figures == trained.figures

    def test_a_greater_risk_answers_more(self, learnt: Calibration) -> None:
        curve = learnt.curve()
        risks = [point["risk"] for point in curve]
        # Where the questions are too few the confidence is believed, which may be bolder than the bound.
        coverages = [float(point["coverage"] or 0.0) for point in curve if point["supported"]]
        assert risks == sorted({*RISKS, 0.02})
        assert coverages == sorted(coverages)
        assert len(coverages) > 5
        assert coverages[-1] > coverages[0]
        own = next(point for point in curve if point["risk"] == 0.02)
        assert own["threshold"] == learnt.figures["threshold"]
        assert own["coverage"] == learnt.figures["coverage"]
        assert own["wrong"] == learnt.figures["wrong_answer_rate"]

    def test_a_chosen_threshold_says_what_comes_of_it(self, learnt: Calibration) -> None:
        chosen = learnt.at_threshold(0.5)
        assert chosen.threshold == 0.5
        assert chosen.figures["threshold_support"] == "chosen"
        assert chosen.figures["risk"] is None
        assert learnt.tried is not None
        given = learnt.tried.confidence >= 0.5
        known = learnt.tried.there
        assert chosen.figures["coverage"] == pytest.approx((given & known).sum() / known.sum(), abs=1e-4)
        wrong = given & ~learnt.tried.right
        mass = learnt.tried.mass(0.1)
        assert chosen.figures["wrong_answer_rate"] == pytest.approx(
            mass[wrong].sum() / mass[given].sum(), abs=1e-4
        )

    def test_of_a_release_that_kept_nothing_is_not_guessed(self, learnt: Calibration) -> None:
        older = replace(learnt, tried=None)
        assert older.threshold_for(0.02, 0.1) == learnt.threshold
        assert older.curve() == []
        with pytest.raises(RiskUnknown, match="train again"):
            older.threshold_for(0.05, 0.1)
        assert older.at_threshold(0.5).threshold == 0.5

    def test_where_there_was_nothing_to_learn_from_changes_nothing(self) -> None:
        assert DEFAULT_CALIBRATION.for_risk(0.3, 0.1) is DEFAULT_CALIBRATION
        assert DEFAULT_CALIBRATION.curve() == []
