"""Intents and entities over HTTP: written, doubted, saved by two editors at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from kb_index.article import Article
from tests.integration.relay.harness import running_relay
from tests.integration.relay.studio import STUDIO, editor
from tests.integration.relay.test_studio_articles import a_home

HIRING = Article("jobs", "Are you hiring?", "See our jobs page.", ("any vacancies",))
EXAMPLES = ["buy in bulk", "wholesale prices", "order many at once", "prices for shops", "resell your things"]


def bulk(**changes: Any) -> dict[str, Any]:
    does = {"kind": "say", "texts": {"en": "Write to us."}}
    return {"description": "wants to buy in bulk", "examples": EXAMPLES, "does": does, **changes}


async def test_an_editor_writes_an_intent_with_marked_words(tmp_path: Path) -> None:
    await a_home(tmp_path, HIRING)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        words = {
            "kind": "words",
            "description": "what we sell",
            "words": [{"value": "tent", "synonyms": ["tents"]}],
        }
        entity = (await edda.put("/entities/product", {"entity": words}))["entity"]
        assert (entity["version"], entity["updated_by"]) == (1, "Edda")
        assert [one["name"] for one in (await edda.get("/entities"))["entities"]] == ["product"]
        marked = bulk(examples=[*EXAMPLES, "", "100 [tents](product) please"])
        made = (await edda.post("/intents", {"intent": marked}))["intent"]
        assert (made["name"], made["version"], made["shipped"]) == ("buy_in_bulk", 1, False)
        assert made["examples"][-1] == "100 [tents](product) please"
        assert (await edda.get("/intents/buy_in_bulk"))["intent"] == made
        lines = (await edda.get("/intents"))["intents"]
        assert (lines[0]["name"], lines[0]["examples"], lines[0]["warnings"]) == ("buy_in_bulk", 6, [])
        assert {line["name"] for line in lines if line["shipped"]} >= {"greet", "ask_human", "order_status"}
        status, error = await edda.refused("DELETE", "/entities/product", base_version=1)
        assert (status, error["code"], error["data"]["fault"]) == (422, "bad_intent", "in_use")
        await edda.delete("/intents/buy_in_bulk", base_version=1)
        await edda.delete("/entities/product", base_version=1)
        assert [entry["action"] for entry in (await edda.get("/audit"))["entries"]] == [
            "removed_entity", "removed_intent", "created_intent", "created_entity",
        ]  # fmt: skip


async def test_doubts_are_told_while_it_is_written(tmp_path: Path) -> None:
    await a_home(tmp_path, HIRING)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        doubtful = bulk(
            examples=["Any vacancies?", "good morning", "x"], does={"kind": "article", "article_id": "no"}
        )
        told = (await edda.post("/intents/advice", {"intent": doubtful}))["warnings"]
        assert {(one["code"], one["field"], one["index"]) for one in told} >= {
            ("too_few_examples", "examples", None),
            ("same_as_article", "examples", 0),
            ("same_example", "examples", 1),
            ("article_missing", "does", None),
        }
        # What is not finished is no fault of the advice.
        unfinished = bulk(does={"kind": "say", "texts": {}})
        told = (await edda.post("/intents/advice", {"intent": unfinished}))["warnings"]
        assert [one["code"] for one in told if one["severity"] == "warning"] == []


async def test_the_second_save_is_merged_or_asked(tmp_path: Path) -> None:
    await a_home(tmp_path, HIRING)
    async with running_relay(tmp_path) as at, editor(at) as edda, editor(at, "Bo") as bo:
        await edda.post("/intents", {"intent": bulk()})
        first = {"base_version": 1, "intent": bulk(examples=[*EXAMPLES, "trade account"])}
        await bo.put("/intents/buy_in_bulk", first)
        second = {"base_version": 1, "intent": bulk(description="asks for bulk")}
        saved = await edda.put("/intents/buy_in_bulk", second)
        assert saved["merged"] == ["examples"]
        assert saved["intent"]["examples"] == [*EXAMPLES, "trade account"]
        other = {"base_version": 1, "intent": bulk(description="needs bulk")}
        status, error = await bo.refused("PUT", "/intents/buy_in_bulk", other)
        assert (status, error["code"], error["data"]["by"]) == (409, "edit_conflict", "Edda")
        assert [conflict["field"] for conflict in error["data"]["conflicts"]] == ["description"]
        added = {"base_version": 1, "intent": {"examples": ["ahoy"]}}
        shipped = (await bo.put("/intents/greet", added))["intent"]
        assert (shipped["shipped"], shipped["examples"], shipped["does"]) == (True, ["ahoy"], None)
        assert "hello" in shipped["shipped_examples"]


async def test_what_is_wrong_is_refused_at_its_field(tmp_path: Path) -> None:
    await a_home(tmp_path, HIRING)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        for changes, field, fault in (
            ({"name": "Not a name"}, "name", "bad_name"),
            ({"does": {"kind": "say", "texts": {"en": ""}}}, "does", "missing_text"),
            ({"does": {"kind": "person"}}, "does", "missing_reason"),
            ({"examples": ["a [b](unknown)"]}, "examples", "unknown_entity"),
            ({"examples": ["\u202e"]}, "examples", "bad_character"),
        ):
            status, error = await edda.refused("POST", "/intents", {"intent": bulk(**changes)})
            assert (status, error["code"]) == (422, "bad_intent")
            assert (error["data"]["field"], error["data"]["fault"]) == (field, fault)
        status, error = await edda.refused("POST", "/intents", {"intent": bulk(name="greet")})
        assert (status, error["code"]) == (409, "intent_exists")
        status, error = await edda.refused("GET", "/intents/nothing")
        assert (status, error["code"]) == (404, "not_found")
        status, error = await edda.refused("POST", "/intents", {"intent": bulk(more=1)})
        assert (status, error["code"]) == (422, "bad_frame")


async def test_the_history_of_an_intent_and_the_way_back(tmp_path: Path) -> None:
    await a_home(tmp_path, HIRING)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        assert (await edda.get("/intents/greet/history"))["versions"] == [
            {"version": 1, "at": None, "by": "", "action": "imported", "note": None}
        ]
        await edda.post("/intents", {"intent": bulk()})
        await edda.put("/intents/buy_in_bulk", {"base_version": 1, "intent": bulk(examples=["one"])})
        lines = (await edda.get("/intents/buy_in_bulk/history"))["versions"]
        assert [(line["version"], line["by"], line["action"]) for line in lines] == [
            (2, "Edda", "edited"),
            (1, "Edda", "created"),
        ]
        first = (await edda.get("/intents/buy_in_bulk/history/1"))["intent"]
        assert first["examples"] == EXAMPLES
        restore = {"version": 1, "base_version": 2}
        back = (await edda.post("/intents/buy_in_bulk/restore", restore))["intent"]
        assert (back["version"], back["examples"]) == (3, EXAMPLES)
        status, error = await edda.refused("POST", "/intents/buy_in_bulk/restore", restore)
        assert (status, error["code"]) == (409, "edit_conflict")
        for path, status in (
            ("/intents/buy_in_bulk/history/9", 404),
            ("/intents/buy_in_bulk/history/x", 422),
        ):
            assert (await edda.refused("GET", path))[0] == status


async def test_nobody_without_the_right_gets_in(tmp_path: Path) -> None:
    await a_home(tmp_path, HIRING)
    async with running_relay(tmp_path) as at, editor(at, "Ann", role="agent") as ann:
        for method, path in (("GET", "/intents"), ("GET", "/entities"), ("PUT", "/intents/greet")):
            status, error = await ann.refused(method, path, {"base_version": 1, "intent": bulk()})
            assert (status, error["code"]) == (403, "forbidden")
        async with httpx.AsyncClient(base_url=at.url) as nobody:
            assert (await nobody.get(f"{STUDIO}/intents")).status_code == 401
