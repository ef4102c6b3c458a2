"""An archive is whole or is not there, and whatever was done to it is seen before anything is believed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handoff.upkeep import archive
from handoff.upkeep.archive import unpack, write_archive
from handoff.upkeep.errors import BackupRefused, RestoreRefused

ABOUT = {"made_at": "2026-11-22T20:00:00.000Z", "database": {"kind": "sqlite", "schema": "0001"}}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "one").write_bytes(b"first" * 1000)
    (tmp_path / "two").write_bytes(b"")
    return {"database.sqlite": tmp_path / "one", "releases/r1/manifest.json": tmp_path / "two"}


@pytest.fixture
def made(tmp_path: Path, files: dict[str, Path]) -> Path:
    path = tmp_path / "backup.tgz"
    write_archive(path, ABOUT, files)
    return path


def test_what_is_put_in_comes_out(tmp_path: Path, made: Path, files: dict[str, Path]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    manifest = unpack(made, out)
    assert manifest["database"] == ABOUT["database"]
    assert {name: (out / name).read_bytes() for name in files} == {
        name: path.read_bytes() for name, path in files.items()
    }


def test_only_its_owner_may_read_it(tmp_path: Path, made: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    out = tmp_path / "out"
    out.mkdir()
    unpack(made, out)
    assert stat.S_IMODE((out / "database.sqlite").stat().st_mode) == 0o600


def test_nothing_is_overwritten_and_nothing_is_left_beside_it(
    tmp_path: Path, made: Path, files: dict[str, Path]
) -> None:
    before = made.read_bytes()
    with pytest.raises(BackupRefused, match="is there already"):
        write_archive(made, ABOUT, files)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BackupRefused, match="is there already"):
        write_archive(tmp_path / "link", ABOUT, files)
    assert made.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_what_came_to_stand_there_meanwhile_is_not_overwritten(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "late.tgz"
    sync = os.fsync

    def somebody_else(handle: int) -> None:
        sync(handle)
        path.write_text("theirs")

    monkeypatch.setattr(archive.os, "fsync", somebody_else)
    with pytest.raises(BackupRefused, match="is there already"):
        write_archive(path, ABOUT, files)
    assert path.read_text() == "theirs"
    assert not list(tmp_path.glob(".*"))


def test_a_backup_that_fails_leaves_nothing(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_archive(tmp_path / "none.tgz", ABOUT, files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.parametrize("kept", [0, 1, 10, 0.5, 0.99])
def test_one_that_was_cut_off_is_refused(tmp_path: Path, made: Path, kept: float) -> None:
    data = made.read_bytes()
    made.write_bytes(data[: int(kept if kept >= 1 or kept == 0 else len(data) * kept)])
    refuse(made, tmp_path)


@pytest.mark.parametrize("part", range(1, 10))
def test_one_that_was_changed_anywhere_is_refused(tmp_path: Path, files: dict[str, Path], part: int) -> None:
    files["database.sqlite"].write_bytes(os.urandom(5000))
    path = tmp_path / "backup.tgz"
    write_archive(path, ABOUT, files)
    data = bytearray(path.read_bytes())
    data[len(data) * part // 10] ^= 0x40
    path.write_bytes(data)
    refuse(path, tmp_path)


def refuse(path: Path, tmp_path: Path, words: str = ".") -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(RestoreRefused, match=words):
        unpack(path, out)


# --- archives made by somebody else ---------------------------------------------------------------------------


def forged(path: Path, members: list[tuple[str, bytes]], change: Callable[[tarfile.TarInfo], None]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            change(info)
            tar.addfile(info, io.BytesIO(data))


def manifest_of(**changes: Any) -> bytes:
    return json.dumps({"format": 1, **ABOUT, "files": {}, **changes}).encode()


def entry(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize(
    "manifest",
    [
        b"{",
        b"[]",
        b"null",
        manifest_of(format=2),
        manifest_of(files=None),
        manifest_of(files={"a": {"bytes": "1", "sha256": "x"}}),
        manifest_of(files={"a": None}),
        manifest_of(database=None),
        manifest_of(files={"../outside": entry(b"x")}),
        manifest_of(files={"/outside": entry(b"x")}),
        manifest_of(files={"a/../../outside": entry(b"x")}),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path: Path, manifest: bytes) -> None:
    path = tmp_path / "forged.tgz"
    forged(path, [("manifest.json", manifest), ("../outside", b"x")], lambda _info: None)
    refuse(path, tmp_path)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("database.sqlite", b"x")], "manifest"),
        ([("manifest.json", manifest_of()), ("extra", b"x")], "extra"),
        ([("manifest.json", manifest_of(files={"a": entry(b"x")}))], "lacks a"),
        ([("manifest.json", manifest_of(files={"a": entry(b"xy")})), ("a", b"x")], "damaged"),
        ([("manifest.json", manifest_of(files={"a": entry(b"y")})), ("a", b"x")], "damaged"),
        ([("manifest.json", manifest_of(files={"a": entry(b"x")})), ("a", b"x"), ("a", b"x")], "not name"),
        ([("manifest.json", manifest_of()), ("manifest.json", manifest_of())], "not name"),
    ],
)
def test_anything_but_what_the_manifest_names_is_refused(
    tmp_path: Path, members: list[tuple[str, bytes]], words: str
) -> None:
    path = tmp_path / "forged.tgz"
    forged(path, members, lambda _info: None)
    refuse(path, tmp_path, words)


def test_a_link_is_refused(tmp_path: Path) -> None:
    def link(info: tarfile.TarInfo) -> None:
        if info.name == "a":
            info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0

    path = tmp_path / "forged.tgz"
    forged(path, [("manifest.json", manifest_of(files={"a": entry(b"")})), ("a", b"")], link)
    refuse(path, tmp_path, "not name")


@pytest.mark.parametrize("data", [b"", b"not a tar", b"\x1f\x8b" + b"\0" * 50])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tgz").write_bytes(data)
    refuse(tmp_path / "x.tgz", tmp_path)
