"""A peer's Rasa project: each article an intent with its variants as examples, a response and a rule.

To that come the small talk, the rules and the stories of `rasa init`, read from the installed Rasa, so that its
policies have what they have in a new project. Trainings are kept by what went into them.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from bench.programs import BOT_PYTHON, BenchError, Program
from handoff.settings import PROJECT_ROOT
from kb_index.article import Article
from kb_index.formats import parse

PEERS: Final = PROJECT_ROOT / "bench" / "peers"
ARTICLES: Final = PROJECT_ROOT / "kb_index" / "articles"
MODEL: Final = "model.tar.gz"
VERSION: Final = "3.1"


@dataclass(frozen=True)
class Peer:
    """A way to use Rasa. `stories`: whether it has a policy that learns from them; `component`: one of its own."""

    name: str
    title: str
    stories: bool = False
    component: str | None = None

    @property
    def config(self) -> Path:
        return PEERS / self.name / "config.yml"


RASA_INIT: Final = Peer("rasa_init", "rasa init's pipeline and policies", stories=True)
RASA_LR: Final = Peer("rasa_lr", "MiniLM, logistic regression and rules in Rasa", component="minilm.py")


def read_articles() -> tuple[Article, ...]:
    """The demo shop's articles. Raises `BenchError` where one is wrong."""
    parsed = parse(ARTICLES)
    if parsed.errors:
        first = parsed.errors[0]
        raise BenchError(f"{first.file}:{first.line}: {first.message}")
    return tuple(parsed.articles)


def trained(peer: Peer, articles: Sequence[Article], store: Path) -> Path:
    """A folder with the peer's model and settings, ready to be served from; trained unless it is there.

    Raises:
        BenchError: the training failed.
    """
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as work:
        project = Path(work) / "project"
        write_project(peer, articles, project, initial_project())
        own = [] if peer.component is None else [PEERS / peer.component]
        kept = store / f"{peer.name}-{digest_of(project, *own)}"
        if not (kept / MODEL).exists():
            log = store / f"{peer.name}.log"
            train_project(peer, project, log)
            _keep(project, kept)
    return kept


def initial_project() -> Path:
    """The folder that `rasa init` copies."""
    code = "import importlib.util as u; print(u.find_spec('rasa').submodule_search_locations[0])"
    found = subprocess.run([BOT_PYTHON, "-c", code], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip()) / "cli" / "initial_project"


def write_project(peer: Peer, articles: Sequence[Article], project: Path, initial: Path) -> None:
    """Write a project that `rasa train` accepts into the new folder `project`."""
    data = project / "data"
    data.mkdir(parents=True)
    for name in ("nlu.yml", "rules.yml", *(("stories.yml",) if peer.stories else ())):
        shutil.copy(initial / "data" / name, data / name)
    domain: dict[str, Any] = yaml.safe_load((initial / "domain.yml").read_text(encoding="utf-8"))
    names = {article.id: _name(article) for article in articles}
    domain["intents"] += [names[article.id] for article in articles]
    domain["responses"] |= {f"utter_{names[a.id]}": [{"text": a.answer}] for a in articles}
    _write(project / "domain.yml", domain)
    examples = [
        {
            "intent": names[a.id],
            "examples": "".join(f"- {_one_line(text)}\n" for text in (a.title, *a.questions)),
        }
        for a in articles
    ]
    _write(data / "articles.yml", {"version": VERSION, "nlu": examples})
    rules = [
        {
            "rule": f"answer {name}",
            "steps": [{"intent": name}, {"action": f"utter_{name}"}],
        }
        for name in names.values()
    ]
    _write(data / "article_rules.yml", {"version": VERSION, "rules": rules})
    shutil.copy(peer.config, project / "config.yml")
    for name in ("endpoints.yml", "credentials.yml"):
        shutil.copy(PEERS / name, project / name)


def digest_of(*paths: Path) -> str:
    """Sixteen hex digits of the contents of files and folders."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" in file.parts:
                continue
            digest.update(str(file.relative_to(path.parent)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def train_project(peer: Peer, project: Path, log: Path) -> None:
    """Run `rasa train` in the project; its cache stays there. Raises `BenchError`."""
    argv = [
        str(BOT_PYTHON),
        "-P",
        "-m",
        "rasa",
        "train",
        "--quiet",
        "--out",
        ".",
        "--fixed-model-name",
        "model",
    ]
    # Rasa writes the data it was trained on into its config; training happens in a copy.
    training = Program(f"the training of {peer.name}", argv, cwd=project, log=log)
    try:
        training.wait()
    finally:
        training.stop()
    if not (project / MODEL).exists():
        raise BenchError(f"the training of {peer.name} left no model: {training.last_words()}")


def _keep(project: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f"{kept.name}-", dir=kept.parent))
    for name in (MODEL, "endpoints.yml", "credentials.yml"):
        shutil.copy(project / name, making / name)
    if kept.exists():
        shutil.rmtree(kept)
    making.replace(kept)


def _name(article: Article) -> str:
    """The article's id as an intent: Rasa's retrieval intents claim the slash, its stories the space."""
    return article.id.replace("-", "_").replace(".", "_")


def _one_line(text: str) -> str:
    """A text as an example, in which `[word](entity)` would be markup and a line is an example."""
    return " ".join(text.split()).replace("](", "] (")


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
