"""One training and one judgement by the bot's own programs, asked for over HTTP. A minute on a machine with nothing else to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb_index.releases import ReleaseStore
from tests.integration.relay.harness import running_relay
from tests.integration.relay.studio import editor
from tests.integration.relay.test_studio_articles import REFUNDS, RETURNS, a_home
from tests.integration.relay.test_studio_training import until_ended

MINUTES = 15


@pytest.mark.timeout(MINUTES * 60)
async def test_what_editors_wrote_becomes_a_release_that_was_judged(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS, live=False)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        draft = (
            await edda.post("/articles", {"article": {"title": "Not yet", "answer": "?", "status": "draft"}})
        )["article"]
        await edda.post("/exam", {"text": "send my parcel back", "article_id": "returns"})
        await edda.post("/exam", {"text": "who won the cup", "article_id": None})
        asked = (await edda.post("/trainings", {"fine_tune": False}))["job"]
        done = await until_ended(edda, asked, patience_s=MINUTES * 60)
        assert (done["state"], done["error"]) == ("done", None)
        release = ReleaseStore(tmp_path / "releases").verify(done["release_id"])
        assert draft["id"] not in (release.path / "content.jsonl").read_text()
        assert release.manifest["figures"]["risk"] == 0.02
        report = (await edda.get(f"/releases/{release.id}/report"))["report"]
        assert (report["candidate"], report["against"], report["exam"]["n"]) == (release.id, None, 2)
        assert report["exam"]["before"] is None
        assert report["exam"]["after"]["n_answerable"] == 1
        assert report["golden"]["passed"] >= 1
        assert report["golden"]["failed"] == []
        await edda.post(f"/releases/{release.id}/publish")
        assert isinstance((await edda.get("/settings"))["curve"], list)
