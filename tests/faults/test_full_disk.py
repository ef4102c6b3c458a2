"""No room on the disk, really: every write of the relay fails, each is told so, and it works again when there is room.

The kernel refuses what would make a file longer than a limit (`RLIMIT_FSIZE`), for a process that runs. Nothing has to be
mounted for that, so it is tested on every machine.
"""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import Any

from kb_index.releases import ReleaseStore
from tests.faults.test_killed_publication import Stage, door, staged
from tests.faults.test_killed_trainer import place, what_is_live
from tests.integration.relay.test_studio_articles import RETURNS, body
from tests.unit.handoff.studio.programs import is_alive
from tests.unit.handoff.studio.test_job_processes import Place, eventually

__all__ = ["door", "place"]


def full(pid: int) -> None:
    """No file of this process grows any more."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))


def room(pid: int) -> None:
    """They do again."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


async def refused(at: Stage, method: str, path: str, request: Any, **more: Any) -> None:
    answer = await at.edda.http.request(method, f"/api/v1/studio{path}", **more, json=request)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) in ((503, "storage_unavailable"), (409, "storage_failed")), (
        error
    )
    # What to do.
    assert "make room" in error["message"], error


async def test_a_relay_on_a_full_disk_refuses_what_editors_do_and_goes_on(tmp_path: Path, door: str) -> None:
    async with staged(tmp_path, BATON_BOT_URL=door) as at:
        await at.edit("Before.")
        await at.edda.post("/publish", {"articles": None})
        await at.edit("Meanwhile.")
        sent = '{"id": "a1", "title": "One", "answer": "Yes."}\n'
        preview = "/api/v1/studio/import/preview?name=all.jsonl"
        token = (await at.edda.http.post(preview, content=sent)).json()["token"]
        before, changed, audit = at.live(), await at.changed(), await at.audit()
        full(at.relay.pid)
        there = (await at.edda.get("/articles/returns"))["article"]
        edited = {"base_version": there["version"], "article": body(RETURNS, answer="Later.")}
        await refused(at, "PUT", "/articles/returns", edited)
        await refused(at, "POST", "/publish", {"articles": None})
        await refused(at, "POST", "/import", {"token": token})
        await refused(at, "POST", "/trainings", {})
        await refused(at, "POST", "/releases/r2/publish", {})
        await refused(at, "POST", "/releases/r2/canary", {"share": 0.1})
        await refused(
            at,
            "POST",
            "/incidents",
            {"incident": {"text": "Down.", "article_ids": ["returns"], "phrases": []}},
        )
        answer = await at.edda.http.post(preview, content=sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_unavailable")
        assert (at.live(), await at.changed(), await at.audit()) == (before, changed, audit)
        assert (await at.edda.get("/jobs"), await at.edda.get("/canary")) == ({"jobs": []}, {"canary": None})
        room(at.relay.pid)
        await at.edda.put("/articles/returns", edited)
        assert (await at.edda.post("/publish", {"articles": None}))["revision"] == 2
        assert (await at.edda.post("/import", {"token": token}))["added"] == 1
        assert (await at.edda.post("/releases/r2/canary", {"share": 0.1}))["canary"]["release_id"] == "r2"
        assert (await at.edda.post("/releases/r2/publish"))["release_id"] == "r2"
        assert at.is_tidy()


async def test_a_training_that_meets_a_full_disk_says_so_and_leaves_nothing(place: Place) -> None:
    before = what_is_live(place.home)
    place.mode("hang in model")
    job = await place.train()
    _trainer, child, process = await place.hanging()
    full(process)
    # The trainer goes on; the job cannot write the release, nor at first that it failed.
    os.kill(child, signal.SIGKILL)
    await eventually(lambda: place.left() == [])
    room(process)
    failed = await place.ended(job, "failed")
    error = failed.result["error"]
    assert (error["code"], failed.attempts) == ("storage_failed", 1)
    assert "make room" in error["message"]
    assert (ReleaseStore(place.home / "releases").list()[0].id, what_is_live(place.home)) == ("r1", before)
    place.mode("")
    await place.ended(await place.train(), "done")
    assert not is_alive(process)
