"""Training, publishing, going back and trials over HTTP, with conversations going on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.contract import TurnOutcome, TurnRequest
from handoff.adapters.clock import SystemClock
from handoff.ports import BotFailedError
from handoff.studio import canary, canary_store
from handoff.studio.reports import Reports
from kb_index.editions import EditionStore
from kb_index.releases import ReleaseStore
from tests.integration.relay.harness import Customer, RunningRelay, ScriptedBot, outcome, running_relay, until
from tests.integration.relay.studio import STUDIO, Editor, editor, released
from tests.integration.relay.test_studio_articles import REFUNDS, RETURNS, a_home, body
from tests.unit.handoff.studio.programs import bot_python

PATIENCE_S = 90.0


async def until_ended(edda: Editor, job: dict[str, Any], *, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """A job once it has ended."""
    async with asyncio.timeout(patience_s):
        while job["state"] in ("queued", "running"):
            await asyncio.sleep(0.1)
            job = (await edda.get(f"/jobs/{job['id']}"))["job"]
    return job


async def actions(edda: Editor) -> list[tuple[str, str, str, str | None]]:
    entries = (await edda.get("/audit"))["entries"]
    return [(entry["by"], entry["action"], entry["subject"], entry["why"]) for entry in reversed(entries)]


async def test_from_an_edit_to_a_release_with_its_report_and_back(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS)
    async with running_relay(tmp_path, bot_python=bot_python(tmp_path)) as at, editor(at) as edda:
        opened = (await edda.get("/articles/refunds"))["article"]
        changed = body(REFUNDS, answer="In five days.")
        await edda.put("/articles/refunds", {"base_version": opened["version"], "article": changed})
        await edda.post("/exam", {"text": "my money", "article_id": "refunds"})
        asked = (await edda.post("/trainings", {"note": "five days", "fine_tune": False}))["job"]
        assert (asked["kind"], asked["state"], asked["note"], asked["asked_by"]) == (
            "train", "queued", "five days", "Edda",
        )  # fmt: skip
        done = await until_ended(edda, asked)
        assert (done["state"], done["error"]) == ("done", None)
        new = done["release_id"]
        lines = {line["id"]: line for line in (await edda.get("/releases"))["releases"]}
        assert (lines[new]["note"], lines[new]["asked_by"], lines[new]["has_report"]) == (
            "five days",
            "Edda",
            True,
        )
        assert (lines[new]["live"], lines["r1"]["live"], lines["r1"]["has_report"]) == (False, True, False)
        report = (await edda.get(f"/releases/{new}/report"))["report"]
        assert (report["candidate"], report["against"], report["exam"]["n"]) == (new, "r1", 1)
        page = await edda.get(f"/releases/{new}/report", set="exam", verdict="worse")
        assert page == {"changes": [{"id": "2", "verdict": "worse"}], "total": 1}
        assert (await edda.refused("GET", "/releases/r1/report"))[1]["code"] == "report_missing"
        assert (await edda.refused("GET", "/releases/nope/report"))[1]["code"] == "unknown_release"
        # An article published meanwhile stays as it is live.
        await edda.put("/articles/returns", {"base_version": 1, "article": body(RETURNS, answer="By post.")})
        await edda.post("/publish", {"articles": ["returns"]})
        assert (await edda.get("/summary"))["ready"]["release_id"] == new
        assert await edda.post(f"/releases/{new}/publish", {"why": "better"}) == {
            "release_id": new,
            "live": True,
        }
        edition = EditionStore(tmp_path / "editions").current(new)
        assert edition is not None
        assert [(article.id, article.answer) for article in edition.articles] == [("returns", "By post.")]
        assert await edda.post("/rollback", {"why": "worse"}) == {"release_id": "r1", "live": True}
        assert (await edda.get("/summary"))["ready"] is None
        assert at.bot.followed == [("r1", 1), (new, 1), ("r1", 1)]
        lines = {line["id"]: line for line in (await edda.get("/releases"))["releases"]}
        assert (lines["r1"]["live"], lines[new]["previous"]) == (True, True)
        assert [entry for entry in await actions(edda) if entry[1] != "published_articles"] == [
            ("Edda", "published_release", new, "better"),
            ("Edda", "rolled_back_to", "r1", "worse"),
        ]
        entries = ReleaseStore(tmp_path / "releases").history()
        assert [(entry["action"], entry["by"]) for entry in entries[-2:]] == [
            ("publish", "Edda"),
            ("rollback", "Edda"),
        ]


async def in_stage(by: Editor, job: dict[str, Any], stage: str) -> dict[str, Any]:
    """The job once it has come so far; its process tells once a second."""
    async with asyncio.timeout(PATIENCE_S):
        while job["stage"] != stage:
            await asyncio.sleep(0.1)
            job = (await by.get(f"/jobs/{job['id']}"))["job"]
    return job


async def test_bots_have_a_release_loaded_before_it_is_live(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    released(tmp_path, "r2", [RETURNS])
    released(tmp_path, "r3", [RETURNS])
    releases = ReleaseStore(tmp_path / "releases")
    releases.publish("r1", at="2026-11-01T00:00:00Z", by="test")
    async with running_relay(tmp_path) as at, editor(at) as edda:
        at.bot.unusable = {"r3"}
        status, error = await edda.refused("POST", "/releases/r3/publish", {})
        assert (status, error["code"]) == (409, "release_refused")
        assert "r3" in error["message"]
        assert "told so by the test" in error["message"]
        assert (releases.current(), at.bot.loaded) == ("r1", set())
        await edda.post("/releases/r2/publish", {})
        assert (releases.current(), at.bot.loaded) == ("r2", {"r2"})
        at.bot.unusable = {"r1"}
        assert (await edda.refused("POST", "/rollback", {}))[1]["code"] == "release_refused"
        assert releases.current() == "r2"
        at.bot.unusable = set()
        assert await edda.post("/rollback", {}) == {"release_id": "r1", "live": True}
        assert at.bot.loaded == {"r1", "r2"}


async def test_the_second_training_says_how_long_it_will_take(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path, bot_python=bot_python(tmp_path)) as at, editor(at) as edda:
        first = await until_ended(edda, (await edda.post("/trainings"))["job"])
        assert first["state"] == "done"
        (tmp_path / "mode").write_text("hang in articles")
        second = (await edda.post("/trainings"))["job"]
        second = await in_stage(edda, second, "articles")
        assert second["seconds_left"] >= 1
        assert [job["state"] for job in (await edda.get("/jobs"))["jobs"]] == ["running", "done"]
        await edda.post(f"/jobs/{second['id']}/cancel")
        assert (await until_ended(edda, second))["state"] == "cancelled"


async def test_a_training_goes_on_through_a_restart_of_the_relay(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    python = bot_python(tmp_path)
    (tmp_path / "mode").write_text("hang in articles")
    async with running_relay(tmp_path, bot_python=python) as at, editor(at) as edda:
        job = (await edda.post("/trainings"))["job"]
        await until((tmp_path / "pids").exists, PATIENCE_S)
    async with running_relay(tmp_path, bot_python=python) as at, editor(at, "Bo") as bo:
        job = await in_stage(bo, job, "articles")
        assert job["state"] == "running"
        # It is the same process: it obeys.
        await bo.post(f"/jobs/{job['id']}/cancel")
        assert (await until_ended(bo, job))["state"] == "cancelled"


async def test_who_may_do_what(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at, "Greta", "agent") as greta:
        for method, path in (
            ("GET", "/jobs"), ("POST", "/trainings"), ("GET", "/releases"), ("POST", "/rollback"),
            ("POST", "/releases/r1/publish"), ("GET", "/exam"), ("PUT", "/settings"), ("GET", "/canary"),
        ):  # fmt: skip
            assert (await greta.refused(method, path, {} if method != "GET" else None))[0] == 403, path
        for path in ("/jobs", "/releases", "/exam", "/settings", "/canary"):
            assert (await greta.http.get(STUDIO + path, headers={"Authorization": ""})).status_code == 401


async def test_the_exam_and_the_settings(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        added = (await edda.post("/exam", {"text": "send it back", "article_id": "returns", "locale": "en"}))[
            "question"
        ]
        assert await edda.post("/exam/import", {"csv": "text,article_id\nwho won,\n"}) == {"added": 1}
        status, error = await edda.refused("POST", "/exam/import", {"csv": "text,article_id\na,nope\nb,\n"})
        assert (status, error["code"], error["data"]["errors"][0]["line"]) == (422, "exam_refused", 2)
        large = "text\n" + "".join(f"{'very ' * 20}long question {n}\n" for n in range(2000))
        assert await edda.post("/exam/import", {"csv": large}) == {"added": 2000}
        assert await edda.delete(f"/exam/{added['id']}") == {}
        assert len((await edda.get("/exam"))["questions"]) == 2001
        assert (await edda.get("/settings"))["settings"]["risk"] == 0.02
        assert (await edda.put("/settings", {"risk": 0.05}))["settings"]["risk"] == 0.05
        assert (await edda.refused("PUT", "/settings", {"risk": 5}))[1]["code"] == "bad_studio_setting"
        shown = await edda.get("/settings")
        assert (shown["settings"]["risk"], shown["settings"]["minute_cost"], shown["curve"]) == (
            0.05,
            0.8,
            None,
        )


# --- trials ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def on_trial(
    home: Path, monkeypatch: pytest.MonkeyPatch, *, share: float = 0.5, bot: ScriptedBot | None = None
) -> AsyncIterator[tuple[RunningRelay, Editor]]:
    """A relay whose editor has r2 on trial against r1, begun at once."""
    monkeypatch.setattr(canary_store, "BEGINS_AFTER_MS", 0)
    monkeypatch.setattr(canary, "LOOK_S", 0.05)
    await a_home(home, RETURNS)
    released(home, "r2", [RETURNS], live=False)
    async with running_relay(home, bot=bot) as at, editor(at) as edda:
        await edda.post("/releases/r2/canary", {"share": share})
        yield at, edda


async def asks(at: RunningRelay, count: int = 1) -> Customer:
    """A new conversation in which so much is asked and answered."""
    customer = await at.customer()
    for number in range(1, count + 1):
        await customer.say(f"question {number}")
        await customer.event("bot.replied", number)
    return customer


def answered_by(at: RunningRelay, customer: Customer) -> list[str | None]:
    """The release that each turn of a conversation was asked of."""
    return [r.release_id for r in at.bot.requests if r.conversation_id == customer.conversation_id]


async def test_a_share_of_new_conversations_stays_with_the_release_on_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_relay(tmp_path / "before") as at:
        before = await asks(at)
    async with on_trial(tmp_path, monkeypatch) as (at, edda):
        assert at.bot.loaded == {"r2"}
        talks = [await asks(at, 3) for _ in range(24)]
        found = [answered_by(at, talk) for talk in talks]
        assert all(len(set(asked)) == 1 for asked in found)
        tried = sum(asked[0] == "r2" for asked in found)
        assert 3 <= tried <= 21, "drawn from 24 at one half: further out once in 100,000 times"
        await talks[0].command("feedback", seq=(await talks[0].event("bot.replied"))["seq"], helpful=True)
        side, other = ("canary", "live") if found[0][0] == "r2" else ("live", "canary")
        shown = (await edda.get("/canary"))["canary"]
        assert (shown["release_id"], shown["against"], shown["share"], shown["by"]) == (
            "r2",
            "r1",
            0.5,
            "Edda",
        )
        figures = shown["figures"]
        assert (figures["canary"]["conversations"], figures["canary"]["turns"]) == (tried, 3 * tried)
        assert (figures["live"]["conversations"], figures["live"]["answered"]) == (
            24 - tried,
            3 * (24 - tried),
        )
        assert (figures[side]["thumbs_up"], figures[other]["thumbs_up"]) == (1, 0)
        assert [line["id"] for line in (await edda.get("/releases"))["releases"] if line["canary"]] == ["r2"]
        # When it ends, all go to the live release, also those that it began with.
        assert await edda.post("/canary/stop", {"why": "enough"}) == {"release_id": "r2"}
        one = next(talk for talk, asked in zip(talks, found, strict=True) if asked[0] == "r2")
        await one.say("and now?")
        await one.event("bot.replied", 4)
        assert answered_by(at, one)[-1] is None
        assert await edda.get("/canary") == {"canary": None}
        assert (await edda.refused("POST", "/canary/stop"))[1]["code"] == "no_canary"
        assert await actions(edda) == [
            ("Edda", "began_canary", "r2", None),
            ("Edda", "stopped_canary", "r2", "enough"),
        ]
    assert before.conversation_id


async def test_conversations_that_were_there_before_stay_with_the_live_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary_store, "BEGINS_AFTER_MS", 0)
    await a_home(tmp_path, RETURNS)
    released(tmp_path, "r2", [RETURNS], live=False)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        talks = [await asks(at) for _ in range(12)]
        await edda.post("/releases/r2/canary", {"share": 0.5})
        for talk in talks:
            await talk.say("and now?")
            await talk.event("bot.replied", 2)
        assert {asked for talk in talks for asked in answered_by(at, talk)} == {None}


async def test_promoting_makes_it_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_trial(tmp_path, monkeypatch) as (_, edda):
        assert await edda.post("/canary/promote", {"why": "better"}) == {"release_id": "r2", "live": True}
        assert ReleaseStore(tmp_path / "releases").current() == "r2"
        assert await edda.get("/canary") == {"canary": None}
        assert (await actions(edda))[1:] == [("Edda", "promoted_canary", "r2", "better")]


async def test_what_cannot_be_tried_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bot = ScriptedBot()
    bot.unusable = {"r3"}
    async with on_trial(tmp_path, monkeypatch, bot=bot) as (_, edda):
        released(tmp_path, "r3", [RETURNS], live=False)
        for release_id, share, code in (
            ("r3", 0.1, "canary_refused"),
            ("nope", 0.1, "unknown_release"),
            ("r1", 0.1, "canary_refused"),
            ("r3", 0.9, "bad_frame"),
            ("r3", 0.0, "bad_frame"),
        ):
            _, error = await edda.refused("POST", f"/releases/{release_id}/canary", {"share": share})
            assert error["code"] == code
        await edda.post("/canary/stop")
        _, error = await edda.refused("POST", "/releases/r3/canary", {"share": 0.1})
        assert (error["code"], "told so by the test" in error["message"]) == ("canary_refused", True)
        bot.is_ready = False
        assert await edda.get("/canary") == {"canary": None}


async def test_a_release_that_the_bot_refuses_costs_no_answer_and_its_trial_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_trial(tmp_path, monkeypatch) as (at, edda):
        at.bot.unusable = {"r2"}
        refused = None
        for _ in range(40):
            talk = await asks(at)
            if len(answered_by(at, talk)) == 2:
                refused = talk
                break
        assert refused is not None
        # Asked again at once, and of no release that was named.
        assert answered_by(at, refused) == ["r2", None]
        await until(lambda: not at.running.studio.canaries.is_on)
        async with asyncio.timeout(PATIENCE_S):
            while (await edda.get("/canary"))["canary"] is not None:
                await asyncio.sleep(0.02)
        assert {asked for _ in range(6) for asked in answered_by(at, await asks(at))} == {None}
        ended = (await actions(edda))[-1]
        assert ended == ("Baton", "canary_failed", "r2", "A bot cannot use the release.")


async def test_a_release_that_fails_three_times_is_no_longer_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = ScriptedBot()

    async def fail_with_r2(request: TurnRequest) -> TurnOutcome:
        if request.release_id == "r2":
            raise BotFailedError("status 500")
        return outcome(request, "answered")

    bot.answer = fail_with_r2
    async with on_trial(tmp_path, monkeypatch, bot=bot) as (at, edda):
        failures = 0
        for _ in range(100):
            failures += len(answered_by(at, await asks(at))) == 2
            if failures == canary.FAILURES_AT_MOST:
                break
        assert failures == canary.FAILURES_AT_MOST
        await until(lambda: not at.running.studio.canaries.is_on)
        async with asyncio.timeout(PATIENCE_S):
            while (await actions(edda))[-1][1] != "canary_failed":
                await asyncio.sleep(0.02)


async def test_a_bot_that_fails_with_any_release_ends_no_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = ScriptedBot()

    async def fail(_request: TurnRequest) -> TurnOutcome:
        raise BotFailedError("status 500")

    bot.answer = fail
    async with on_trial(tmp_path, monkeypatch, bot=bot) as (at, edda):
        tried = 0
        while tried <= canary.FAILURES_AT_MOST:
            talk = await at.customer()
            await talk.say("anybody there?")
            await talk.event("handoff.requested")
            tried += "r2" in answered_by(at, talk)
        assert (await edda.get("/canary"))["canary"] is not None


async def test_a_release_that_hangs_leaves_the_live_one_time_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = ScriptedBot()

    async def hang_with_r2(request: TurnRequest) -> TurnOutcome:
        if request.release_id == "r2":
            await asyncio.sleep(60)
        return outcome(request, "answered")

    bot.answer = hang_with_r2
    async with on_trial(tmp_path, monkeypatch, bot=bot) as (at, _edda):
        for _ in range(40):
            talk = await at.customer()
            began = asyncio.get_running_loop().time()
            await talk.say("anybody there?")
            await talk.event("bot.replied")
            took = asyncio.get_running_loop().time() - began
            if len(answered_by(at, talk)) == 2:
                assert took < at.settings.turn_limit
                break
        else:
            raise AssertionError("none was drawn")


async def test_what_goes_live_by_another_way_ends_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_trial(tmp_path, monkeypatch) as (at, edda):
        released(tmp_path, "r3", [RETURNS])
        async with asyncio.timeout(PATIENCE_S):
            while (await edda.get("/canary"))["canary"] is not None:
                await asyncio.sleep(0.02)
        await until(lambda: not at.running.studio.canaries.is_on)
        assert (await actions(edda))[-1][:3] == ("Baton", "canary_superseded", "r2")


async def test_rolling_back_ends_the_trial_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_trial(tmp_path, monkeypatch) as (_, edda):
        await edda.post("/canary/stop")
        released(tmp_path, "r0", [RETURNS])
        await edda.post("/releases/r2/canary", {"share": 0.5})
        assert await edda.post("/rollback") == {"release_id": "r1", "live": True}
        assert await edda.get("/canary") == {"canary": None}
        # Whichever was first: the relay looks for itself too.
        assert {entry[1] for entry in (await actions(edda))[-2:]} == {"rolled_back_to", "canary_superseded"}


async def test_what_is_published_meanwhile_goes_live_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_trial(tmp_path, monkeypatch) as (_, edda):
        changed = body(RETURNS, answer="By post.")
        await edda.put("/articles/returns", {"base_version": 1, "article": changed})
        await edda.post("/publish")
        editions = EditionStore(tmp_path / "editions")
        await until(lambda: editions.current("r2") is not None, PATIENCE_S)
        edition = editions.current("r2")
        assert edition is not None
        assert [article.answer for article in edition.articles] == ["By post."]


async def test_every_relay_tries_it_on_the_same_conversations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_trial(tmp_path, monkeypatch) as (at, edda), running_relay(tmp_path) as other:
        await until(lambda: other.running.studio.canaries.is_on, PATIENCE_S)
        assert other.bot.loaded == {"r2"}
        later = SystemClock().now_ms() + 1000
        ids = [f"conversation-{number}" for number in range(500)]
        drawn = [
            [each.running.studio.canaries.release_for(name, later) for name in ids] for each in (at, other)
        ]
        assert drawn[0] == drawn[1]
        assert 180 < sum(release_id == "r2" for release_id in drawn[0]) < 320
        await edda.post("/canary/stop")
        await until(lambda: not other.running.studio.canaries.is_on, PATIENCE_S)


async def test_a_large_report_is_cut_and_asked_for_page_by_page(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    changes = [{"id": str(n), "text": "x" * 500, "verdict": ("better", "worse")[n % 2]} for n in range(5000)]
    report = {"candidate": "r1", "exam": {"n": 5000, "changes": changes}, "asked": {"n": 0, "changes": []}}
    Reports(tmp_path).write("r1", report)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        exam = (await edda.get("/releases/r1/report"))["report"]["exam"]
        assert (exam["n"], len(exam["changes"]), exam["more_changes"]) == (5000, 500, 4500)
        assert {change["verdict"] for change in exam["changes"]} == {"worse"}
        page = await edda.get("/releases/r1/report", set="exam", offset=2490, limit=20)
        assert [change["verdict"] for change in page["changes"]] == ["worse"] * 10 + ["better"] * 10
        assert page["total"] == 5000
        assert (await edda.refused("GET", "/releases/r1/report", set="golden"))[0] == 422
