"""Files in and out of the studio over HTTP."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx

from tests.integration.relay.harness import running_relay
from tests.integration.relay.studio import STUDIO, Editor, editor
from tests.integration.relay.test_studio_articles import REFUNDS, RETURNS, a_home

PAGE = """<html><head><title>Help</title></head><body><main><h1>Help</h1>
<h2>How long does delivery take?</h2><p>Three days, <a href="https://shop.example/delivery">sometimes two</a>.</p>
<h2>Do you ship to Peru?</h2><p>Yes, twice a week.</p></main></body></html>"""


async def preview(by: Editor, name: str, data: bytes) -> dict[str, Any]:
    answer = await by.http.post(f"{STUDIO}/import/preview", params={"name": name}, content=data)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_file_is_seen_before_it_changes_anything(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS)
    rows = [
        RETURNS.as_dict(),
        {**REFUNDS.as_dict(), "answer": "In five days."},
        {"id": "new", "title": "Is there a shop?", "answer": "In Leith."},
    ]
    data = "\n".join(json.dumps(row) for row in rows).encode()
    async with running_relay(tmp_path) as at, editor(at) as edda:
        shown = await preview(edda, "content.jsonl", data)
        counts = {name: shown["counts"][name] for name in ("added", "changed", "unchanged", "errors")}
        assert counts == {"added": 1, "changed": 1, "unchanged": 1, "errors": 0}
        assert (await edda.get("/articles"))["total"] == 2
        done = await edda.post("/import", {"token": shown["token"], "skip": ["new"]})
        assert (done["added"], done["changed"]) == (0, 1)
        told = await edda.get("/articles/refunds/history")
        assert [(line["by"], line["action"]) for line in told["versions"]] == [
            ("Edda", "imported"),
            ("command line", "imported"),
        ]
        # Applied once: the token is worth nothing any more.
        status, error = await edda.refused("POST", "/import", {"token": shown["token"]})
        assert (status, error["code"]) == (404, "import_expired")


async def test_faults_are_named_by_row_and_nothing_is_taken(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    data = b"id,title,answer\nok,Fine?,Yes.\nbad id,T,A\nno-answer,T,\n"
    async with running_relay(tmp_path) as at, editor(at) as edda:
        shown = await preview(edda, "rows.csv", data)
        assert [(error["line"], error["code"]) for error in shown["errors"]] == [
            (3, "bad_id"),
            (4, "missing_answer"),
        ]
        status, error = await edda.refused("POST", "/import", {"token": shown["token"]})
        assert (status, error["code"]) == (422, "content_refused")
        assert (await edda.get("/articles"))["total"] == 1


async def test_what_moved_since_the_preview_is_not_overwritten(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    data = json.dumps({**RETURNS.as_dict(), "answer": "From the file."}).encode()
    async with running_relay(tmp_path) as at, editor(at) as edda:
        shown = await preview(edda, "content.jsonl", data)
        await edda.put(
            "/articles/returns", {"base_version": 1, "article": {**RETURNS.as_dict(), "answer": "By hand."}}
        )
        status, error = await edda.refused("POST", "/import", {"token": shown["token"]})
        assert (status, error["code"]) == (409, "content_moved")
        assert (await edda.get("/articles/returns"))["article"]["answer"] == "By hand."


async def test_a_page_becomes_drafts_to_read(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        shown = await preview(edda, "help.html", PAGE.encode())
        assert shown["kind"] == "html"
        await edda.post("/import", {"token": shown["token"], "status": "draft"})
        drafts = (await edda.get("/articles", state="draft"))["articles"]
        assert {line["title"] for line in drafts} == {"How long does delivery take?", "Do you ship to Peru?"}


async def test_everything_comes_out_again(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        lines = (await edda.http.get(f"{STUDIO}/export", params={"format": "jsonl"})).text.splitlines()
        assert [json.loads(line)["id"] for line in lines] == ["refunds", "returns"]
        for kind in ("markdown", "rasa"):
            answer = await edda.http.get(f"{STUDIO}/export", params={"format": kind})
            assert answer.headers["content-type"] == "application/zip"
            with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
                assert archive.testzip() is None
                assert any(name.endswith("returns.md") for name in archive.namelist())
            shown = await preview(edda, f"{kind}.zip", answer.content)
            assert (shown["counts"]["added"], shown["counts"]["changed"]) == (0, 0)
        assert "title" in (await edda.http.get(f"{STUDIO}/export", params={"format": "csv"})).text


async def test_a_large_file_is_taken_from_an_editor_alone(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    row = {**RETURNS.as_dict(), "questions": [f"{'way ' * 50}{number}" for number in range(2_000)]}
    data = json.dumps(row).encode()
    assert len(data) > 200_000
    async with running_relay(tmp_path) as at, editor(at) as edda, editor(at, "Ada", "agent") as ada:
        assert (await preview(edda, "content.jsonl", data))["counts"]["changed"] == 1
        refused = await ada.http.post(f"{STUDIO}/import/preview", params={"name": "a.jsonl"}, content=data)
        assert refused.status_code == 413
        async with httpx.AsyncClient(base_url=at.url) as nobody:
            refused = await nobody.post(f"{STUDIO}/import/preview", params={"name": "a.jsonl"}, content=b"{}")
            assert refused.status_code == 401


async def test_an_editor_sees_what_to_do_next(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        await edda.put(
            "/articles/returns", {"base_version": 1, "article": {**RETURNS.as_dict(), "answer": "New."}}
        )
        told = await edda.get("/summary")
        assert (told["articles"], told["variants"], told["changed"], told["drafts"]) == (1, 2, 1, 0)
        assert told["live"] == {
            "release_id": "r1",
            "revision": 0,
            "since": "2026-11-30T08:00:00.000Z",
            "by": "tests",
        }
        assert (told["review"]["questions"], told["job"], told["canary"], told["waiting"]) == (
            0,
            None,
            None,
            0,
        )
