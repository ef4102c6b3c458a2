"""Whether and how the encoder is fine-tuned on a site's variants, and what may be asked of it afterwards.

An encoder that has learnt from a question cannot be asked that question to see how well it does. So each `Probe` is an
encoder of its own that has learnt without a fifth of the questions and without a fifth of the articles: on what it has
not seen, tuned and untuned vectors are compared here, and ranking and thresholds are calibrated (`kb_index.calibration`).
The encoder that serves learns from everything, and only when the probes were better by `MARGIN`.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from kb_index.article import Article
from kb_index.embedding_cache import CachedEncoder
from kb_index.encoder import BUNDLED_FINGERPRINT, Encoder, EncoderError, Vectors
from kb_index.fork import LowerLayers, States
from kb_index.probes import PARTS, Probe, compare, held_out, mark, marks_of
from kb_index.tail_store import load_tuned, save_tail

Progress = Callable[[str, int, int], None]

FORMAT: Final = 1
PLAN: Final = "plan.json"
SERVING: Final = "serving"

FEWEST_QUESTIONS: Final = 200
FEWEST_ARTICLES: Final = 10
"""With fewer of either, what is held back says too little to choose by."""

MOST_OF_ONE: Final = 150
MOST_LEARNT: Final = 20_000
"""Questions of one article, and of all, that are learnt; beyond, an even choice. At 12 kB each they fit in 250 MB."""

PASSES: Final = 30_000
"""Questions looked at in one fine-tuning, from which the number of epochs follows; 5 to 10 ms each on one thread."""
EPOCHS: Final = (1, 4)

ALL_PASSES: Final = 50_000
"""The same for all probes and the encoder that serves: how many probes there are, at least one. Few questions cost less
and get all `PARTS`, so that each of them is asked; of 10,000, a fifth says enough."""

MARGIN: Final = 0.01
"""Gain in top-1 and AUROC together from which on the tuned encoder is kept; neither may fall by half of that."""

TUNED_SHARE: Final = 0.7
"""Of the squared length of a vector; between 0.5 and 0.7 hardly anything differs beyond chance."""

CHANGED: Final = 0.1
"""Share of questions added, moved or removed since the last fine-tuning from which on it is done anew."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """`encoder` is to serve, and `folder` holds it; both None where the untuned one does. `probes` are then empty."""

    encoder: Encoder | None
    folder: Path | None
    probes: tuple[Probe, ...]
    report: dict[str, Any]


def tune(
    articles: Sequence[Article],
    base: Encoder,
    cache: Path,
    *,
    minutes: float,
    threads: int,
    progress: Progress,
) -> Tuning:
    """Fine-tune `base` on `articles`, or take what was made last time if they have hardly changed since.

    `cache` is a folder of this function's own; what is in it can be made again. `minutes` bound the learning itself, all
    probes together; when they will not do, the untuned encoder serves and the report says so. `progress(stage, done,
    total)` is told of each step (stages `states`, `fine-tune 1 of 4`, `compare`).
    """
    owned = [(article.id, text) for article in articles for text in (article.title, *article.questions)]
    reason = _reason_against(articles, base)
    if reason is not None:
        return Tuning(None, None, (), {"fine_tuned": False, "reason": reason})
    marks = [mark(*pair) for pair in owned]
    known = _remembered(cache, set(marks))
    if known is None:
        made = _make(articles, owned, base, cache, minutes=minutes, threads=threads, progress=progress)
        if made is not None:
            return made
        known = _remembered(cache, set(marks))
    if known is None:
        raise EncoderError(f"The fine-tuned encoder cannot be kept in {cache}; see whether the disk is full.")
    return known


def _reason_against(articles: Sequence[Article], base: Encoder) -> str | None:
    if base.fingerprint != BUNDLED_FINGERPRINT:
        return "only the bundled encoder is fine-tuned here, and BATON_ENCODER names another"
    questions = sum(len(article.questions) for article in articles)
    if questions < FEWEST_QUESTIONS:
        return (
            f"{questions} questions are too few to learn from and to check it: {FEWEST_QUESTIONS} are needed"
        )
    rich = sum(len(article.questions) > 3 for article in articles)
    if rich < FEWEST_ARTICLES:
        return f"{rich} articles have four questions or more: {FEWEST_ARTICLES} are needed"
    return None


def _make(
    articles: Sequence[Article],
    owned: Sequence[tuple[str, str]],
    base: Encoder,
    cache: Path,
    *,
    minutes: float,
    threads: int,
    progress: Progress,
) -> Tuning | None:
    """Learn, compare and write `cache` anew. A `Tuning` only where there was no time: that is not remembered."""
    from kb_index.finetune import Lesson, OutOfTime, fine_tune  # noqa: PLC0415 - imports torch, when it is needed

    begun = time.monotonic()
    deadline = begun + 60.0 * minutes
    learnt = _even_choice(owned)
    epochs = int(np.clip(round(PASSES / len(learnt)), *EPOCHS))
    rounds = int(np.clip(ALL_PASSES // (epochs * len(learnt)) - 1, 1, PARTS))
    texts = [owned[row][1] for row in learnt]
    states, vectors = _states(texts, base, threads, progress)
    numbers = {article.id: number for number, article in enumerate(articles)}
    owners = np.array([numbers[owned[row][0]] for row in learnt], dtype=np.int64)
    building = cache.with_name(cache.name + ".new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)

    def learn(kept: np.ndarray[Any, np.dtype[np.bool_]], number: int, name: str) -> None:
        rows = np.flatnonzero(kept)
        lesson = Lesson([states[row] for row in rows], vectors[rows], owners[rows], epochs)
        # Each has its share of what is left, so that the last is not the one to fail.
        share = (deadline - time.monotonic()) / (rounds + 1 - number)
        tail = fine_tune(
            lesson,
            deadline=time.monotonic() + share,
            threads=threads,
            progress=lambda done, total: progress(f"fine-tune {number + 1} of {rounds + 1}", done, total),
        )
        sample = states[:: max(1, len(states) // 200)]
        save_tail(building / name, tail, tuned_share=TUNED_SHARE, sample=sample)

    plan: dict[str, Any] = {"format": FORMAT, "base": BUNDLED_FINGERPRINT, "probes": []}
    try:
        for number in range(rounds):
            gone, out = held_out(articles, number)
            kept = np.array([owned[row][0] not in gone and owned[row] not in out for row in learnt])
            learn(kept, number, f"probe-{number}")
            plan["probes"].append({"gone": sorted(gone), "out": marks_of(out)})
        probes = _probes(building, plan)
        found = compare(articles, base, probes, progress)
        kept_it = found.worth(MARGIN)
        if kept_it:
            learn(np.ones(len(learnt), dtype=bool), rounds, SERVING)
    except OutOfTime as error:
        shutil.rmtree(building)
        return Tuning(
            None,
            None,
            (),
            {
                "fine_tuned": False,
                "reason": f"{minutes:g} minutes (BATON_FINE_TUNE_MINUTES) are too few for learning {rounds + 1} times: {error}",
            },
        )
    plan |= {
        "kept": kept_it,
        "questions": marks_of(owned),
        "report": {
            "fine_tuned": kept_it,
            "reason": found.verdict(MARGIN),
            "held_back": found.figures(),
            "learnt": len(learnt),
            "epochs": epochs,
            "seconds": round(time.monotonic() - begun, 1),
        },
    }
    (building / PLAN).write_text(json.dumps(plan, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    shutil.rmtree(cache, ignore_errors=True)
    building.rename(cache)
    return None


def _states(
    texts: Sequence[str], base: Encoder, threads: int, progress: Progress
) -> tuple[list[States], Vectors]:
    """What the layers below make of the texts, and their untuned vectors."""
    lower = LowerLayers(threads=threads)
    states: list[States] = []
    vectors = np.zeros((len(texts), base.dimension), dtype=np.float32)
    for start in range(0, len(texts), 256):
        progress("states", start, len(texts))
        some = texts[start : start + 256]
        states += lower.states(some)
        vectors[start : start + len(some)] = base.encode(some)
    progress("states", len(texts), len(texts))
    return states, vectors


def _even_choice(owned: Sequence[tuple[str, str]]) -> list[int]:
    """Rows of `owned` to learn from: at most `MOST_OF_ONE` of each article, spread evenly over its list, and no more than
    `MOST_LEARNT` or four of each."""
    rows: dict[str, list[int]] = {}
    for row, (article, _) in enumerate(owned):
        rows.setdefault(article, []).append(row)
    most = max(4, min(MOST_OF_ONE, MOST_LEARNT // max(1, len(rows))))
    chosen = []
    for some in rows.values():
        places = np.unique(np.linspace(0, len(some) - 1, min(len(some), most)).round().astype(int))
        chosen += [some[place] for place in places]
    return sorted(chosen)


def _remembered(cache: Path, marks: set[str]) -> Tuning | None:
    """What `cache` holds, if it was made from nearly the same questions and is whole."""
    try:
        plan = json.loads((cache / PLAN).read_bytes())
        if plan["format"] != FORMAT or plan["base"] != BUNDLED_FINGERPRINT:
            return None
        before = set(plan["questions"])
        changed = len(before ^ marks) / max(1, len(before))
        if changed > CHANGED:
            return None
        report = {**plan["report"], "changed_since": round(changed, 4)}
        if not plan["kept"]:
            return Tuning(None, None, (), report)
        serving = CachedEncoder(load_tuned(cache / SERVING), cache / "embeddings")
        return Tuning(serving, cache / SERVING, _probes(cache, plan), report)
    except (OSError, ValueError, KeyError, TypeError, EncoderError):
        # It can be made again, and is, whatever is wrong with it.
        return None


def _probes(folder: Path, plan: dict[str, Any]) -> tuple[Probe, ...]:
    return tuple(
        Probe(
            # Its vectors live and go with it.
            CachedEncoder(load_tuned(folder / f"probe-{number}"), folder / "embeddings"),
            frozenset(entry["gone"]),
            frozenset(entry["out"]),
        )
        for number, entry in enumerate(plan["probes"])
    )
