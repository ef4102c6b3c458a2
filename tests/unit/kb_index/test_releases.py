"""Releases: whole or absent, verified, published atomically, and safe to crash in at every step."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb_index import releases
from kb_index.releases import (
    BadReleaseId,
    CorruptRelease,
    NoPreviousRelease,
    Release,
    ReleaseError,
    ReleaseExists,
    ReleaseMoved,
    ReleaseStore,
    UnknownRelease,
)
from kb_index.serving import Serving, ServingError, read_serving

AT = "2026-11-22T12:00:00.000Z"


class Crash(BaseException):
    """The process ends here: nothing may catch it."""


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    return ReleaseStore(tmp_path / "releases")


def make(store: ReleaseStore, release_id: str, *, at: str = AT, text: str = "x") -> Release:
    building = store.begin(release_id)
    (building / "index").mkdir()
    (building / "index" / "vectors.bin").write_text(text)
    (building / "model.tar.gz").write_text("model")
    return store.commit(building, {"created_at": at, "encoder": {"name": "words"}})


def publish(store: ReleaseStore, release_id: str) -> None:
    store.publish(release_id, at=AT, by="ann")


def crash_at(monkeypatch: pytest.MonkeyPatch, name: str, call: int) -> None:
    """The `call`-th use of `os.<name>` ends the process."""
    real: Callable[..., Any] = getattr(os, name)
    count = 0

    def dying(*args: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count == call:
            raise Crash
        return real(*args, **named)

    monkeypatch.setattr(releases.os, name, dying)


def test_a_new_store_is_empty(store: ReleaseStore) -> None:
    assert store.list() == []
    assert store.current() is None
    assert store.history() == []


def test_a_committed_release_is_listed_verified_and_not_live(store: ReleaseStore) -> None:
    made = make(store, "r1")
    assert store.verify("r1").manifest == made.manifest
    assert made.manifest["files"].keys() == {"index/vectors.bin", "model.tar.gz"}
    assert made.manifest["files"]["model.tar.gz"]["bytes"] == 5
    assert made.manifest["encoder"] == {"name": "words"}
    assert [release.id for release in store.list()] == ["r1"]
    assert store.current() is None


def test_releases_are_listed_newest_first(store: ReleaseStore) -> None:
    make(store, "b", at="2026-01-02T00:00:00Z")
    make(store, "a", at="2026-01-03T00:00:00Z")
    make(store, "c", at="2026-01-01T00:00:00Z")
    assert [release.id for release in store.list()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "bad", ["", "../x", "a/b", ".hidden", "current", "history.jsonl", "a" * 101, "a\n", "a\x00b", "ä"]
)
def test_ids_that_leave_the_folder_are_refused(store: ReleaseStore, bad: str) -> None:
    for call in (store.begin, store.get, store.verify, lambda name: store.publish(name, at=AT, by="ann")):
        with pytest.raises(BadReleaseId):
            call(bad)


def test_an_id_is_used_once(store: ReleaseStore) -> None:
    make(store, "r1")
    with pytest.raises(ReleaseExists):
        store.begin("r1")
    store.begin("r2")
    with pytest.raises(ReleaseExists):
        store.begin("r2")


def test_a_folder_from_elsewhere_is_not_committed(store: ReleaseStore, tmp_path: Path) -> None:
    for folder in (tmp_path / ".building-x", tmp_path / "releases" / "plain"):
        folder.mkdir(parents=True)
        with pytest.raises(ReleaseError):
            store.commit(folder, {"created_at": AT})
        with pytest.raises(ReleaseError):
            store.discard(folder)
        assert folder.exists()


@pytest.mark.parametrize("manifest", [{}, {"created_at": AT, "files": {}}, {"created_at": AT, "id": "z"}])
def test_a_manifest_says_when_and_leaves_the_rest_to_the_store(
    store: ReleaseStore, manifest: dict[str, Any]
) -> None:
    with pytest.raises(ReleaseError):
        store.commit(store.begin("r1"), manifest)
    assert store.list() == []


def test_links_are_not_committed(store: ReleaseStore) -> None:
    building = store.begin("r1")
    (building / "secret").symlink_to("/etc/passwd")
    with pytest.raises(ReleaseError, match="secret"):
        store.commit(building, {"created_at": AT})
    assert store.list() == []


def test_discarding_frees_the_id(store: ReleaseStore) -> None:
    store.discard(store.begin("r1"))
    make(store, "r1")
    assert [release.id for release in store.list()] == ["r1"]


def test_publish_rollback_and_history(store: ReleaseStore) -> None:
    for name in ("r1", "r2", "r3"):
        make(store, name)
        publish(store, name)
    assert store.rollback(at=AT, by="bob").id == "r2"
    assert store.current() == "r2"
    assert [(e["action"], e["release"], e["previous"], e["by"]) for e in store.history()] == [
        ("publish", "r1", None, "ann"),
        ("publish", "r2", "r1", "ann"),
        ("publish", "r3", "r2", "ann"),
        ("rollback", "r2", "r3", "bob"),
    ]


def test_a_rollback_can_be_taken_back(store: ReleaseStore) -> None:
    for name in ("r1", "r2"):
        make(store, name)
        publish(store, name)
    store.rollback(at=AT, by="ann")
    assert store.rollback(at=AT, by="ann").id == "r2"


def test_there_is_nothing_before_the_first(store: ReleaseStore) -> None:
    with pytest.raises(NoPreviousRelease):
        store.rollback(at=AT, by="ann")
    make(store, "r1")
    publish(store, "r1")
    with pytest.raises(NoPreviousRelease):
        store.rollback(at=AT, by="ann")
    assert store.current() == "r1"


def test_publishing_what_is_live_changes_nothing(store: ReleaseStore) -> None:
    make(store, "r1")
    publish(store, "r1")
    publish(store, "r1")
    assert len(store.history()) == 1


def test_unknown_releases(store: ReleaseStore) -> None:
    for call in (store.get, store.verify, lambda name: publish(store, name)):
        with pytest.raises(UnknownRelease):
            call("nope")
    assert store.current() is None


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (lambda path: (path / "model.tar.gz").write_text("other"), "model.tar.gz"),
        (lambda path: (path / "index" / "vectors.bin").unlink(), "index/vectors.bin"),
        (lambda path: (path / "index" / "extra").write_text("x"), "index/extra"),
        (lambda path: (path / "manifest.json").unlink(), "manifest.json"),
        (lambda path: (path / "manifest.json").write_text("{"), "manifest.json"),
        (lambda path: (path / "manifest.json").write_text("[]"), "manifest.json"),
        (lambda path: (path / "manifest.json").write_text('{"format": 1, "id": "r2"}'), "manifest.json"),
    ],
)
def test_damage_is_named_and_never_published(
    store: ReleaseStore, damage: Callable[[Path], object], file: str
) -> None:
    for name in ("r1", "r2"):
        make(store, name)
    publish(store, "r1")
    damage(store.get("r2").path)
    with pytest.raises(CorruptRelease) as caught:
        publish(store, "r2")
    assert (caught.value.release_id, caught.value.file, caught.value.code) == ("r2", file, "corrupt_release")
    assert store.current() == "r1"
    assert len(store.history()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"id": "other"},
        {"files": []},
        {"files": {"../../etc/passwd": {"sha256": "0"}}},
        {"files": {"/etc/passwd": {"sha256": "0"}}},
        {"files": {"a": 1}},
        {"files": {"a": {}}},
    ],
)
def test_a_manifest_of_another_shape_is_corrupt(store: ReleaseStore, change: dict[str, Any]) -> None:
    path = make(store, "r1").path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CorruptRelease):
        store.get("r1")
    (listed,) = store.list()
    assert listed.problem is not None
    assert "manifest.json" in listed.problem


@pytest.mark.parametrize("text", ["", "../x\n", "a\nb\n", "current\n", "\x00"])
def test_a_damaged_pointer_is_corrupt_and_repaired_by_publishing(store: ReleaseStore, text: str) -> None:
    make(store, "r1")
    path = store.get("r1").path.parent / "current"
    path.write_text(text)
    with pytest.raises(CorruptRelease):
        store.current()
    publish(store, "r1")
    assert store.current() == "r1"


def test_a_history_line_cut_short_is_left_out(store: ReleaseStore) -> None:
    for name in ("r1", "r2"):
        make(store, name)
        publish(store, name)
    path = store.get("r1").path.parent / "history.jsonl"
    path.write_bytes(path.read_bytes() + b'{"action": "publ')
    assert len(store.history()) == 2
    store.rollback(at=AT, by="ann")
    assert [entry["release"] for entry in store.history()] == ["r1", "r2", "r1"]


@pytest.mark.parametrize("call", range(1, 8))
def test_a_crash_at_any_sync_of_a_commit_leaves_nothing_or_all(
    store: ReleaseStore, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    with monkeypatch.context() as patch:
        crash_at(patch, "fsync", call)
        try:
            make(store, "r1")
            died = False
        except Crash:
            died = True
    # 3 files, 1 folder, the building folder, then the store after the rename.
    assert died is (call <= 6)
    assert [release.id for release in store.list()] == ([] if call <= 5 else ["r1"])
    for release in store.list():
        store.verify(release.id)


def test_a_crash_before_the_rename_leaves_nothing(
    store: ReleaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        crash_at(patch, "replace", 1)
        with pytest.raises(Crash):
            make(store, "r1")
    assert store.list() == []
    with pytest.raises(UnknownRelease):
        store.get("r1")


@pytest.mark.parametrize(("name", "calls"), [("replace", 1), ("fsync", 4)])
def test_a_crash_at_any_step_of_publishing_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, calls: int
) -> None:
    for call in range(1, calls + 1):
        store = ReleaseStore(tmp_path / f"{name}-{call}")
        for release_id in ("r1", "r2", "r3"):
            make(store, release_id)
        publish(store, "r1")
        publish(store, "r2")
        with monkeypatch.context() as patch:
            crash_at(patch, name, call)
            with pytest.raises(Crash):
                publish(store, "r3")
        live = store.current()
        assert live in {"r2", "r3"}
        # Whatever the crash left, a rollback leads to what was live before it, and a new try ends well.
        assert store.rollback(at=AT, by="ann").id == {"r2": "r1", "r3": "r2"}[live]
        publish(store, "r3")
        assert store.current() == "r3"
        assert store.rollback(at=AT, by="ann").id != "r3"


def test_a_publish_that_lost_its_history_line_writes_it_when_tried_again(
    store: ReleaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("r1", "r2"):
        make(store, name)
    publish(store, "r1")
    with monkeypatch.context() as patch:
        patch.setattr(ReleaseStore, "_append_history", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            publish(store, "r2")
    publish(store, "r2")
    assert [(entry["release"], entry["previous"]) for entry in store.history()] == [
        ("r1", None),
        ("r2", "r1"),
    ]


def test_buildings_of_the_dead_are_swept_and_those_of_the_living_stay(
    store: ReleaseStore, tmp_path: Path
) -> None:
    mine = store.begin("mine")
    program = (
        "import os, sys; from pathlib import Path; from kb_index.releases import ReleaseStore; "
        "building = ReleaseStore(Path(sys.argv[1])).begin('theirs'); (building / 'part').write_text('x'); os._exit(9)"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "releases")], check=False, cwd=root)
    assert (tmp_path / "releases" / ".building-theirs" / "part").exists()
    (tmp_path / "releases" / ".current-123").write_text("r9")
    other = ReleaseStore(tmp_path / "releases")
    assert other.discard_stale_buildings() == ["theirs"]
    assert mine.exists()
    assert not list((tmp_path / "releases").glob(".current-*"))
    store.commit(mine, {"created_at": AT})
    assert other.discard_stale_buildings() == []
    assert [release.id for release in other.list()] == ["mine"]


def test_a_reader_never_sees_half_a_pointer(store: ReleaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("r1", "r2"):
        make(store, name)
    publish(store, "r1")
    seen = []
    real = os.fsync

    def looking(handle: int) -> None:
        seen.append(store.current())
        real(handle)

    monkeypatch.setattr(releases.os, "fsync", looking)
    publish(store, "r2")
    assert seen == ["r1", "r2", "r2", "r2"]


def derive(store: ReleaseStore, new_id: str = "b", **serving: float) -> Release:
    return store.derive("a", new_id, serving, at="2026-11-23T12:00:00.000Z")


def test_a_derived_release_shares_what_was_trained_and_has_its_own_values(store: ReleaseStore) -> None:
    first = make(store, "a")
    release = derive(store, risk=0.05, frustration_threshold=0.8)
    assert store.verify("b") == release
    assert read_serving(release.path) == Serving(risk=0.05, frustration_threshold=0.8)
    assert read_serving(first.path) == Serving()
    for name in ("index/vectors.bin", "model.tar.gz"):
        assert (release.path / name).samefile(first.path / name)
    assert release.manifest["derived_from"] == "a"
    assert release.manifest["encoder"] == {"name": "words"}
    assert [found.id for found in store.list()] == ["b", "a"]
    assert store.current() is None
    store.verify("a")


def test_a_release_derived_from_a_derived_one_has_only_its_own_values(store: ReleaseStore) -> None:
    make(store, "a")
    derive(store, risk=0.05)
    again = store.derive("b", "c", {"threshold": 0.9}, at=AT)
    assert read_serving(store.verify("c").path) == Serving(threshold=0.9)
    assert again.manifest["derived_from"] == "b"
    assert read_serving(store.verify("b").path) == Serving(risk=0.05)


def test_deriving_refuses_what_is_not_there_and_values_that_cannot_be(store: ReleaseStore) -> None:
    with pytest.raises(UnknownRelease):
        derive(store)
    make(store, "a")
    with pytest.raises(ServingError, match="risk must be a number above 0 and below 1"):
        derive(store, risk=1.0)
    with pytest.raises(ReleaseExists):
        derive(store, "a")
    with pytest.raises(BadReleaseId):
        derive(store, "../b")
    (store.get("a").path / "model.tar.gz").unlink()
    with pytest.raises(CorruptRelease, match=r"model\.tar\.gz is missing"):
        derive(store)
    assert [found.id for found in store.list()] == ["a"]
    assert store.discard_stale_buildings() == []


def test_damage_of_the_source_is_damage_of_what_was_derived(store: ReleaseStore) -> None:
    source = make(store, "a")
    (source.path / "model.tar.gz").write_text("other")
    derive(store)
    with pytest.raises(CorruptRelease, match="has changed since"):
        store.publish("b", at=AT, by="ann")


def test_where_files_cannot_be_shared_they_are_copied(
    store: ReleaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: Path, _target: Path) -> None:
        raise OSError(errno.EMLINK, "Too many links")

    first = make(store, "a")
    monkeypatch.setattr(Path, "hardlink_to", refused)
    release = derive(store, risk=0.05)
    store.verify("b")
    assert not (release.path / "model.tar.gz").samefile(first.path / "model.tar.gz")


def test_a_large_release_is_derived_in_an_instant(store: ReleaseStore) -> None:
    """Hashing or copying 400 MB takes longer than this on any machine that there is."""
    building = store.begin("a")
    with (building / "model.tar.gz").open("wb") as stream:
        stream.truncate(400_000_000)
    store.commit(building, {"created_at": AT})
    began = time.monotonic()
    derive(store, risk=0.05)
    assert time.monotonic() - began < 0.15


@pytest.mark.parametrize("call", range(1, 6))
def test_a_crash_at_any_sync_of_a_derivation_leaves_nothing_or_all(
    store: ReleaseStore, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    make(store, "a")
    with monkeypatch.context() as patch:
        crash_at(patch, "fsync", call)
        with pytest.raises(Crash):
            derive(store, risk=0.05)
    after = ReleaseStore(store._root)
    assert [found.problem for found in after.list()] == [None] * len(after.list())
    if len(after.list()) == 1:
        after.discard_stale_buildings()
        derive(after, risk=0.05)
    assert after.verify("b").manifest["serving"]["risk"] == 0.05


def test_two_who_go_back_at_once_are_of_one_mind(store: ReleaseStore) -> None:
    for number in (1, 2, 3):
        make(store, f"r{number}")
        publish(store, f"r{number}")
    assert store.rollback(at=AT, by="ann", to="r2").id == "r2"
    assert store.rollback(at=AT, by="bob", to="r2").id == "r2"
    assert store.current() == "r2"
    with pytest.raises(ReleaseMoved, match="r3 was live before, and not r1"):
        store.rollback(at=AT, by="bob", to="r1")
    assert (store.current(), len(store.history())) == ("r2", 4)
