"""What an evaluation shows beyond its figures: what became of each question, curves, bins and confusions.

Pure and standard library only: the bot's command computes with it, and so may the relay for its studio. Drawing is
`kb_index.evaluate_page`'s.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from kb_index.evaluate import Outcome, percentile
from kb_index.intervals import wilson

Fate = Literal["right", "wrong", "unwanted", "asked_right", "asked_wrong", "missed", "silent"]
"""What became of a question. Of those that an article answers: `right` and `wrong` answers, `asked_right` and
`asked_wrong` (two articles were offered, the right one among them or not), `missed` (not answered). Of the others:
`unwanted` (answered all the same) and `silent` (rightly not answered)."""

FATES: Final[tuple[Fate, ...]] = (
    "wrong", "unwanted", "missed", "asked_wrong", "asked_right", "right", "silent"
)  # fmt: skip
"""In the order in which an editor should read them."""

BINS: Final = 10
CURVE_POINTS: Final = 200
EXAMPLES: Final = 3
PAIRS: Final = 25
WORST: Final = 10
BARS: Final = 24


@dataclass(frozen=True, slots=True)
class Share:
    """A share with what it is a share of, and its 95 % Wilson interval; `share` None of nothing."""

    hits: int
    n: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised for the release: at most `risk` wrong answers where `unanswerable_share` of the questions
    have no article, which is what `threshold` was chosen for. None where the release does not say."""

    threshold: float
    risk: float | None = None
    unanswerable_share: float | None = None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """If all were answered that has at least this confidence: share of answerable questions answered, wrong share."""

    threshold: float
    coverage: float
    answers: int
    wrong: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of like confidence: their mean confidence and how often the best article was right."""

    low: float
    high: float
    n: int
    confidence: float
    right: Share


@dataclass(frozen=True, slots=True)
class Confusion:
    """Questions for one article that found another first. `expected` None: no article answers them.

    `answered` of the `n` were said to the customer; `examples` are the surest ones' texts.
    """

    expected: str | None
    best: str
    n: int
    answered: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """One article's questions: how many found it, were answered, and were answered wrongly; `taken` counts others'
    questions that found this article first."""

    article_id: str
    found: Share
    answered: int
    wrong: int
    taken: int


@dataclass(frozen=True, slots=True)
class Details:
    """Everything that is drawn, as plain values."""

    fates: Mapping[Fate, Share]
    promise: Promise
    kept: Share | None
    """Wrong answers among all as if `promise.unanswerable_share` of the questions had no article; n is rounded."""
    curve: tuple[CurvePoint, ...]
    bins: tuple[Bin, ...]
    ece: float | None
    brier: float | None
    confusions: tuple[Confusion, ...]
    topics: tuple[Topic, ...]
    worst: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    """Rows: questions of the `worst` articles; columns: the same articles as found first, then all others."""
    latency: tuple[tuple[float, float, int], ...]
    """Bars (from ms, to ms, questions); the last one is open."""

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def details(texts: Sequence[str], outcomes: Sequence[Outcome], promise: Promise) -> Details:
    """The details of `outcomes`, one for each of `texts`."""
    if len(texts) != len(outcomes):
        raise ValueError(f"{len(texts)} texts and {len(outcomes)} outcomes do not belong together")
    found = Counter(fate(outcome) for outcome in outcomes)
    topics = _topics(outcomes)
    worst = _worst(outcomes)
    bins, ece, brier = reliability(outcomes)
    return Details(
        fates={name: share_of(found[name], len(outcomes)) for name in FATES},
        promise=promise,
        kept=_kept(outcomes, promise.unanswerable_share),
        curve=coverage_risk(outcomes),
        bins=bins,
        ece=ece,
        brier=brier,
        confusions=_confusions(texts, outcomes),
        topics=topics,
        worst=worst,
        matrix=_matrix(outcomes, worst),
        latency=histogram([outcome.latency_ms for outcome in outcomes]),
    )


def fate(outcome: Outcome) -> Fate:
    """What became of a question."""
    if outcome.expected is None:
        return "unwanted" if outcome.answered else "silent"
    if outcome.answered:
        return "right" if outcome.right else "wrong"
    if outcome.offered:
        return "asked_right" if outcome.expected in outcome.offered else "asked_wrong"
    return "missed"


def share_of(hits: int, n: int) -> Share:
    """`hits` of `n` with Wilson's interval."""
    low, high = wilson(hits, n)
    return Share(hits, n, hits / n if n else None, low, high)


def coverage_risk(outcomes: Sequence[Outcome]) -> tuple[CurvePoint, ...]:
    """From the surest question to the least sure, at most some `CURVE_POINTS` points.

    (El-Yaniv and Wiener 2010 call it the risk-coverage curve; here the axes are the protocol's figures.)
    """
    candidates = sorted((o for o in outcomes if o.best is not None), key=lambda o: -o.confidence)
    answerable = sum(outcome.expected is not None for outcome in outcomes)
    every = max(1, len(candidates) // CURVE_POINTS)
    points: list[CurvePoint] = []
    reached = wrong = 0
    for given, outcome in enumerate(candidates, start=1):
        reached += outcome.expected is not None
        wrong += not outcome.right
        last = given == len(candidates)
        if not last and (given % every or candidates[given].confidence == outcome.confidence):
            continue  # equal confidences are answered together or not at all
        low, high = wilson(wrong, given)
        coverage = reached / answerable if answerable else 0.0
        points.append(CurvePoint(outcome.confidence, coverage, given, wrong / given, low, high))
    return tuple(points)


def reliability(outcomes: Sequence[Outcome]) -> tuple[tuple[Bin, ...], float | None, float | None]:
    """Bins of equal width, the expected calibration error over them, and the Brier score.

    ECE (Naeini et al. 2015): mean over questions of |share right - mean confidence| of their bin. Brier (1950): mean
    of (confidence - right) squared. A question that no article answers counts as not right.
    """
    if not outcomes:
        return (), None, None
    members: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        members[min(BINS - 1, int(outcome.confidence * BINS))].append(outcome)
    bins = []
    for number, inside in sorted(members.items()):
        right = share_of(sum(outcome.right for outcome in inside), len(inside))
        mean = sum(outcome.confidence for outcome in inside) / len(inside)
        bins.append(Bin(number / BINS, (number + 1) / BINS, len(inside), mean, right))
    n = len(outcomes)
    ece = sum(b.n / n * abs(b.right.hits / b.n - b.confidence) for b in bins)
    brier = sum((outcome.confidence - outcome.right) ** 2 for outcome in outcomes) / n
    return tuple(bins), ece, brier


def histogram(values: Sequence[float]) -> tuple[tuple[float, float, int], ...]:
    """At most `BARS` bars of a round width up to the 99th percentile, and one for all beyond."""
    if not values:
        return ()
    ordered = sorted(values)
    top = percentile(ordered, 99) or 0.0
    width = _round_width(max(top, 1e-3) / BARS)
    bars = int(top / width) + 1
    counts = Counter(min(bars, int(value / width)) for value in ordered)
    return tuple((number * width, (number + 1) * width, counts[number]) for number in range(bars + 1))


def _kept(outcomes: Sequence[Outcome], unanswerable_share: float | None) -> Share | None:
    """Wrong answers among all, with the unanswerable questions weighted to the share that was promised for."""
    known = [outcome for outcome in outcomes if outcome.expected is not None]
    unknown = [outcome for outcome in outcomes if outcome.expected is None]
    if unanswerable_share is None or not known or (unanswerable_share > 0 and not unknown):
        return None
    weights = (1.0 - unanswerable_share) / len(known), unanswerable_share / max(1, len(unknown))
    given = weights[0] * sum(o.answered for o in known) + weights[1] * sum(o.answered for o in unknown)
    wrong = weights[0] * sum(o.answered and not o.right for o in known)
    wrong += weights[1] * sum(o.answered for o in unknown)
    if not given:
        return None
    # As many answers as were really given, so that the interval is as wide as the evidence allows.
    n = sum(outcome.answered for outcome in outcomes)
    low, high = wilson(wrong / given * n, n)
    return Share(round(wrong / given * n), n, wrong / given, low, high)


def _confusions(texts: Sequence[str], outcomes: Sequence[Outcome]) -> tuple[Confusion, ...]:
    groups: dict[tuple[str | None, str], list[tuple[float, bool, str]]] = defaultdict(list)
    for text, outcome in zip(texts, outcomes, strict=True):
        taken_in = outcome.expected is None and outcome.answered
        if outcome.best is not None and (taken_in or (outcome.expected is not None and not outcome.right)):
            groups[outcome.expected, outcome.best].append((outcome.confidence, outcome.answered, text))
    found = [
        Confusion(
            expected,
            best,
            len(rows),
            sum(answered for _, answered, _ in rows),
            tuple(text for _, _, text in sorted(rows, key=lambda row: (-row[1], -row[0]))[:EXAMPLES]),
        )
        for (expected, best), rows in groups.items()
    ]
    # What reached a customer weighs more than what was only thought.
    found.sort(key=lambda c: (-c.answered, -c.n, c.expected or "", c.best))
    return tuple(found[:PAIRS])


def _topics(outcomes: Sequence[Outcome]) -> tuple[Topic, ...]:
    own: dict[str, list[Outcome]] = defaultdict(list)
    taken: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.expected is not None:
            own[outcome.expected].append(outcome)
        if outcome.best is not None and not outcome.right and (outcome.expected or outcome.answered):
            taken[outcome.best] += 1
    topics = [
        Topic(
            article_id,
            share_of(sum(o.right for o in rows), len(rows)),
            sum(o.answered for o in rows),
            sum(o.answered and not o.right for o in rows),
            taken[article_id],
        )
        for article_id, rows in own.items()
    ]
    return tuple(sorted(topics, key=lambda t: (-t.wrong, t.found.share or 0.0, t.article_id)))


def _worst(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """The articles in most mistakes, as the right one or the wrong one."""
    involved: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.expected is not None and outcome.best is not None and not outcome.right:
            involved[outcome.expected] += 1
            involved[outcome.best] += 1
    return tuple(
        name for name, _ in sorted(involved.items(), key=lambda entry: (-entry[1], entry[0]))[:WORST]
    )


def _matrix(outcomes: Sequence[Outcome], worst: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    places = {name: place for place, name in enumerate(worst)}
    rows = [[0] * (len(worst) + 1) for _ in worst]
    for outcome in outcomes:
        if outcome.expected in places:
            rows[places[outcome.expected]][places.get(outcome.best or "", len(worst))] += 1
    return tuple(tuple(row) for row in rows)


def _round_width(least: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    scale = 1.0
    while scale > least:
        scale /= 10.0
    while scale * 10.0 <= least:
        scale *= 10.0
    return next(scale * step for step in (1.0, 2.0, 5.0, 10.0) if scale * step >= least)
