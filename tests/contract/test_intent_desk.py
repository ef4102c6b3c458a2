"""Intents and entities as editors work on them, on every database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from handoff.content.store import ContentStore
from handoff.domain.errors import NotFound
from handoff.studio.audit import Audit
from handoff.studio.errors import BadIntent, EditConflict, IntentExists
from handoff.studio.intents import IntentDesk
from kb_index.formats import Parsed
from kb_index.rule_file import read_rules
from kb_index.rules import Does
from tests.contract.databases import Database
from tests.contract.held_clock import HeldClock

SHIPPED = {"greet": ("hello", "hi"), "thanks": ("thank you",)}
SAY = {"kind": "say", "texts": {"en": "Write to us."}}


def made_for(database: Database, clock: HeldClock) -> IntentDesk:
    engine = database.engine()
    return IntentDesk(engine, clock, Audit(engine, clock), SHIPPED)


@pytest.fixture
def desk(database: Database, clock: HeldClock) -> IntentDesk:
    return made_for(database, clock)


def raw(**changes: Any) -> dict[str, Any]:
    return {"description": "wants to buy in bulk", "does": SAY, **changes}


async def make(desk: IntentDesk, examples: tuple[str, ...] = ("buy in bulk",), **changes: Any) -> str:
    return (await desk.create(raw(**changes), examples, by="Ada")).name


async def test_a_new_intent_is_named_after_what_it_means_and_no_two_alike(desk: IntentDesk) -> None:
    assert await make(desk) == "buy_in_bulk"
    assert await make(desk) == "buy_in_bulk_2"
    assert (await make(desk, description="где мой заказ")).startswith("intent_")
    for name in ("buy_in_bulk", "greet"):
        with pytest.raises(IntentExists):
            await make(desk, name=name)
    with pytest.raises(BadIntent):
        await make(desk, name="Not a name")


async def test_two_that_are_made_at_once_get_two_names(database: Database, clock: HeldClock) -> None:
    desks = [made_for(database, clock) for _ in range(4)]
    assert len(set(await asyncio.gather(*(make(desk) for desk in desks)))) == 4


async def test_a_save_makes_a_version_and_one_without_a_change_does_not(desk: IntentDesk) -> None:
    name = await make(desk)
    saved = await desk.save(name, raw(), ["buy in bulk"], base_version=1, by="Bo")
    assert saved.kept.version == 1
    saved = await desk.save(name, raw(), ["buy in bulk", "wholesale"], base_version=1, by="Bo")
    assert (saved.kept.version, saved.kept.updated_by) == (2, "Bo")
    assert await desk.get(name) == saved.kept


async def test_two_editors_are_merged_or_asked(desk: IntentDesk) -> None:
    name = await make(desk, ("one", "two"))
    await desk.save(name, raw(), ["one", "two", "three"], base_version=1, by="Bo")
    merged = await desk.save(name, raw(description="asks for bulk"), ["one", "four"], base_version=1, by="Cy")
    assert merged.kept.examples == ("one", "three", "four")
    assert (merged.kept.description, merged.merged) == ("asks for bulk", ("examples",))
    person = {"kind": "person", "reason": "Bulk"}
    with pytest.raises(EditConflict) as refused:
        await desk.save(name, raw(description="needs bulk", does=person), ["one"], base_version=2, by="Di")
    [conflict] = refused.value.data["conflicts"]
    assert conflict == {
        "field": "description", "base": "wants to buy in bulk", "theirs": "asks for bulk", "yours": "needs bulk",
    }  # fmt: skip
    assert refused.value.data["theirs"]["does"] == SAY
    assert (await desk.get(name)).version == 3


async def test_what_a_shipped_intent_does_stays_and_its_examples_grow(desk: IntentDesk) -> None:
    assert (await desk.get("greet")).version == 1
    saved = await desk.save("greet", raw(), ["ahoy"], base_version=1, by="Ada")
    assert (saved.kept.does, saved.kept.description, saved.kept.examples) == (None, "", ("ahoy",))
    # An editor who has it open since before anybody added to it.
    merged = await desk.save("greet", raw(), ["moin"], base_version=1, by="Bo")
    assert merged.kept.examples == ("ahoy", "moin")
    await desk.remove("greet", base_version=3, by="Ada")
    assert (await desk.get("greet")).examples == ()
    with pytest.raises(NotFound):
        await desk.get("farewell")


async def test_a_removed_intent_made_anew_goes_on_counting(desk: IntentDesk) -> None:
    name = await make(desk)
    with pytest.raises(EditConflict):
        await desk.remove(name, base_version=9, by="Ada")
    await desk.remove(name, base_version=1, by="Ada")
    with pytest.raises(NotFound):
        await desk.get(name)
    await make(desk, name=name)
    assert (await desk.get(name)).version == 3


async def test_an_earlier_version_is_looked_at_and_restored(
    desk: IntentDesk, database: Database, clock: HeldClock
) -> None:
    name = await make(desk)
    await desk.save(name, raw(description="wants many"), ["a", "b"], base_version=1, by="Bo")
    assert [(line.version, line.by, line.action) for line in await desk.history(name)] == [
        (2, "Bo", "edited"),
        (1, "Ada", "created"),
    ]
    first = await desk.version(name, 1)
    assert (first.description, first.examples) == ("wants to buy in bulk", ("buy in bulk",))
    with pytest.raises(EditConflict):
        await desk.restore(name, 1, base_version=1, by="Cy")
    with pytest.raises(IntentExists):
        await desk.restore(name, 1, base_version=None, by="Cy")
    with pytest.raises(NotFound):
        await desk.restore(name, 9, base_version=2, by="Cy")
    back = await desk.restore(name, 1, base_version=2, by="Cy")
    assert (back.version, back.description, back.examples) == (3, first.description, first.examples)
    assert await desk.get(name) == back
    assert await desk.restore(name, 1, base_version=3, by="Cy") == back
    assert (await desk.history(name))[0].action == "restored"
    [entry, *_] = await Audit(database.engine(), clock).entries()
    assert (entry["action"], entry["subject"], entry["data"]) == ("restored_intent", name, {"version": 1})


async def test_a_removed_intent_comes_back_with_what_it_did(desk: IntentDesk) -> None:
    name = await make(desk)
    await desk.remove(name, base_version=1, by="Ada")
    assert [line.action for line in await desk.history(name)] == ["removed", "created"]
    with pytest.raises(NotFound):
        await desk.restore(name, 1, base_version=1, by="Ada")
    with pytest.raises(NotFound):
        await desk.version(name, 2)  # there was nothing then
    back = await desk.restore(name, 1, base_version=None, by="Bo")
    assert (back.version, back.does, back.examples) == (
        3,
        Does("say", {"en": "Write to us."}),
        ("buy in bulk",),
    )


async def test_versions_of_a_shipped_intent_go_on_counting_when_what_was_added_is_removed(
    desk: IntentDesk,
) -> None:
    assert [(line.version, line.at) for line in await desk.history("greet")] == [(1, 0)]
    assert (await desk.version("greet", 1)).examples == ()
    await desk.save("greet", {}, ["ahoy"], base_version=1, by="Ada")
    await desk.remove("greet", base_version=2, by="Ada")
    saved = await desk.save("greet", {}, ["moin"], base_version=1, by="Bo")
    assert saved.kept.version == 4
    assert [line.action for line in await desk.history("greet")] == [
        "edited",
        "removed",
        "edited",
        "imported",
    ]
    back = await desk.restore("greet", 2, base_version=4, by="Bo")
    assert (back.version, back.examples, back.does) == (5, ("ahoy",), None)
    with pytest.raises(NotFound):
        await desk.history("nothing")


async def test_what_marks_an_entity_that_is_gone_is_not_restored(desk: IntentDesk) -> None:
    words = {"kind": "words", "words": [{"value": "tent"}]}
    await desk.save_entity("product", words, base_version=None, by="Ada")
    name = await make(desk, ("my [tent](product) broke",))
    await desk.save(name, raw(), ["it broke"], base_version=1, by="Ada")
    await desk.remove_entity("product", base_version=1, by="Ada")
    with pytest.raises(BadIntent):
        await desk.restore(name, 1, base_version=2, by="Ada")
    assert (await desk.get(name)).examples == ("it broke",)


async def test_words_are_marked_with_entities_that_are_there(desk: IntentDesk) -> None:
    with pytest.raises(BadIntent) as refused:
        await make(desk, ("my [tent](product) broke",))
    assert refused.value.data == {"field": "examples", "fault": "unknown_entity"}
    words = {"kind": "words", "words": [{"value": "tent"}]}
    kept = await desk.save_entity("product", words, base_version=None, by="Ada")
    assert kept.version == 1
    name = await make(desk, ("my [tent](product) broke", "[FG-1000417](order_number) broke"))
    with pytest.raises(BadIntent) as in_use:
        await desk.remove_entity("product", base_version=1, by="Ada")
    assert in_use.value.data["intents"] == [name]
    await desk.save(name, raw(), ["it broke"], base_version=1, by="Ada")
    await desk.remove_entity("product", base_version=1, by="Ada")
    assert await desk.entities() == {}


async def test_two_editors_of_an_entity_are_asked(desk: IntentDesk) -> None:
    words = {"kind": "words", "words": [{"value": "tent"}]}
    await desk.save_entity("product", words, base_version=None, by="Ada")
    with pytest.raises(EditConflict):
        await desk.save_entity("product", {"kind": "email"}, base_version=None, by="Bo")
    await desk.save_entity("product", {**words, "description": "what we sell"}, base_version=1, by="Bo")
    with pytest.raises(EditConflict) as refused:
        await desk.save_entity("product", {"kind": "email"}, base_version=1, by="Cy")
    assert [conflict["field"] for conflict in refused.value.data["conflicts"]] == [
        "description",
        "kind",
        "words",
    ]
    with pytest.raises(BadIntent):
        await desk.save_entity("product", {"kind": "regex"}, base_version=2, by="Cy")
    with pytest.raises(NotFound):
        await desk.save_entity("colour", words, base_version=1, by="Cy")


async def test_an_import_is_a_version_too(desk: IntentDesk, database: Database, clock: HeldClock) -> None:
    store = ContentStore(database.engine(), clock)
    name = await make(desk, ("one",))
    await store.import_parsed(Parsed(intents={name: ["one", "two"], "greet": ["ahoy"]}))
    assert [(await desk.get(n)).version for n in (name, "greet")] == [2, 2]
    merged = await desk.save(
        name, raw(description="asks for bulk"), ["one", "three"], base_version=1, by="Ada"
    )
    assert merged.kept.examples == ("one", "two", "three")
    assert merged.kept.does == Does("say", {"en": "Write to us."})


async def test_a_snapshot_carries_rules_and_a_training_no_drafts(
    desk: IntentDesk, database: Database, clock: HeldClock, tmp_path: Path
) -> None:
    store = ContentStore(database.engine(), clock)
    empty = (await store.content()).content_hash
    await store.snapshot(tmp_path)
    assert not (tmp_path / "rules.json").exists()
    await make(desk, name="bulk")
    await make(desk, ("sing",), name="song", does={"kind": "nothing"})
    whole, trained = await store.content(), await store.content(drafts=False)
    assert set(whole.intents) == {"bulk", "song"}
    assert set(trained.intents) == {"bulk"}
    assert len({empty, whole.content_hash, trained.content_hash}) == 3
    trained.write(tmp_path)
    assert [intent.name for intent in read_rules(tmp_path / "rules.json").intents] == ["bulk"]
