"""Dealing with a group of questions: taught to an article or an intent, made an article, or put aside. Once, in one transaction."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import asked, review_groups
from handoff.content import intent_rows
from handoff.content.article_rows import kept_by_id
from handoff.content.intent_rows import KeptIntent
from handoff.content.intents import known_intents
from handoff.content.versions import Kept
from handoff.domain.errors import BadFrame
from handoff.ports import Clock
from handoff.studio.articles import ArticleDesk
from handoff.studio.audit import Audit
from handoff.studio.errors import AlreadySettled, BadArticle, NothingToTeach, PersonalData, UnknownIntent
from handoff.studio.exam import asked_in, folded
from handoff.studio.listing import whole_article
from handoff.studio.masking import find_personal, without_placeholders
from handoff.studio.question_texts import Key, Words, agent_answers, words_of
from handoff.studio.review import open_group
from handoff.studio.review_rows import IS_OPEN, alone
from handoff.studio.selection import selected
from kb_index.article import MAX_QUESTION, MAX_TITLE, ArticleError, clean_text

How = Literal["variants", "article", "out_of_scope", "intent", "dismiss"]

TAUGHT_AT_MOST: Final = 20
"""Texts of a group that are taught where the editor names none: more of one meaning teach nothing more."""
READ_AT_MOST: Final = 100
"""Questions of a group whose words are read for that."""
NOTE: Final = "from the review inbox"


@dataclass(frozen=True, slots=True)
class Order:
    """What an editor wants done with a group; `article` is as `check_article` takes it.

    `texts` None means all questions of the group, and what they ask is taught. Texts that questions of the group have, as they
    are shown, mean those questions alone. Texts that none of them has are the editor's own, and the whole group is meant.
    """

    how: How
    article_id: str | None = None
    article: Mapping[str, Any] | None = None
    texts: Sequence[str] | None = None
    intent: str | None = None

    def target(self) -> str | None:
        """Where the questions go, as far as it is known before."""
        return {"variants": self.article_id, "intent": self.intent}.get(self.how)


class Settling:
    """Deals with groups."""

    def __init__(self, engine: AsyncEngine, desk: ArticleDesk, audit: Audit, clock: Clock) -> None:
        self._engine = engine
        self._desk = desk
        self._audit = audit
        self._clock = clock

    async def settle(self, group_id: str, order: Order, *, by: str) -> dict[str, Any]:
        """Deal with the open questions of a group, or those chosen: `{settled, article, in_exam}`. All of it happens, or nothing.

        `in_exam` are texts that are taught now and that the exam asks in the same words.

        The same order by the same editor again settles nothing and answers with the article.

        Raises:
            BadFrame: what `order.how` needs is missing.
            NotFound: there is no such group, or no such article.
            AlreadySettled: somebody else has dealt with it, or it was dealt with otherwise.
            PersonalData: a text that the editor chose holds personal data.
            NothingToTeach: there is no text to teach.
            BadArticle: the article is refused.
            ArticleExists: there is one with the id that was asked for.
            UnknownIntent: the bot has no such intent.
        """
        await _check(order, self._engine)
        now = self._clock.now_ms()
        chosen = None
        if order.texts is not None:
            chosen = await selected(self._engine, group_id, order.texts, how=order.how, by=by, now=now)
        async with writing(self._engine) as connection:
            await alone(connection)
            try:
                row = await open_group(connection, group_id)
            except AlreadySettled as refusal:
                return await self._again(refusal, order, by)
            before = await _open_count(connection, group_id)
            if chosen == ():
                return await self._shown(0, order.article_id if order.how == "variants" else None)
            words = await _words(connection, row, chosen)
            kept, into, taught = await self._teach(connection, words, order, by)
            stamp = {"settled_at": now, "settled_by": by[:80], "settled_how": order.how}
            await _settle(connection, group_id, chosen, stamp)
            left = await _open_count(connection, group_id)
            if left == 0:
                await connection.execute(
                    review_groups.update()
                    .where(review_groups.c.id == group_id)
                    .values(**stamp, settled_into=None if into is None else into[:200])
                )
            examined = await asked_in(connection) if taught else frozenset()
            data = {"how": order.how, "into": into, "questions": before - left, "texts": len(taught)}
            await self._audit.note_in(connection, by, "review_settled", group_id, data=data)
        return {
            "settled": before - left,
            "article": None if kept is None else whole_article(kept),
            "in_exam": [text for text in taught if folded(text) in examined],
        }

    async def _again(self, refusal: AlreadySettled, order: Order, by: str) -> dict[str, Any]:
        before = refusal.data
        same = before["by"] == by[:80] and before["how"] == order.how
        if not same or order.target() not in (None, before["into"]):
            raise refusal
        return await self._shown(0, before["into"] if order.how in ("variants", "article") else None)

    async def _shown(self, settled: int, article_id: str | None) -> dict[str, Any]:
        kept = None if article_id is None else await self._desk.get(article_id)
        return {"settled": settled, "article": None if kept is None else whole_article(kept), "in_exam": []}

    async def _teach(
        self, connection: AsyncConnection, words: dict[Key, Words], order: Order, by: str
    ) -> tuple[Kept | None, str | None, Sequence[str]]:
        """What was made or changed, where the questions went, and which texts are taught."""
        if order.how in ("out_of_scope", "dismiss"):
            return None, None, ()
        texts = _chosen(order.texts) if order.texts is not None else _offered(words.values())
        if order.how == "article":
            kept = await self._make(connection, words, texts, order, by)
            return kept, kept.article.id, kept.article.questions
        if not texts:
            raise NothingToTeach(
                "No text is left that could be taught: those of the group hold personal data, are too long, or were erased. "
                "Write one of your own."
            )
        if order.how == "intent":
            assert order.intent is not None, "_check has looked"
            return (
                None,
                order.intent,
                await _add_examples(connection, order.intent, texts, by=by, at=self._clock.now_ms()),
            )
        assert order.article_id is not None, "_check has looked"
        there = (await kept_by_id(connection, [order.article_id])).get(order.article_id)
        known = () if there is None else (there.article.title, *there.article.questions)
        folded = {text.casefold() for text in known}
        new = [text for text in texts if text.casefold() not in folded]
        kept = await self._desk.add_questions_in(connection, order.article_id, new, by=by, note=NOTE)
        return kept, order.article_id, new

    async def _make(
        self, connection: AsyncConnection, words: dict[Key, Words], texts: list[str], order: Order, by: str
    ) -> Kept:
        """A draft: what the editor sent, and from the group what was left out."""
        given = dict(order.article or {})
        raw: dict[str, Any] = {
            "title": next(iter(texts), "")[:MAX_TITLE],
            "questions": texts,
            "locale": _locale(words.values()),
            **given,
        }
        if given.get("questions") is not None:
            raw["questions"] = _chosen(given["questions"])
        if not str(raw.get("answer") or "").strip():
            raw["answer"] = await _agents_answer(connection, words)
        found = find_personal(str(raw["title"]), locale=str(raw["locale"]))
        if found:
            raise PersonalData(
                "The title holds personal data. Take it out.",
                found=[{"field": "title", "index": None, "kinds": sorted({span.kind for span in found})}],
            )
        return await self._desk.create_in(connection, raw, status="draft", by=by, note=NOTE)


async def _check(order: Order, engine: AsyncEngine) -> None:
    if order.texts is not None and not any(text.strip() for text in order.texts):
        raise BadFrame("There is no text. Leave texts out to mean the whole group.", field="texts")
    if order.how == "variants" and not order.article_id:
        raise BadFrame("Say to which article (article_id) the questions are added.", field="article_id")
    if order.how == "intent":
        if not order.intent:
            raise BadFrame("Say which intent the questions are of.", field="intent")
        async with reading(engine) as connection:
            own = await intent_rows.kept_intents(connection)
        known = await asyncio.to_thread(known_intents) | {name for name, kept in own.items() if kept.does}
        if order.intent not in known:
            raise UnknownIntent(f"The bot has no intent {order.intent[:80]!r}.", known=sorted(known))


async def _words(connection: AsyncConnection, group: Any, chosen: Sequence[Key] | None) -> dict[Key, Words]:
    """The questions of a group, or those chosen: the ones nearest to what it means first, then the newest."""
    query = (
        sa.select(asked.c.conversation_id, asked.c.turn)
        .where(IS_OPEN, asked.c.group_id == group.id)
        .order_by(asked.c.at.desc(), asked.c.conversation_id, asked.c.turn)
    )
    rows = [(row.conversation_id, row.turn) for row in (await connection.execute(query)).all()]
    meant = set(rows) if chosen is None else set(rows) & set(chosen)
    central = [(conversation_id, turn) for conversation_id, turn in orjson.loads(group.examples)]
    keys: list[Key] = [key for key in dict.fromkeys([*central, *rows]) if key in meant][:READ_AT_MOST]
    found = await words_of(connection, keys)
    return {key: found[key] for key in keys if key in found}


async def _open_count(connection: AsyncConnection, group_id: str) -> int:
    query = sa.select(sa.func.count()).where(IS_OPEN, asked.c.group_id == group_id)
    return int((await connection.execute(query)).scalar_one())


async def _settle(
    connection: AsyncConnection, group_id: str, chosen: Sequence[Key] | None, stamp: Mapping[str, Any]
) -> None:
    update = asked.update().where(IS_OPEN, asked.c.group_id == group_id).values(**stamp)
    if chosen is None:
        await connection.execute(update)
        return
    mine = asked.c.conversation_id == sa.bindparam("conversation"), asked.c.turn == sa.bindparam("of_turn")
    await connection.execute(
        update.where(*mine), [{"conversation": key[0], "of_turn": key[1]} for key in chosen]
    )


def _chosen(texts: Sequence[str]) -> list[str]:
    """Texts as an editor chose them, perhaps from masked ones. Raises `PersonalData`, `BadArticle`."""
    chosen: list[str] = []
    found = []
    for index, text in enumerate(texts):
        try:
            cleaned = clean_text(without_placeholders(text), "questions", MAX_QUESTION, line_breaks=False)
        except ArticleError as error:
            raise BadArticle(error.message, field=error.field, fault=error.code) from error
        spans = find_personal(cleaned)
        if spans:
            kinds = sorted({span.kind for span in spans})
            found.append({"field": "texts", "index": index, "kinds": kinds})
        elif cleaned:
            chosen.append(cleaned)
    if found:
        raise PersonalData("A text that is to be taught holds personal data. Take it out.", found=found)
    return _distinct(chosen)


def _offered(words: Iterable[Words]) -> list[str]:
    """What a group asks, without what nobody else may read or learn."""
    texts: dict[str, str] = {}
    for said in words:
        if len(texts) == TAUGHT_AT_MOST:
            break
        if find_personal(said.text, locale=said.locale, known=said.known):
            continue
        try:
            text = clean_text(said.text, "questions", MAX_QUESTION, line_breaks=False)
        except ArticleError:
            # Too long, or with signs that cannot be shown: nothing that somebody else would ask again.
            continue
        texts.setdefault(text.casefold(), text)
    return list(texts.values())


def _distinct(texts: Iterable[str]) -> list[str]:
    kept: dict[str, str] = {}
    for text in texts:
        kept.setdefault(text.casefold(), text)
    return list(kept.values())


def _locale(words: Iterable[Words]) -> str:
    counted = Counter(said.locale for said in words)
    return counted.most_common(1)[0][0] if counted else "en"


async def _agents_answer(connection: AsyncConnection, words: dict[Key, Words]) -> str:
    """What an agent answered to one of these questions, the first that has an answer."""
    answers = await agent_answers(connection, words)
    for key in words:
        if key in answers:
            return answers[key]
    raise BadArticle(
        "No agent has answered this yet. Write the answer.", field="answer", fault="missing_answer"
    )


async def _add_examples(
    connection: AsyncConnection, intent: str, texts: Sequence[str], *, by: str, at: int
) -> list[str]:
    """Add those that are not there yet, and return them."""
    await intent_rows.lock(connection)
    kept = (await intent_rows.kept_intents(connection)).get(intent, KeptIntent(intent))
    # Square brackets mark entities in Rasa's files, a dash begins an example.
    plain = (text.translate({ord("["): "(", ord("]"): ")"}).lstrip("-*• ") for text in texts)
    new = [text for text in dict.fromkeys(plain) if text and text not in kept.examples]
    if new:
        examples, version = (*kept.examples, *new), await intent_rows.next_version(connection, kept)
        more = replace(kept, examples=examples, version=version, updated_at=at, updated_by=by[:80])
        await intent_rows.put_intent(connection, more, "edited", kept)
    return new
