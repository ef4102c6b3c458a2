from __future__ import annotations

from pathlib import Path

import pytest

from handoff.content.errors import ReleaseRefused
from handoff.content.releases import list_releases, publish_release, rollback_release
from kb_index.releases import ReleaseStore


@pytest.fixture
def home(tmp_path: Path) -> Path:
    store = ReleaseStore(tmp_path / "releases")
    for number in (1, 2):
        building = store.begin(f"r{number}")
        (building / "model.tar.gz").write_bytes(b"m")
        store.commit(
            building,
            {
                "created_at": f"2026-11-22T15:00:0{number}.000Z",
                "content_hash": "ab",
                "figures": {"coverage": 0.5},
            },
        )
    return tmp_path


async def test_releases_are_listed_newest_first_with_the_live_one_marked(home: Path) -> None:
    await publish_release(home, "r1", by="ada")
    lines = await list_releases(home)
    assert [(line.id, line.live, line.figures, line.content_hash) for line in lines] == [
        ("r2", False, {"coverage": 0.5}, "ab"),
        ("r1", True, {"coverage": 0.5}, "ab"),
    ]


async def test_a_home_without_releases_lists_none(tmp_path: Path) -> None:
    assert await list_releases(tmp_path) == []


async def test_publish_and_back(home: Path) -> None:
    await publish_release(home, "r1", by="ada")
    await publish_release(home, "r2", by="ada")
    assert (await rollback_release(home, by="eva")).id == "r1"
    entries = ReleaseStore(home / "releases").history()
    assert [(e["action"], e["release"], e["by"]) for e in entries] == [
        ("publish", "r1", "ada"),
        ("publish", "r2", "ada"),
        ("rollback", "r1", "eva"),
    ]


async def test_what_cannot_go_live_is_refused_with_the_stores_code(home: Path) -> None:
    await publish_release(home, "r1", by="ada")
    (home / "releases" / "r2" / "model.tar.gz").write_bytes(b"damaged")
    for release_id, code in (
        ("r2", "corrupt_release"),
        ("r9", "unknown_release"),
        ("../r1", "bad_release_id"),
    ):
        with pytest.raises(ReleaseRefused) as refused:
            await publish_release(home, release_id, by="ada")
        assert refused.value.code == code
    with pytest.raises(ReleaseRefused) as refused:
        await rollback_release(home, by="ada")
    assert refused.value.code == "no_previous_release"
    assert ReleaseStore(home / "releases").current() == "r1"


async def test_damage_is_listed_and_does_not_hide_the_rest(home: Path) -> None:
    (home / "releases" / "r2" / "manifest.json").write_text("{")
    (home / "releases" / "current").write_text("\x00")
    lines = await list_releases(home)
    assert {line.id: (line.live, line.problem) for line in lines} == {
        "r1": (False, None),
        "r2": (False, "manifest.json is not valid JSON"),
    }
