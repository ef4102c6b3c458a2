"""Fine-tuning as a site meets it: skipped with a reason, kept or not, taken again, made anew. The real model, few steps."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from kb_index import tuning as tuning_module
from kb_index.article import Article
from kb_index.encoder import Encoder
from kb_index.finetune import Lesson
from kb_index.knowledge import Knowledge
from kb_index.probes import Comparison
from kb_index.tail_store import save_tail
from kb_index.tuning import PLAN, SERVING, Tuning, tune
from tests.unit.kb_index.conftest import FRAMES, TOPICS, WordEncoder

MORE_FRAMES = (*FRAMES, *(f"{frame}, please" for frame in FRAMES), "{}?", "hello, {}")


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return [
        Article(
            id=f"topic-{number:02}",
            title=f"All about {topic}",
            answer=f"This is what we say about {topic}.",
            questions=tuple(frame.format(topic) for frame in MORE_FRAMES),
        )
        for number, topic in enumerate(TOPICS)
    ]


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """One pass, one probe."""
    monkeypatch.setattr(tuning_module, "EPOCHS", (1, 1))
    monkeypatch.setattr(tuning_module, "ALL_PASSES", 0)


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Articles whose words differ are told apart by any encoder: the choice itself is tested in test_probes."""
    monkeypatch.setattr(Comparison, "worth", lambda _self, _margin: True)


def run(
    articles: list[Article], base: Encoder, cache: Path, minutes: float = 10.0
) -> tuple[Tuning, list[str]]:
    stages: list[str] = []

    def progress(stage: str, _done: int, _total: int) -> None:
        if stage not in stages:
            stages.append(stage)

    return tune(articles, base, cache, minutes=minutes, threads=1, progress=progress), stages


@pytest.mark.usefixtures("worth_it")
def test_from_questions_to_an_index_and_again_without_learning(
    articles: list[Article], bundled: Encoder, tmp_path: Path
) -> None:
    cache = tmp_path / "fine-tuning"
    made, stages = run(articles, bundled, cache)
    assert stages == ["states", "fine-tune 1 of 2", "compare", "fine-tune 2 of 2"]
    assert made.encoder is not None
    assert made.encoder.dimension == 768
    assert made.folder == cache / SERVING
    assert made.report["fine_tuned"] is True
    assert made.report["changed_since"] == 0.0
    assert {"top1_base", "top1_tuned", "auroc_base", "auroc_tuned"} <= made.report["held_back"].keys()
    (probe,) = made.probes
    assert probe.encoder.fingerprint != made.encoder.fingerprint, "it has learnt from less"
    assert 2 <= len(probe.gone) <= 3
    assert "parcel" not in (cache / PLAN).read_text(), "no words of the content"

    knowledge = Knowledge.build(articles, made.encoder, probes=made.probes)
    assert knowledge.figures["questions_asked"] == len(probe.out), "none that the probe had learnt"
    for article in articles[:3]:
        vector = made.encoder.encode([article.questions[0]])[0]
        assert knowledge.search(article.questions[0], vector).candidates[0].article_id == article.id

    # One more variant is not a reason to learn anew.
    first = dataclasses.replace(articles[0], questions=(*articles[0].questions, "is the van here yet"))
    again, stages = run([first, *articles[1:]], bundled, cache)
    assert stages == []
    assert again.encoder is not None
    assert again.encoder.fingerprint == made.encoder.fingerprint
    assert 0.0 < again.report["changed_since"] < 0.01

    # A fifth of the articles gone is.
    other, stages = run(articles[2:], bundled, cache)
    assert "fine-tune 1 of 2" in stages
    assert other.encoder is not None
    assert other.encoder.fingerprint != made.encoder.fingerprint


def test_what_is_not_better_is_not_kept_and_not_tried_again(
    articles: list[Article], bundled: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Comparison, "worth", lambda _self, _margin: False)
    cache = tmp_path / "fine-tuning"
    made, stages = run(articles, bundled, cache)
    assert stages == ["states", "fine-tune 1 of 2", "compare"]
    assert (made.encoder, made.folder, made.probes) == (None, None, ())
    assert made.report["fine_tuned"] is False
    assert "not better" in made.report["reason"]
    again, stages = run(articles, bundled, cache)
    assert stages == []
    assert again.report == made.report


@pytest.mark.usefixtures("worth_it")
@pytest.mark.parametrize("damage", ["plan", "tail", "probe", "all"])
def test_a_damaged_cache_is_made_anew(
    articles: list[Article], bundled: Encoder, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons: list[Lesson] = []
    real = save_tail

    def counted(*args: object, **kwargs: object) -> object:
        lessons.append(args[1])  # type: ignore[arg-type]
        return real(*args, **kwargs)  # type: ignore[arg-type]

    cache = tmp_path / "fine-tuning"
    some = articles[:10]
    run(some, bundled, cache)
    monkeypatch.setattr(tuning_module, "save_tail", counted)
    match damage:
        case "plan":
            (cache / PLAN).write_text(json.dumps({"format": 1}))
        case "tail":
            (cache / SERVING / "tail.onnx").write_bytes(b"x")
        case "probe":
            shutil.rmtree(cache / "probe-0")
        case "all":
            shutil.rmtree(cache)
    made, _ = run(some, bundled, cache)
    assert made.encoder is not None
    assert len(lessons) == 2


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
    articles: list[Article], bundled: Encoder, tmp_path: Path, change: object, reason: str
) -> None:
    found, stages = run(change(articles), bundled, tmp_path / "fine-tuning")  # type: ignore[operator]
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
    assert rows[:1] == [0]
    assert rows[-1] == 1002
