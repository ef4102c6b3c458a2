"""Damaged release folders: the page says what is wrong, they are never used, and there is a way out from the page."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kb_index.releases import ReleaseStore
from tests.integration.relay.harness import running_relay
from tests.integration.relay.studio import Editor, editor, released
from tests.integration.relay.test_studio_articles import REFUNDS, RETURNS, a_home


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    # Within a manifest it might be a bit of another file's hash, which then is what differs.
    data[0 if file.name == "manifest.json" else len(data) // 2] ^= 0x10
    file.write_bytes(data)


def missing(file: Path) -> None:
    file.unlink()


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def a_whole(home: Path, release_id: str) -> None:
    """A release with one file of each kind."""
    store = ReleaseStore(home / "releases")
    building = store.begin(release_id)
    (building / "index").mkdir()
    for name in ("content.jsonl", "index/vectors.bin", "model.tar.gz", "serving.json"):
        text = json.dumps(RETURNS.as_dict()) if name == "content.jsonl" else '{"risk": 0.02}'
        (building / name).write_text(text + "\n")
    store.commit(building, {"created_at": "2026-11-30T09:00:00.000Z", "figures": {"coverage": 0.9}})


async def is_refused_everywhere(edda: Editor, release_id: str, file: str) -> None:
    """The page names the file, and so does whoever wants to use the release."""
    lines = {line["id"]: line for line in (await edda.get("/releases"))["releases"]}
    assert lines[release_id]["problem"], lines[release_id]
    assert file in lines[release_id]["problem"]
    assert lines["r1"]["problem"] is None
    for path, request in (("publish", {}), ("canary", {"share": 0.1})):
        status, error = await edda.refused("POST", f"/releases/{release_id}/{path}", request)
        assert (status, error["code"]) == (409, "corrupt_release"), error
        assert file in error["message"]
    assert (await edda.get("/summary"))["live"]["release_id"] == "r1"


@pytest.mark.parametrize("damage", [truncated, emptied, flipped, missing, a_folder, a_link])
async def test_each_file_damaged_in_each_way_is_named_and_refused(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    await a_home(tmp_path, RETURNS, REFUNDS)
    files = ("content.jsonl", "index/vectors.bin", "model.tar.gz", "serving.json", "manifest.json")
    for number, file in enumerate(files, start=2):
        a_whole(tmp_path, f"r{number}")
        if (file, damage) != ("manifest.json", a_link):  # a manifest that is read all the same is a good one
            damage(tmp_path / "releases" / f"r{number}" / file)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        for number, file in enumerate(files, start=2):
            if (file, damage) != ("manifest.json", a_link):
                await is_refused_everywhere(edda, f"r{number}", file)


@pytest.mark.parametrize(
    "hostile",
    [
        '{"figures": {"coverage": NaN}',
        '{"figures": {"coverage": 1e999}',
        '{"figures": {"coverage": "\\ud800"}',
        '{"created_at": 7, "note": ["x"], "asked_by": {}, "figures": [1], "files": {"content.jsonl": {"sha256": 1}}',
        '{"files": {"content.jsonl": {"sha256": "0", "bytes": 1e300}}',
        '{"files": {"../r1/content.jsonl": {"sha256": "0"}}',
        '{"files": {"a\\u0000b": {"sha256": "0"}}',
        '{"a": ' + "[" * 100_000,
        '{"note": "' + "x" * (17 * 1024 * 1024) + '"',
    ],
    ids=["nan", "infinite", "half", "types", "sizes", "up", "nul", "deep", "huge"],
)
async def test_a_hostile_manifest_is_named_and_the_page_goes_on(hostile: str, tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    a_whole(tmp_path, "r2")
    file = tmp_path / "releases" / "r2" / "manifest.json"
    rest = {key: value for key, value in json.loads(file.read_text()).items() if f'"{key}"' not in hostile}
    file.write_text(hostile + ", " + json.dumps(rest)[1:])
    async with running_relay(tmp_path) as at, editor(at) as edda:
        lines = {line["id"]: line for line in (await edda.get("/releases"))["releases"]}
        assert lines["r2"]["problem"], lines
        status, error = await edda.refused("POST", "/releases/r2/publish", {})
        assert (status, error["code"]) == (409, "corrupt_release")
        assert (await edda.get("/summary"))["live"]["release_id"] == "r1"


@pytest.mark.parametrize("pointer", ["nowhere\n", "../../etc\n", "r1\0", "\xff", "a folder", "no content"])
async def test_a_pointer_to_nowhere_is_mended_by_publishing_from_the_page(
    pointer: str, tmp_path: Path
) -> None:
    await a_home(tmp_path, RETURNS)
    released(tmp_path, "r2", [RETURNS, REFUNDS], live=False)
    current = tmp_path / "releases" / "current"
    if pointer == "no content":
        (tmp_path / "releases" / "r1" / "content.jsonl").unlink()
    elif pointer == "a folder":
        a_folder(current)
    else:
        current.write_bytes(pointer.encode("latin-1"))
    async with running_relay(tmp_path) as at, editor(at) as edda:
        lines = (await edda.get("/releases"))["releases"]
        assert {line["id"] for line in lines} == {"r1", "r2"}
        status, error = await edda.refused("GET", "/changes")
        assert (status, error["code"]) == (503, "storage_unavailable")
        assert "Publish another release" in error["message"] or "release list" in error["message"]
        if pointer == "a folder":
            status, error = await edda.refused("POST", "/releases/r2/publish", {})
            assert error["code"] == "storage_failed"
            current.rmdir()
        assert await edda.post("/releases/r2/publish", {"why": "mended"}) == {
            "release_id": "r2",
            "live": True,
        }
        assert (await edda.get("/summary"))["live"]["release_id"] == "r2"
        assert (await edda.get("/audit"))["entries"][0]["action"] == "published_release"
