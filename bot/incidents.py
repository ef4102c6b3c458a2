"""Which open incident a message is about, so that it is told before the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb_index.edition import Incident
from kb_index.languages import language_of

NEAR: Final = 0.6
"""Least cosine with a phrase at which a message is about the incident, by the encoder's general part.

With three variants of an article as phrases, the bundled encoder so finds 0.78 of banking77's test questions on it and
0.023 of those on the 76 other articles of the same bank; on the demo's 63 articles 0.22 and 0.002. At 0.5 it would be
0.91 and 0.078, at 0.7 0.55 and 0.004. A notice too many costs a customer a line, one too few a wait in the queue, and an
incident that names its articles needs no phrases for what these are found by.
"""


class Incidents:
    """The open incidents of one edition. Immutable."""

    def __init__(
        self, incidents: Sequence[Incident] = (), phrases: NDArray[np.float32] | None = None
    ) -> None:
        """`phrases`: vectors of all phrases in the incidents' order, shape (phrases, dimension), of length 1."""
        self._incidents = tuple(incidents)
        owners = [place for place, incident in enumerate(self._incidents) for _ in incident.phrases]
        self._owners = np.array(owners, dtype=np.int64)
        self._phrases = np.zeros((0, 1), np.float32) if phrases is None else phrases
        if len(self._phrases) != len(owners):
            raise ValueError(f"{len(self._phrases)} vectors are not those of {len(owners)} phrases")

    def __len__(self) -> int:
        return len(self._incidents)

    @property
    def has_phrases(self) -> bool:
        """Whether a message's vectors matter."""
        return bool(len(self._owners))

    def about(
        self,
        article_ids: Collection[str],
        readings: NDArray[np.float32],
        *,
        locale: str,
        told: Collection[str] = (),
    ) -> Incident | None:
        """The incident to tell of a message that `article_ids` answer; None where there is none, or none is left untold.

        `readings` (n, dimension) are the vectors of the message and of its sentences. Of incidents that fit, those in the
        `locale`'s language are meant where there are any, else all: better told in another language than not at all.
        `told` holds keys (`key_of`) of what the customer knows.
        """
        nearness = self._nearness(readings)
        fitting = [
            (not set(incident.article_ids).isdisjoint(article_ids), float(near), incident)
            for incident, near in zip(self._incidents, nearness, strict=True)
        ]
        fitting = [found for found in fitting if found[0] or found[1] >= NEAR]
        own = [found for found in fitting if language_of(found[2].locale) == language_of(locale)]
        left = [found for found in own or fitting if key_of(found[2]) not in told]
        # Named articles before likeness; of equals the one that the edition names first.
        return max(left, key=lambda found: found[:2], default=(True, 0.0, None))[2]

    def _nearness(self, readings: NDArray[np.float32]) -> NDArray[np.float32]:
        """The best cosine of any reading with any phrase of each incident; -1 where it has none."""
        best = np.full(len(self._incidents), -1.0, dtype=np.float32)
        if self.has_phrases and len(readings):
            np.maximum.at(best, self._owners, (self._phrases @ readings.T).max(axis=1))
        return best


def key_of(incident: Incident) -> str:
    """What a dialogue remembers of an incident: another one as soon as the text is another, then the customer is told again."""
    return hashlib.sha256(f"{incident.id}\n{incident.text}".encode()).hexdigest()[:12]
