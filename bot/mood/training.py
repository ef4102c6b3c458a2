"""Fitting the head on the labelled conversations, and what it reaches on conversations it has not seen.

Folds hold whole conversations. The second regression learns from what the first says of conversations that it did
not see, as it will when it serves. The figures are nested: in each outer fold penalty and threshold are chosen on the
other folds alone.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.frustration import TurnSignals
from bot.lexicon import Lexicon, plain
from bot.mood.head import GROUP_SCALE, PARTS, MoodHead, Words, sigmoid, weigh_phrases
from bot.mood.history import History, Shown, context
from bot.mood.labelled import TRAP, LabelledTurn
from bot.mood.measures import Judged, best_threshold, conversation_figures, shares, turn_figures
from bot.mood.text import TONE, phrases, read_part, tone

FOLDS: Final = 5
STRENGTHS: Final = (1.0, 3.0)
"""Inverse L2 penalties of the first regression to choose from; 0.3 and 10 never won."""

CONTEXT_STRENGTH: Final = 1.0
SEEN_IN: Final = 2
"""Messages that a phrase must stand in to be learned."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Material:
    """The turns with all that does not depend on folds. `locale` names the lexicon that they are read with."""

    turns: Sequence[LabelledTurn]
    vectors: NDArray[np.float32]
    groups: tuple[str, ...]
    shown: Sequence[tuple[float, ...]]
    tones: Sequence[tuple[float, ...]]
    counts: Sequence[Mapping[str, int]]
    truth: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        turns: Sequence[LabelledTurn],
        vectors: Mapping[str, NDArray[np.float32]],
        lexicon: Lexicon,
    ) -> Material:
        """`vectors` holds the vector of each turn's text."""
        names = tuple(lexicon.groups)
        seen = [read_part(turn.text) for turn in turns]
        folded = [plain(text) for text in seen]
        return cls(
            turns,
            np.stack([vectors[turn.text] for turn in turns]),
            names,
            [lexicon.shown(text, names) for text in folded],
            [tone(text) for text in seen],
            [Counter(phrases(text)) for text in folded],
            np.asarray([turn.frustrated for turn in turns]),
        )


def fit_mood(
    turns: Sequence[LabelledTurn],
    vectors: Mapping[str, NDArray[np.float32]],
    lexicons: Mapping[str, Lexicon],
    *,
    encoder: str,
    locale: str = "en",
) -> tuple[MoodHead | None, dict[str, Any]]:
    """The head and its figures; no head where one of the labels is missing or there are too few conversations.

    `encoder` is the fingerprint of the encoder that made `vectors`; `locale` is the language of the turns.
    """
    figures: dict[str, Any] = {"turns": len(turns), "frustrated": sum(turn.frustrated for turn in turns)}
    spread = {turn.conversation_id for turn in turns if turn.frustrated}
    if len(spread) < 2 * FOLDS or len({turn.conversation_id for turn in turns} - spread) < 2 * FOLDS:
        return None, figures
    material = Material.of(turns, vectors, lexicons.get(locale, Lexicon({})))
    everything = np.arange(len(turns))
    folds = fold_of(turns)
    judged, thresholds = _out_of_fold(material, folds)
    scores = [row.signals.anger for row in judged]
    truth = [row.frustrated for row in judged]
    strength, logits = _choose(material, everything)
    threshold = round(best_threshold(scores, truth), 4)
    head = _assemble(
        material, everything, strength, logits, threshold=threshold, encoder=encoder, lexicons=lexicons
    )
    called = [score >= cut for score, cut in zip(scores, thresholds, strict=True)]
    traps = [row for row, turn in zip(judged, turns, strict=True) if turn.field == TRAP]
    talks = [row for row, turn in zip(judged, turns, strict=True) if turn.field != TRAP]
    figures |= {
        "conversations": len({row.conversation_id for row in talks}),
        **turn_figures(scores, truth, threshold),
        **shares(called, truth),
        "auroc_without_traps": turn_figures(
            [row.signals.anger for row in talks], [row.frustrated for row in talks], threshold
        )["auroc"],
        "by_conversation": conversation_figures(talks),
        "traps": len(traps),
        "traps_called": conversation_figures(traps)["called_wrongly"],
        "strength": strength,
    }
    return head, _rounded(figures)


def fold_of(turns: Sequence[LabelledTurn]) -> NDArray[np.int64]:
    """The fold of each turn: conversations in the order of their ids' hashes, dealt out in turn."""
    ids = sorted({t.conversation_id for t in turns}, key=lambda i: hashlib.sha256(i.encode()).digest())
    dealt = {conversation_id: place % FOLDS for place, conversation_id in enumerate(ids)}
    return np.asarray([dealt[turn.conversation_id] for turn in turns])


def _out_of_fold(material: Material, folds: NDArray[np.int64]) -> tuple[list[Judged], list[float]]:
    judged: list[Judged | None] = [None] * len(material.turns)
    thresholds = [0.5] * len(material.turns)
    for fold in range(FOLDS):
        rest, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        strength, logits = _choose(material, rest)
        inner = _contexts(material, rest, logits)
        second = _fit(inner, material.truth[rest], CONTEXT_STRENGTH)
        cut = best_threshold(
            second.predict_proba(inner)[:, 1].tolist(), [bool(t) for t in material.truth[rest]]
        )
        head = _assemble(material, rest, strength, logits, threshold=round(cut, 4), encoder="", lexicons={})
        for place, row in zip(held, _judge(material, held, head), strict=True):
            judged[place], thresholds[place] = row, head.threshold
    return [row for row in judged if row is not None], thresholds


def _judge(material: Material, rows: NDArray[np.int64], head: MoodHead) -> list[Judged]:
    """`rows` in order, each read after those of its conversation, from features that are known already."""
    design = _Design.learned(head.words.idf)
    logits = design.matrix(material, rows) @ _weights(head.words, design) + head.words.bias
    contexts = _contexts(material, rows, logits)
    found = contexts @ np.asarray([head.alone_weight, *head.context_weights]) + head.bias
    return [
        Judged(
            material.turns[row].conversation_id,
            material.turns[row].frustrated,
            TurnSignals(sigmoid(float(logit)), threshold=head.threshold),
        )
        for row, logit in zip(rows, found, strict=True)
    ]


def _choose(material: Material, rows: NDArray[np.int64]) -> tuple[float, Array]:
    """The strength with the lowest log loss on folds within `rows`, and the logits of those folds."""
    folds = fold_of([material.turns[row] for row in rows])
    logits = np.zeros((len(STRENGTHS), len(rows)))
    for fold in range(FOLDS):
        known, held = rows[folds != fold], folds == fold
        design = _Design.fitted(material, known)
        seen, unseen = design.matrix(material, known), design.matrix(material, rows[held])
        for place, strength in enumerate(STRENGTHS):
            model = _fit(seen, material.truth[known], strength)
            logits[place, held] = model.decision_function(unseen)
    losses = np.mean(np.logaddexp(0.0, np.where(material.truth[rows], -logits, logits)), axis=1)
    best = int(np.argmin(losses))
    return STRENGTHS[best], logits[best]


def _assemble(
    material: Material,
    rows: NDArray[np.int64],
    strength: float,
    logits: Array,
    *,
    threshold: float,
    encoder: str,
    lexicons: Mapping[str, Lexicon],
) -> MoodHead:
    """The first regression on all of `rows`, the second on `logits`, which were made without the row's conversation."""
    design = _Design.fitted(material, rows)
    first = _fit(design.matrix(material, rows), material.truth[rows], strength)
    second = _fit(_contexts(material, rows, logits), material.truth[rows], CONTEXT_STRENGTH)
    weights = first.coef_[0]
    dimension, groups = material.vectors.shape[1], len(material.groups)
    tones = len(material.tones[0])
    after = dimension + groups + tones
    words = Words(
        groups=material.groups,
        bias=round(float(first.intercept_[0]), 6),
        vector=np.asarray(weights[:dimension], dtype=np.float32),
        group_weights=_plain(weights[dimension : dimension + groups]),
        tone_weights=_plain(weights[dimension + groups : after]),
        idf=design.idf,
        phrases=dict(zip(design.idf, _plain(weights[after:]), strict=True)),
        usual=_usual(design.matrix(material, rows), weights, (dimension, groups, tones)),
    )
    return MoodHead(
        encoder=encoder,
        threshold=threshold,
        words=words,
        bias=round(float(second.intercept_[0]), 6),
        alone_weight=round(float(second.coef_[0][0]), 6),
        context_weights=_plain(second.coef_[0][1:]),
        lexicons=dict(lexicons),
    )


def _usual(features: Any, weights: Array, widths: tuple[int, int, int]) -> dict[str, float]:
    """What the parts that stand in every message add to the logit on average; `widths` of vector, groups and tone."""
    mean = np.asarray(features.mean(axis=0)).ravel() * weights
    dimension, groups, tones = widths
    usual = {
        "meaning": float(mean[:dimension].sum()),
        "phrases": float(mean[dimension + groups + tones :].sum()),
    }
    for name, value in zip(TONE, mean[dimension + groups :], strict=False):
        usual[PARTS[name]] = usual.get(PARTS[name], 0.0) + float(value)
    return {name: round(value, 5) for name, value in usual.items()}


def _plain(values: Any) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)


def _contexts(material: Material, rows: NDArray[np.int64], logits: Array) -> Array:
    """The second regression's input, shape (rows, 1 + contexts). `rows` hold whole conversations in order."""
    found = []
    earlier: dict[str, History] = {}
    for row, logit in zip(rows, logits, strict=True):
        conversation = material.turns[row].conversation_id
        history = earlier.get(conversation, History())
        shown = Shown.of(sigmoid(float(logit)), material.groups, material.shown[row], material.tones[row])
        found.append([float(logit), *context(history, shown)])
        earlier[conversation] = history.after(shown)
    return np.asarray(found)


@dataclass(frozen=True, slots=True)
class _Design:
    """Columns of the first regression: vector, groups, tone, phrases, scaled as `Words` scales them."""

    idf: Mapping[str, float]
    columns: Mapping[str, int]

    @classmethod
    def fitted(cls, material: Material, rows: NDArray[np.int64]) -> _Design:
        """Phrases of at least `SEEN_IN` of `rows`; inverse frequencies as scikit-learn smooths them."""
        seen = Counter(name for row in rows for name in material.counts[row])
        kept = sorted(name for name, count in seen.items() if count >= SEEN_IN)
        return cls.learned({n: round(math.log((1 + len(rows)) / (1 + seen[n])) + 1, 4) for n in kept})

    @classmethod
    def learned(cls, idf: Mapping[str, float]) -> _Design:
        return cls(idf, {name: place for place, name in enumerate(idf)})

    def matrix(self, material: Material, rows: NDArray[np.int64]) -> Any:
        """Sparse, shape (rows, columns)."""
        from scipy import sparse  # noqa: PLC0415 - for training alone

        values: list[float] = []
        places: list[int] = []
        ends = [0]
        for row in rows:
            weighed = weigh_phrases(material.counts[row], self.idf)
            values.extend(weighed.values())
            places.extend(self.columns[name] for name in weighed)
            ends.append(len(values))
        found = sparse.csr_matrix((values, places, ends), shape=(len(rows), len(self.columns)))
        groups = np.asarray([material.shown[row] for row in rows]).reshape(len(rows), -1) * GROUP_SCALE
        tones = np.asarray([material.tones[row] for row in rows])
        dense = np.hstack([material.vectors[rows], groups, tones])
        return sparse.hstack([sparse.csr_matrix(dense), found]).tocsr()


def _weights(words: Words, design: _Design) -> Array:
    phrase_weights = [words.phrases[name] for name in design.columns]
    return np.concatenate([words.vector, words.group_weights, words.tone_weights, phrase_weights])


def _fit(features: Any, truth: NDArray[np.bool_], strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - 1 s, for training alone

    return LogisticRegression(C=strength, max_iter=5000).fit(features, truth)


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(value)
        if isinstance(value, dict)
        else round(value, 4)
        if isinstance(value, float)
        else value
        for name, value in figures.items()
    }
