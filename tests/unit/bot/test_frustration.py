"""The level of frustration over a conversation."""

from __future__ import annotations

import numpy as np
import pytest

from bot.frustration import (
    CALM,
    RELEASE,
    THRESHOLD,
    WORDS,
    Mood,
    TurnSignals,
    assess,
    score_of,
    similarity,
    weigh,
)


def after(*turns: TurnSignals) -> Mood:
    mood = Mood(0.0, tripped=False, escalate=False, weights=())
    for turn in turns:
        mood = assess(mood.level, mood.tripped, turn)
    return mood


def angry(anger: float, **more: object) -> TurnSignals:
    return TurnSignals(anger, **more)  # type: ignore[arg-type]


def test_one_clearly_angry_turn_trips_at_once() -> None:
    assert after(angry(0.95)).escalate


def test_two_fairly_angry_turns_trip_together_and_one_does_not() -> None:
    assert not after(angry(0.72)).escalate
    assert after(angry(0.72), angry(0.72)).escalate


def test_one_harsh_word_among_calm_turns_does_not() -> None:
    calm = angry(0.05)
    assert not any(after(calm, angry(0.75), *[calm] * n).escalate for n in range(4))


def test_slow_burning_does() -> None:
    slow = [angry(0.55), angry(0.65), angry(0.7), angry(0.7)]
    trips = [after(*slow[: n + 1]).escalate for n in range(len(slow))]
    assert not trips[0]
    assert any(trips)


def test_anger_fades_over_calm_turns() -> None:
    calm = angry(0.1)
    assert not after(angry(0.72), calm, calm, calm, angry(0.72)).escalate


def test_what_is_under_the_heads_threshold_never_trips() -> None:
    assert not after(*[angry(0.39, threshold=0.4)] * 50).escalate


def test_the_heads_threshold_is_where_words_begin_to_count() -> None:
    assert weigh(angry(0.4, threshold=0.4)) == ()
    assert weigh(angry(1.0, threshold=0.4)) == (("words", WORDS),)
    assert weigh(angry(0.0, threshold=0.4)) == (("words", CALM),)


def test_repeats_and_failures_alone_are_not_frustration() -> None:
    turn = angry(0.3, repeated=1.0, rejected=True, failed=True)
    assert not after(*[turn] * 10).escalate


def test_they_tip_the_scales_of_words() -> None:
    assert not after(angry(0.75)).escalate
    assert after(angry(0.75, repeated=1.0, failed=True)).escalate


class TestHysteresis:
    def test_having_tripped_old_anger_does_not_trip_again(self) -> None:
        mood = after(angry(0.95), angry(0.6))
        assert mood.tripped
        assert not mood.escalate

    def test_new_clear_anger_does(self) -> None:
        assert after(angry(0.95), angry(0.6), angry(0.95)).escalate

    def test_it_arms_again_once_the_level_has_fallen(self) -> None:
        calm = angry(0.1)
        eased = after(angry(0.95), calm, calm, calm)
        assert eased.score < RELEASE < THRESHOLD
        assert not eased.tripped


def test_the_score_stays_on_its_scale() -> None:
    assert score_of(0.0) == 0.0
    worst = angry(1.0, repeated=1.0, rejected=True, failed=True, asked_person=True)
    assert 0.99 < after(*[worst] * 100).score <= 1.0


@pytest.mark.parametrize(("threshold", "trips"), [(0.5, True), (0.7, False), (0.9, False)])
def test_a_site_may_choose_another_threshold(threshold: float, trips: bool) -> None:
    assert assess(0.0, False, angry(0.72), threshold).escalate is trips


def test_under_a_lower_threshold_old_anger_still_counts_once() -> None:
    """The level that tripped it must not lie under the release at once, or every upset turn would trip it anew."""
    first = assess(0.0, False, angry(0.62), 0.3)
    assert first.escalate
    again = assess(first.level, first.tripped, angry(0.55), 0.3)
    assert again.tripped
    assert not again.escalate


class TestEvidence:
    PARTS = (("unheard", 2.0), ("capitals", 1.0), ("thanks", -0.5), ("phrases", 0.5))

    def test_weights_are_divided_among_the_parts_that_point_their_way_and_add_up(self) -> None:
        mood = after(angry(0.9, parts=self.PARTS, repeated=0.5))
        assert [name for name, _ in mood.weights] == ["unheard", "capitals", "phrases", "repeated_question"]
        assert sum(weight for _, weight in mood.weights) == pytest.approx(mood.level, abs=1e-3)

    def test_a_calm_turn_names_what_calmed(self) -> None:
        assert [name for name, _ in weigh(angry(0.1, parts=self.PARTS))] == ["thanks"]

    def test_parts_that_all_point_the_other_way_are_not_named(self) -> None:
        assert [name for name, _ in weigh(angry(0.9, parts=(("thanks", -0.5),)))] == ["words"]


def test_similarity_counts_paraphrases_and_nothing_else() -> None:
    here = np.asarray([1.0, 0.0], dtype=np.float32)
    assert similarity(here, np.zeros((0, 2), dtype=np.float32)) == 0.0
    assert similarity(here, np.asarray([[0.6, 0.8]], dtype=np.float32)) == 0.0
    assert similarity(here, np.asarray([[0.6, 0.8], [1.0, 0.0]], dtype=np.float32)) == 1.0
