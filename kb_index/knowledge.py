"""The knowledge base as the bot uses it: built once, saved, loaded, asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb_index import live
from kb_index.article import Article, content_hash
from kb_index.calibration import Calibration, calibrate
from kb_index.centre import centre_of, centred
from kb_index.encoder import Encoder, EncoderError, Vectors
from kb_index.exam import Corpus, Rehearsal
from kb_index.index import VectorIndex
from kb_index.passages import texts_of
from kb_index.probes import Probe
from kb_index.ranking import Ranker, Scored
from kb_index.serving import Serving
from kb_index.store import CorruptIndex, IndexMismatch, StoredIndex, load_index, save_index
from kb_index.words import WordIndex

__all__ = ["Candidate", "CorruptIndex", "IndexMismatch", "Knowledge", "Ranking"]

BATCH: Final = 256
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article that may answer. `score` is its share of belief among all candidates: 0 to 1, summing to 1.

    Two articles that compete have like scores; an article far ahead is near 1 even when nothing fits well,
    which is what `Ranking.confidence` tells.
    """

    article_id: str
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates, best first, with two probabilities (0 to 1): `confidence` that the first is right, `answerable` that
    any article is. Without candidates both are 0."""

    candidates: tuple[Candidate, ...]
    confidence: float
    answerable: float = 0.0


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Report to nobody."""


class Knowledge:
    """An immutable index over articles. Searches may run in several threads at once."""

    def __init__(self, stored: StoredIndex) -> None:
        self._stored = stored
        self._articles = stored.articles
        self._positions = {article.id: position for position, article in enumerate(self._articles)}
        locales: dict[str, list[int]] = {}
        for position, article in enumerate(self._articles):
            locales.setdefault(article.locale.lower(), []).append(position)
        self._by_locale = {name: self._mask(positions) for name, positions in locales.items()}
        languages: dict[str, list[int]] = {}
        for name, positions in locales.items():
            languages.setdefault(name.split("-")[0], []).extend(positions)
        self._by_language = {name: self._mask(positions) for name, positions in languages.items()}

    @classmethod
    def build(
        cls,
        articles: Iterable[Article],
        encoder: Encoder,
        *,
        risk: float = 0.02,
        unanswerable_share: float = 0.1,
        probes: Sequence[Probe] = (),
        progress: Progress = no_progress,
    ) -> Knowledge:
        """Embed and index `articles` and learn how to rank them. Their order does not matter.

        `risk` is the share of wrong answers that may be given, `unanswerable_share` the share of questions
        that no article answers; both between 0 and 1. Where `encoder` has learnt from these very questions, `probes`
        are asked in its place when thresholds are learnt (`kb_index.tuning`). `progress(stage, done, total)` is called as it goes
        (stages `embed`, `calibrate`). Raises `ValueError` for ids given twice, `EncoderError` for NaN vectors.
        """
        _check_promise(risk, unanswerable_share)
        ordered = tuple(sorted(articles, key=lambda article: article.id))
        if len({article.id for article in ordered}) != len(ordered):
            raise ValueError("an article id is given twice")
        texts: list[str] = []
        owners: list[int] = []
        kinds: list[int] = []
        for position, article in enumerate(ordered):
            (title, *variants), passages = texts_of(article)
            rows = [(0, title), *((1, text) for text in variants), *((2, text) for text in passages)]
            for kind, text in rows:
                texts.append(text)
                owners.append(position)
                kinds.append(kind)
        owner, kind_of = np.array(owners, dtype=np.int64), np.array(kinds, dtype=np.int64)
        asked = [texts[line] for line in np.flatnonzero(kind_of == 1)]
        words = WordIndex.build(texts, owner, len(ordered))

        def corpus_of(by: Encoder) -> tuple[Corpus, Vectors]:
            vectors = _embed(texts, by, progress)
            # Not of the variants: one article that has many would be the centre.
            centre = centre_of(vectors[kind_of != 1])
            vectors = centred(vectors, centre)
            parts = [(vectors[kind_of == kind], owner[kind_of == kind]) for kind in range(3)]
            return Corpus(parts[0], parts[1], VectorIndex(*parts[2]), len(ordered), asked, words), centre

        named = [(ordered[owners[line]].id, texts[line]) for line in np.flatnonzero(kind_of == 1)]
        corpus, centre = corpus_of(encoder)
        learnt = calibrate(
            corpus,
            risk=risk,
            unanswerable_share=unanswerable_share,
            progress=progress,
            rehearsals=[
                Rehearsal(
                    corpus_of(probe.encoder)[0],
                    np.array([probe.is_out(*pair) for pair in named], dtype=bool),
                    np.array([article.id in probe.gone for article in ordered], dtype=bool),
                )
                for probe in probes
            ],
        )
        # Calibration asks in large batches, for which exact search is best; a customer's single question is another matter.
        questions = VectorIndex.for_serving(*corpus.questions())
        answers = VectorIndex.for_serving(corpus.passages.vectors(), corpus.passages.owners)
        ranker = Ranker(questions, answers, words, len(ordered), learnt.weights)
        return cls(
            StoredIndex(
                articles=ordered,
                encoder_name=encoder.name,
                encoder_fingerprint=encoder.fingerprint,
                content_hash=content_hash(ordered),
                centre=centre,
                ranker=ranker,
                calibration=learnt,
            )
        )

    def save(self, folder: Path) -> None:
        """Write everything into `folder`, which is made if missing."""
        save_index(folder, self._stored)

    @classmethod
    def load(cls, folder: Path, encoder: Encoder) -> Knowledge:
        """Read what `save` wrote. Raises `IndexMismatch` (another encoder) or `CorruptIndex`."""
        return cls(load_index(folder, encoder))

    def with_article(self, article: Article, encoder: Encoder) -> Knowledge:
        """This knowledge and `article`, found from now on; replaces one of the same id. See `kb_index.live`."""
        return Knowledge(live.with_article(self._stored, article, encoder))

    def without_article(self, article_id: str) -> Knowledge:
        """This knowledge less one article. Raises `KeyError` for an id that is not here."""
        return Knowledge(live.without_article(self._stored, article_id))

    def for_risk(self, risk: float | None, unanswerable_share: float | None = None) -> Knowledge:
        """This knowledge with the threshold for another risk and share of unanswerable questions (None: as trained).

        Nothing is learnt anew. Raises `RiskUnknown` for a release that does not hold what it takes, `ValueError` as `build`.
        """
        risk = self._trained("risk", 0.02) if risk is None else risk
        share = self._trained("unanswerable_share", 0.1) if unanswerable_share is None else unanswerable_share
        _check_promise(risk, share)
        return self._with(self._calibration.for_risk(risk, share))

    def _trained(self, name: str, default: float) -> float:
        value = self._calibration.figures.get(name)
        return default if value is None else float(value)

    def at_threshold(self, threshold: float) -> Knowledge:
        """This knowledge with a threshold that somebody chose, between 0 and 1."""
        return self._with(self._calibration.at_threshold(threshold))

    def _with(self, calibration: Calibration) -> Knowledge:
        if calibration is self._calibration:
            return self
        return Knowledge(replace(self._stored, calibration=calibration))

    def revised(self, articles: Iterable[Article], encoder: Encoder) -> Knowledge:
        """The knowledge of exactly these `articles`, made of this one by what differs; itself where nothing does.

        Tidied where changes have made it untidy (`live.tidied`). Raises as `with_articles`, with nothing changed.
        """
        wanted = {article.id: article for article in articles}
        gone = [article.id for article in self._articles if article.id not in wanted]
        here = {article.id: article for article in self._articles}
        coming = [article for article in wanted.values() if here.get(article.id) != article]
        if not gone and not coming:
            return self
        stored = live.with_articles(live.without_articles(self._stored, gone), coming, encoder)
        return Knowledge(live.tidied(stored))

    @property
    def is_untidy(self) -> bool:
        """Whether articles have come and gone so often that `compacted` makes searching cheaper."""
        return live.is_untidy(self._stored)

    def compacted(self) -> Knowledge:
        """The same knowledge with all changes built in; copies every vector, so call it off the event loop."""
        return Knowledge(live.compacted(self._stored))

    def __len__(self) -> int:
        return len(self._articles)

    @property
    def articles(self) -> Sequence[Article]:
        """All articles, by id."""
        return self._articles

    @property
    def threshold(self) -> float:
        """The confidence from which on an answer is given."""
        return self._calibration.threshold

    @property
    def figures(self) -> dict[str, float | int | str | bool | None]:
        """What was estimated in training, for the report."""
        return dict(self._calibration.figures)

    @property
    def curve(self) -> list[dict[str, float | bool | None]]:
        """See `Calibration.curve`."""
        return self._calibration.curve()

    @property
    def content_hash(self) -> str:
        """`kb_index.article.content_hash` of the articles."""
        return self._stored.content_hash or content_hash(self._articles)

    @property
    def dimension(self) -> int:
        """Numbers in a query vector."""
        return self._stored.ranker.questions.dimension

    def article(self, article_id: str) -> Article:
        """Raises `KeyError` for an id that is not here."""
        return self._articles[self._positions[article_id]]

    def search(self, text: str, vector: Vectors, *, locale: str | None = None, k: int = 10) -> Ranking:
        """The `k` best articles for `text`, whose vector from the index's encoder has shape (dimension,).

        Where articles in `locale` exist only those are searched, else those of its language (`pt` for `pt-BR`
        and the other way round), else all. A text without words finds nothing. Raises `ValueError` for a
        vector of another shape, or with NaN.
        """
        scored = self.scored(text, vector, locale=locale)
        if scored is None:
            return Ranking((), 0.0, 0.0)
        candidates = tuple(
            Candidate(self._articles[position].id, self._articles[position].title, float(share))
            for position, share in zip(scored.articles[:k], scored.shares[:k], strict=True)
        )
        confidence = self._calibration.confidence.of(scored)
        # Fitted apart, the two may cross by a little where both are nearly sure.
        return Ranking(candidates, confidence, max(confidence, self._calibration.answerable.of(scored)))

    def scored(self, text: str, vector: Vectors, *, locale: str | None = None) -> Scored | None:
        """What `search` goes by: all candidates with their features; None where there is nothing to look for."""
        query = np.asarray(vector, dtype=np.float32).reshape(-1)
        if query.shape != (self.dimension,) or not np.isfinite(query).all():
            raise ValueError(f"a query vector has {self.dimension} finite numbers, not shape {query.shape}")
        if not self._articles or not text.strip() or not query.any():
            return None
        return self._stored.ranker.rank(self.placed(query)[None, :], [text], among=self.among(locale))[0]

    def placed(self, query: Vectors) -> Vectors:
        """A query vector (dimension,) where the index has its own: less what all texts have in common."""
        (moved,) = centred(np.asarray(query, dtype=np.float32)[None, :], self._stored.centre)
        return np.asarray(moved)

    @property
    def stored(self) -> StoredIndex:
        """All that this is made of, for who explains it."""
        return self._stored

    @property
    def _calibration(self) -> Calibration:
        return self._stored.calibration

    def _mask(self, positions: Sequence[int]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self._articles), dtype=bool)
        mask[positions] = True
        mask.flags.writeable = False  # the indexes remember what they found out about it
        return mask

    def among(self, locale: str | None) -> NDArray[np.bool_] | None:
        """The articles (articles,) that are searched for `locale`; None for all. See `search`."""
        if locale is None or len(self._by_locale) < 2:
            return None
        wanted = locale.lower()
        if wanted in self._by_locale:
            return self._by_locale[wanted]
        language = wanted.split("-")[0]
        return self._by_language.get(language)


def served(knowledge: Knowledge, serving: Serving) -> Knowledge:
    """`knowledge` with the threshold that a release is to serve with. Raises `RiskUnknown`."""
    if serving.threshold is not None:
        return knowledge.at_threshold(serving.threshold)
    if serving.risk is None and serving.unanswerable_share is None:
        return knowledge
    return knowledge.for_risk(serving.risk, serving.unanswerable_share)


def _check_promise(risk: float, unanswerable_share: float) -> None:
    if not 0.0 < risk < 1.0 or not 0.0 <= unanswerable_share < 1.0:
        raise ValueError("risk must be above 0 and unanswerable_share at least 0, both below 1")


def _embed(texts: Sequence[str], encoder: Encoder, progress: Progress) -> Vectors:
    """Vectors of all texts; longer batches than one call keep the progress moving."""
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    for start in range(0, len(texts), BATCH):
        progress("embed", start, len(texts))
        vectors[start : start + BATCH] = encoder.encode(texts[start : start + BATCH])
    progress("embed", len(texts), len(texts))
    if not np.isfinite(vectors).all():
        raise EncoderError(
            f"The encoder {encoder.name} returned NaN or infinite numbers; nothing was indexed."
        )
    return vectors
