"""A second pair of eyes, and a time: what goes live later is what was seen then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handoff.domain.rules import NOTICES
from handoff.studio import plans as plans_module
from handoff.studio import speaking
from kb_index.article import Article
from kb_index.releases import ReleaseStore
from tests.contract.held_clock import HeldClock
from tests.integration.relay.harness import RunningRelay, running_relay
from tests.integration.relay.studio import Editor, editor, released
from tests.integration.relay.test_studio_articles import REFUNDS, RETURNS, a_home, body
from tests.integration.relay.test_studio_training import until_ended
from tests.unit.handoff.studio.programs import bot_python


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans_module, "POLL_S", 0.05)


async def answers(at: RunningRelay) -> dict[str, str]:
    live = await at.running.studio.live.now()
    return {} if live is None else {key: article.answer for key, article in live.articles.items()}


async def edit(by: Editor, article: Article, version: int, answer: str) -> None:
    await by.put(
        f"/articles/{article.id}", {"base_version": version, "article": body(article, answer=answer)}
    )


async def ended(by: Editor, plan_id: str) -> dict[str, Any]:
    """The plan once it has ended."""
    while True:
        plan = next(one for one in (await by.get("/plans"))["plans"] if one["id"] == plan_id)
        if plan["ended_at"] is not None:
            return dict(plan)


async def planned(by: Editor, path: str, request: dict[str, Any]) -> dict[str, Any]:
    answer = await by.http.post(f"/api/v1/studio{path}", json=request)
    assert answer.status_code == 202, answer.text
    return dict(answer.json()["plan"])


async def test_somebody_else_must_agree_and_gets_what_was_seen(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS)
    async with running_relay(tmp_path) as at, editor(at) as edda, editor(at, "Otto") as otto:
        await edda.put("/settings", {"approval": True})
        await edit(edda, RETURNS, 1, "Agreed upon.")
        plan = await planned(edda, "/publish", {"articles": None, "why": "new terms"})
        assert (plan["state"], plan["params"]) == ("asked", {"articles": {"returns": 2}})
        assert (await answers(at))["returns"] == RETURNS.answer
        status, error = await edda.refused("POST", f"/plans/{plan['id']}/approve", {})
        assert (status, error["code"]) == (403, "forbidden")
        await edit(otto, RETURNS, 2, "Written later, seen by nobody.")
        await otto.post(f"/plans/{plan['id']}/approve")
        assert (await ended(edda, plan["id"]))["state"] == "done"
        assert at.bot.followed == [("r1", 1)], "it is done once the bot has been told"
        assert (await answers(at))["returns"] == "Agreed upon."
        status, error = await otto.refused("POST", f"/plans/{plan['id']}/refuse", {})
        assert (status, error["code"]) == (409, "plan_decided")
        [told, *_] = [e for e in (await edda.get("/audit"))["entries"] if e["action"] == "published_articles"]
        assert (told["by"], told["why"]) == ("Edda", "new terms")


async def test_what_is_refused_or_taken_back_does_not_happen(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda, editor(at, "Otto") as otto:
        await edda.put("/settings", {"approval": True})
        await edit(edda, RETURNS, 1, "No.")
        for who, state in ((otto, "refused"), (edda, "cancelled")):
            plan = await planned(edda, "/publish", {"articles": ["returns"]})
            done = await who.post(f"/plans/{plan['id']}/refuse", {"why": "too soon"})
            assert (done["plan"]["state"], done["plan"]["problem"]) == (state, "too soon")
        assert (await answers(at))["returns"] == RETURNS.answer
        assert (await edda.get("/changes"))["changes"][0]["id"] == "returns"


async def test_a_time_is_kept(tmp_path: Path) -> None:
    clock = HeldClock(1_795_996_800_000)  # 2026-11-30T00:00:00Z
    await a_home(tmp_path, RETURNS)
    released(tmp_path, "r2", [RETURNS, REFUNDS], live=False)
    async with running_relay(tmp_path, clock=clock) as at, editor(at) as edda:
        await edit(edda, RETURNS, 1, "From the first.")
        plan = await planned(edda, "/publish", {"articles": ["returns"], "at": "2026-12-01T08:00:00Z"})
        release = await planned(edda, "/releases/r2/publish", {"at": "2026-12-02T08:00:00Z"})
        assert plan["state"] == release["state"] == "due"
        assert (await answers(at))["returns"] == RETURNS.answer
        clock.pass_s(32 * 3600)
        assert (await ended(edda, plan["id"]))["state"] == "done"
        assert (await answers(at))["returns"] == "From the first."
        assert ReleaseStore(tmp_path / "releases").current() == "r1"
        clock.pass_s(24 * 3600)
        assert (await ended(edda, release["id"]))["state"] == "done"
        assert ReleaseStore(tmp_path / "releases").current() == "r2"
        # What was live by publication is live with the new release too.
        assert (await answers(at))["returns"] == "From the first."
        for bad in ("yesterday", "2026-11-30T00:00:00Z", "2036-11-30T00:00:00Z"):
            status, error = await edda.refused("POST", "/publish", {"articles": None, "at": bad})
            assert (status, error["code"]) == (422, "bad_frame")


async def test_a_plan_that_cannot_be_done_says_why(tmp_path: Path) -> None:
    clock = HeldClock(1_795_996_800_000)
    await a_home(tmp_path, RETURNS)
    released(tmp_path, "r2", [RETURNS], live=False)
    async with running_relay(tmp_path, clock=clock) as at, editor(at) as edda:
        plan = await planned(edda, "/releases/r2/publish", {"at": "2026-12-01T08:00:00Z"})
        (tmp_path / "releases" / "r2" / "content.jsonl").write_text("damaged")
        clock.pass_s(33 * 3600)
        done = await ended(edda, plan["id"])
        assert done["state"] == "failed"
        assert "content.jsonl" in done["problem"]
        assert ReleaseStore(tmp_path / "releases").current() == "r1"


async def test_what_a_relay_left_undone_is_done_by_the_next(tmp_path: Path) -> None:
    clock = HeldClock(1_795_996_800_000)
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path, clock=clock) as at, editor(at) as edda:
        await edit(edda, RETURNS, 1, "Left behind.")
        plan = await planned(edda, "/publish", {"articles": ["returns"], "at": "2026-11-30T00:01:00Z"})
        keeper = at.running.studio.plans
        await keeper.stop()
        clock.pass_s(61)
        taken = await keeper._take()
        assert taken is not None
        assert taken.id == plan["id"]
    async with running_relay(tmp_path, clock=clock) as at:
        clock.pass_s(plans_module.LEASE_MS / 1000 + 1)
        async with editor(at, "Otto") as otto:
            assert (await ended(otto, plan["id"]))["state"] == "done"
        assert (await answers(at))["returns"] == "Left behind."


async def test_other_values_go_live_without_a_training_and_back(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        await edit(edda, RETURNS, 1, "Corrected.")
        await edda.post("/publish")
        done = await edda.post("/values", {"frustration": 0.5, "why": "people were kept waiting"})
        store = ReleaseStore(tmp_path / "releases")
        assert store.current() == done["release_id"] != "r1"
        assert store.verify(done["release_id"]).manifest["serving"]["frustration_threshold"] == 0.5
        # The corrected text stays live, and the next training goes by the value too.
        assert (await answers(at))["returns"] == "Corrected."
        assert (await edda.get("/settings"))["settings"]["frustration"] == 0.5
        assert (await edda.post("/rollback"))["release_id"] == "r1"
        for values, code in (({"frustration": 3}, "bad_studio_setting"), ({"risk": 0.05}, "risk_unknown")):
            _, error = await edda.refused("POST", "/values", values)
            assert error["code"] == code
        assert store.current() == "r1"


async def test_the_voice_goes_live_without_a_training_and_back(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path, bot_python=bot_python(tmp_path)) as at, editor(at) as edda:
        site = "/api/v1/site"
        casual = (await edda.http.get(site)).json()
        before = await edda.get("/settings")
        assert (casual["voice"], before["voice"], before["settings"]["voice"]) == ("casual", "casual", None)
        done = await edda.post("/values", {"voice": "formal"})
        store = ReleaseStore(tmp_path / "releases")
        assert store.verify(done["release_id"]).manifest["serving"]["voice"] == "formal"
        formal = (await edda.http.get(site)).json()
        assert formal["voice"] == "formal"
        assert formal["greeting"] != casual["greeting"]
        after = await edda.get("/settings")
        assert (after["voice"], after["settings"]["voice"]) == ("formal", "formal")
        [told, *_] = [e for e in (await edda.get("/audit"))["entries"] if e["action"] == "published_release"]
        assert told["why"] == "voice formal"
        # The next training goes by it too.
        trained = await until_ended(edda, (await edda.post("/trainings"))["job"])
        assert store.get(trained["release_id"]).manifest["figures"]["told"]["voice"] == "formal"
        await edda.post("/rollback")
        assert (await edda.http.get(site)).json() == casual
        status, error = await edda.refused("POST", "/values", {"voice": "shouting"})
        assert (status, error["code"]) == (422, "bad_studio_setting")
        assert error["data"] == {"field": "voice", "known": ["formal", "casual"]}
        assert "formal, casual" in error["message"]
        assert store.current() == "r1"


async def test_the_relay_speaks_as_the_site_does_once_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "LOOK_S", 0.01)
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        at.bot.is_ready = False
        said: list[str] = []
        await edda.post("/values", {"voice": "formal"})
        # Whoever asks in the moment before is told in the old voice.
        while not said or said[-1] != NOTICES["formal"]["bot_warming"].text:
            customer = await at.customer()
            await customer.say("Is anybody there?")
            said.append((await customer.event("system.notice"))["data"]["text"])
        assert set(said) <= {NOTICES[voice]["bot_warming"].text for voice in ("casual", "formal")}
