"""Lexical evidence: how much of a question's wording stands in an article, rare pieces counting most.

Names, codes and rare words are what an encoder of meaning blurs. Texts are cut into pieces of three to five characters
within words, so that nothing depends on a language, its stop words or its endings, and a misspelling costs a few pieces
only. Pieces are weighed as tf-idf (1 + ln tf, smoothed idf; Salton and Buckley 1988) and an article is the sum of its
texts (Rocchio 1971): title, variants and passages, each of length 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

from kb_index.index import GONE, Owners

Floats = NDArray[np.float64]

PIECES: Final = 2**18
"""Hashes of pieces; at a million different ones four share a place, which their weights survive."""

COMMON_SHARE: Final = 0.05
COMMON_COUNT: Final = 20
"""A piece in more than this share of the texts, and in more than so many, tells nothing apart and is left out; such
pieces are nine tenths of the work."""

MOST_ARTICLES: Final = 20_000
"""Beyond, the pieces would take gigabytes: there is then no lexical evidence."""

MOST_CHANGED: Final = 0.25
"""Share of articles beside the rest or taken out from which on an index is untidy."""

_cut: Final = HashingVectorizer(
    analyzer="char_wb",
    ngram_range=(3, 5),
    n_features=PIECES,
    alternate_sign=False,
    norm=None,
    dtype=np.float32,
)


class _Part:
    """Some articles as weighted pieces of words: `sums` (articles, PIECES). Immutable."""

    def __init__(self, sums: Any) -> None:
        self.sums = sums
        self._by_piece = sums.T.tocsr()
        self.lengths = _lengths(sums)

    def products(self, pieces: NDArray[np.int32], weights: NDArray[np.float32]) -> Floats:
        """Inner products with all articles (articles,). By hand: for one text scipy's own takes five times as long."""
        starts = self._by_piece.indptr[pieces]
        counts = self._by_piece.indptr[pieces + 1] - starts
        ends = np.cumsum(counts)
        if not len(ends) or not ends[-1]:
            return np.zeros(self.sums.shape[0])
        places = np.arange(ends[-1]) + np.repeat(starts - ends + counts, counts)
        values = self._by_piece.data[places] * np.repeat(weights, counts)
        return np.asarray(
            np.bincount(self._by_piece.indices[places], weights=values, minlength=self.sums.shape[0]),
            dtype=np.float64,
        )


class WordIndex:
    """Articles as weighted pieces of words. Immutable; may be asked in several threads at once.

    `idf` (PIECES,) weighs a piece, 0 where it is left out; `sums` (columns, PIECES) holds an article in each row, whose
    article is in `owners`, `GONE` where it has been taken out. Articles that came since it was built stand beside the rest, in
    rows after it: so that one more costs what it is, and not what all are.
    """

    def __init__(self, idf: NDArray[np.float32], sums: Any, owners: Owners) -> None:
        self._hold(idf, _Part(sums), None, owners)

    def _hold(
        self, idf: NDArray[np.float32], built: _Part, beside: _Part | None, owners: Owners
    ) -> WordIndex:
        self.idf = idf
        self.owners = owners
        self._built = built
        self._beside = beside
        self._lengths = built.lengths if beside is None else np.append(built.lengths, beside.lengths)
        return self

    @property
    def sums(self) -> Any:
        """All articles, those beside too."""
        if self._beside is None:
            return self._built.sums
        return sparse.vstack([self._built.sums, self._beside.sums]).tocsr()

    @classmethod
    def build(cls, texts: Sequence[str], owners: Owners, articles: int) -> WordIndex:
        """Of texts with their `owners` (n,), article positions below `articles`."""
        if articles > MOST_ARTICLES or not texts:
            return cls(
                np.zeros(PIECES, np.float32), sparse.csr_matrix((0, PIECES), dtype=np.float32), owners[:0]
            )
        counted = _cut.transform(texts)
        holding = np.bincount(counted.indices, minlength=PIECES)
        idf = (np.log((1.0 + len(texts)) / (1.0 + holding)) + 1.0).astype(np.float32)
        idf[holding > max(COMMON_COUNT, COMMON_SHARE * len(texts))] = 0.0
        rows = _weighted(counted, idf)
        ones = np.ones(len(texts), dtype=np.float32)
        owned = sparse.csr_matrix((ones, (owners, np.arange(len(texts)))), shape=(articles, len(texts)))
        return cls(idf, (owned @ rows).tocsr(), np.arange(articles, dtype=np.int64))

    def rows(self, texts: Sequence[str]) -> Any:
        """Texts as weighted pieces: a sparse matrix (len(texts), PIECES), rows of length 1 or empty."""
        return _weighted(_cut.transform(texts), self.idf)

    def scores(self, texts: Sequence[str], articles: int, *, without: Owners | None = None) -> Floats:
        """The cosine of each text with each article, 0 to 1, shape (len(texts), articles).

        `without` (len(texts),): the article from which each text itself is taken away first, as if it had not been
        among its variants; `GONE` leaves all as they are.
        """
        found = np.zeros((len(texts), articles))
        if not len(self.owners):
            return found
        counted = _cut.transform(texts)
        there = self.owners != GONE
        for line in range(len(texts)):
            part = slice(counted.indptr[line], counted.indptr[line + 1])
            pieces = counted.indices[part]
            weights = (1.0 + np.log(counted.data[part])) * self.idf[pieces]
            length = float(np.sqrt(weights @ weights))
            if length == 0.0:
                continue
            products = self._products(pieces, weights / length)
            lengths = self._lengths
            own_columns = np.zeros(0, dtype=np.int64)
            if without is not None and without[line] != GONE:
                own_columns = np.flatnonzero(self.owners == without[line])
            for column in own_columns:  # one, or none where the article came when there were too many
                lengths = lengths.copy()
                own = products[column]
                lengths[column] = np.sqrt(max(lengths[column] ** 2 - 2.0 * own + 1.0, 1e-6))
                products[column] = max(own - 1.0, 0.0)
            found[line, self.owners[there]] = (products / lengths)[there]
        return found

    def _products(self, pieces: NDArray[np.int32], weights: NDArray[np.float32]) -> Floats:
        """Inner products with all columns (columns,)."""
        built = self._built.products(pieces, weights)
        return built if self._beside is None else np.append(built, self._beside.products(pieces, weights))

    def renumbered(self, owner: Callable[[Owners], Owners]) -> WordIndex:
        """As `VectorIndex.renumbered`."""
        owners = self.owners.copy()
        there = owners != GONE
        owners[there] = owner(owners[there])
        return self._changed(self._beside, owners)

    def with_articles(self, texts: Sequence[str], owners: Owners) -> WordIndex:
        """These and articles more, of texts with their `owners` (n,); their new pieces of words count as far as others
        have them too."""
        if not self.idf.any() or not len(owners):
            return self
        positions, places = np.unique(owners, return_inverse=True)
        ones = np.ones(len(texts), dtype=np.float32)
        owned = sparse.csr_matrix((ones, (places, np.arange(len(texts)))), shape=(len(positions), len(texts)))
        added = (owned @ self.rows(texts)).tocsr()
        if self._beside is not None:
            added = sparse.vstack([self._beside.sums, added]).tocsr()
        return self._changed(_Part(added), np.append(self.owners, positions))

    @property
    def is_untidy(self) -> bool:
        """Whether so much has been added and taken out that `compact`, which copies everything, pays."""
        beside = 0 if self._beside is None else self._beside.sums.shape[0]
        return bool(beside + (self.owners == GONE).sum() > MOST_CHANGED * len(self.owners))

    def compact(self) -> WordIndex:
        """The same articles, none beside and none taken out."""
        there = self.owners != GONE
        if there.all() and self._beside is None:
            return self
        return WordIndex(self.idf, self.sums[there], self.owners[there])

    def _changed(self, beside: _Part | None, owners: Owners) -> WordIndex:
        return WordIndex.__new__(WordIndex)._hold(self.idf, self._built, beside, owners)  # noqa: SLF001


def _weighted(counted: Any, idf: NDArray[np.float32]) -> Any:
    """Counts (n, PIECES) as tf-idf, rows of length 1."""
    weights = (1.0 + np.log(counted.data)) * idf[counted.indices]
    made = sparse.csr_matrix((weights, counted.indices, counted.indptr), shape=counted.shape)
    lengths = _lengths(made)
    made.data /= np.repeat(lengths, np.diff(made.indptr)).astype(np.float32)
    made.eliminate_zeros()
    return made


def _lengths(rows: Any) -> Floats:
    """The length of each row; 1 for an empty one, which may be divided by."""
    squares = np.add.reduceat(np.append(rows.data.astype(np.float64) ** 2, 0.0), rows.indptr[:-1])
    squares[np.diff(rows.indptr) == 0] = 0.0
    return np.where(squares > 0.0, np.sqrt(np.maximum(squares, 1e-12)), 1.0)
