"""A few steps of real fine-tuning: it learns, it repeats itself, it keeps to its time."""

from __future__ import annotations

import time

import numpy as np
import onnx
import pytest

from kb_index.encoder import Encoder
from kb_index.finetune import TOGETHER, Lesson, OutOfTime, batches, fine_tune
from kb_index.fork import TAIL_INPUTS, TAIL_OUTPUT, LowerLayers, Tail

# What belongs together here is not what the words say, so that the untuned encoder cannot know it.
PAIRS = ("parcel", "voucher"), ("jacket", "invoice"), ("password", "opening hours")
FRAMES = ("where is my {}", "{} question", "please help with the {}", "the {} is wrong")
TEXTS = [frame.format(word) for pair in PAIRS for word in pair for frame in FRAMES]
NO_VECTORS = np.zeros((0, 4), dtype=np.float32)
OWNERS = np.repeat(np.arange(len(PAIRS)), 2 * len(FRAMES))


@pytest.fixture(scope="module")
def lesson(bundled: Encoder) -> Lesson:
    return Lesson(LowerLayers().states(TEXTS), bundled.encode(TEXTS), OWNERS, epochs=20)


def tuned(lesson: Lesson) -> onnx.ModelProto:
    return fine_tune(lesson, deadline=float("inf"), threads=1, progress=lambda _done, _total: None)


def apart(tail: onnx.ModelProto, lesson: Lesson) -> float:
    """How much nearer questions of one article are than those of two."""
    vectors = Tail(tail.SerializeToString()).vectors(lesson.states)
    likeness = vectors @ vectors.T
    same = OWNERS[:, None] == OWNERS[None, :]
    np.fill_diagonal(same, val=False)
    return float(likeness[same].mean() - likeness[OWNERS[:, None] != OWNERS[None, :]].mean())


def test_it_learns_what_belongs_together_and_does_so_again(lesson: Lesson) -> None:
    untuned = tuned(Lesson(lesson.states, lesson.vectors, lesson.owners, epochs=0))
    first, second = tuned(lesson), tuned(lesson)
    assert apart(first, lesson) > apart(untuned, lesson) + 0.1
    assert first.SerializeToString() == second.SerializeToString()
    assert [entry.name for entry in first.graph.input] == list(TAIL_INPUTS)
    assert [entry.name for entry in first.graph.output] == [TAIL_OUTPUT]


def test_progress_is_told_to_its_end(lesson: Lesson) -> None:
    told: list[tuple[int, int]] = []
    one = Lesson(lesson.states, lesson.vectors, lesson.owners, epochs=1)
    fine_tune(one, deadline=float("inf"), threads=1, progress=lambda done, total: told.append((done, total)))
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1] == len(batches(one, np.random.default_rng(0)))


def test_it_stops_when_the_time_is_over(lesson: Lesson) -> None:
    with pytest.raises(OutOfTime, match=r"0 of .* batches"):
        fine_tune(lesson, deadline=time.monotonic() - 1, threads=1, progress=lambda _done, _total: None)


def test_a_batch_holds_groups_of_one_article_and_each_question_once() -> None:
    random = np.random.default_rng(1)
    owners = random.integers(0, 40, 700)
    states = [np.zeros((int(length), 4), dtype=np.float16) for length in random.integers(3, 60, 700)]
    made = batches(Lesson(states, NO_VECTORS, owners, epochs=1), np.random.default_rng(2))
    rows = np.concatenate(made)
    assert len(set(rows)) == len(rows) >= 700 - 40, "at most one of each article is left over"
    for batch in made:
        counts = np.bincount(owners[batch])
        assert (counts[counts > 0] > 1).all(), "nobody is without a neighbour"
        assert len(batch) <= 64
    widths = [
        max(len(states[row]) for row in batch) - min(len(states[row]) for row in batch) for batch in made
    ]
    assert np.mean(widths) < 40, "texts of like length share a batch"


def test_where_articles_have_many_questions_all_are_in_each_pass() -> None:
    random = np.random.default_rng(1)
    states = [np.zeros((int(length), 4), dtype=np.float16) for length in random.integers(3, 60, 700)]
    lesson = Lesson(states, NO_VECTORS, random.integers(0, 4, 700), epochs=1)
    made = batches(lesson, np.random.default_rng(2))
    assert not lesson.contrasts
    assert sorted(np.concatenate(made)) == list(range(700))
    assert max(len(batch) for batch in made) == 32
    widths = [
        max(len(states[row]) for row in batch) - min(len(states[row]) for row in batch) for batch in made
    ]
    assert np.mean(widths) < 15


def test_a_question_that_is_alone_is_left_out() -> None:
    states = [np.zeros((5, 4), dtype=np.float16)] * (TOGETHER + 2)
    owners = np.array([0] * (TOGETHER + 1) + [1])
    rows = np.concatenate(batches(Lesson(states, NO_VECTORS, owners, epochs=1), np.random.default_rng(0)))
    assert len(rows) == TOGETHER
    assert set(owners[rows]) == {0}
