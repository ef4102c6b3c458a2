"""The trained head: a message's vector, words and tone -> how upset it reads, alone and after what came before.

Two logistic regressions, one upon the other, so that every answer can be taken apart into named parts:

    alone   = sigmoid(bias + vector . v + groups . g + tone . t + phrases . w)
    anger   = sigmoid(bias' + a * logit(alone) + context . c)

`phrases` are the words and pairs of words seen in training, weighed by tf-idf; `context` is `history.context`. A head is
stored as plain numbers beside the lexicons it was trained with, so that a release reads as it did when it was trained.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.lexicon import Lexicon, plain
from bot.mood.history import CONTEXT, History, Shown, context
from bot.mood.text import TONE, phrases, read_part, tone

FORMAT: Final = 2

GROUP_SCALE: Final = 0.5
PHRASE_SCALE: Final = 1.2
"""How strongly groups and phrases are penalised beside the vector: inputs are multiplied by these. By cross-validation."""

PARTS: Final[Mapping[str, str]] = {
    "capitals": "capitals",
    "stressed_words": "capitals",
    "repeated_marks": "marks",
    "exclamations": "marks",
    "questions_marked": "marks",
    "dots": "marks",
    "ends_asking": "marks",
    "ends_exclaiming": "marks",
    "glad_signs": "signs",
    "cross_signs": "signs",
    "length": "form",
    "sentences": "form",
    "sentence_length": "form",
    "stretched": "form",
    "quotes": "form",
    "digits": "form",
    "last": "earlier_anger",
    "most": "earlier_anger",
    "level": "earlier_anger",
    "both": "earlier_anger",
    "courtesy_lost": "courtesy_lost",
    "unheard_before": "unheard_before",
    "longer": "change_of_tone",
    "louder": "change_of_tone",
    "capitals_rise": "change_of_tone",
    "calm_since": "easing",
    "thanks_after": "easing",
    "joy_after": "easing",
    "cooperation_after": "easing",
    "facts_after": "easing",
}
"""The name under which each number of `TONE` and `CONTEXT` stands in the evidence. Groups stand under their own."""


class MoodHeadError(ValueError):
    """A stored head cannot be used. The message says why and what to do."""

    code = "bad_frustration_head"


@dataclass(frozen=True, slots=True)
class Reading:
    """One message, read. `anger` is the probability that its writer is upset, `parts` what speaks for (positive) and
    against it, in log-odds against the usual message, strongest first; `history` includes this message."""

    anger: float
    parts: tuple[tuple[str, float], ...]
    history: History


@dataclass(frozen=True, slots=True)
class Words:
    """The first regression. `vector` has the encoder's dimension; `idf` and `phrases` (weights) have the same keys.

    `usual` is what the parts that every message has come to on average: evidence is told against it.
    """

    groups: tuple[str, ...]
    bias: float
    vector: NDArray[np.float32]
    group_weights: tuple[float, ...]
    tone_weights: tuple[float, ...]
    idf: Mapping[str, float]
    phrases: Mapping[str, float]
    usual: Mapping[str, float]

    def parts(
        self, text: str, vector: NDArray[np.float32], lexicon: Lexicon
    ) -> tuple[dict[str, float], Shown]:
        """The log-odds of a message by part (`bias` among them), and what later messages are compared with."""
        seen = read_part(text)
        folded = plain(seen)
        groups = lexicon.shown(folded, self.groups)
        loud = tone(seen)
        parts = {"bias": self.bias, "meaning": float(vector @ self.vector), "phrases": self._phrases(folded)}
        for name, value, weight in zip(self.groups, groups, self.group_weights, strict=True):
            if value:
                parts[name] = GROUP_SCALE * value * weight
        for name, value, weight in zip(TONE, loud, self.tone_weights, strict=True):
            if value:
                parts[PARTS[name]] = parts.get(PARTS[name], 0.0) + value * weight
        alone = sigmoid(sum(parts.values()))
        return parts, Shown.of(alone, self.groups, groups, loud)

    def _phrases(self, folded: str) -> float:
        weighed = weigh_phrases(Counter(phrases(folded)), self.idf)
        return sum(value * self.phrases[name] for name, value in weighed.items())


@dataclass(frozen=True, slots=True)
class MoodHead:
    """See the module. `threshold` is the least `anger` that counts as upset; `encoder` the fingerprint it was trained on."""

    encoder: str
    threshold: float
    words: Words
    bias: float
    alone_weight: float
    context_weights: tuple[float, ...]
    lexicons: Mapping[str, Lexicon]

    def read(self, text: str, vector: NDArray[np.float32], history: History, locale: str = "en") -> Reading:
        """Read a message that follows `history`. A language without a lexicon is read by meaning, phrases and tone."""
        found, shown = self.words.parts(text, vector, self.lexicon(locale))
        parts = {name: self.alone_weight * value for name, value in found.items()}
        parts["bias"] += self.bias
        for name, value in self.words.usual.items():
            parts[name] = parts.get(name, 0.0) - self.alone_weight * value
            parts["bias"] += self.alone_weight * value
        for name, value, weight in zip(CONTEXT, context(history, shown), self.context_weights, strict=True):
            if value:
                parts[PARTS[name]] = parts.get(PARTS[name], 0.0) + value * weight
        anger = sigmoid(sum(parts.values()))
        del parts["bias"]
        told = [(name, round(value, 4)) for name, value in parts.items() if abs(value) >= 0.005]
        return Reading(anger, tuple(sorted(told, key=lambda part: -abs(part[1]))), history.after(shown))

    def lexicon(self, locale: str) -> Lexicon:
        """The words of `locale` ("de-AT": those of "de"), none where there is no list."""
        exact = self.lexicons.get(locale.lower().replace("_", "-"))
        return exact or self.lexicons.get(locale.lower().replace("_", "-").split("-")[0]) or Lexicon({})

    def save(self, path: Path) -> None:
        """Write the head as JSON, about 300 kB."""
        words = self.words
        body = {
            "format": FORMAT,
            "encoder": self.encoder,
            "threshold": self.threshold,
            "groups": list(words.groups),
            "tone": list(TONE),
            "context": list(CONTEXT),
            "words": {
                "bias": words.bias,
                "vector": [round(float(value), 6) for value in words.vector],
                "groups": list(words.group_weights),
                "tone": list(words.tone_weights),
                "usual": dict(words.usual),
                "phrases": {name: [idf, words.phrases[name]] for name, idf in words.idf.items()},
            },
            "bias": self.bias,
            "alone": self.alone_weight,
            "context_weights": list(self.context_weights),
            "lexicons": {
                locale: {name: list(entries) for name, entries in lexicon.groups.items()}
                for locale, lexicon in self.lexicons.items()
            },
        }
        path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path, *, dimension: int) -> MoodHead:
        """Read what `save` wrote, for an encoder of `dimension` numbers. Raises `MoodHeadError`."""
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            found = body.get("format")
            head = _from_json(body) if found == FORMAT else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MoodHeadError(f"{path.name} cannot be read: {error!r}. Train again.") from error
        if head is None:
            raise MoodHeadError(f"{path.name} has format {found}, this version reads {FORMAT}. Train again.")
        words = head.words
        fits = (
            (body.get("tone"), body.get("context")) == (list(TONE), list(CONTEXT))
            and words.vector.shape == (dimension,)
            and len(words.group_weights) == len(words.groups)
            and len(words.tone_weights) == len(TONE)
            and len(head.context_weights) == len(CONTEXT)
            and bool(np.isfinite(words.vector).all())
        )
        if not fits:
            raise MoodHeadError(f"{path.name} is damaged: its numbers do not fit its names. Train again.")
        return head


def _from_json(body: Mapping[str, Any]) -> MoodHead:
    raw = body["words"]
    words = Words(
        groups=tuple(str(name) for name in body["groups"]),
        bias=float(raw["bias"]),
        vector=np.asarray(raw["vector"], dtype=np.float32),
        group_weights=_numbers(raw["groups"]),
        tone_weights=_numbers(raw["tone"]),
        usual={str(name): float(value) for name, value in raw["usual"].items()},
        idf={str(name): float(idf) for name, (idf, _) in raw["phrases"].items()},
        phrases={str(name): float(weight) for name, (_, weight) in raw["phrases"].items()},
    )
    return MoodHead(
        encoder=str(body["encoder"]),
        threshold=float(body["threshold"]),
        words=words,
        bias=float(body["bias"]),
        alone_weight=float(body["alone"]),
        context_weights=_numbers(body["context_weights"]),
        lexicons={
            str(locale): Lexicon({str(n): tuple(str(e) for e in entries) for n, entries in groups.items()})
            for locale, groups in body["lexicons"].items()
        },
    )


def _numbers(raw: Sequence[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in raw)


def weigh_phrases(counts: Mapping[str, int], idf: Mapping[str, float]) -> dict[str, float]:
    """The counted phrases that `idf` knows, `(1 + ln count) * idf`, scaled to length `PHRASE_SCALE`."""
    weighed = {name: (1 + math.log(count)) * idf[name] for name, count in counts.items() if name in idf}
    length = math.sqrt(sum(value * value for value in weighed.values()))
    return {name: PHRASE_SCALE * value / length for name, value in weighed.items()} if length else {}


def sigmoid(logit: float) -> float:
    """`1 / (1 + exp(-logit))`, without overflow."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)
