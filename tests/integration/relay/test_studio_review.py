"""The review inbox over HTTP: from what customers asked to what the bot is taught, with the real grouping."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.contract import TurnOutcome, TurnRequest
from handoff.bootstrap import open_database
from handoff.content.errors import ProgramFailed
from handoff.settings import Settings
from handoff.studio.grouping import group
from kb_index.article import Article
from tests.integration.relay.harness import Customer, RunningRelay, outcome, running_relay
from tests.integration.relay.studio import Editor, editor
from tests.integration.relay.test_studio_articles import a_home

PAYMENT = Article("payment", "How can I pay?", "By card or invoice.", ("pay by card",), ("money",))
CLOSE = (
    "Do you deliver to Norway?",
    "do you deliver to norway",
    "Can you deliver my order to Norway?",
)
OTHER = ("Can I pay by invoice?", "Is it possible to pay by invoice?")


async def unsure(request: TurnRequest) -> TurnOutcome:
    """Knows nothing; greetings are talk."""
    if request.text == "Hello":
        return outcome(request, "Hello!", kind="chat", reason="greet", intent="greet")
    return outcome(
        request, "I do not know.", kind="unsure", reason="low_confidence", confidence=0.2, intent="question"
    )


async def asks(at: RunningRelay, *texts: str, **opening: Any) -> Customer:
    """A customer who asks these, one after the other, and is answered each time."""
    customer = await at.customer(**opening)
    for number, text in enumerate(texts, start=1):
        assert (await customer.say(text))["type"] == "ack"
        await customer.event("bot.replied", number)
    return customer


async def grouped(edda: Editor) -> dict[str, Any]:
    """The inbox after a grouping that an editor asked for."""
    job = (await edda.post("/review/regroup"))["job"]
    again = (await edda.post("/review/regroup"))["job"]
    assert job["kind"] == again["kind"] == "group"

    jobs: dict[str, Any] = {}

    async def is_over(job_id: str) -> bool:
        jobs[job_id] = (await edda.get(f"/jobs/{job_id}"))["job"]
        return jobs[job_id]["state"] in ("done", "failed", "cancelled")

    for one in {job["id"], again["id"]}:
        async with asyncio.timeout(280):
            while not await is_over(one):
                await asyncio.sleep(0.2)
        assert jobs[one]["state"] == "done", jobs[one]
    page: dict[str, Any] = await edda.get("/review")
    return page


@pytest.mark.timeout(600)
async def test_what_the_bot_did_not_know_is_grouped_and_taught(tmp_path: Path) -> None:
    await a_home(tmp_path, PAYMENT, live=False)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        at.bot.answer = unsure
        for text in CLOSE:
            await asks(at, "Hello", text)
        customer = await asks(at, *OTHER, customer={"name": "Rose Miller"})
        agent = await at.agent()
        await customer.command("request_human")
        await agent.take(customer.conversation_id)
        await agent.command("say", conversation_id=customer.conversation_id, text="Yes you can, Rose Miller.")
        await agent.command("close", conversation_id=customer.conversation_id, after=100)
        before = await edda.get("/review")
        assert (before["groups"], before["ungrouped"]) == ([], 5)
        page = await grouped(edda)
        assert (page["questions"], page["ungrouped"], page["total"]) == (5, 0, 2)
        pay, norway = page["groups"]
        assert (norway["size"], pay["size"]) == (3, 2)
        assert set(norway["examples"]) <= set(CLOSE)
        assert (pay["reasons"]["answered_by_person"], pay["reasons"]["repeated"]) == (1, 0)
        assert sum(norway["trend"]) == 3
        opened = await edda.get(f"/review/{pay['id']}")
        answers = [question["agent_answer"] for question in opened["questions"]]
        assert answers.count("Yes you can, [name].") == 1

        done = await edda.post(f"/review/{pay['id']}/settle", {"how": "variants", "article_id": "payment"})
        assert (done["settled"], sorted(done["article"]["questions"])) == (2, sorted([*OTHER, "pay by card"]))
        async with editor(at, "Eve") as eve:
            status, error = await eve.refused("POST", f"/review/{pay['id']}/settle", {"how": "dismiss"})
        assert (status, error["code"], error["data"]["by"]) == (409, "already_settled", "Edda")
        assert (await edda.post(f"/review/{norway['id']}/settle", {"how": "out_of_scope"}))["settled"] == 3

        # The like of what is out of scope is put aside by itself.
        await asks(at, "do you deliver to Norway", "What is the meaning of life?")
        page = await grouped(edda)
        assert (page["settled_alike"], page["questions"]) == (1, 1)
        [life] = page["groups"]
        assert life["name"] == "What is the meaning of life?"


@pytest.mark.timeout(600)
async def test_thumbs_repeats_and_past_talk(tmp_path: Path) -> None:
    async def answers(request: TurnRequest) -> TurnOutcome:
        return outcome(request, "So it is.", intent="question", revision=3)

    async with running_relay(tmp_path) as at, editor(at) as edda:
        at.bot.answer = answers
        customer = await asks(at, "Is it so?", "Mail a@b.de, is it so?", "Is it so")
        replied = await customer.event("bot.replied", 2)
        await customer.command("feedback", seq=replied["seq"], helpful=False)
        [talk] = (await edda.get("/conversations", limit=5))["conversations"]
        assert (talk["id"], talk["preview"], talk["turns"]) == (customer.conversation_id, "Is it so?", 3)
        turns = (await edda.get(f"/conversations/{talk['id']}/turns"))["turns"]
        assert [(turn["text"], turn["revision"], turn["reasons"]) for turn in turns] == [
            ("Is it so?", 3, []),
            ("Mail [email], is it so?", 3, []),
            ("Is it so", 3, ["repeated"]),
        ]
        page = await grouped(edda)
        counted = {
            name: sum(group["reasons"][name] for group in page["groups"])
            for name in ("thumbs_down", "repeated")
        }
        assert counted == {"thumbs_down": 1, "repeated": 1}


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/review", {"days": 0}, "bad_frame"),
        ("GET", "/review/grp_none", None, "not_found"),
        ("GET", "/review/%00", None, "not_found"),
        ("POST", "/review/grp_none/settle", {"how": "dismiss"}, "not_found"),
        ("POST", "/review/grp_none/settle", {"how": "burn"}, "bad_frame"),
        ("POST", "/review/grp_none/settle", {"how": "variants"}, "bad_frame"),
        ("POST", "/review/grp_none/settle", {"how": "variants", "article_id": "\0"}, "bad_frame"),
        ("POST", "/review/grp_none/settle", {"how": "intent", "intent": "\0"}, "unknown_intent"),
        ("POST", "/review/grp_none/settle", {"how": "dismiss", "texts": ["a"] * 501}, "bad_frame"),
        ("POST", "/review/grp_none/settle", [], "bad_frame"),
        ("GET", "/conversations", {"limit": 101}, "bad_frame"),
        ("GET", "/conversations/cnv_none/turns", None, "not_found"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    tmp_path: Path, method: str, path: str, body: Any, code: str
) -> None:
    async with running_relay(tmp_path) as at, editor(at) as edda:
        if method == "GET":
            _, error = await edda.refused(method, path, **(body or {}))
        else:
            _, error = await edda.refused(method, path, body)
        assert error["code"] == code


async def test_agents_have_no_business_there(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, editor(at, "Ada", "agent") as ada:
        for method, path, body in (
            ("GET", "/review", None),
            ("GET", "/review/grp_1", None),
            ("POST", "/review/grp_1/settle", {"how": "dismiss"}),
            ("POST", "/review/regroup", {}),
            ("GET", "/conversations", None),
            ("GET", "/conversations/cnv_1/turns", None),
        ):
            status, error = await ada.refused(method, path, body)
            assert (status, error["code"]) == (403, "forbidden"), path


async def test_a_grouping_that_fails_leaves_the_groups(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, bot_python=tmp_path / "no-python")
    async with running_relay(tmp_path) as at, editor(at) as edda:
        at.bot.answer = unsure
        await asks(at, "What is it?")
        engine = await open_database(settings)
        with pytest.raises(ProgramFailed) as failed:
            await group(engine, settings, lambda _step: None, now=at.relay.clock.now_ms())
        await engine.dispose()
        assert failed.value.code == "bot_environment_missing"
        assert not (tmp_path / "run" / "grouping").exists()
        assert (await edda.get("/review"))["ungrouped"] == 1
