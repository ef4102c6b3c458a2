"""The files of editions: whole or as before, in order, and safe to crash in at every step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kb_index import editions
from kb_index.article import Article
from kb_index.editions import BadEdition, CorruptEdition, Edition, EditionMoved, EditionStore, Incident
from kb_index.releases import BadReleaseId

AT = "2026-11-30T12:00:00.000Z"
ROOT = Path(__file__).parents[3]


class Crash(BaseException):
    """The process ends here: nothing may catch it."""


@pytest.fixture
def store(tmp_path: Path) -> EditionStore:
    return EditionStore(tmp_path / "editions")


def edition(revision: int = 1, *, answer: str = "x", by: str = "ann", release_id: str = "r1") -> Edition:
    incident = Incident("down", "It is down.", (), ("does not work",), AT)
    return Edition(release_id, revision, AT, by, (Article("a", "A?", answer),), ("b",), (incident,))


def test_nothing_is_there_before_the_first(store: EditionStore, tmp_path: Path) -> None:
    assert (store.current("r1"), store.draft("r1"), store.stamp("r1")) == (None, None, None)
    store.forget("r1")
    assert not (tmp_path / "editions").exists(), "whoever asks makes nothing"


def test_what_was_written_is_read(store: EditionStore) -> None:
    assert store.write(edition()) == edition()
    assert store.current("r1") == edition()
    assert store.current("r2") is None, "each release has its own"
    assert store.draft("r1") is None
    assert store.write(edition(2, answer="y")).revision == 2
    assert store.current("r1") == edition(2, answer="y")


@pytest.mark.parametrize("revision", [1, 3])
def test_who_does_not_follow_what_is_there_is_told_who_was_first(store: EditionStore, revision: int) -> None:
    store.write(edition(by="ben"))
    with pytest.raises(EditionMoved, match="ben published revision 1") as caught:
        store.write(edition(revision, answer="other"))
    assert (caught.value.revision, caught.value.by, caught.value.at) == (1, "ben", AT)
    assert store.current("r1") == edition(by="ben")


def test_the_first_has_revision_one(store: EditionStore) -> None:
    with pytest.raises(EditionMoved) as caught:
        store.write(edition(2))
    assert (caught.value.revision, caught.value.by) == (0, "")
    assert store.current("r1") is None


def test_a_draft_takes_the_place_of_any_other_and_is_not_live(store: EditionStore) -> None:
    store.write(edition(answer="live"))
    store.write(edition(1, answer="draft"), draft=True)
    store.write(edition(1, answer="another"), draft=True)
    assert store.draft("r1") == edition(1, answer="another")
    assert store.current("r1") == edition(answer="live")


def test_each_write_has_a_stamp_of_its_own(store: EditionStore) -> None:
    seen = {store.stamp("r1")}
    for revision in range(1, 51):  # of one size, and faster than the clock of the file system
        store.write(edition(revision, answer=f"{revision:02}"))
        seen.add(store.stamp("r1"))
    sizes = {stamp[1] for stamp in seen if stamp}
    assert len(sizes) == 2, "revisions of one and of two digits"
    assert len(seen) == 51
    store.write(edition(), draft=True)
    assert store.stamp("r1", draft=True) not in seen | {None}


def test_what_may_not_be_is_not_written(store: EditionStore) -> None:
    with pytest.raises(BadEdition):
        store.write(replace(edition(), articles=(Article("a", "", "x"),)))
    with pytest.raises(BadReleaseId):
        store.write(edition(release_id="../r1"))
    with pytest.raises(BadEdition, match="draft"):
        store.write(edition(release_id="draft-r1"))
    with pytest.raises(BadReleaseId):
        store.current("../r1")
    assert store.stamp("r1") is None


def test_a_forgotten_release_has_none(store: EditionStore) -> None:
    for release_id in ("r1", "r2"):
        store.write(edition(release_id=release_id))
        store.write(edition(release_id=release_id), draft=True)
    store.forget("r1")
    assert (store.current("r1"), store.draft("r1")) == (None, None)
    assert (store.current("r2"), store.draft("r2")) != (None, None)
    store.write(edition())  # from the beginning again


def spoil(data: bytes, how: str) -> bytes:
    raw = json.loads(data)
    match how:
        case "cut":
            return data[: len(data) // 2]
        case "empty":
            return b""
        case "not utf-8":
            return data.replace(b"It is down", b"It is \xff")
        case "nested":
            return b"[" * 100_000
        case "another release":
            raw["release_id"] = "r9"
        case "another format":
            raw["format"] = 2
        case "a bad article":
            raw["articles"][0]["title"] = ""
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    "how", ["cut", "empty", "not utf-8", "nested", "another release", "another format", "a bad article"]
)
def test_a_damaged_file_is_named_and_the_next_takes_its_place(
    store: EditionStore, tmp_path: Path, how: str
) -> None:
    store.write(edition())
    path = tmp_path / "editions" / "r1.json"
    path.write_bytes(spoil(path.read_bytes(), how))
    with pytest.raises(CorruptEdition, match=r"r1\.json .* Publish the articles again") as caught:
        store.current("r1")
    assert (caught.value.release_id, caught.value.file) == ("r1", "r1.json")
    before = store.stamp("r1")
    assert store.write(edition(7)).revision == 7
    assert store.current("r1") == edition(7)
    assert store.stamp("r1") != before


def test_a_file_without_end_is_not_read(store: EditionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(edition())
    monkeypatch.setattr(editions, "MAX_FILE_BYTES", 20)
    with pytest.raises(CorruptEdition, match="more than 20 bytes"):
        store.current("r1")


@pytest.mark.parametrize("step", ["fchmod", "fsync", "replace"])
@pytest.mark.parametrize("failure", [Crash(), OSError("disk full")], ids=["crash", "full disk"])
def test_what_fails_before_the_file_is_replaced_leaves_the_old_one(
    store: EditionStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException
) -> None:
    store.write(edition())
    stamp = store.stamp("r1")

    def fail(*_: Any, **__: Any) -> None:
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(os, step, fail)
        with pytest.raises(type(failure)):
            store.write(edition(2))
    assert store.current("r1") == edition()
    assert store.stamp("r1") == stamp
    assert sorted(path.name for path in (tmp_path / "editions").iterdir()) == [".lock", "r1.json"]
    assert store.write(edition(2)) == edition(2), "the lock went with who held it"


def test_a_killed_writer_leaves_the_old_file_and_the_next_sweeps_up(
    store: EditionStore, tmp_path: Path
) -> None:
    store.write(edition())
    root = tmp_path / "editions"
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from dataclasses import replace\n"
        "from kb_index.editions import EditionStore\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store = EditionStore(Path(sys.argv[1]))\n"
        "store.write(replace(store.current('r1'), revision=2, by='ben'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(root)], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert store.current("r1") == edition()
    assert len(list(root.glob(".edition-*"))) == 1
    store.write(edition(2))
    assert list(root.glob(".edition-*")) == []


def test_of_many_writers_one_wins_and_the_others_are_told(store: EditionStore) -> None:
    store.write(edition())
    ready = threading.Barrier(8)
    results: list[str] = []

    def write(name: str) -> None:
        ready.wait()
        try:
            EditionStore(store._root).write(edition(2, by=name))
        except EditionMoved as moved:
            results.append(f"lost to {moved.by}")
        else:
            results.append(f"won by {name}")

    threads = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    current = store.current("r1")
    assert current is not None
    assert sorted(results) == sorted([f"won by {current.by}"] + [f"lost to {current.by}"] * 7)


def test_two_processes_that_take_turns_lose_nothing(store: EditionStore) -> None:
    """Each adds its name forty times: reads, writes on top, and tries again where the other was first."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from kb_index.editions import Edition, EditionMoved, EditionStore\n"
        "from kb_index.article import Article\n"
        "store, name = EditionStore(Path(sys.argv[1])), sys.argv[2]\n"
        "for number in range(40):\n"
        "    while True:\n"
        "        there = store.current('r1')\n"
        "        revision, articles = (there.revision, there.articles) if there else (0, ())\n"
        "        mine = Article(f'{name}-{number}', 'T', 'x')\n"
        f"        made = Edition('r1', revision + 1, '{AT}', name, (*articles, mine))\n"
        "        try:\n"
        "            store.write(made)\n"
        "            break\n"
        "        except EditionMoved:\n"
        "            continue\n"
    )
    command: Callable[[str], list[str]] = lambda name: [sys.executable, "-c", program, str(store._root), name]  # noqa: E731
    writers = [subprocess.Popen(command(name), cwd=ROOT) for name in ("ann", "ben")]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    there = store.current("r1")
    assert there is not None
    assert there.revision == 80
    assert {article.id for article in there.articles} == {
        f"{name}-{number}" for name in ("ann", "ben") for number in range(40)
    }


def test_a_reader_meets_whole_files_only(store: EditionStore) -> None:
    store.write(edition())
    stop = threading.Event()
    seen: list[int] = []
    failures: list[Exception] = []

    def read() -> None:
        while not stop.is_set():
            try:
                found = store.current("r1")
                assert found is not None
                seen.append(found.revision)
            except Exception as error:  # noqa: BLE001 - shown by the test
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for revision in range(2, 40):
        store.write(edition(revision, answer="long " * 400))
    stop.set()
    reader.join()
    assert not failures
    assert seen == sorted(seen)
