"""Fine-tuning: the encoder's upper layers learn from the variants which questions belong to one article.

Each question is drawn to its article by a softmax over all articles of the cosines with one learnt direction for each (Zhai
and Wu, 2019, "Classification is a Strong Baseline for Deep Metric Learning"). Where articles have few questions the
supervised contrastive loss is added (Khosla et al., 2020, "Supervised Contrastive Learning", equation 2): within a batch of a
few questions of each of several articles, each is to be nearer to its article's others than to all else. The model is sentence-transformers', cut below (`kb_index.fork`); what is trained is exported to ONNX with pooling
and normalisation inside. The same questions, seed and library give the same numbers on one machine.
"""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from kb_index.encoder import Vectors, bundled_torch_folder, normalised
from kb_index.fork import SHARED, TAIL_INPUTS, TAIL_OUTPUT, States

TOGETHER: Final = 4
"""Questions of one article in a batch."""

BATCH: Final = 32
CONTRAST_BATCH: Final = 64
FEW_EACH: Final = 30
"""Questions an article, on average, below which the contrastive loss is added. With 10 it makes 0.853 right into 0.861,
with 100 it makes 0.948 into 0.942 (questions held back; standard error of such differences 0.004)."""

RATE: Final = 2e-4
DIRECTION_RATE: Final = 1e-3
TEMPERATURE: Final = 0.07
SHARPNESS: Final = 20.0
"""Of the softmax over articles; the contrastive loss has its own in `TEMPERATURE`."""
WARM_UP: Final = 0.1
OPSET: Final = 17


class OutOfTime(RuntimeError):
    """The time given will not do. The message says what was needed."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt: texts by their states and their untuned vectors (n, dimension), and the article (any number) of each,
    shape (n,); `epochs` passes over them."""

    states: Sequence[States]
    vectors: Vectors
    owners: NDArray[np.int64]
    epochs: int
    seed: int = 0

    @property
    def contrasts(self) -> bool:
        """Whether the contrastive loss is added."""
        return len(self.owners) < FEW_EACH * len(np.unique(self.owners))


def fine_tune(
    lesson: Lesson, *, deadline: float, threads: int, progress: Callable[[int, int], None]
) -> onnx.ModelProto:
    """The upper layers after `lesson`, as a graph from `TAIL_INPUTS` to `TAIL_OUTPUT`.

    `deadline` is a `time.monotonic()`; `progress(done, total)` is told each batch. Raises `OutOfTime` as soon as the
    batches done say that the rest will not be ready.
    """
    import torch  # noqa: PLC0415 - 300 MB, for fine-tuning alone

    torch.set_num_threads(threads)
    torch.manual_seed(lesson.seed)
    random = np.random.default_rng(lesson.seed)
    model = _upper_layers()
    parameters = list(model.parameters())
    articles, places = np.unique(lesson.owners, return_inverse=True)
    directions = torch.nn.Parameter(torch.from_numpy(_means(lesson.vectors, places, len(articles))))
    optimizer = torch.optim.AdamW(
        [
            {"params": parameters, "lr": RATE, "weight_decay": 0.01},
            {"params": [directions], "lr": DIRECTION_RATE, "weight_decay": 0.0},
        ]
    )
    plan = [batch for _ in range(lesson.epochs) for batch in batches(lesson, random)]

    def factor(step: int) -> float:
        return float(min(1.0, (step + 1) / max(1.0, WARM_UP * len(plan))) * (1.0 - step / max(1, len(plan))))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    owners = torch.from_numpy(places.astype(np.int64))
    contrasts = lesson.contrasts
    begun = time.monotonic()
    model.train()
    for step, batch in enumerate(plan):
        progress(step, len(plan))
        _check_time(begun, step, len(plan), deadline)
        states, mask = _padded([lesson.states[row] for row in batch])
        vectors = model(torch.from_numpy(states), torch.from_numpy(mask))
        towards = torch.nn.functional.normalize(directions, dim=1)
        loss: Any = torch.nn.functional.cross_entropy(SHARPNESS * vectors @ towards.T, owners[batch])
        if contrasts:
            loss = loss + _contrast(vectors, owners[batch])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
    progress(len(plan), len(plan))
    return _exported(model.eval())


def batches(lesson: Lesson, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """One pass: rows in batches. With the contrastive loss each is of some articles with up to `TOGETHER` questions.

    Texts of like length share a batch, because padding is computed too: half the time on customers' questions. A
    question that would be alone in its group has nothing to be near to and is left out of this pass.
    """
    length = np.array([len(states) for states in lesson.states]) + random.uniform(
        -3.0, 3.0, len(lesson.states)
    )
    if not lesson.contrasts:
        order = np.argsort(length, kind="stable")
        cut = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        return [cut[at] for at in random.permutation(len(cut))]
    groups: list[NDArray[np.int64]] = []
    for owner in np.unique(lesson.owners):
        rows = np.flatnonzero(lesson.owners == owner)
        rows = rows[np.argsort(length[rows], kind="stable")]
        some = [rows[start : start + TOGETHER] for start in range(0, len(rows), TOGETHER)]
        groups += [group for group in some if len(group) > 1]
    places = np.array([length[group].mean() + random.uniform(-4.0, 4.0) for group in groups])
    order = np.argsort(places, kind="stable")
    size = CONTRAST_BATCH // TOGETHER
    made = [
        np.concatenate([groups[at] for at in order[start : start + size]])
        for start in range(0, len(order), size)
    ]
    return [made[at] for at in random.permutation(len(made))]


def _contrast(vectors: Any, owners: Any) -> Any:
    """The supervised contrastive loss of vectors (b, dimension) of length 1 and their owners (b,)."""
    import torch  # noqa: PLC0415

    itself = torch.eye(len(owners), dtype=torch.bool)
    likeness = (vectors @ vectors.T / TEMPERATURE).masked_fill(itself, -1e9)
    same = (owners[:, None] == owners[None, :]) & ~itself
    logs = likeness - torch.logsumexp(likeness, dim=1, keepdim=True)
    return -((logs * same).sum(dim=1) / same.sum(dim=1)).mean()


def _means(vectors: Vectors, places: NDArray[np.int64], articles: int) -> Vectors:
    """The mean vector of each article (articles, dimension): where its direction starts from."""
    sums = np.zeros((articles, vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, places, vectors)
    return normalised(sums)


def _upper_layers() -> Any:
    """The bundled model's layers above `SHARED`, mean pooling and normalisation, as one module; dropout as it came."""
    import torch  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    whole: Any = SentenceTransformer(
        str(bundled_torch_folder()), device="cpu", model_kwargs={"attn_implementation": "eager"}
    )

    class UpperLayers(torch.nn.Module):
        def __init__(self, layers: Any) -> None:
            super().__init__()
            self.layers = layers

        def forward(self, states: Any, attention_mask: Any) -> Any:
            weights = attention_mask.to(states.dtype)
            blocked = (1.0 - weights[:, None, None, :]) * torch.finfo(torch.float32).min
            for layer in self.layers:
                out = layer(states, blocked)
                states = out[0] if isinstance(out, tuple) else out
            pooled = (states * weights[:, :, None]).sum(dim=1) / weights.sum(dim=1, keepdim=True).clamp(
                min=1.0
            )
            return torch.nn.functional.normalize(pooled, dim=1)

    return UpperLayers(whole[0].auto_model.encoder.layer[SHARED:])


def _exported(model: Any) -> onnx.ModelProto:
    import torch  # noqa: PLC0415

    example = (torch.zeros(2, 5, 384), torch.ones(2, 5, dtype=torch.int64))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        file = Path(folder) / "tail.onnx"
        # The exporter that needs no further package is the one that torch calls old.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            example,
            str(file),
            input_names=list(TAIL_INPUTS),
            output_names=[TAIL_OUTPUT],
            dynamic_axes={name: {0: "batch", 1: "sequence"} for name in TAIL_INPUTS}
            | {TAIL_OUTPUT: {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(str(file))


def _padded(states: Sequence[States]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Of like shape: states (b, longest, dimension) and which of them are there (b, longest)."""
    longest = max(len(one) for one in states)
    together = np.zeros((len(states), longest, states[0].shape[1]), dtype=np.float32)
    mask = np.zeros((len(states), longest), dtype=np.int64)
    for line, one in enumerate(states):
        together[line, : len(one)] = one
        mask[line, : len(one)] = 1
    return together, mask


def _check_time(begun: float, done: int, total: int, deadline: float) -> None:
    now = time.monotonic()
    if now > deadline:
        raise OutOfTime(f"{done} of {total} batches were learnt when the time was over")
    # The first batches are slower and shorter than the mean: believed from the twentieth on.
    if done >= 20:
        needed = (now - begun) / done * total
        if begun + needed > deadline + 0.25 * needed:
            had = (deadline - begun) / 60
            raise OutOfTime(f"one would take about {math.ceil(needed / 60)} minutes and had {had:.1f}")
