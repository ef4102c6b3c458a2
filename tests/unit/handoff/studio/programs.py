"""A small real program in the place of the bot's Python: it trains and judges as HOME/mode says."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = r"""#!{python}
import json, os, pathlib, signal, subprocess, sys, time

words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
home = pathlib.Path(words["--home"])
mode = (home / "mode").read_text() if (home / "mode").exists() else ""
module = words["-m"]

def say(stage, done, total, message=""):
    print(json.dumps(dict(stage=stage, done=done, total=total, message=message)), file=sys.stderr, flush=True)

def answer(**values):
    print(json.dumps(values), flush=True)
    sys.exit(0 if values["ok"] else 1)

def wait_at(stage):
    # Says that it is there, and goes on only when the test ends it.
    if mode == "hang in " + stage:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (home / "pids").write_text(f"{{os.getpid()}} {{child.pid}} {{os.getppid()}}")
        pathlib.Path(os.environ["TMPDIR"], "scratch").write_text("x")
        say(stage, 1, 4, "hanging")
        child.wait()

if module == "bot.train":
    out = pathlib.Path(words["--out"])
    for stage in ("encoder", "articles", "model"):
        say(stage, 0, 1)
        wait_at(stage)
    if mode == "no articles":
        answer(ok=False, error=dict(code="no_articles", message="There is nothing to train."))
    (out / "index").mkdir()
    (out / "index" / "vectors.bin").write_bytes(b"v")
    (out / "model.tar.gz").write_bytes(b"m")
    told = dict(risk=words["--risk"], share=words["--unanswerable-share"], nice=os.nice(0), session=os.getsid(os.getppid()),
                fine_tune=os.environ["BATON_FINE_TUNE"], voice=words.get("--voice"))
    (out / "report.json").write_text(json.dumps(told))
    answer(ok=True, manifest=dict(figures=dict(coverage=0.9, told=told)))
if module == "bot.judge":
    say("questions", 0, 2)
    wait_at("judge")
    if mode == "judge falls":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "judge refuses":
        answer(ok=False, error=dict(code="unknown_release", message="There is no such release."))
    def rows(name):
        return [json.loads(line) for line in pathlib.Path(words[name]).read_text().splitlines()]
    report = dict(candidate=words["--candidate"], against=words.get("--against"), exam=dict(
        n=len(rows("--questions")), changes=[
            dict(id="1", verdict="better"), dict(id="2", verdict="worse"), dict(id="3", verdict="other")]),
        asked=dict(n=0, changes=[]), told=dict(questions=rows("--questions"), conversations=rows("--conversations"),
        golden=words["--golden"], locale=words["--locale"]))
    pathlib.Path(words["--out"]).write_text("no report" if mode == "judge babbles" else json.dumps(report))
    answer(ok=True)
sys.exit(9)
"""


def bot_python(folder: Path) -> Path:
    """Write the program and return its path."""
    path = folder / "python"
    path.write_text(PROGRAM.format(python=sys.executable))
    path.chmod(0o755)
    return path


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
