"""`python -m bot.train`: a frozen snapshot of the content becomes a release: model, index, frustration head, report.

Progress goes to standard error, one JSON object a line; the result is the last line of standard output. The caller
owns the release folder and makes it visible when this has succeeded.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bot import settings as names
from bot.mood.shipped import shipped_head
from bot.programs import Progress, report_progress
from bot.quiet import hush
from bot.settings import Settings, SettingsError, from_environment
from bot.training_files import Snapshot, TrainingError, check_names, write_training_files
from kb_index.article import Article
from kb_index.embedding_cache import CachedEncoder
from kb_index.encoder import Encoder, load_encoder
from kb_index.encoder_languages import beyond_encoder
from kb_index.formats import parse
from kb_index.knowledge import Knowledge
from kb_index.languages import language_of
from kb_index.rule_file import read_rules
from kb_index.rules import RuleError
from kb_index.serving import SERVING_FILE, VOICES, Serving, serving_text
from kb_index.tuning import Tuning, tune


def read_snapshot(folder: Path) -> Snapshot:
    """Read `content.jsonl`, `intents.yml` and `rules.json`; a missing or empty file is no content.

    Raises:
        TrainingError: a row is wrong (the message names the first), or an own intent has the name of one that ships.
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
    try:
        rules = read_rules(folder / names.RULES_FILE)
        check_names(rules)
    except RuleError as error:
        raise TrainingError(error.code, error.message) from error
    return Snapshot(tuple(articles), intents, rules)


def train(
    snapshot: Snapshot,
    out: Path,
    settings: Settings,
    *,
    risk: float,
    unanswerable_share: float,
    frustration_threshold: float | None = None,
    voice: str | None = None,
    progress: Progress,
) -> dict[str, Any]:
    """Write a release's files into `out` and return the figures for its manifest.

    What it is to serve with is stored in it (`kb_index.serving`), `frustration_threshold` and `voice` only
    where they are not None.

    Raises:
        TrainingError: Rasa could not train.
        EncoderError: the encoder cannot be loaded.
    """
    started = time.monotonic()
    # Refused before minutes of training.
    serving = Serving.from_dict(
        {
            "risk": risk,
            "unanswerable_share": unanswerable_share,
            "frustration_threshold": frustration_threshold,
            "voice": voice,
        }
    )
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
        written = write_training_files(Path(work), snapshot, encoder)
        _train_model(Path(work), out, settings, encoder)
    progress("model", 1, 1, "rasa")

    locales = [article.locale for article in snapshot.articles]
    warnings = [text for text in (beyond_encoder(settings.encoder, locales), *written.warnings) if text]
    report = {
        "languages": dict(sorted(Counter(map(language_of, locales)).items())),
        "warnings": warnings,
        "articles": len(snapshot.articles),
        "questions": sum(len(article.questions) for article in snapshot.articles),
        "intent_examples": written.examples,
        **({"own_intents": written.intents} if written.intents else {}),
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


def _train_model(work: Path, out: Path, settings: Settings, encoder: Encoder) -> None:
    cache = settings.cache / "rasa"
    cache.mkdir(parents=True, exist_ok=True)
    os.environ["RASA_CACHE_DIRECTORY"] = str(cache)
    import rasa.model_training  # noqa: PLC0415 - imports Rasa, 15 s that a bad snapshot need not wait for
    from rasa.core.policies.rule_policy import InvalidRule  # noqa: PLC0415

    from bot import runtime  # noqa: PLC0415
    from bot.vectors import Vectors  # noqa: PLC0415

    with runtime.using(runtime.Runtime(vectors=Vectors(encoder))):
        try:
            result = rasa.model_training.train(
                domain=str(work / "domain"),
                config=str(work / "config.yml"),
                training_files=[str(work / "data")],
                output=str(work / "model"),
                fixed_model_name="model",
            )
        except InvalidRule as error:
            raise TrainingError("rule_conflict", f"Rules contradict each other: {error}") from error
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
    parser.add_argument("--voice", choices=VOICES, help="how customers are addressed; default: BATON_VOICE")
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
            voice=given.voice,
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
