"""The web pages are built when their sources changed, and only then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.setup.conftest import Baton, ask

BUILD = "mkdir -p dist && cat src/page.ts > dist/widget.js && echo built >> ../builds"


@pytest.fixture
def pages(project: Path) -> Path:
    folder = project / "web_widget"
    (folder / "src").mkdir(parents=True)
    (folder / "package.json").write_text(
        f'{{"name": "p", "version": "1.0.0", "scripts": {{"build": "{BUILD}"}}}}'
    )
    (folder / "package-lock.json").write_text(
        '{"name": "p", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "p", "version": "1.0.0"}}}'
    )
    (folder / "node_modules").mkdir()
    (folder / "src" / "page.ts").write_text("one")
    return folder


def builds(project: Path) -> int:
    return len((project / "builds").read_text().splitlines())


def test_pages_are_built_once_and_again_when_a_source_changes(
    project: Path, pages: Path, baton: Baton
) -> None:
    first = baton("relay")
    assert first.returncode == 0, first.stderr
    assert "building the web pages" in first.stderr
    assert baton("relay").stderr == ""
    assert builds(project) == 1

    os.utime(pages / "src" / "page.ts", (1, 1))  # as a fresh checkout does
    assert baton("relay").stderr == ""
    assert builds(project) == 1

    (pages / "src" / "page.ts").write_text("two")
    assert "building the web pages" in baton("relay").stderr
    assert (pages / "dist" / "widget.js").read_text() == "two"

    (pages / "src" / "page.ts").unlink()
    (pages / "src" / "page.ts").write_text("one")
    (pages / "dist" / "widget.js").unlink()
    assert "building the web pages" in baton("relay").stderr
    assert builds(project) == 3


def test_a_build_that_fails_says_what_it_said_and_is_tried_again(
    project: Path, pages: Path, baton: Baton
) -> None:
    source = (pages / "package.json").read_text()
    (pages / "package.json").write_text(source.replace(BUILD, "echo page.ts:1 is wrong && exit 1"))
    failed = baton("relay")
    assert failed.returncode == 1
    assert "page.ts:1 is wrong" in failed.stderr
    (pages / "package.json").write_text(source)
    assert baton("relay").returncode == 0
    assert builds(project) == 1


def test_commands_without_pages_do_not_build_them(project: Path, pages: Path, baton: Baton) -> None:
    assert baton("content").returncode == 0
    assert not (pages / "dist").exists()


@pytest.mark.parametrize(
    ("version", "enough"), [("v18.20.1", False), ("v20.9.0", True), ("v24.1.0", True), ("", False)]
)
def test_a_node_that_is_too_old_does_not_count(
    project: Path, tmp_path: Path, version: str, enough: bool
) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    assert ask(project, f"str(pages._has_node({{'PATH': {str(tmp_path)!r}}}))") == str(enough)


def test_no_npm_is_no_node(project: Path, tmp_path: Path) -> None:
    (tmp_path / "node").write_text("#!/bin/sh\necho v22.0.0\n")
    (tmp_path / "node").chmod(0o755)
    assert ask(project, f"str(pages._has_node({{'PATH': {str(tmp_path)!r}}}))") == "False"
