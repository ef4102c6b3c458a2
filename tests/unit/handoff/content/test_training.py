"""Training with a small real child process in the place of `bot.train`, for everything that can go wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handoff.adapters.database import open_engine
from handoff.adapters.schema import metadata
from handoff.content.errors import ReleaseRefused, TrainingFailed
from handoff.content.programs import Progress
from handoff.content.releases import list_releases
from handoff.content.store import ContentStore
from handoff.content.training import train
from handoff.settings import Settings
from kb_index.article import Article
from kb_index.formats import Parsed, parse
from kb_index.releases import ReleaseStore

TRAINER = r"""#!{python}
import argparse, json, os, pathlib, signal, subprocess, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("-m", dest="module")
for name in ("--home", "--snapshot", "--out"):
    parser.add_argument(name, type=pathlib.Path, required=True)
parser.add_argument("--risk", type=float, required=True)
parser.add_argument("--unanswerable-share", type=float, required=True)
given = parser.parse_args()
mode = (given.home / "mode").read_text() if (given.home / "mode").exists() else "ok"

def say(stage, done, total, message):
    print(json.dumps(dict(stage=stage, done=done, total=total, message=message)), file=sys.stderr, flush=True)

say("encoder", 0, 0, "loading")
print("2026-11-22 WARNING something a library says", file=sys.stderr, flush=True)
print("{{not progress", file=sys.stderr, flush=True)
print("noise on standard output", flush=True)
if mode == "hang" or mode == "stubborn":
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (given.home / "pids").write_text(f"{{os.getpid()}} {{child.pid}}")
    say("hanging", 0, 0, "")
    time.sleep(600)
if mode == "refuse":
    print(json.dumps(dict(ok=False, error=dict(code="encoder_missing", message="No encoder here."))))
    sys.exit(1)
if mode == "crash":
    sys.exit("Traceback and so on\nKeyError: 'x'")
if mode == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if mode == "silent":
    sys.exit(0)
content = given.snapshot / "content.jsonl"
if mode == "alter":
    content.write_text("")
(given.out / "index").mkdir()
(given.out / "index" / "vectors.bin").write_bytes(b"v")
(given.out / "model.tar.gz").write_bytes(b"m")
(given.out / "report.json").write_text(json.dumps(dict(
    module=given.module, risk=given.risk, share=given.unanswerable_share, cwd=os.getcwd(),
    environment=dict(os.environ), articles=len(content.read_text().splitlines()),
)))
if mode == "link":
    (given.out / "link").symlink_to("model.tar.gz")
say("model", 3, 3, "done")
manifest = dict(encoder="fake", figures=dict(coverage=0.9))
if mode == "bad manifest":
    manifest = "none"
if mode == "orphan":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (given.home / "pids").write_text(str(child.pid))
if mode == "long line":
    sys.stderr.write("x" * 3_000_000)
print(json.dumps(dict(ok=True, manifest=manifest)), flush=True)
sys.exit(4 if mode == "ok but failed" else 0)
"""

TRACK = Article("track", "Where is my order?", "Open Orders.", ("Where is it?",))


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    trainer = tmp_path / "python"
    trainer.write_text(TRAINER.format(python=sys.executable))
    trainer.chmod(0o755)
    settings = Settings(
        home=home, bot_python=trainer, encoder="bundled-torch", fine_tune="off", fine_tune_minutes=2.5
    )
    await _put(settings, TRACK)
    return settings


async def _put(settings: Settings, *articles: Article) -> None:
    engine = open_engine(settings.database)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)

    class Clock:
        def now_ms(self) -> int:
            return 1

    await ContentStore(engine, Clock()).import_parsed(Parsed(list(articles), {"greet": ["hi"]}))
    await engine.dispose()


def _ignore(_progress: Progress) -> None:
    pass


async def _train(
    settings: Settings,
    *,
    mode: str = "ok",
    publish: bool = False,
    on_progress: Callable[[Progress], None] = _ignore,
) -> Any:
    (settings.home / "mode").write_text(mode)
    return await train(settings.home, settings, publish=publish, on_progress=on_progress)


def _left_behind(settings: Settings) -> list[str]:
    return sorted(p.name for p in (settings.home / "releases").iterdir() if p.name not in (".lock",))


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_training_makes_a_release_that_is_not_live(settings: Settings) -> None:
    release = await _train(settings)
    assert re.fullmatch(r"r\d{8}-\d{6}-[0-9a-f]{6}", release.id)
    assert ReleaseStore(settings.home / "releases").verify(release.id).manifest == release.manifest
    assert (release.manifest["encoder"], release.manifest["figures"]) == ("fake", {"coverage": 0.9})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", release.created_at)
    assert sorted(release.manifest["files"]) == [
        "content.jsonl",
        "index/vectors.bin",
        "intents.yml",
        "model.tar.gz",
        "report.json",
    ]
    assert parse(release.path / "content.jsonl").articles == [TRACK]
    assert parse(release.path / "intents.yml").intents == {"greet": ["hi"]}
    (line,) = await list_releases(settings.home)
    assert (line.id, line.live, line.problem) == (release.id, False, None)


async def test_publishing_makes_it_live(settings: Settings) -> None:
    release = await _train(settings, publish=True)
    assert ReleaseStore(settings.home / "releases").current() == release.id
    assert [line.live for line in await list_releases(settings.home)] == [True]


async def test_the_trainer_gets_its_options_and_one_thread(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    release = await train(
        settings.home, settings, publish=False, risk=0.05, unanswerable_share=0.25, on_progress=_ignore
    )
    report = json.loads((release.path / "report.json").read_text())
    assert (report["module"], report["risk"], report["share"]) == ("bot.train", 0.05, 0.25)
    assert (Path(report["cwd"]) / "bot" / "contract.py").is_file()
    expected = {
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "RASA_TELEMETRY_ENABLED": "false",
        "TOKENIZERS_PARALLELISM": "false",
        "BATON_HOME": str(settings.home),
        "BATON_ENCODER": "bundled-torch",
        "BATON_FINE_TUNE": "off",
        "BATON_FINE_TUNE_MINUTES": "2.5",
    }
    assert {name: report["environment"].get(name) for name in expected} == expected


async def test_progress_arrives_while_it_trains_and_noise_goes_to_the_log(settings: Settings) -> None:
    seen: list[Progress] = []
    await _train(settings, on_progress=seen.append)
    assert seen[1:-1] == [Progress("encoder", 0, 0, "loading"), Progress("model", 3, 3, "done")]
    assert [seen[0].stage, seen[-1].stage] == ["snapshot", "commit"]
    log = (settings.home / "run" / "train.log").read_text()
    assert "something a library says" in log
    assert "noise on standard output" in log


@pytest.mark.parametrize(
    ("mode", "code", "words"),
    [
        ("refuse", "encoder_missing", "No encoder here."),
        ("crash", "trainer_crashed", "ended with status 1. Its last words: KeyError: 'x'"),
        ("killed", "trainer_crashed", "was ended by SIGKILL"),
        ("silent", "bad_trainer_answer", "did not say how it ended"),
        ("bad manifest", "bad_trainer_answer", "no manifest"),
        ("ok but failed", "trainer_crashed", "ended with status 4"),
        ("alter", "bad_trainer_answer", "changed the content"),
        ("link", "release_error", "neither a file nor a folder"),
    ],
)
async def test_a_training_that_fails_says_why_and_leaves_what_was_live(
    settings: Settings, mode: str, code: str, words: str
) -> None:
    live = (await _train(settings, publish=True)).id
    before = _left_behind(settings)
    await _put(settings, Article("new", "New?", "New."))
    with pytest.raises(TrainingFailed, match=re.escape(words)) as failed:
        await _train(settings, mode=mode, publish=True)
    assert failed.value.code == code
    assert _left_behind(settings) == before
    assert ReleaseStore(settings.home / "releases").current() == live


async def test_a_missing_environment_is_said_to_be_missing(settings: Settings) -> None:
    broken = settings.model_copy(update={"bot_python": settings.home / "nowhere" / "python"})
    with pytest.raises(TrainingFailed, match=r"\./baton") as failed:
        await _train(broken)
    assert failed.value.code == "bot_environment_missing"
    assert _left_behind(settings) == []


@pytest.mark.parametrize("mode", ["hang", "stubborn"])
async def test_cancelling_ends_the_process_and_what_it_started(
    settings: Settings, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.content.programs._GRACE_S", 0.5)
    seen: list[str] = []
    task = asyncio.create_task(_train(settings, mode=mode, on_progress=lambda p: seen.append(p.stage)))
    await _until(lambda: "hanging" in seen)
    pids = [int(pid) for pid in (settings.home / "pids").read_text().split()]
    assert all(_alive(pid) for pid in pids)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _until(lambda: not any(_alive(pid) for pid in pids))
    assert _left_behind(settings) == []
    assert (await _train(settings)).id


async def test_an_impatient_second_cancellation_leaves_nothing_either(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.content.programs._GRACE_S", 0.5)
    seen: list[str] = []
    task = asyncio.create_task(_train(settings, mode="stubborn", on_progress=lambda p: seen.append(p.stage)))
    await _until(lambda: "hanging" in seen)
    pids = [int(pid) for pid in (settings.home / "pids").read_text().split()]
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    await _until(lambda: not any(_alive(pid) for pid in pids))
    assert _left_behind(settings) == []


async def test_a_helper_of_the_trainer_that_stays_does_not_hold_the_training_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.content.programs._GRACE_S", 0.2)
    async with asyncio.timeout(30):
        release = await _train(settings, mode="orphan")
    pid = int((settings.home / "pids").read_text())
    await _until(lambda: not _alive(pid))
    assert release.id


async def test_a_line_without_an_end_is_cut(settings: Settings) -> None:
    assert (await _train(settings, mode="long line")).id


async def test_one_training_at_a_time(settings: Settings) -> None:
    seen: list[str] = []
    first = asyncio.create_task(_train(settings, mode="hang", on_progress=lambda p: seen.append(p.stage)))
    await _until(lambda: "hanging" in seen)
    before = _left_behind(settings)
    with pytest.raises(TrainingFailed) as failed:
        await train(settings.home, settings, publish=False, on_progress=_ignore)
    assert failed.value.code == "training_in_progress"
    assert _left_behind(settings) == before
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_parent_that_is_killed_takes_its_trainer_along(settings: Settings) -> None:
    (settings.home / "mode").write_text("hang")
    program = (
        "import asyncio, sys, pathlib\n"
        "from handoff.settings import Settings\nfrom handoff.content.training import train\n"
        "home, python = map(pathlib.Path, sys.argv[1:])\n"
        "settings = Settings(home=home, bot_python=python)\n"
        "asyncio.run(train(home, settings, publish=False, on_progress=lambda p: None))\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(settings.home), str(settings.bot_python)
    )
    pids = settings.home / "pids"
    await _until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    parent.kill()
    await parent.wait()
    leader, child = (int(pid) for pid in pids.read_text().split())
    os.kill(child, signal.SIGKILL)
    await _until(lambda: not _alive(leader))
    release = await _train(settings)
    # What the killed parent was building was swept, and what its trainer kept beside it.
    assert not (settings.home / "run" / "training").exists()
    assert [name for name in _left_behind(settings) if name != release.id] == []


@pytest.mark.parametrize("setting", ["risk", "unanswerable_share"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
async def test_shares_are_shares(settings: Settings, setting: str, value: float) -> None:
    with pytest.raises(TrainingFailed, match=setting) as failed:
        await train(settings.home, settings, publish=False, on_progress=_ignore, **{setting: value})
    assert failed.value.code == "bad_setting"


async def test_a_full_disk_is_said_to_be_one(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_store: ReleaseStore, _building: Path, _manifest: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ReleaseStore, "commit", full)
    with pytest.raises(TrainingFailed, match="the disk is full; make room") as failed:
        await _train(settings)
    assert failed.value.code == "storage_failed"
    assert _left_behind(settings) == []


async def test_a_release_that_cannot_be_published_is_kept_as_a_candidate(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_store: ReleaseStore, _release_id: str, *, at: str, by: str) -> None:
        raise OSError(28, "No space left on device", "current")

    monkeypatch.setattr(ReleaseStore, "publish", full)
    with pytest.raises(ReleaseRefused) as refused:
        await _train(settings, publish=True)
    assert refused.value.code == "storage_failed"
    (line,) = await list_releases(settings.home)
    assert not line.live
