"""Loaded releases follow their editions, and go on where one cannot be used."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from bot import editions as module
from bot.content import Content, ContentMaker
from bot.editions import DraftRefused, Editions
from kb_index.article import Article
from kb_index.edition import Edition
from kb_index.editions import EditionStore
from kb_index.encoder import EncoderError

AT = "2026-12-01T00:00:00Z"
NEW = Article("mast", "Tents with a carbon mast", "They weigh less.", ("is the mast carbon",))
DUE = replace(NEW, valid_from="2026-12-24T00:00:00Z")


class Loaded:
    """As much of a loaded release as editions know."""

    def __init__(self, maker: ContentMaker, content: Content) -> None:
        self.release_id = "r1"
        self.maker = maker
        self.content = content

    @property
    def ids(self) -> set[str]:
        return {article.id for article in self.content.knowledge.articles}


class Scene:
    """A store, a clock that is set by hand, and one loaded release."""

    def __init__(self, root: Path, maker: ContentMaker) -> None:
        self.root = root
        self.store = EditionStore(root)
        self.time = AT
        self.revision = 0
        self.took: list[float] = []
        self.editions = Editions(self.store, now=lambda: self.time, observe=self.took.append)
        self.maker = maker
        self.engine = self.load()

    def load(self) -> Loaded:
        edition, at = self.editions.first("r1")
        return Loaded(self.maker, self.maker.make(edition, at))

    def publish(self, *articles: Article, removed: tuple[str, ...] = (), draft: bool = False) -> None:
        if not draft:
            self.revision += 1
        made = Edition("r1", max(self.revision, 1), AT, "ann", articles, removed)
        self.store.write(made, draft=draft)

    async def look(self) -> bool:
        """Whether there was anything to do; it is done."""
        task = self.editions.look(cast("Any", self.engine))
        if task is not None:
            await task
        return task is not None

    async def drafted(self) -> Content:
        return await self.editions.drafted(cast("Any", self.engine))


@pytest.fixture
def scene(tmp_path: Path, maker: ContentMaker) -> Scene:
    return Scene(tmp_path / "editions", maker)


async def test_nothing_is_done_where_nothing_has_changed(scene: Scene) -> None:
    assert not await scene.look()
    scene.publish(NEW)
    assert await scene.look()
    assert not await scene.look()


async def test_what_is_published_is_answered_from(scene: Scene) -> None:
    scene.publish(NEW, removed=("topic-01",))
    await scene.look()
    assert scene.engine.content.revision == 1
    assert "mast" in scene.engine.ids
    assert "topic-01" not in scene.engine.ids
    scene.publish(replace(NEW, answer="Corrected."))
    await scene.look()
    assert scene.engine.content.knowledge.article("mast").answer == "Corrected."
    assert "topic-01" in scene.engine.ids
    assert len(scene.took) == 2
    scene.store.forget("r1")
    await scene.look()
    assert scene.engine.content.knowledge is scene.maker.trained


async def test_a_release_is_loaded_with_its_edition(scene: Scene) -> None:
    scene.publish(NEW)
    scene.engine = scene.load()
    assert "mast" in scene.engine.ids
    assert not await scene.look()


async def test_an_articles_time_comes_and_ends_without_a_write(scene: Scene) -> None:
    scene.publish(replace(DUE, valid_until="2026-12-27T00:00:00Z"))
    await scene.look()
    assert "mast" not in scene.engine.ids
    scene.time = "2026-12-23T23:59:59Z"
    assert not await scene.look()
    scene.time = "2026-12-24T00:00:00Z"
    assert await scene.look()
    assert "mast" in scene.engine.ids
    scene.time = "2026-12-27T00:00:00Z"
    assert await scene.look()
    assert "mast" not in scene.engine.ids
    assert not await scene.look()


async def test_a_damaged_edition_is_told_once_and_the_last_good_one_goes_on(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.publish(NEW)
    await scene.look()
    with caplog.at_level(logging.WARNING):
        (scene.root / "r1.json").write_bytes(b"{")
        assert await scene.look()
        for _ in range(3):
            assert not await scene.look()
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    assert "mast" in scene.engine.ids
    (refused,) = scene.editions.refused
    assert refused.release_id == "r1"
    assert "r1.json is not valid JSON" in refused.message
    scene.publish(replace(NEW, answer="Repaired."))
    assert await scene.look()
    assert scene.editions.refused == ()
    assert scene.engine.content.knowledge.article("mast").answer == "Repaired."


async def test_times_come_also_while_the_file_is_damaged(scene: Scene) -> None:
    scene.publish(DUE)
    await scene.look()
    (scene.root / "r1.json").write_bytes(b"{")
    await scene.look()
    scene.time = "2026-12-24T00:00:00Z"
    assert await scene.look()
    assert "mast" in scene.engine.ids
    assert len(scene.editions.refused) == 1, "it is still told"
    assert not await scene.look()


async def test_a_release_whose_edition_is_damaged_at_its_loading_is_live_as_it_was_trained(
    scene: Scene,
) -> None:
    scene.publish(NEW)
    (scene.root / "r1.json").write_bytes(b"{")
    scene.engine = scene.load()
    assert scene.engine.content.knowledge is scene.maker.trained
    assert len(scene.editions.refused) == 1
    assert not await scene.look()


async def test_a_failure_that_may_pass_is_tried_again_after_a_while(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.publish(NEW)
    with monkeypatch.context() as broken:
        broken.setattr(
            scene.maker.encoder, "encode", lambda _texts: (_ for _ in ()).throw(EncoderError("no memory"))
        )
        assert await scene.look()
    assert [refused.message for refused in scene.editions.refused] == ["no memory"]
    assert scene.engine.content.revision == 0
    assert not await scene.look(), "not at every look"
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    scene.editions._followed["r1"].retry_at = 0.0
    assert await scene.look()
    assert scene.editions.refused == ()
    assert "mast" in scene.engine.ids


async def test_one_is_made_at_a_time_and_what_came_meanwhile_follows(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    held, entered = threading.Event(), threading.Event()
    make = ContentMaker.make

    def slow(self: ContentMaker, *args: Any, **named: Any) -> Content:
        entered.set()
        assert held.wait(10)
        return make(self, *args, **named)

    monkeypatch.setattr(ContentMaker, "make", slow)
    scene.publish(NEW)
    engine = cast("Any", scene.engine)
    first = scene.editions.look(engine)
    assert first is not None
    await asyncio.to_thread(entered.wait, 10)
    scene.publish(replace(NEW, answer="Newer."))
    assert scene.editions.look(engine) is first
    held.set()
    await first
    assert scene.engine.content.revision == 1
    assert await scene.look()
    assert scene.engine.content.knowledge.article("mast").answer == "Newer."


async def test_a_draft_is_what_would_be_live_and_is_not(scene: Scene) -> None:
    assert await scene.drafted() is scene.engine.content
    scene.publish(replace(NEW, answer="Draft."), draft=True)
    content = await scene.drafted()
    assert content.knowledge.article("mast").answer == "Draft."
    assert "mast" not in scene.engine.ids
    assert await scene.drafted() is content, "made once"
    scene.publish(replace(NEW, answer="Draft two."), draft=True)
    both = await asyncio.gather(scene.drafted(), scene.drafted())
    assert both[0] is both[1]
    assert both[0].knowledge.article("mast").answer == "Draft two."
    scene.store.forget("r1")
    assert await scene.drafted() is scene.engine.content


async def test_a_damaged_draft_is_refused_by_name(scene: Scene) -> None:
    scene.publish(NEW, draft=True)
    (scene.root / "draft-r1.json").write_bytes(b"")
    with pytest.raises(DraftRefused, match=r"draft-r1\.json is not valid JSON"):
        await scene.drafted()


async def test_a_release_that_is_gone_is_forgotten(scene: Scene) -> None:
    (scene.root).mkdir()
    (scene.root / "r1.json").write_bytes(b"{")
    await scene.look()
    assert scene.editions.refused
    scene.editions.forget("r1")
    assert scene.editions.refused == ()
