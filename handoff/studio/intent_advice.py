"""What is doubtful about an intent while it is written. Nothing here refuses anything."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from handoff.content.intent_rows import KeptIntent
from handoff.ports import BotFailedError, BotNotReadyError
from handoff.studio import exam_advice
from handoff.studio.advice import Advice
from handoff.studio.exam import folded
from handoff.studio.intent_articles import Articles, near_articles
from handoff.studio.masking import Kind, find_personal
from handoff.studio.meanings import Meanings, Nearness
from handoff.studio.shelf import Shelved, same
from kb_index.rules import Does, plain

FEWEST: Final = 5
"""Examples from which on an intent is told from others with some certainty."""
OVERLAPS: Final = 0.6
"""Least nearness at which an example of another intent counts as near: below, the two have a topic in common."""
COMPARED: Final = 100
"""Own examples that are compared, ..."""
OTHERS: Final = 40
"""... and examples of each other intent: their number is what an answer takes its time for."""
MOST: Final = 1_000
"""Examples of all others together."""
TOLD: Final = 10
"""Overlapping examples that are told of one intent."""
QUESTION: Final = "question"
"""The shipped intent of everything that articles may answer; that an example is like it is told by the articles."""

PERSONAL: Final[Mapping[Kind, str]] = {
    "email": "an e-mail address",
    "phone": "a telephone number",
    "card": "a card number",
    "iban": "an account number",
    "link": "a link",
    "name": "a name",
    "address": "an address",
}


@dataclass(frozen=True, slots=True)
class Written:
    """An intent as its editor has it now."""

    name: str
    examples: tuple[str, ...]
    does: Does | None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an intent is compared with.

    `examples` are those of every intent that is trained, by name; `holders` the intents that have an example with these
    words, `asked` id and title of an article that is asked with them (words as `same` gives them).
    `exam` holds the words of the exam's questions, as `Exam.asked` gives them.
    """

    examples: Mapping[str, Sequence[str]]
    holders: Mapping[str, Sequence[str]]
    asked: Mapping[str, tuple[str, str]]
    shelved: Mapping[str, Shelved]
    exam: Collection[str] = ()


def surroundings(
    kept: Mapping[str, KeptIntent],
    shipped: Mapping[str, Sequence[str]],
    shelved: Mapping[str, Shelved],
    written: Written | None = None,
    exam: Collection[str] = (),
) -> Surroundings:
    """Everything there is beside an intent; `written` is one that may not be stored yet."""
    examples = {
        name: (*shipped.get(name, ()), *intent.examples)
        for name, intent in kept.items()
        if intent.does is None or intent.does.kind != "nothing"
    }
    holders: dict[str, list[str]] = {}
    for name, texts in examples.items():
        for key in {same(plain(text)) for text in texts}:
            holders.setdefault(key, []).append(name)
    drafts = (text for intent in kept.values() if intent.name not in examples for text in intent.examples)
    wanted = {
        same(plain(text)) for text in (*drafts, *(written.examples if written else ()))
    } | holders.keys()
    asked = {
        key: (entry.kept.article.id, entry.kept.article.title)
        for entry in shelved.values()
        for key in entry.asked & wanted
    }
    return Surroundings(examples, holders, asked, shelved, exam)


def plain_doubts(written: Written, shipped: Sequence[str], beside: Surroundings) -> Iterator[Advice]:
    """Doubts that need no bot. `shipped` are examples of the intent that the editor cannot change."""
    count = len(written.examples) + len(shipped)
    if count < FEWEST:
        yield Advice(
            "too_few_examples",
            f"{_counted(count)} The bot needs at least {FEWEST} to tell what is meant; ten are better.",
            "examples",
        )
    if written.does is not None and written.does.kind == "article":
        article = beside.shelved.get(written.does.article_id or "")
        if article is None:
            yield Advice("article_missing", "The article is not there. Choose another one.", "does")
        elif article.kept.status == "draft":
            yield Advice("article_draft", f"“{article.kept.article.title}” is a draft.", "does")
    for index, text in enumerate(written.examples):
        key = same(plain(text))
        if key in beside.asked:
            article_id, title = beside.asked[key]
            yield Advice(
                "same_as_article",
                f"“{title}” is asked with these words. The bot cannot tell which one is meant.",
                "examples",
                index=index,
                other={"article_id": article_id, "title": title, "text": plain(text), "score": 1.0},
            )
        if folded(plain(text)) in beside.exam:
            yield Advice(exam_advice.CODE, exam_advice.MESSAGE, "examples", index=index)
        for name in beside.holders.get(key, ()):
            if name not in (written.name, QUESTION):
                yield Advice(
                    "same_example",
                    f"This is an example of {name} too. The bot cannot tell which one is meant.",
                    "examples",
                    index=index,
                    other={"intent": name, "text": plain(text), "score": 1.0},
                )


async def doubts(
    written: Written,
    shipped: Sequence[str],
    beside: Surroundings,
    meanings: Meanings,
    articles: Articles | None = None,
) -> list[Advice]:
    """All doubts, in the order of the fields. Without a bot, nearness is that of the words, and that is said.

    `articles` are compared by meaning where they are given.
    """
    found = list(plain_doubts(written, shipped, beside))
    for index, text in enumerate(written.examples):
        kinds = dict.fromkeys(PERSONAL[span.kind] for span in find_personal(plain(text)))
        if kinds:
            words = f"This holds {' and '.join(kinds)}. Put made-up words in its place."
            found.append(Advice("personal_data", words, "examples", index=index))
    told = {(one.code, one.index) for one in found}
    own = [plain(text) for text in written.examples[:COMPARED]]
    home = [*own, *map(plain, shipped[:OTHERS])]
    others = {name: texts for name, texts in beside.examples.items() if name not in (written.name, QUESTION)}
    against = _thinned(others)
    by_meaning = True
    if own and articles is not None:
        lead = None if written.does is None else written.does.article_id
        exact = {one.index for one in found if one.code == "same_as_article" and one.index is not None}
        try:
            found += await near_articles(written.description, own, articles, leads_to=lead, told=exact)
        except (BotNotReadyError, BotFailedError):
            by_meaning = False
    if own and against:
        near, compared = await meanings.nearness([*home, *(t for texts in against.values() for t in texts)])
        overlaps = await asyncio.to_thread(lambda: list(_overlaps(own, home, against, near)))
        found += [one for one in overlaps if ("same_example", one.index) not in told]
        by_meaning = by_meaning and compared
    if not by_meaning:
        words = "The bot is not there: examples were compared by their words, not by meaning."
        found.append(Advice("bot_away", words, "examples", "note"))
    order = {"description": 0, "examples": 1, "does": 2}
    return sorted(
        found,
        key=lambda one: (order[one.field], -1 if one.index is None else one.index, one.severity != "warning"),
    )


def _overlaps(
    own: Sequence[str], home: Sequence[str], others: Mapping[str, Sequence[str]], near: Nearness
) -> Iterator[Advice]:
    """Examples that lie nearer to one of another intent than to any of their own."""
    told: dict[str, int] = {}
    for index, text in enumerate(own):
        at_home = max((near(text, one) for one in home if one != text), default=0.0)
        score, name, nearest = max(
            ((near(text, one), name, one) for name, texts in others.items() for one in texts),
            default=(0.0, "", ""),
        )
        told.setdefault(name, 0)
        if score < OVERLAPS or score <= at_home or told[name] >= TOLD:
            continue
        told[name] += 1
        yield Advice(
            "overlaps_intent",
            f"This is nearer to “{nearest}” ({name}) than to the other examples here.",
            "examples",
            index=index,
            other={"intent": name, "text": nearest, "score": round(score, 3)},
        )


def _thinned(others: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """At most `OTHERS` examples of each and `MOST` of all, taken evenly from each list."""
    each = min(OTHERS, max(1, MOST // max(1, len(others))))
    found = {}
    for name, texts in others.items():
        step = max(1, -(-len(texts) // each))
        found[name] = [plain(text) for text in texts[::step]]
    return {name: texts for name, texts in found.items() if texts}


def _counted(count: int) -> str:
    return (
        "There is no example."
        if count == 0
        else f"There {'is one example' if count == 1 else f'are {count} examples'}."
    )
