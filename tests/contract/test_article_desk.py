"""Articles as editors work on them, on every database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from handoff.content.store import ContentStore
from handoff.domain.errors import NotFound
from handoff.studio.articles import ArticleDesk
from handoff.studio.errors import ArticleExists, BadArticle, EditConflict
from handoff.studio.shelf import Shelf
from kb_index.article import Article
from kb_index.formats import Parsed
from tests.contract.databases import Database
from tests.contract.held_clock import HeldClock


@pytest.fixture
def desk(database: Database, clock: HeldClock) -> ArticleDesk:
    return ArticleDesk(database.engine(), clock)


def raw(**changes: Any) -> dict[str, Any]:
    return {
        "title": "How do refunds work?",
        "answer": "In ten days.",
        "questions": ["money back?"],
        **changes,
    }


async def make(desk: ArticleDesk, **changes: Any) -> str:
    kept = await desk.create(raw(**changes), status="ready", owner=None, by="Ada")
    return kept.article.id


async def save(desk: ArticleDesk, article_id: str, base: int, by: str = "Bo", **changes: Any) -> Any:
    return await desk.save(article_id, raw(**changes), base_version=base, status="ready", owner=None, by=by)


async def test_a_new_article_is_named_after_its_title_and_no_two_alike(desk: ArticleDesk) -> None:
    assert await make(desk) == "how-do-refunds-work"
    assert await make(desk) == "how-do-refunds-work-2"
    assert await make(desk, title="Où est mon colis ?") == "ou-est-mon-colis"
    assert (await make(desk, title="где мой заказ?")).startswith("article-")
    with pytest.raises(ArticleExists):
        await make(desk, id="how-do-refunds-work")


async def test_two_that_are_made_at_once_get_two_names(database: Database, clock: HeldClock) -> None:
    desks = [ArticleDesk(database.engine(), clock) for _ in range(4)]
    names = await asyncio.gather(*(make(desk) for desk in desks))
    assert len(set(names)) == 4


async def test_a_save_makes_a_version_and_one_without_a_change_does_not(
    desk: ArticleDesk, clock: HeldClock
) -> None:
    article_id = await make(desk)
    clock.pass_ms(60_000)
    saved = await save(desk, article_id, 1, answer="In five days.")
    assert (saved.kept.version, saved.kept.updated_by, saved.merged) == (2, "Bo", ())
    assert saved.kept.updated_at == clock.now_ms()
    again = await save(desk, article_id, 2, answer="In five days.")
    assert again.kept.version == 2
    told = [(line.version, line.by, line.action) for line in await desk.history(article_id)]
    assert told == [(2, "Bo", "edited"), (1, "Ada", "created")]
    assert (await desk.version(article_id, 1)).article.answer == "In ten days."


async def test_the_second_save_is_merged_or_asked_about(desk: ArticleDesk) -> None:
    article_id = await make(desk)
    await save(desk, article_id, 1, answer="In five days.")
    merged = await save(desk, article_id, 1, by="Cleo", questions=["money back?", "when is it paid"])
    assert merged.merged == ("answer",)
    assert merged.kept.article.answer == "In five days."
    assert merged.kept.article.questions == ("money back?", "when is it paid")
    with pytest.raises(EditConflict) as refused:
        await save(desk, article_id, 1, by="Dan", answer="In a week.")
    told = refused.value.data
    assert (told["by"], told["version"]) == ("Cleo", 3)
    assert told["conflicts"] == [
        {"field": "answer", "base": "In ten days.", "theirs": "In five days.", "yours": "In a week."}
    ]
    assert (await desk.get(article_id)).version == 3
    decided = await save(desk, article_id, 3, by="Dan", answer="In a week.", questions=["money back?"])
    assert decided.kept.article.answer == "In a week."


async def test_saves_at_once_lose_nothing(database: Database, clock: HeldClock) -> None:
    desks = [ArticleDesk(database.engine(), clock) for _ in range(6)]
    article_id = await make(desks[0])
    await asyncio.gather(
        *(
            save(desk, article_id, 1, by=f"editor {number}", questions=["money back?", f"way {number}"])
            for number, desk in enumerate(desks)
        )
    )
    kept = await desks[0].get(article_id)
    assert set(kept.article.questions) == {"money back?", *(f"way {number}" for number in range(6))}
    assert kept.version == 7
    assert len(await desks[0].history(article_id)) == 7


async def test_an_article_that_is_removed_keeps_its_history_and_comes_back(desk: ArticleDesk) -> None:
    article_id = await make(desk)
    await save(desk, article_id, 1, answer="In five days.")
    with pytest.raises(EditConflict):
        await desk.remove(article_id, base_version=1, by="Bo")
    await desk.remove(article_id, base_version=2, by="Bo")
    with pytest.raises(NotFound):
        await desk.get(article_id)
    assert [line.action for line in await desk.history(article_id)] == ["removed", "edited", "created"]
    assert (await desk.removals([article_id]))[article_id][0] == "Bo"
    back = await desk.restore(article_id, 1, base_version=None, by="Ada")
    assert (back.version, back.article.answer) == (4, "In ten days.")
    with pytest.raises(ArticleExists):
        await desk.restore(article_id, 2, base_version=None, by="Ada")
    with pytest.raises(EditConflict):
        await desk.restore(article_id, 2, base_version=3, by="Ada")
    newest = await desk.restore(article_id, 2, base_version=4, by="Ada")
    assert (newest.version, newest.article.answer) == (5, "In five days.")


async def test_what_was_imported_has_a_history_too(database: Database, clock: HeldClock) -> None:
    store, desk = ContentStore(database.engine(), clock), ArticleDesk(database.engine(), clock)
    await store.import_parsed(Parsed(articles=[Article("a", "T", "one"), Article("b", "T2", "x")]), by="Eve")
    await store.import_parsed(Parsed(articles=[Article("a", "T", "two"), Article("b", "T2", "x")]), by="Eve")
    assert [(line.version, line.action) for line in await desk.history("a")] == [
        (2, "imported"),
        (1, "imported"),
    ]
    assert len(await desk.history("b")) == 1
    await store.import_parsed(Parsed(articles=[Article("b", "T2", "x")]), replace=True, by="Eve")
    assert [line.action for line in await desk.history("a")] == ["removed", "imported", "imported"]
    await store.import_parsed(Parsed(articles=[Article("a", "T", "three")]), by="Eve")
    assert (await desk.get("a")).version == 4


async def test_bad_articles_are_refused_by_field(desk: ArticleDesk) -> None:
    for change, field in (
        ({"title": " "}, "title"),
        ({"answer": "x" * 30_000}, "answer"),
        ({"questions": ["\u202eabc"]}, "questions"),
        ({"id": "../etc"}, "id"),
        ({"valid_from": "tomorrow"}, "valid_from"),
    ):
        with pytest.raises(BadArticle) as refused:
            await make(desk, **change)
        assert refused.value.data["field"] == field


async def test_drafts_are_not_trained_on(database: Database, clock: HeldClock) -> None:
    desk, store = ArticleDesk(database.engine(), clock), ContentStore(database.engine(), clock)
    await desk.create(raw(id="ready"), status="ready", owner=None, by="Ada")
    await desk.create(raw(id="draft"), status="draft", owner=None, by="Ada")
    assert [article.id for article in (await store.content(drafts=False)).articles] == ["ready"]
    assert [article.id for article in await store.articles()] == ["draft", "ready"]


# --- the shelf ----------------------------------------------------------------------------------------------------


async def test_the_shelf_follows_what_others_change(database: Database, clock: HeldClock) -> None:
    shelf, desk = Shelf(database.engine()), ArticleDesk(database.engine(), clock)
    assert dict(await shelf.refreshed()) == {}
    article_id = await make(desk, title="Où est mon colis ?")
    [shelved] = (await shelf.refreshed()).values()
    assert "ou est mon colis" in shelved.haystack
    moves = shelf.moves
    await shelf.refreshed()
    assert shelf.moves == moves
    clock.pass_ms(3_600_000)
    await save(desk, article_id, 1, answer="In five days.")
    assert (await shelf.refreshed())[article_id].kept.version == 2
    other = await make(desk, id="other")
    await desk.remove(article_id, base_version=2, by="Bo")
    assert set(await shelf.refreshed()) == {other}
    await desk.restore(article_id, 1, base_version=None, by="Bo")
    assert (await shelf.refreshed())[article_id].kept.version == 4


async def test_the_shelf_sees_a_change_that_was_committed_late(database: Database, clock: HeldClock) -> None:
    shelf, desk = Shelf(database.engine()), ArticleDesk(database.engine(), clock)
    first, second = await make(desk, id="first"), await make(desk, id="second")
    clock.pass_ms(10_000)
    await save(desk, second, 1, answer="later")
    await shelf.refreshed()
    clock.pass_ms(-10_000)
    await save(desk, first, 1, answer="began earlier, came later")
    assert (await shelf.refreshed())[first].kept.article.answer == "began earlier, came later"
