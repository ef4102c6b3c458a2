"""An incident reaches whoever is in a conversation, once, also through a relay that dies in the middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handoff.studio.incidents import Incidents
from kb_index.editions import EditionStore
from tests.integration.relay.harness import Customer, running_relay, until
from tests.integration.relay.studio import editor
from tests.integration.relay.test_studio_articles import RETURNS, a_home, body

DOWN = {
    "text": "Card payments **fail** since 9:00.",
    "phrases": ["my card is declined"],
    "article_ids": ["returns"],
}


def told(customer: Customer) -> list[str]:
    return [
        event["data"]["text"]
        for event in customer.events
        if event["kind"] == "system.notice" and event["data"]["code"] == "incident"
    ]


async def test_open_conversations_are_told_at_once_and_once(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        eva, tom, gone = await at.customer(), await at.customer(), await at.customer()
        await eva.say("hello")
        await tom.say("hi")
        await gone.say("hi")
        await gone.command("end")
        assert (await edda.get("/incidents"))["open_conversations"] == 2
        opened = await edda.post("/incidents", {"incident": DOWN})
        assert opened["live"] is True
        made = opened["incident"]
        await until(lambda: told(eva) == [DOWN["text"]] and told(tom) == [DOWN["text"]])
        assert told(gone) == []
        edition = EditionStore(tmp_path / "editions").current("r1")
        assert edition is not None
        assert [incident.id for incident in edition.incidents] == [made["id"]]
        # The same said again reaches only whoever came since.
        late = await at.customer()
        await late.say("hello")
        await edda.put(f"/incidents/{made['id']}", {"incident": DOWN})
        await until(lambda: told(late) == [DOWN["text"]])
        assert len(told(eva)) == 1
        at.bot.takes_up = False
        done = await edda.post(f"/incidents/{made['id']}/end", {"text": "Cards work again."})
        assert done == {"live": False}
        assert at.bot.followed == [("r1", 1), ("r1", 2), ("r1", 3)]
        await until(lambda: told(eva)[1:] == ["Cards work again."])
        assert (await edda.get("/incidents"))["incidents"] == []
        actions = [entry["action"] for entry in (await edda.get("/audit"))["entries"]]
        assert actions == ["ended_incident", "changed_incident", "opened_incident"]


async def test_an_incident_stays_through_a_publication(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        await edda.post("/incidents", {"incident": DOWN, "tell_open": False})
        await edda.put("/articles/returns", {"base_version": 1, "article": body(RETURNS, answer="Later.")})
        await edda.post("/publish")
        assert len((await edda.get("/incidents"))["incidents"]) == 1


async def test_who_was_not_told_is_told_by_the_next_relay(tmp_path: Path, monkeypatch: Any) -> None:
    await a_home(tmp_path, RETURNS)

    async def stopped(_self: Incidents, _name: str, _text: str) -> None:
        """The relay is killed before anybody was told."""

    async with running_relay(tmp_path) as at, editor(at) as edda:
        eva = await at.customer()
        await eva.say("hello")
        with monkeypatch.context() as patched:
            patched.setattr(Incidents, "_tell_all", stopped)
            await edda.post("/incidents", {"incident": DOWN})
    async with running_relay(tmp_path) as at:
        eva.at = at
        await eva.connect()
        await until(lambda: told(eva) == [DOWN["text"]])


async def test_what_says_nothing_to_nobody_is_refused(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        for change, field in (
            ({"text": " "}, "text"),
            ({"phrases": [], "article_ids": []}, "phrases"),
            ({"article_ids": ["../x"]}, "article_ids"),
            ({"since": "yesterday"}, "since"),
        ):
            status, error = await edda.refused("POST", "/incidents", {"incident": {**DOWN, **change}})
            assert (status, error["code"], error["data"]["field"]) == (422, "bad_incident", field)
        status, error = await edda.refused("POST", "/incidents/nobody/end", {})
        assert (status, error["code"]) == (404, "not_found")
