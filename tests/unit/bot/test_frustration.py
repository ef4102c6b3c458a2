"""The level of frustration over a conversation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bot.frustration import (
    RELEASE,
    THRESHOLD,
    Mood,
    Surface,
    TurnSignals,
    assess,
    score_of,
    similarity,
    surface_of,
)
from bot.training_data import TRAP, fit_anger, read_labelled_turns
from kb_index.encoder import load_encoder

PLAIN = Surface(0.0, 0.0, 0.0)
LOUD = Surface(1.0, 1.0, 1.0)
DATA = Path(__file__).parents[3] / "nlu_data" / "frustration"


def after(*turns: TurnSignals) -> Mood:
    mood = Mood(0.0, tripped=False, escalate=False, weights=())
    for turn in turns:
        mood = assess(mood.level, mood.tripped, turn)
    return mood


def angry(anger: float, surface: Surface = PLAIN, **more: object) -> TurnSignals:
    return TurnSignals(anger, surface, **more)  # type: ignore[arg-type]


def test_one_clearly_angry_turn_trips_at_once() -> None:
    assert after(angry(0.95)).escalate


def test_two_fairly_angry_turns_trip_together_and_one_does_not() -> None:
    assert not after(angry(0.72)).escalate
    assert after(angry(0.72), angry(0.72)).escalate


def test_anger_fades_over_calm_turns() -> None:
    calm = angry(0.1)
    assert not after(angry(0.72), calm, calm, calm, angry(0.72)).escalate


def test_loudness_alone_is_not_anger() -> None:
    assert after(angry(0.1, LOUD)).score == 0.0
    assert not after(*[angry(0.4, LOUD)] * 20).escalate


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
    worst = angry(1.0, LOUD, repeated=1.0, rejected=True, failed=True, asked_person=True)
    assert 0.99 < after(*[worst] * 100).score <= 1.0


def test_the_weights_name_the_strongest_first_and_add_up() -> None:
    mood = after(angry(0.9, LOUD, repeated=0.5))
    names = [name for name, _ in mood.weights]
    assert names[0] == "words"
    assert set(names) == {"words", "capitals", "marks", "swearing", "repeated_question"}
    assert sum(weight for _, weight in mood.weights) == pytest.approx(mood.level, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("where is it", PLAIN),
        ("I need a PDF", PLAIN),
        ("THANK YOU SO MUCH", Surface(1.0, 0.0, 0.0)),
        ("really?!?!?", Surface(0.0, 1.0, 0.0)),
        ("the damn zipper", Surface(0.0, 0.0, 0.5)),
        ("Scunthorpe, assistant, hello", PLAIN),
        ("", PLAIN),
    ],
)
def test_surface(text: str, expected: Surface) -> None:
    assert surface_of(text) == expected


def test_similarity_counts_paraphrases_and_nothing_else() -> None:
    here = np.asarray([1.0, 0.0], dtype=np.float32)
    assert similarity(here, np.zeros((0, 2), dtype=np.float32)) == 0.0
    assert similarity(here, np.asarray([[0.6, 0.8]], dtype=np.float32)) == 0.0
    assert similarity(here, np.asarray([[0.6, 0.8], [1.0, 0.0]], dtype=np.float32)) == 1.0


class TestShippedData:
    def test_left_out_conversations_are_told_apart_and_traps_hold(self) -> None:
        turns = read_labelled_turns(DATA)
        texts = list(dict.fromkeys(turn.text for turn in turns))
        vectors = dict(zip(texts, load_encoder("bundled").encode(texts), strict=True))
        head, figures = fit_anger(turns, vectors)
        assert head is not None
        assert figures["auroc"] > 0.8
        # Each trap is judged by a head that has not seen it.
        assert figures["traps"] == sum(turn.conversation_id.startswith(TRAP) for turn in turns) >= 100
        assert figures["traps_tripped"] <= 0.03 * figures["traps"]

    def test_without_both_labels_there_is_no_head(self) -> None:
        assert fit_anger([], {})[0] is None

    def test_every_line_can_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text(
            json.dumps({"conversation_id": "c", "actor": "bot", "text": "x", "frustrated": None})
            + "\n"
            + json.dumps({"conversation_id": "c", "actor": "customer", "text": "y", "frustrated": 1})
            + "\n"
        )
        assert [(t.text, t.frustrated) for t in read_labelled_turns(tmp_path)] == [("y", True)]
