"""What the intent classifier learns of the articles, and the frustration head of the labelled turns. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.frustration import TurnSignals, assess, head_features, surface_of
from bot.linear import LinearHead, fit
from kb_index.article import Article

HARDEST: Final = 200
"""Article questions nearest to small talk: an article about returns that asks "hello, anybody there?" must hold."""

SPREAD: Final = 400
"""Further article questions, taken from all articles in turn."""

SAME_AS_TASK: Final = 0.85
"""An article's question this near to an example of a task is the task's: it would unlearn what starts the form."""

STRENGTHS: Final = (0.3, 1.0, 3.0, 10.0)
FOLDS: Final = 5
ANGRY: Final = "1"
CALM: Final = "0"


class TrainingDataError(ValueError):
    """A data file cannot be used. The message names file and line."""


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """A customer's message and whether its writer is frustrated."""

    conversation_id: str
    text: str
    frustrated: bool


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


TRAP: Final = "trap "
"""Start of the conversation id of a trap: a single turn that sounds angry to a list of words and is not."""


def read_labelled_turns(folder: Path) -> list[LabelledTurn]:
    """All customers' turns in `folder/*.jsonl` that carry a label, and the traps, which are calm by definition.

    None where the folder is missing.

    Raises:
        TrainingDataError: a line is not an object with text and label.
    """
    turns = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if "why" in row:
                    turns.append(LabelledTurn(f"{TRAP}{number}", str(row["text"]), frustrated=False))
                    continue
                if row.get("actor", "customer") != "customer" or row.get("frustrated") is None:
                    continue
                turns.append(
                    LabelledTurn(str(row["conversation_id"]), str(row["text"]), bool(row["frustrated"]))
                )
            except (ValueError, KeyError, AttributeError) as error:
                raise TrainingDataError(f"{path.name} line {number}: {error!r}") from error
    return turns


def fit_anger(
    turns: Sequence[LabelledTurn], vectors: Mapping[str, NDArray[np.float32]]
) -> tuple[LinearHead | None, dict[str, float | int]]:
    """The frustration head and its out-of-fold figures; no head where one of the labels is missing.

    The penalty is chosen by cross-validation that keeps a conversation in one fold, by log loss.
    """
    labels = [ANGRY if turn.frustrated else CALM for turn in turns]
    figures: dict[str, float | int] = {"turns": len(turns), "frustrated": labels.count(ANGRY)}
    if len(set(labels)) < 2:
        return None, figures
    features = np.stack([head_features(vectors[turn.text], surface_of(turn.text)) for turn in turns])
    groups = [turn.conversation_id for turn in turns]
    strength = 1.0
    if len(set(groups)) >= FOLDS:
        scored = {s: _out_of_fold(features, labels, groups, s) for s in STRENGTHS}
        strength = min(STRENGTHS, key=lambda s: _log_loss(scored[s], labels))
        angry = [float(p) for p, label in zip(scored[strength], labels, strict=True) if label == ANGRY]
        calm = [float(p) for p, label in zip(scored[strength], labels, strict=True) if label == CALM]
        figures |= {
            "auroc": round(_auroc(angry, calm), 4),
            "recall": round(sum(p >= 0.5 for p in angry) / len(angry), 4),
            "false_alarms": round(sum(p >= 0.5 for p in calm) / len(calm), 4),
        }
        traps = [
            (turn.text, float(p))
            for turn, p in zip(turns, scored[strength], strict=True)
            if turn.conversation_id.startswith(TRAP)
        ]
        figures |= {"traps": len(traps), "traps_tripped": sum(_trips(text, p) for text, p in traps)}
    figures["strength"] = strength
    return fit(features, labels, strength=strength, balanced=False), figures


def _trips(text: str, anger: float) -> bool:
    return assess(0.0, False, TurnSignals(anger, surface_of(text))).escalate


def _out_of_fold(
    features: NDArray[np.float32], labels: Sequence[str], groups: Sequence[str], strength: float
) -> NDArray[np.float32]:
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415 - 1 s, for training alone

    scores = np.full(len(labels), np.nan, dtype=np.float32)
    for rest, fold in GroupKFold(FOLDS).split(features, labels, groups):
        known = [labels[i] for i in rest]
        if len(set(known)) < 2:
            scores[fold] = float(known[0] == ANGRY)
            continue
        head = fit(features[rest], known, strength=strength, balanced=False)
        scores[fold] = head.probabilities(features[fold])[:, head.labels.index(ANGRY)]
    return scores


def _log_loss(scores: NDArray[np.float32], labels: Sequence[str]) -> float:
    truth = np.asarray([label == ANGRY for label in labels])
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(truth, np.log(clipped), np.log(1 - clipped))))


def _auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Probability that a positive scores above a negative, ties counted half (Mann-Whitney)."""
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return wins / (len(positive) * len(negative))
