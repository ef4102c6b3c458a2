"""The report of an evaluation as one page: no script, nothing loaded, for an editor who never saw a command line.

The page carries its own content security policy, with the hash of its one style sheet; there is no style attribute.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from kb_index.charts import STYLE as CHART_STYLE
from kb_index.charts import percent
from kb_index.evaluate import Outcome, Question
from kb_index.evaluate_charts import Chart, charts, with_interval
from kb_index.evaluate_details import FATES, Details, Fate, fate
from kb_index.evaluate_style import PAGE_STYLE

SHOWN: Final = 2_000
"""Questions of one kind on the page; a browser takes about 10,000 rows without growing slow. All are in rows.csv."""

BY_ARTICLE: Final = 40
"""From so many questions on, a kind is shown article by article."""

_FATES: Final[Mapping[Fate, tuple[str, str]]] = {
    "wrong": (
        "Answered with the wrong article",
        (
            "The customer read an answer to another question. If the wording could mean both, say in both articles what "
            "tells them apart; if it is clear, add it to the questions of the right article."
        ),
    ),
    "unwanted": (
        "Answered although no article fits",
        (
            "The customer should have reached a person. If there ought to be an article, write it; otherwise look at what "
            "the article that was given promises in its title."
        ),
    ),
    "missed": (
        "Passed on although an article has the answer",
        "Nobody was told anything wrong, but a person has to answer. Add these wordings to the right article.",
    ),
    "asked_wrong": (
        "Asked back, without the right article among the choices",
        "The bot offered two articles and neither was the right one.",
    ),
    "asked_right": (
        "Asked back, with the right article among the choices",
        "One tap more for the customer. Wordings that come up often are worth adding to their article.",
    ),
    "right": ("Answered rightly", "Nothing to do."),
    "silent": (
        "Rightly not answered",
        "No article answers these, and the bot did not pretend that one does.",
    ),
}

_DONE: Final = {
    "answer": "answered",
    "clarify": "asked back",
    "task": "began a task",
    "chat": "took it for small talk",
    "unsure": "said that it does not know",
    "escalate": "passed to a person",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What the page is about. `titles` are the articles' titles by id."""

    file: str
    release_id: str
    titles: Mapping[str, str]


def page(
    header: Header,
    found: Mapping[str, Any],
    shown: Details,
    questions: Sequence[Question],
    outcomes: Sequence[Outcome],
) -> str:
    """The whole document. `found` as `figures` gave it, `shown` as `details` did."""
    style = f"{PAGE_STYLE}\n{CHART_STYLE}"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    drawn = {chart.name: chart for chart in charts(found, shown)}
    body = [
        _head(header, found, shown),
        _section("figures", "The figures", _chart(drawn["shares"])),
        _section("fates", "What became of the questions", _fates(shown)),
        _section("mistakes", "Question by question", _questions(header, questions, outcomes)),
        _section("confusions", "Which articles are taken for each other", _confusions(header, shown)),
        _section(
            "more", "How far the bot can be trusted", *[_chart(c) for n, c in drawn.items() if n != "shares"]
        ),
        _section("articles", "Article by article", _topics(header, shown)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>How well the bot answers: {escape(header.file)}</title><style>{style}</style></head>\n"
        f"<body><main>{''.join(part for part in body if part)}</main></body></html>\n"
    )


def _head(header: Header, found: Mapping[str, Any], shown: Details) -> str:
    fates = shown.fates
    answers = fates["right"].hits + fates["wrong"].hits + fates["unwanted"].hits
    wrong = fates["wrong"].hits + fates["unwanted"].hits
    asked = fates["asked_right"].hits + fates["asked_wrong"].hits
    rest = found["n"] - answers - asked
    lead = f"Of {_many(found['n'], 'question')} the bot answered <b>{answers:,}</b> by itself"
    if answers:
        lead += f", <b>{wrong:,}</b> of them wrongly ({percent(wrong / answers)})"
    lead += f". It asked back in {asked:,} and left {rest:,} to a person or to small talk."
    return (
        f"<header><p class='kicker'>Release {escape(header.release_id)} · {escape(header.file)}</p>"
        f"<h1>How well the bot answers</h1><p class='lead'>{lead}</p>{_promise(found, shown)}</header>"
    )


def _promise(found: Mapping[str, Any], shown: Details) -> str:
    risk, share = shown.promise.risk, shown.promise.unanswerable_share
    if risk is None or share is None:
        told = "When this release was trained, its articles had too few questions to promise a share of wrong answers; "
        told += f"the bot answers what it is {percent(shown.promise.threshold)} sure of."
        return _note("", "No promise was made", told)
    promised = f"at most {percent(risk)} wrong among the answers, where {percent(share)} of the questions have no article"
    if shown.kept is None:
        missing = (
            "only questions that articles answer" if found["n_answerable"] == found["n"] else "too little"
        )
        return _note("", "The promise", f"Promised: {promised}. This file has {missing}, so it cannot tell.")
    if shown.kept.low > risk:
        kind, verdict = "bad", "The promise is broken"
    elif (shown.kept.share or 0.0) > risk:
        kind, verdict = "", "The promise holds within its interval"
    else:
        kind, verdict = "good", "The promise is kept"
    told = f"Promised: {promised}. Measured here, weighted to that share: {with_interval(shown.kept)}."
    if (share_here := 1 - found["n_answerable"] / found["n"]) > 2 * share:
        told += (
            f" In this file {percent(share_here)} of the questions have no article, so more is wrong in it."
        )
    return _note(kind, verdict, told)


def _note(kind: str, title: str, text: str) -> str:
    return f'<div class="note {kind}"><p><strong>{title}.</strong> {text}</p></div>'


def _section(name: str, title: str, *parts: str) -> str:
    if not any(parts):
        return ""
    return f'<section id="{name}"><h2>{title}</h2>{"".join(parts)}</section>'


def _chart(chart: Chart) -> str:
    header, rows = chart.table
    return (
        f"<figure><figcaption>{escape(chart.plot.title)}</figcaption>{chart.plot.svg()}"
        f"<p class='definition'>{escape(chart.definition)}</p>"
        f"<details><summary>The same as a table</summary>{_table(header, rows)}</details></figure>"
    )


def _fates(shown: Details) -> str:
    rows = []
    for name in FATES:
        share = shown.fates[name]
        if share.hits or name in ("right", "wrong"):
            bar = (
                f'<svg class="bar {name}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
            )
            bar += f'<rect width="{(share.share or 0.0) * 100:.2f}" height="10"/></svg>'
            link = f'<a href="#{name}">{_FATES[name][0]}</a>' if share.hits else _FATES[name][0]
            rows.append((link, f"{share.hits:,}", with_interval(share) + bar))
    return _table(("What happened", "Questions", "Share (95 % interval)"), rows, raw=True, stacked=True)


def _questions(header: Header, questions: Sequence[Question], outcomes: Sequence[Outcome]) -> str:
    groups: dict[Fate, list[tuple[Question, Outcome]]] = {name: [] for name in FATES}
    for question, outcome in zip(questions, outcomes, strict=True):
        groups[fate(outcome)].append((question, outcome))
    parts = []
    # The id stands inside, because a browser opens what hides the target of a link, not the target itself.
    for name in FATES:
        rows = sorted(groups[name], key=lambda row: -row[1].confidence)
        if rows:
            title, advice = _FATES[name]
            opened = " open" if name in ("wrong", "unwanted") and len(rows) <= BY_ARTICLE else ""
            parts.append(
                f'<details class="fate {name}"{opened}><summary>{title} <span>{len(rows):,}</span></summary>'
                f'<p class="advice" id="{name}">{advice}</p>{_rows(header, rows[:SHOWN])}{_left_out(len(rows))}</details>'
            )
    return "".join(parts)


def _rows(header: Header, rows: Sequence[tuple[Question, Outcome]]) -> str:
    if len(rows) < BY_ARTICLE:
        return _row_table(header, rows)
    by_article: dict[str | None, list[tuple[Question, Outcome]]] = {}
    for row in rows:
        by_article.setdefault(row[1].expected or row[1].best, []).append(row)
    ordered = sorted(by_article.items(), key=lambda entry: (-len(entry[1]), entry[0] or ""))
    return "".join(
        f"<details><summary>{_title(header, article)} <span>{len(inside):,}</span></summary>"
        f"{_row_table(header, inside)}</details>"
        for article, inside in ordered
    )


def _row_table(header: Header, rows: Iterable[tuple[Question, Outcome]]) -> str:
    return _table(
        ("Question", "Right article", "Best match", "What the bot did", "Sure"),
        [
            (
                f'<span class="said" dir="auto">{escape(question.text)}</span>',
                _title(header, outcome.expected),
                "the right one" if outcome.right else _title(header, outcome.best),
                _DONE.get(outcome.decision, escape(outcome.decision)),
                percent(outcome.confidence),
            )
            for question, outcome in rows
        ],
        raw=True,
        stacked=True,
    )


def _left_out(n: int) -> str:
    return f"<p>{n - SHOWN:,} more are in rows.csv beside this page.</p>" if n > SHOWN else ""


def _confusions(header: Header, shown: Details) -> str:
    if not shown.confusions:
        return ""
    pairs = _table(
        ("Questions for", "found first", "How often", "Of these answered", "For example"),
        [
            (
                _title(header, c.expected),
                _title(header, c.best),
                f"{c.n:,}",
                f"{c.answered:,}",
                "<br>".join(f'<span class="said" dir="auto">{escape(text)}</span>' for text in c.examples),
            )
            for c in shown.confusions
        ],
        raw=True,
        stacked=True,
    )
    return (
        "<p class='definition'>Questions whose best match was another article than the right one, those first that "
        f"were answered wrongly. The commonest {len(shown.confusions)}.</p>{pairs}{_matrix(header, shown)}"
    )


def _matrix(header: Header, shown: Details) -> str:
    if len(shown.worst) < 2:
        return ""
    most = max(
        (n for at, row in enumerate(shown.matrix) for to, n in enumerate(row[:-1]) if to != at), default=0
    )
    lines = []
    for at, (name, row) in enumerate(zip(shown.worst, shown.matrix, strict=True)):
        cells = []
        for to, n in enumerate(row):
            # All others together would outshine every single one.
            kind = "own" if to == at else "" if to == len(shown.worst) else f"heat{_heat(n, most)}"
            cells.append(f'<td class="{kind}">{n or "·"}</td>')
        lines.append(f'<tr><th scope="row"><b>{at + 1}</b> {_title(header, name)}</th>{"".join(cells)}</tr>')
    heads = "".join(f'<th scope="col">{place + 1}</th>' for place in range(len(shown.worst)))
    return (
        "<h3>The articles with most mistakes</h3><p class='definition'>Each row: the questions of one article. Each "
        "column: the article that was found first, by its number in the rows. On the framed diagonal they are right."
        f'</p><div class="wide" tabindex="0" role="group" aria-label="Matrix of mistakes"><table class="matrix"><thead><tr><th scope="col">Questions for</th>{heads}'
        f'<th scope="col">others</th></tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def _heat(n: int, most: int) -> int:
    return 0 if not n else min(4, 1 + int(3.999 * n / max(1, most)))


def _topics(header: Header, shown: Details) -> str:
    if not shown.topics:
        return ""
    table = _table(
        ("Article", "Questions", "Found first (95 % interval)", "Answered", "Answered wrongly", "Taken from others"),
        [
            (_title(header, t.article_id), f"{t.found.n:,}", with_interval(t.found), f"{t.answered:,}", f"{t.wrong:,}",
             f"{t.taken:,}")
            for t in shown.topics
        ],
        raw=True,
        stacked=True,
    )  # fmt: skip
    return (
        "<p class='definition'>Those with most wrong answers first. <i>Taken from others</i>: questions for other "
        "articles, or for none, that found this one first.</p>"
        f"<details><summary>All articles <span>{len(shown.topics):,}</span></summary>{table}</details>"
    )


def _table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, raw: bool = False, stacked: bool = False
) -> str:
    """`raw` cells are HTML already. A `stacked` table becomes a list of cards where it is narrow."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    lines = []
    for row in rows:
        cells = "".join(
            f'<td data-name="{escape(name)}">{cell if raw else escape(cell)}</td>'
            for name, cell in zip(header, row, strict=True)
        )
        lines.append(f"<tr>{cells}</tr>")
    kind = ' class="stacked"' if stacked else ""
    # What may have to be scrolled sideways must be reached by keyboard.
    reached = "" if stacked else f' tabindex="0" role="group" aria-label="Table: {escape(", ".join(header))}"'
    return f'<div class="wide"{reached}><table{kind}><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _title(header: Header, article_id: str | None) -> str:
    if article_id is None:
        return "<i>none</i>"
    return escape(header.titles.get(article_id, article_id))


def _many(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"
