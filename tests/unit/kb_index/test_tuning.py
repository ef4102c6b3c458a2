"""Fine-tuning as a site meets it: skipped with a reason, kept or not, taken again, made anew. The real model, few steps."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kb_index import tuning as tuning_module
from kb_index.article import Article
from kb_index.calibration import ENOUGH_TO_FIT
from kb_index.encoder import Encoder
from kb_index.knowledge import Knowledge
from kb_index.probes import Comparison
from kb_index.tail_store import load_tuned
from kb_index.tuning import PLAN, SERVING, Tuning, tune
from tests.unit.kb_index.conftest import FRAMES, TOPICS, WordEncoder

# Learning takes seconds where the machine is busy with other things.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return [
        Article(
            id=f"topic-{number:02}",
            title=f"All about {topic}",
            answer=f"This is what we say about {topic}.",
            questions=tuple(frame.format(topic) for frame in FRAMES),
        )
        for number, topic in enumerate(TOPICS)
    ]


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few questions, one pass, one probe."""
    make_little(monkeypatch)


def make_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_module, "EPOCHS", (1, 1))
    monkeypatch.setattr(tuning_module, "ALL_PASSES", 0)
    monkeypatch.setattr(tuning_module, "FEWEST_QUESTIONS", 80)


def always(monkeypatch: pytest.MonkeyPatch, worth: bool) -> None:
    """Articles whose words differ are told apart by any encoder: the choice itself is tested in test_probes."""
    monkeypatch.setattr(Comparison, "worth", lambda _self, _margin: worth)


@pytest.fixture(scope="module")
def tuned(articles: list[Article], bundled: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the tuned encoder was kept."""
    cache = tmp_path_factory.mktemp("site") / "fine-tuning"
    with pytest.MonkeyPatch.context() as patch:
        make_little(patch)
        always(patch, worth=True)
        made, stages = run(articles, bundled, cache)
    assert stages == ["states", "fine-tune 1 of 2", "compare", "fine-tune 2 of 2"]
    assert made.report["fine_tuned"] is True
    return cache


@pytest.fixture
def cache(tuned: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(tuned, tmp_path / "fine-tuning")


def run(
    articles: list[Article], base: Encoder, cache: Path, minutes: float = 10.0
) -> tuple[Tuning, list[str]]:
    stages: list[str] = []

    def progress(stage: str, _done: int, _total: int) -> None:
        if stage not in stages:
            stages.append(stage)

    return tune(articles, base, cache, minutes=minutes, threads=1, progress=progress), stages


def test_an_index_is_built_with_what_was_learnt(
    articles: list[Article], bundled: Encoder, cache: Path
) -> None:
    made, stages = run(articles, bundled, cache)
    assert stages == [], "nothing is learnt again"
    assert made.encoder is not None
    assert made.encoder.dimension == 768
    assert made.folder == cache / SERVING
    assert made.report["changed_since"] == 0.0
    assert {"top1_base", "top1_tuned", "auroc_base", "auroc_tuned"} <= made.report["held_back"].keys()
    (probe,) = made.probes
    assert probe.encoder.fingerprint != made.encoder.fingerprint, "it has learnt from less"
    assert 2 <= len(probe.gone) <= 3
    assert "parcel" not in (cache / PLAN).read_text(), "no words of the content"

    knowledge = Knowledge.build(articles, made.encoder, probes=made.probes)
    # Only what the probe has not learnt may be asked, and 16 questions are too few to calibrate by.
    assert len(probe.out) < ENOUGH_TO_FIT < sum(len(article.questions) for article in articles)
    assert knowledge.figures["threshold_support"] == "too_few_questions"
    for article in articles[:3]:
        vector = made.encoder.encode([article.questions[0]])[0]
        assert knowledge.search(article.questions[0], vector).candidates[0].article_id == article.id


def test_one_more_variant_is_no_reason_to_learn_anew_and_a_fifth_of_the_articles_is(
    articles: list[Article], bundled: Encoder, cache: Path
) -> None:
    before = load_tuned(cache / SERVING).fingerprint
    first = dataclasses.replace(articles[0], questions=(*articles[0].questions, "is the van here yet"))
    again, stages = run([first, *articles[1:]], bundled, cache)
    assert stages == []
    assert again.encoder is not None
    assert again.encoder.fingerprint == before
    assert 0.0 < again.report["changed_since"] < 0.01
    # That it tries is seen by the time it does not have.
    other, stages = run(articles[2:], bundled, cache, minutes=1e-9)
    assert "fine-tune 1 of 2" in stages
    assert other.encoder is None
    assert load_tuned(cache / SERVING).fingerprint == before, "what was there is not lost"


def test_what_is_not_better_is_not_kept_and_not_tried_again(
    articles: list[Article], bundled: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    always(monkeypatch, worth=False)
    cache = tmp_path / "fine-tuning"
    made, stages = run(articles, bundled, cache)
    assert stages == ["states", "fine-tune 1 of 2", "compare"]
    assert (made.encoder, made.folder, made.probes) == (None, None, ())
    assert made.report["fine_tuned"] is False
    assert "not better" in made.report["reason"]
    again, stages = run(articles, bundled, cache)
    assert stages == []
    assert again.report == made.report


@pytest.mark.parametrize(
    "damage",
    [
        lambda cache: (cache / PLAN).write_text("{"),
        lambda cache: (cache / PLAN).write_text(json.dumps({"format": 1})),
        lambda cache: (cache / SERVING / "tail.onnx").write_bytes(b"x"),
        lambda cache: shutil.rmtree(cache / "probe-0"),
        shutil.rmtree,
    ],
)
def test_what_is_damaged_is_made_anew(
    articles: list[Article], bundled: Encoder, cache: Path, damage: Callable[[Path], None]
) -> None:
    damage(cache)
    _, stages = run(articles, bundled, cache, minutes=1e-9)
    assert "fine-tune 1 of 2" in stages


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda articles: articles[:3], "questions are too few"),
        (
            lambda articles: [
                dataclasses.replace(a, questions=a.questions if n < 9 else a.questions[:3])
                for n, a in enumerate([*articles, *articles])
            ],
            "articles have four questions",
        ),
        (lambda _articles: [], "0 questions are too few"),
    ],
)
def test_too_little_to_learn_from_is_said(
    articles: list[Article],
    bundled: Encoder,
    tmp_path: Path,
    change: Callable[[list[Article]], list[Article]],
    reason: str,
) -> None:
    found, stages = run(change(articles), bundled, tmp_path / "fine-tuning")
    assert found.encoder is None
    assert found.report["fine_tuned"] is False
    assert reason in found.report["reason"]
    assert stages == []
    assert not (tmp_path / "fine-tuning").exists()


def test_only_the_bundled_encoder_is_tuned(articles: list[Article], tmp_path: Path) -> None:
    found, _ = run(articles, WordEncoder(), tmp_path / "fine-tuning")
    assert "BATON_ENCODER" in found.report["reason"]


def test_without_time_the_untuned_encoder_serves(
    articles: list[Article], bundled: Encoder, tmp_path: Path
) -> None:
    cache = tmp_path / "fine-tuning"
    found, _ = run(articles, bundled, cache, minutes=1e-9)
    assert found.encoder is None
    assert "BATON_FINE_TUNE_MINUTES" in found.report["reason"]
    assert list(tmp_path.iterdir()) == [], "nothing half done stays"


def test_of_a_huge_article_an_even_part_is_learnt() -> None:
    owned = [("big", str(n)) for n in range(1000)] + [("small", str(n)) for n in range(3)]
    rows = tuning_module._even_choice(owned)
    assert len(rows) == tuning_module.MOST_OF_ONE + 3
    steps = np.diff(rows[: tuning_module.MOST_OF_ONE])
    assert steps.min() >= 6
    many = [(str(article), str(n)) for article in range(1000) for n in range(100)]
    assert len(tuning_module._even_choice(many)) == tuning_module.MOST_LEARNT
    assert rows[:1] == [0]
    assert rows[-1] == 1002
