"""The studio's articles over HTTP: edited, listed, published, and safe from whoever has no business there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from handoff.adapters.clock import SystemClock
from handoff.bootstrap import open_database
from handoff.content.store import ContentStore
from handoff.settings import Settings
from kb_index.article import Article
from kb_index.editions import EditionStore
from kb_index.formats import Parsed
from kb_index.releases import ReleaseStore
from tests.integration.relay.harness import running_relay, until
from tests.integration.relay.studio import STUDIO, editor, released

RETURNS = Article(
    "returns", "How do I return something?", "Send it back.", ("give it back", "return parcel"), ("shop",)
)
REFUNDS = Article("refunds", "When is my refund paid?", "In ten days.", ("money back",), ("money",))


async def a_home(home: Path, *articles: Article, live: bool = True) -> None:
    engine = await open_database(Settings(home=home))
    await ContentStore(engine, SystemClock()).import_parsed(Parsed(articles=list(articles)))
    await engine.dispose()
    if live:
        released(home, "r1", articles)


def body(article: Article, **changes: Any) -> dict[str, Any]:
    return {**article.as_dict(), **changes}


async def test_an_editor_corrects_an_article_and_publishes_it(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        page = await edda.get("/articles")
        assert [(line["id"], line["live"]) for line in page["articles"]] == [
            ("refunds", "live"),
            ("returns", "live"),
        ]
        opened = await edda.get("/articles/refunds")
        assert opened["live"] == REFUNDS.as_dict()
        saved = await edda.put(
            "/articles/refunds",
            {"base_version": opened["article"]["version"], "article": body(REFUNDS, answer="In five days.")},
        )
        assert (saved["article"]["version"], saved["merged"]) == (2, [])
        assert (await edda.get("/articles", state="changed"))["total"] == 1
        told = await edda.get("/changes")
        [change] = told["changes"]
        assert (change["id"], change["change"], change["fields"], change["by"]) == (
            "refunds", "changed", ["answer"], "Edda",
        )  # fmt: skip
        done = await edda.post("/publish", {"articles": None, "why": "the bank is faster now"})
        assert done == {"release_id": "r1", "revision": 1, "published": ["refunds"], "live": True}
        assert at.bot.followed == [("r1", 1)]
        assert (await edda.get("/changes"))["changes"] == []
        edition = EditionStore(tmp_path / "editions").current("r1")
        assert edition is not None
        assert [article.answer for article in edition.articles] == ["In five days."]
        [entry] = (await edda.get("/audit"))["entries"]
        assert (entry["by"], entry["action"], entry["why"]) == (
            "Edda",
            "published_articles",
            "the bank is faster now",
        )
        # Once more: there is nothing to publish, and no entry says that there was.
        assert (await edda.post("/publish"))["published"] == []
        assert len((await edda.get("/audit"))["entries"]) == 1


async def test_back_to_what_the_release_says_leaves_an_empty_edition(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        await edda.put("/articles/returns", {"base_version": 1, "article": body(RETURNS, answer="No.")})
        await edda.post("/publish")
        await edda.post("/articles/returns/restore", {"version": 1, "base_version": 2})
        at.bot.takes_up = False
        done = await edda.post("/publish")
        assert (done["revision"], done["live"]) == (2, False)
        edition = EditionStore(tmp_path / "editions").current("r1")
        assert edition is not None
        assert (edition.articles, edition.removed) == ((), ())


async def test_new_and_removed_articles_go_live_when_published_and_drafts_do_not(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        made = await edda.post("/articles", {"article": {"title": "Do you ship to Peru?", "answer": "Yes."}})
        assert made["article"]["id"] == "do-you-ship-to-peru"
        await edda.post("/articles", {"article": {"title": "Half an idea", "answer": "?", "status": "draft"}})
        await edda.delete("/articles/returns", base_version=1)
        found = {change["id"]: change["change"] for change in (await edda.get("/changes"))["changes"]}
        assert found == {"do-you-ship-to-peru": "new", "half-an-idea": "new", "returns": "removed"}
        status, error = await edda.refused("POST", "/publish", {"articles": ["half-an-idea"]})
        assert (status, error["code"]) == (409, "cannot_publish")
        status, error = await edda.refused("POST", "/publish", {"articles": ["nobody"]})
        assert (status, error["code"]) == (404, "not_found")
        done = await edda.post("/publish")
        assert done["published"] == ["do-you-ship-to-peru", "returns"]
        edition = EditionStore(tmp_path / "editions").current("r1")
        assert edition is not None
        assert (edition.removed, [article.id for article in edition.articles]) == (
            ("returns",),
            ["do-you-ship-to-peru"],
        )


async def test_the_second_editor_is_told_who_changed_what(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda, editor(at, "Otto") as otto:
        await edda.put("/articles/returns", {"base_version": 1, "article": body(RETURNS, answer="Hers.")})
        status, error = await otto.refused(
            "PUT", "/articles/returns", {"base_version": 1, "article": body(RETURNS, answer="His.")}
        )
        assert (status, error["code"]) == (409, "edit_conflict")
        assert error["data"]["by"] == "Edda"
        assert error["data"]["conflicts"] == [
            {"field": "answer", "base": "Send it back.", "theirs": "Hers.", "yours": "His."}
        ]
        merged = await otto.put(
            "/articles/returns", {"base_version": 1, "article": body(RETURNS, title="How can I return it?")}
        )
        assert merged["merged"] == ["answer"]
        told = await otto.get("/articles/returns/history")
        assert [line["by"] for line in told["versions"]] == ["Otto", "Edda", "command line"]
        earlier = await otto.get("/articles/returns/history/1")
        assert earlier["article"]["answer"] == "Send it back."


async def test_search_is_by_all_words_in_any_script(tmp_path: Path) -> None:
    await a_home(
        tmp_path, RETURNS, REFUNDS, Article("versand", "Größe ändern", "Geht.", locale="de"), Article("ru", "Где заказ?", "Тут.", locale="ru")
    )  # fmt: skip
    async with running_relay(tmp_path) as at, editor(at) as edda:
        for text, ids in (
            ("RETURN parcel", ["returns"]),
            ("grosse ANDERN", ["versand"]),
            ("größe", ["versand"]),
            ("GROßE", ["versand"]),
            ("ЗАКАЗ", ["ru"]),  # noqa: RUF001
            ("parcel money", []),
        ):
            found = await edda.get("/articles", q=text)
            assert [line["id"] for line in found["articles"]] == ids, text
        assert (await edda.get("/articles", tag="money"))["total"] == 1
        assert (await edda.get("/articles", locale="de"))["total"] == 1
        page = await edda.get("/articles", sort="title", offset=1, limit=2)
        assert (len(page["articles"]), page["total"], page["locales"]) == (2, 4, ["de", "en", "ru"])


async def test_without_a_release_articles_are_written_and_nothing_is_published(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, editor(at) as edda:
        await edda.post("/articles", {"article": {"title": "A", "answer": "B"}})
        assert (await edda.get("/articles"))["articles"][0]["live"] == "new"
        for method, path in (("POST", "/publish"), ("GET", "/changes")):
            status, error = await edda.refused(method, path, {} if method == "POST" else None)
            assert (status, error["code"]) == (409, "nothing_live")


@pytest.mark.parametrize("role", ["agent", "supervisor"])
async def test_others_have_no_business_here(tmp_path: Path, role: str) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at, "Ada", role) as ada:
        for method, path in (
            ("GET", "/articles"),
            ("POST", "/publish"),
            ("GET", "/audit"),
            ("GET", "/changes"),
        ):
            status, error = await ada.refused(method, path, {} if method == "POST" else None)
            assert (status, error["code"]) == (403, "forbidden")
        async with httpx.AsyncClient(base_url=at.url) as nobody:
            assert (await nobody.get(f"{STUDIO}/articles")).status_code == 401


async def test_large_articles_are_taken_from_editors_alone(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    variants = [f"{'way ' * 20}number {number}" for number in range(4_000)]
    async with running_relay(tmp_path) as at, editor(at) as edda:
        saved = await edda.put(
            "/articles/returns", {"base_version": 1, "article": body(RETURNS, questions=variants)}
        )
        assert len(saved["article"]["questions"]) == 4_000
        status, error = await edda.refused(
            "PUT",
            "/articles/returns",
            {
                "base_version": 2,
                "article": body(RETURNS, questions=[f"x{number}" for number in range(5_001)]),
            },
        )
        assert (status, error["code"], error["data"]["field"]) == (422, "bad_article", "questions")
        status, error = await edda.refused(
            "PUT", "/articles/returns", {"base_version": 2, "article": body(RETURNS, answer="x" * 1_000_000)}
        )
        assert (status, error["code"]) == (422, "bad_frame")
        async with httpx.AsyncClient(base_url=at.url) as nobody:
            answer = await nobody.put(f"{STUDIO}/articles/returns", content=b"x" * 200_000)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


async def test_what_was_published_while_a_training_ran_stays_live(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        # A training took its snapshot; then a typo was corrected and went live.
        released(tmp_path, "r2", [RETURNS, REFUNDS], live=False)
        await edda.put(
            "/articles/returns", {"base_version": 1, "article": body(RETURNS, answer="Corrected.")}
        )
        await edda.delete("/articles/refunds", base_version=1)
        await edda.post("/publish")
        studio = at.running.studio
        assert await studio.live.carry_over("r2", by="Edda") == 2
        ReleaseStore(tmp_path / "releases").publish("r2", at="2026-11-30T09:00:00.000Z", by="Edda")
        live = await studio.live.now()
        assert live is not None
        assert (live.release_id, list(live.articles)) == ("r2", ["returns"])
        assert live.articles["returns"].answer == "Corrected."
        # A rollback brings back what was live then.
        ReleaseStore(tmp_path / "releases").rollback(at="2026-11-30T09:01:00.000Z", by="Edda")
        back = await studio.live.now()
        assert back is not None
        assert (back.release_id, back.articles["returns"].answer) == ("r1", "Corrected.")


async def test_a_damaged_edition_is_replaced_by_the_next_publication(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    (tmp_path / "editions").mkdir()
    (tmp_path / "editions" / "r1.json").write_text('{"format": 1, "release')
    async with running_relay(tmp_path) as at, editor(at) as edda:
        assert (await edda.get("/changes"))["changes"] == []
        await edda.put(
            "/articles/returns", {"base_version": 1, "article": body(RETURNS, answer="Corrected.")}
        )
        assert (await edda.post("/publish"))["published"] == ["returns"]
        edition = EditionStore(tmp_path / "editions").current("r1")
        assert edition is not None
        assert edition.articles[0].answer == "Corrected."


async def test_a_relay_reads_the_articles_before_anybody_asks_for_them(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS)
    async with running_relay(tmp_path) as at:
        studio = at.running.studio
        await until(lambda: studio.shelf.moves == 1)
        await until(lambda: studio.live._cached is not None)
        assert set(await studio.shelf.refreshed()) == {"returns", "refunds"}
        assert studio.shelf.moves == 1, "nothing is read twice"
