"""Small parts: stored heads, training data, orders, settings, texts made harmless."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.engine import neutral
from bot.http import snippet
from bot.linear import HeadError, LinearHead, fit
from bot.memory import KEPT_QUESTIONS, Memory, pair_of
from bot.orders import DemoOrders
from bot.settings import SettingsError, from_environment
from bot.training_data import background
from kb_index.article import Article

ROOT = Path(__file__).parents[3]


class TestHead:
    FEATURES = np.asarray([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [-1, -1], [-0.9, -1]], dtype=np.float32)

    @pytest.mark.parametrize("labels", ["aabbcc", "aaaabb"])
    def test_it_gives_what_scikit_learn_gives_and_survives_the_disk(
        self, labels: str, tmp_path: Path
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        head = fit(self.FEATURES, list(labels), strength=10.0)
        head.save(tmp_path / "head.json")
        stored = LinearHead.load(tmp_path / "head.json")
        model = LogisticRegression(C=10.0, max_iter=2000, class_weight="balanced", multi_class="multinomial")
        model.fit(self.FEATURES, list(labels))
        expected = model.predict_proba(self.FEATURES)
        assert stored.labels == tuple(model.classes_)
        assert np.allclose(head.probabilities(self.FEATURES), expected, atol=1e-4)
        assert np.allclose(stored.probabilities(self.FEATURES), expected, atol=1e-4)

    def test_one_class_cannot_be_learnt(self) -> None:
        with pytest.raises(HeadError, match="two classes"):
            fit(self.FEATURES, ["a"] * 6, strength=1.0)

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{}",
            "[]",
            '{"format": 2, "labels": [], "weights": [], "bias": []}',
            '{"format": 1, "labels": ["a"], "weights": [[1], [2]], "bias": [0]}',
        ],
    )
    def test_a_damaged_file_says_so(self, content: str, tmp_path: Path) -> None:
        (tmp_path / "head.json").write_text(content)
        with pytest.raises(HeadError, match=r"head\.json"):
            LinearHead.load(tmp_path / "head.json")


class TestBackground:
    def vectors(self, **angles: float) -> dict[str, NDArray[np.float32]]:
        return {text: np.asarray([np.cos(a), np.sin(a)], dtype=np.float32) for text, a in angles.items()}

    def test_titles_and_questions_join_and_what_belongs_to_a_task_does_not(self) -> None:
        articles = [Article("a", "t1", "x", ("q1", "q2")), Article("b", "t2", "x", ("q3",))]
        vectors = self.vectors(t1=0.0, t2=0.2, q1=0.4, q2=3.0, q3=1.5)
        task = np.asarray([[np.cos(3.1), np.sin(3.1)]], dtype=np.float32)
        none = np.zeros((0, 2), dtype=np.float32)
        assert background(articles, vectors, none, none) == ["t1", "t2", "q1", "q3", "q2"]
        assert background(articles, vectors, none, task) == ["t1", "t2", "q1", "q3"]
        assert background([], {}, none, task) == []


def test_memory_stays_small() -> None:
    memory = Memory()
    for number in range(100):
        memory = (
            memory.with_question("x" * 4000)
            .with_answer(f"article-{number}")
            .with_pair(pair_of("b", str(number)))
            .with_incident(f"{number:012}")
        )
    assert len(memory.questions) == KEPT_QUESTIONS
    assert memory.told[-1] == "000000000099"
    assert len(json.dumps(memory.as_dict())) < 2500


def test_memory_of_a_bot_that_knew_no_incidents_is_read() -> None:
    raw = Memory(failures=1).with_incident("a").as_dict()
    assert Memory.from_dict(json.loads(json.dumps(raw))).told == ("a",)
    del raw["told"]
    assert Memory.from_dict(raw).told == ()


def test_after_a_person_had_the_conversation_what_was_told_stays_told() -> None:
    assert Memory().with_incident("a").handed_back().told == ("a",)


@pytest.mark.parametrize("number", ["FG-1000645", "fg 1000645", "1000645"])
async def test_an_order_is_found_however_its_number_is_written(number: str) -> None:
    order = await DemoOrders().find(number)
    assert order is not None
    assert order.number == "FG-1000645"


async def test_an_unknown_order() -> None:
    assert await DemoOrders().find("FG-1") is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("/restart", "restart"),
        (" / /greet{}", "greet{}"),
        ("hello /there", "hello /there"),
        ("/", "?"),
        (" ", "?"),
        ("/\n/stop", "stop"),
        ("lost \ud83d half", "lost ? half"),
        ("\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "\U0001f600"),
    ],
)
def test_a_leading_slash_is_taken_away(text: str, read: str) -> None:
    assert neutral(text) == read


def test_a_snippet_has_no_marks_and_ends_at_a_word() -> None:
    assert snippet("**Yes**,\n\n`code`") == "Yes, code"
    cut = snippet("word " * 100)
    assert cut.endswith("word …")
    assert len(cut) <= 202


@pytest.mark.parametrize(
    "environment",
    [
        {"BATON_LOW_CONFIDENCE": "maybe"},
        {"BATON_VOICE": "shouting"},
        {"BATON_FINE_TUNE": "perhaps"},
        {"BATON_FINE_TUNE_MINUTES": "long"},
        {"BATON_FINE_TUNE_MINUTES": "0"},
        {"BATON_FINE_TUNE_MINUTES": "inf"},
        {"BATON_FINE_TUNE_MINUTES": "nan"},
    ],
)
def test_impossible_settings(environment: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=next(iter(environment))):
        from_environment(tmp_path, environment)


def test_settings_left_out_or_empty_are_the_defaults(tmp_path: Path) -> None:
    given = from_environment(tmp_path, {"BATON_VOICE": "", "BATON_BOT_SECRET": "s"})
    assert (given.voice, given.low_confidence, given.encoder, given.secret) == (
        "casual",
        "handoff",
        "bundled",
        "s",
    )
    assert (given.fine_tune, given.fine_tune_minutes) == (True, 20.0)
    told = from_environment(tmp_path, {"BATON_FINE_TUNE": "off", "BATON_FINE_TUNE_MINUTES": "2.5"})
    assert (told.fine_tune, told.fine_tune_minutes) == (False, 2.5)


def test_the_door_opens_without_waiting_for_rasa() -> None:
    loaded = (
        "import sys, bot.serve; print(sorted({'rasa', 'tensorflow', 'sklearn', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
