"""The charts of an evaluation, each with the definition that stands beside it and the table that says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kb_index.charts import FOOT, Plot, percent, ticks
from kb_index.evaluate_details import CurvePoint, Details, Share

SHARES: Final[Mapping[str, tuple[str, str]]] = {
    "accuracy_top1": (
        "Right article found first",
        "Of the questions that an article answers: the share whose best article is the right one, whatever was done.",
    ),
    "coverage": (
        "Answered by itself",
        "Of the questions that an article answers: the share that was answered.",
    ),
    "accuracy_answered": (
        "Answers that are right",
        "Of all answers given: the share with the right article.",
    ),
    "wrong_answer_rate": (
        "Answers that are wrong",
        "Of all answers given: the share with a wrong article, or to a question that no article answers.",
    ),
    "oos_recall": (
        "Rightly not answered",
        "Of the questions that no article answers: the share that was not answered.",
    ),
}
"""The figures of docs/protocol.md section 5 that are shares: what an editor calls them, and their definition."""

INTERVAL: Final = (
    "The range behind each share is its 95 % Wilson interval: with this many questions, the true share lies in it 95 "
    "times of 100."
)

TABLE_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot with its words. `table` is a header and rows with the same content."""

    name: str
    plot: Plot
    definition: str
    table: tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]


def charts(found: Mapping[str, Any], shown: Details) -> list[Chart]:
    """Those of accuracy, coverage, calibration and latency for which there is something to draw."""
    made = [_shares(found)]
    if shown.curve:
        made.append(_coverage(found, shown))
    if shown.bins:
        made.append(_reliability(shown))
    if shown.latency:
        made.append(_latency(found, shown))
    return made


def with_interval(share: Share) -> str:
    """`1.6 % (1.2 to 2.1 %)`."""
    if share.share is None:
        return "-"
    low = percent(share.low).partition("\u00a0")[0]
    return f"{percent(share.share)} ({low} to {percent(share.high)})"


def _shares(found: Mapping[str, Any]) -> Chart:
    known = [(name, found[name], found["intervals"][name]) for name in SHARES if found.get(name) is not None]
    plot = Plot(
        "shares",
        "The main figures with their 95 % intervals",
        "; ".join(f"{SHARES[name][0]} {percent(value)}, between {percent(low)} and {percent(high)}"
                  for name, value, (low, high) in known) + ".",
        x=(0.0, 1.0),
        y=(0.0, max(1.0, float(len(known)))),
        left=18,
    )  # fmt: skip
    plot.across(ticks(0, 1), percent)
    for place, (name, value, (low, high)) in enumerate(known):
        plot.lying(len(known) - place - 0.65, value, low, high, f"{SHARES[name][0]}: {percent(value)}")
    rows = tuple((SHARES[name][0], percent(value), f"{percent(low)} to {percent(high)}", SHARES[name][1])
                 for name, value, (low, high) in known)  # fmt: skip
    return Chart("shares", plot, INTERVAL, (("Figure", "Share", "95 % interval", "Definition"), rows))


def _coverage(found: Mapping[str, Any], shown: Details) -> Chart:
    curve, promise = shown.curve, shown.promise
    risk, wrong, coverage = promise.risk, found.get("wrong_answer_rate"), found.get("coverage")
    # The worst of the curve, with everything answered, may be far above what anybody would choose.
    highest = max([point.wrong for point in curve] + [2.5 * (risk or 0.0), wrong or 0.0])
    top = min(1.0, max(0.05, 1.15 * highest))
    told = f"It rises to {percent(curve[-1].wrong)} wrong with everything answered."
    if wrong is not None and coverage is not None:
        told = f"Now {percent(coverage)} are answered and {percent(wrong)} of the answers are wrong. {told}"
    plot = Plot("coverage", "What answering more would cost", told, x=(0.0, 1.0), y=(0.0, top))
    plot.axes(
        ("questions answered (coverage)", "wrong among the answers"),
        (ticks(0, 1), ticks(0, top)),
        (percent, percent),
    )
    # Of the first few answers the interval is nearly everything and says nothing.
    settled = [point for point in curve if point.answers >= min(20, curve[-1].answers)]
    plot.band([(point.coverage, point.low, point.high) for point in settled])
    plot.line([(point.coverage, point.wrong) for point in settled])
    if risk is not None:
        plot.level(risk, f"promised: at most {percent(risk)}")
    if wrong is not None and coverage is not None:
        plot.mark(coverage, wrong, f"now (threshold {promise.threshold:.2f})")
    rows = tuple(
        (f"{p.threshold:.3f}", percent(p.coverage), str(p.answers), percent(p.wrong),
         f"{percent(p.low)} to {percent(p.high)}") for p in _spread(curve)
    )  # fmt: skip
    return Chart(
        "coverage",
        plot,
        "If everything were answered that the bot is at least this sure of: to the right more questions are answered, "
        "upwards more of the answers are wrong (with 95 % interval). The point is what was really decided at today's "
        "threshold. A lower --risk moves it left and down at the next training.",
        (("Threshold", "Answered", "Answers", "Wrong", "95 % interval"), rows),
    )


def _reliability(shown: Details) -> Chart:
    most = max(b.n for b in shown.bins)
    ece, brier = shown.ece or 0.0, shown.brier or 0.0
    plot = Plot(
        "reliability",
        "Is the bot as often right as it thinks?",
        f"Expected calibration error {ece:.3f}, Brier score {brier:.3f}. "
        + " ".join(
            f"Between {percent(b.low)} and {percent(b.high)} sure: right in {percent(b.right.hits / b.n)} of {b.n}."
            for b in shown.bins
        ),
        x=(0.0, 1.0),
        y=(0.0, 1.0),
    )
    plot.axes(("how sure it was", "how often it was right"), (ticks(0, 1), ticks(0, 1)), (percent, percent))
    plot.line([(0.0, 0.0), (1.0, 1.0)], "even")
    for b in shown.bins:
        size = 2.5 + 4.0 * (b.n / most) ** 0.5
        plot.whisker(b.confidence, b.right.hits / b.n, b.right.low, b.right.high, size)
    plot.upright(shown.promise.threshold, "answers from here", down=FOOT)
    rows = tuple(
        (f"{percent(b.low)} to {percent(b.high)}", str(b.n), percent(b.confidence), with_interval(b.right))
        for b in shown.bins
    )
    return Chart(
        "reliability",
        plot,
        "Questions of like confidence together: their mean confidence against the share whose best article was right "
        "(95 % interval; larger dots are more questions). On the dotted line the bot knows what it knows; below it, it "
        f"is too sure. Expected calibration error (the mean distance from that line) {ece:.3f}; Brier score (the "
        f"mean squared error of the confidence, 0 is perfect) {brier:.3f}. A question without an article counts as "
        "not right.",
        (("Sure", "Questions", "Mean", "Right"), rows),
    )


def _latency(found: Mapping[str, Any], shown: Details) -> Chart:
    bars = shown.latency
    p50, p95 = found["latency_ms"]["p50"] or 0.0, found["latency_ms"]["p95"] or 0.0
    plot = Plot(
        "latency",
        "How long an answer takes",
        f"Half of the answers took at most {p50:.1f} ms, 95 % at most {p95:.1f} ms.",
        x=(0.0, bars[-1][1]),
        y=(0.0, float(max(count for _, _, count in bars))),
    )
    most = max(count for _, _, count in bars)
    plot.axes(
        ("milliseconds", "questions"),
        (ticks(0, bars[-1][1]), ticks(0, most)),
        ("{:g}".format, "{:,.0f}".format),
    )
    for low, high, count in bars:
        if count:
            plot.bar(low, high, float(count))
    plot.upright(p50, f"p50 {p50:.1f}")
    if p95 > p50:
        plot.upright(p95, f"p95 {p95:.1f}", down=42)
    rows = tuple((f"{low:g} to {high:g}", f"{count:,}") for low, high, count in bars[:-1])
    rows += ((f"over {bars[-1][0]:g}", f"{bars[-1][2]:,}"),)
    return Chart(
        "latency",
        plot,
        "From asking the bot to its decision with reply, one question after the other on one thread, without the relay "
        "and the network. p50: half took at most this long; p95: 95 of 100 did. The last bar holds all that took longer.",
        (("Milliseconds", "Questions"), rows),
    )


def _spread(curve: Sequence[CurvePoint]) -> Sequence[CurvePoint]:
    if len(curve) <= TABLE_ROWS:
        return curve
    return [curve[round(row * (len(curve) - 1) / (TABLE_ROWS - 1))] for row in range(TABLE_ROWS)]
