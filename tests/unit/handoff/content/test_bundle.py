"""Files by name out of folders and zips, and every trick that a zip can try."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from handoff.content import bundle as module
from handoff.content.bundle import Bundle, BundleError, open_bundle


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data, compress_type=method)
    return out.getvalue()


def faults(bundle: Bundle) -> list[tuple[str, str]]:
    return [(fault.name, fault.code) for fault in bundle.faults]


def code_of(data: bytes, name: str = "a.zip") -> str:
    with pytest.raises(BundleError) as refused:
        open_bundle(data, name)
    return refused.value.fault.code


def test_one_file_is_itself(tmp_path: Path) -> None:
    assert open_bundle(b"x", "a.md").read("a.md") == b"x"
    (tmp_path / "b.md").write_bytes(b"y")
    assert open_bundle(tmp_path / "b.md", "b.md").read("b.md") == b"y"
    with pytest.raises(BundleError, match="no such file"):
        open_bundle(tmp_path / "c.md", "c.md")


def test_a_folder_and_its_zip_hold_the_same(tmp_path: Path) -> None:
    files = {"a.md": b"1", "deep/er/b.html": b"2", "deep/ümlaut.md": b"3"}
    for name, data in (
        *files.items(),
        (".git/config", b"x"),
        ("node_modules/x.md", b"x"),
        ("deep/.hidden.md", b"x"),
    ):
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_bytes(data)
    data = zipped(*files.items(), (".git/config", b"x"), ("__MACOSX/a.md", b"x"), ("deep/", b""))
    for bundle in (open_bundle(tmp_path / "f", "f"), open_bundle(data, "f.ZIP")):
        assert bundle.names == tuple(sorted(files))
        assert {name: bundle.read(name) for name in bundle.names} == files
        assert bundle.faults == ()


@pytest.mark.parametrize(
    "name",
    [
        "../a.md",
        "a/../../b.md",
        "/etc/a.md",
        "C:/a.md",
        "a\\b.md",
        "a//b.md",
        "./a.md",
        "a/./b.md",
        "..",
        "x" * 600,
        "a\nb.md",
    ],
)
def test_names_that_lead_out_are_refused(name: str) -> None:
    bundle = open_bundle(zipped((name, b"x"), ("good.md", b"y")), "a.zip")
    assert bundle.names == ("good.md",)
    assert [code for _, code in faults(bundle)] == ["unsafe_name"]


def test_links_and_encrypted_entries_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.md")
    link.external_attr = 0o120777 << 16
    pipe = zipfile.ZipInfo("pipe.md")
    pipe.external_attr = 0o010644 << 16
    assert faults(open_bundle(zipped((link, b"/etc/passwd"), (pipe, b"")), "a.zip")) == [
        ("link.md", "symbolic_link"),
        ("pipe.md", "symbolic_link"),
    ]
    data = bytearray(zipped(("secret.md", b"x")))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(mark) + offset
        data[place] |= 1
    assert faults(open_bundle(bytes(data), "a.zip")) == [("secret.md", "encrypted")]
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "out.md").symlink_to("/etc/passwd")
    (folder / "self").symlink_to(folder)
    (folder / "good.md").write_bytes(b"y")
    bundle = open_bundle(folder, "f")
    assert bundle.names == ("good.md",)
    assert sorted(faults(bundle)) == [("out.md", "symbolic_link"), ("self", "symbolic_link")]
    # One that comes to stand there later is not followed either.
    (folder / "good.md").unlink()
    (folder / "good.md").symlink_to("/etc/passwd")
    with pytest.raises(BundleError):
        bundle.read("good.md")


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped(("a.md", b"1"), ("a.md", b"2"))
    assert faults(open_bundle(data, "a.zip")) == [("a.md", "bad_zip")]


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(("bomb.md", b"\0" * 8_000_000))
    assert len(bomb) < 20_000
    assert faults(open_bundle(bomb, "a.zip")) == [("bomb.md", "zip_bomb")]
    monkeypatch.setattr(module, "MAX_UNPACKED", 1_000_000)
    text = "".join(f"{number} words of all sorts. " for number in range(20_000)).encode()
    assert code_of(zipped(*((f"{n}.md", text) for n in range(3)))) == "zip_bomb"
    monkeypatch.setattr(module, "MAX_ENTRY", 100)
    assert faults(open_bundle(zipped(("big.md", b"x" * 101)), "a.zip")) == [("big.md", "too_large")]


def test_a_size_that_lies_fills_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The central directory says 10 bytes; the entry unpacks to a hundred million."""
    data = bytearray(zipped(("liar.md", b"\0" * 100_000_000)))
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 10)
    bundle = open_bundle(bytes(data), "a.zip")
    assert bundle.names == ("liar.md",)
    with pytest.raises(BundleError) as refused:
        bundle.read("liar.md")
    assert refused.value.fault.code == "bad_zip"


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all", zipped(("a.md", b"x" * 1000))[:-30]])
def test_what_is_no_zip_says_so(data: bytes) -> None:
    assert code_of(data) == "bad_zip"


def test_damage_within_a_zip_is_told_of_its_entry() -> None:
    data = bytearray(zipped(("a.md", b"words of an article" * 50), method=zipfile.ZIP_STORED))
    data[60] ^= 0xFF
    with pytest.raises(BundleError) as refused:
        open_bundle(bytes(data), "a.zip").read("a.md")
    assert (refused.value.fault.name, refused.value.fault.code) == ("a.md", "bad_zip")


def test_size_and_number_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_of(b"\0" * (module.MAX_BYTES + 1), "a.html") == "too_large"
    monkeypatch.setattr(module, "MAX_FILES", 3)
    assert code_of(zipped(*((f"{n}.md", b"x") for n in range(4)))) == "too_many_files"
    for number in range(4):
        (tmp_path / f"{number}.md").write_bytes(b"x")
    with pytest.raises(BundleError, match="more than 3 files"):
        open_bundle(tmp_path, "f")
    monkeypatch.setattr(module, "MAX_FILES", 10)
    monkeypatch.setattr(module, "MAX_UNPACKED", 2)
    bundle = open_bundle(tmp_path, "f")
    bundle.read("0.md")
    bundle.read("1.md")
    with pytest.raises(BundleError, match="All files together"):
        bundle.read("2.md")
