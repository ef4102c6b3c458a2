"""`python -m bot.train`: a frozen snapshot of the content becomes a release: model, index, frustration head, report.

Progress goes to standard error, one JSON object a line; the result is the last line of standard output. The caller
owns the release folder and makes it visible when this has succeeded.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from bot import settings as names
from bot.mood.shipped import shipped_head
from bot.programs import Progress, report_progress
from bot.quiet import hush
from bot.settings import Settings, SettingsError, from_environment
from bot.training_data import background
from bot.voice import load as load_voice
from kb_index.article import Article
from kb_index.embedding_cache import CachedEncoder
from kb_index.encoder import Encoder, load_encoder
from kb_index.encoder_languages import beyond_encoder
from kb_index.formats import parse
from kb_index.knowledge import Knowledge
from kb_index.languages import language_of
from kb_index.serving import SERVING_FILE, Serving, serving_text
from kb_index.tuning import Tuning, tune

PROJECT: Final = Path(__file__).parent.parent
CONFIG: Final = PROJECT / "config.yml"
NLU_DATA: Final = PROJECT / "nlu_data"
DOMAIN: Final = Path(__file__).parent / "domain"
QUESTION: Final = "question"
TASK_INTENTS: Final = ("order_status", "cancel_form")
ENCODER_COMPONENT: Final = "bot.components.encoder.SentenceEncoder"

_ENTITY: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")


class TrainingError(RuntimeError):
    """Training cannot go on. `code` is stable; the message says what to change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is trained: articles, and intents that the site added or extended."""

    articles: tuple[Article, ...]
    intents: dict[str, list[str]]


def read_snapshot(folder: Path) -> Snapshot:
    """Read `content.jsonl` and `intents.yml`; a missing or empty file is no content.

    Raises:
        TrainingError: a row is wrong; the message names the first.
    """
    articles: list[Article] = []
    intents: dict[str, list[str]] = {}
    for file in (names.CONTENT_FILE, names.INTENTS_FILE):
        path = folder / file
        if not path.exists() or not path.read_text(encoding="utf-8").strip():
            continue
        parsed = parse(path)
        if parsed.errors:
            first = parsed.errors[0]
            raise TrainingError(first.code, f"{file} line {first.line}: {first.message}")
        articles += parsed.articles
        intents |= parsed.intents
    return Snapshot(tuple(articles), intents)


def train(
    snapshot: Snapshot,
    out: Path,
    settings: Settings,
    *,
    risk: float,
    unanswerable_share: float,
    frustration_threshold: float | None = None,
    progress: Progress,
) -> dict[str, Any]:
    """Write a release's files into `out` and return the figures for its manifest.

    What it is to serve with is stored in it (`kb_index.serving`), `frustration_threshold` only where it is not None.

    Raises:
        TrainingError: Rasa could not train.
        EncoderError: the encoder cannot be loaded.
    """
    started = time.monotonic()
    serving = Serving(risk, unanswerable_share, None, frustration_threshold)
    Serving.from_dict(serving.as_dict())  # refused before minutes of training
    progress("encoder", 0, 1, settings.encoder)
    encoder: Encoder = CachedEncoder(load_encoder(settings.encoder), settings.cache / "embeddings")
    progress("encoder", 1, 1, settings.encoder)
    tuning = _tune(snapshot, encoder, out, settings, progress)
    own = encoder if tuning.encoder is None else tuning.encoder
    knowledge = Knowledge.build(
        snapshot.articles,
        own,
        risk=risk,
        unanswerable_share=unanswerable_share,
        probes=tuning.probes,
        progress=lambda stage, done, total: progress(stage, done, total, "articles"),
    )
    knowledge.save(out / names.INDEX_FOLDER)

    progress("frustration", 0, 1, "")
    head, mood_figures = shipped_head(encoder, settings.cache)
    if head is not None:
        head.save(out / names.MOOD_FILE)
    progress("frustration", 1, 1, "")

    progress("model", 0, 1, "rasa")
    with tempfile.TemporaryDirectory(prefix="baton-train-") as work:
        examples = _write_training_files(Path(work), snapshot, encoder)
        _train_model(Path(work), out, settings, encoder)
    progress("model", 1, 1, "rasa")

    locales = [article.locale for article in snapshot.articles]
    warnings = [text for text in (beyond_encoder(settings.encoder, locales),) if text]
    report = {
        "languages": dict(sorted(Counter(map(language_of, locales)).items())),
        "warnings": warnings,
        "articles": len(snapshot.articles),
        "questions": sum(len(article.questions) for article in snapshot.articles),
        "intent_examples": examples,
        "knowledge": {**knowledge.figures, "curve": knowledge.curve},
        "fine_tuning": tuning.report,
        "frustration": mood_figures,
        "risk": risk,
        "unanswerable_share": unanswerable_share,
        "seconds": round(time.monotonic() - started, 2),
    }
    (out / names.REPORT_FILE).write_text(
        json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
    (out / SERVING_FILE).write_text(serving_text(serving), encoding="utf-8")
    return {
        "encoder": {"name": own.name, "fingerprint": own.fingerprint, "dimension": own.dimension},
        "content_hash": knowledge.content_hash,
        "libraries": {
            package: version(package)
            for package in ("rasa", "numpy", "scikit-learn", "faiss-cpu", "onnxruntime", "tokenizers")
        },
        "figures": report,
    }


def _tune(snapshot: Snapshot, base: Encoder, out: Path, settings: Settings, progress: Progress) -> Tuning:
    """The articles' own encoder, copied into the release, or why there is none. Intents and mood keep `base`."""
    if not settings.fine_tune:
        return Tuning(None, None, (), {"fine_tuned": False, "reason": "switched off (BATON_FINE_TUNE)"})
    tuning = tune(
        snapshot.articles,
        base,
        settings.cache / "fine-tuning",
        minutes=settings.fine_tune_minutes,
        threads=1,
        progress=lambda stage, done, total: progress(stage, done, total, "fine-tuning"),
    )
    if tuning.folder is not None:
        shutil.copytree(tuning.folder, out / names.ENCODER_FOLDER)
    return tuning


def _vectors_of(texts: list[str], encoder: Encoder) -> dict[str, NDArray[np.float32]]:
    unique = list(dict.fromkeys(texts))
    return dict(zip(unique, encoder.encode(unique), strict=True)) if unique else {}


def _stacked(texts: list[str], encoder: Encoder) -> NDArray[np.float32]:
    return encoder.encode(texts) if texts else np.zeros((0, encoder.dimension), dtype=np.float32)


def _write_training_files(work: Path, snapshot: Snapshot, encoder: Encoder) -> int:
    """Copy the project's data, add the snapshot's intents and the articles' questions; return the example count."""
    data = work / "data"
    data.mkdir()
    for part in ("nlu", "rules", "stories"):
        shutil.copytree(NLU_DATA / part, data / part)
    own: dict[str, list[str]] = {}
    for path in sorted((data / "nlu").glob("*.yml")):
        for intent, examples in _examples(path):
            own.setdefault(intent, []).extend(examples)
    texts = [text for article in snapshot.articles for text in (article.title, *article.questions)]
    asked = background(
        snapshot.articles,
        _vectors_of(texts, encoder),
        _stacked([t for i, ts in own.items() if i not in (QUESTION, *TASK_INTENTS) for t in ts], encoder),
        _stacked([t for i in TASK_INTENTS for t in own.get(i, [])], encoder),
    )
    added = dict(snapshot.intents)
    if asked:
        added[QUESTION] = [*added.get(QUESTION, []), *asked]
    blocks = [
        {"intent": intent, "examples": "".join(f"- {_one_line(t)}\n" for t in texts)}
        for intent, texts in sorted(added.items())
        if texts
    ]
    if blocks:
        (data / "nlu" / "snapshot.yml").write_text(
            yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True), encoding="utf-8"
        )
    new = sorted(set(snapshot.intents) - set(own))
    shutil.copytree(DOMAIN, work / "domain")
    added_domain: dict[str, Any] = {"version": "3.1", "responses": _responses()}
    if new:
        added_domain["intents"] = new
    (work / "domain" / "snapshot.yml").write_text(
        yaml.safe_dump(added_domain, allow_unicode=True), encoding="utf-8"
    )
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for component in config["pipeline"]:
        if component["name"] == ENCODER_COMPONENT:
            component["fingerprint"] = encoder.fingerprint
    (work / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return sum(len(t) for t in own.values()) + sum(len(t) for t in added.values())


def _responses() -> dict[str, list[dict[str, str]]]:
    """A response for each `utter_` action, so that Rasa's own checks and tools know it; bot/nlg.py says the real one."""
    actions = yaml.safe_load((DOMAIN / "domain.yml").read_text(encoding="utf-8"))["actions"]
    texts = load_voice("formal").for_locale("en").texts
    return {
        action: [{"text": texts.get(action, action)}] for action in actions if action.startswith("utter_")
    }


def _examples(path: Path) -> list[tuple[str, list[str]]]:
    """Intents of a file of ours with their examples, entity markup taken out."""
    found = []
    for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
        if "intent" in block:
            lines = [line.removeprefix("- ") for line in block["examples"].splitlines()]
            found.append((block["intent"], [_ENTITY.sub(r"\1", line) for line in lines if line]))
    return found


def _one_line(text: str) -> str:
    """A text as an example in Rasa's format, in which `[word](entity)` is markup and a line is an example."""
    return " ".join(text.split()).replace("](", "] (")


def _train_model(work: Path, out: Path, settings: Settings, encoder: Encoder) -> None:
    cache = settings.cache / "rasa"
    cache.mkdir(parents=True, exist_ok=True)
    os.environ["RASA_CACHE_DIRECTORY"] = str(cache)
    import rasa.model_training  # noqa: PLC0415 - imports Rasa, 15 s that a bad snapshot need not wait for

    from bot import runtime  # noqa: PLC0415
    from bot.vectors import Vectors  # noqa: PLC0415

    with runtime.using(runtime.Runtime(vectors=Vectors(encoder))):
        result = rasa.model_training.train(
            domain=str(work / "domain"),
            config=str(work / "config.yml"),
            training_files=[str(work / "data")],
            output=str(work / "model"),
            fixed_model_name="model",
        )
    if result.code != 0 or result.model is None:
        raise TrainingError("training_failed", f"Rasa ended with code {result.code}; see the log above.")
    shutil.move(result.model, out / names.MODEL_FILE)


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.train")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--snapshot", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--risk", type=float, default=0.02)
    parser.add_argument("--unanswerable-share", type=float, default=0.1)
    parser.add_argument(
        "--frustration-threshold", type=float, help="score from which on a conversation goes to a person"
    )
    given = parser.parse_args(arguments)
    hush()
    # Rasa prints its progress on standard output, where only the result belongs.
    result_line, sys.stdout = sys.stdout, sys.stderr
    try:
        settings = from_environment(given.home)
        manifest = train(
            read_snapshot(given.snapshot),
            given.out,
            settings,
            risk=given.risk,
            unanswerable_share=given.unanswerable_share,
            frustration_threshold=given.frustration_threshold,
            progress=report_progress,
        )
        result: dict[str, Any] = {"ok": True, "manifest": manifest}
    except (TrainingError, SettingsError, ValueError, RuntimeError, OSError) as error:
        code = getattr(error, "code", "training_failed")
        result = {"ok": False, "error": {"code": str(code), "message": str(error) or repr(error)}}
    finally:
        sys.stdout = result_line
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
