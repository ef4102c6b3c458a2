"""`python -m bot.evaluate_frustration`: read labelled messages as the bot reads them, and say how well it went.

Each message is read after those of its conversation that stand before it in the file, by the code and the head that
serve. The figures are those of docs/protocol.md section 5; `by_conversation` tells what the level over the conversation
would have done. A home without a live release is measured with the head that its next training will have.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from bot.commands import columns, tell
from bot.frustration import Mood, TurnSignals
from bot.lexicon import LexiconError
from bot.mood.head import MoodHead, MoodHeadError, Reading
from bot.mood.history import History
from bot.mood.labelled import LabelledDataError
from bot.mood.measures import Judged, conversation_figures, moods_of, shares, turn_figures
from bot.mood.rows import Row, read_rows
from bot.mood.shipped import shipped_head
from bot.settings import MOOD_FILE, Settings, SettingsError, from_environment
from kb_index.charts import FOOT, Plot, percent, ticks
from kb_index.embedding_cache import CachedEncoder
from kb_index.encoder import Encoder, EncoderError, load_encoder
from kb_index.evaluate import EvaluationFileError
from kb_index.releases import ReleaseError, ReleaseStore, UnknownRelease

EXPECTED: Final = (
    SettingsError,
    ReleaseError,
    EvaluationFileError,
    EncoderError,
    MoodHeadError,
    LabelledDataError,
    LexiconError,
    OSError,
)
STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Read:
    """A row, what the head made of it, and the level of its conversation after it."""

    row: Row
    reading: Reading
    mood: Mood


def read_all(rows: Sequence[Row], head: MoodHead, encoder: Encoder, locale: str) -> list[Read]:
    """Each row after those of its conversation before it; `rows` are as `read_rows` gives them."""
    texts = list(dict.fromkeys(row.text for row in rows))
    vectors = dict(zip(texts, encoder.encode(texts), strict=True))
    read: list[Read] = []
    for _, group in groupby(rows, key=lambda row: row.conversation_id):
        own = list(group)
        readings: list[Reading] = []
        history = History()
        for row in own:
            readings.append(head.read(row.text, vectors[row.text], history, locale))
            history = readings[-1].history
        moods = moods_of([signals_of(reading, head) for reading in readings])
        read += [Read(*found) for found in zip(own, readings, moods, strict=True)]
    return read


def signals_of(reading: Reading, head: MoodHead) -> TurnSignals:
    """What a message alone says about the mood; what the bot did is in no file."""
    return TurnSignals(reading.anger, threshold=head.threshold, parts=reading.parts)


def figures(read: Sequence[Read], head: MoodHead) -> dict[str, Any]:
    """`{n, auroc, precision, recall, f1, threshold}` by message, and `by_conversation`."""
    judged = [Judged(r.row.conversation_id, r.row.frustrated, signals_of(r.reading, head)) for r in read]
    scores = [r.reading.anger for r in read]
    return {
        **turn_figures(scores, [r.row.frustrated for r in read], head.threshold),
        "by_conversation": conversation_figures(judged),
    }


def release_head(settings: Settings, release_id: str | None, encoder: Encoder) -> tuple[MoodHead, str | None]:
    """The head of the named or the live release and its id; without a live one, the head that training would make.

    Raises:
        ReleaseError: there is no such release, or it is damaged.
        MoodHeadError: the release has no head, or one for another encoder.
    """
    # A home is not made by asking it something: `serve` would take it for one that somebody has filled.
    store = ReleaseStore(settings.releases) if settings.releases.is_dir() else None
    wanted = release_id or (store.current() if store else None)
    if wanted is None:
        sys.stderr.write("baton: no release is live, so the head is fitted now, as training would (1 min)\n")
        return _fitted(settings, encoder), None
    if store is None:
        raise UnknownRelease(f"There is no release {wanted!r}: train one with `baton train`.")
    release = store.verify(wanted)
    path = release.path / MOOD_FILE
    if not path.exists():
        raise MoodHeadError(f"Release {wanted} does not read frustration. Train again.")
    head = MoodHead.load(path, dimension=encoder.dimension)
    if head.encoder != encoder.fingerprint:
        raise MoodHeadError(
            f"Release {wanted} reads frustration with another encoder than BATON_ENCODER names. Train again."
        )
    return head, wanted


def _fitted(settings: Settings, encoder: Encoder) -> MoodHead:
    if settings.cache.is_dir():
        head, _ = shipped_head(encoder, settings.cache)
    else:
        with tempfile.TemporaryDirectory(prefix="baton-mood-") as cache:
            head, _ = shipped_head(encoder, Path(cache))
    if head is None:
        raise MoodHeadError("There are too few labelled conversations to learn from in nlu_data/frustration.")
    return head


def write_report(folder: Path, read: Sequence[Read], found: dict[str, Any]) -> None:
    """`figures.json`, every row with its signals in `rows.csv`, and what each threshold gives in `thresholds.csv`, `.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(
            [
                "line",
                "conversation_id",
                "turn",
                "text",
                "frustrated",
                "anger",
                "level",
                "calls_person",
                "signals",
            ]
        )
        for entry in read:
            row, mood = entry.row, entry.mood
            signals = "; ".join(f"{name} {weight:+.2f}" for name, weight in entry.reading.parts[:6])
            table.writerow(
                [
                    row.line,
                    row.conversation_id,
                    row.turn,
                    row.text,
                    int(row.frustrated),
                    round(entry.reading.anger, 4),
                    round(mood.score, 4),
                    int(mood.escalate),
                    signals,
                ]
            )
    truth = [entry.row.frustrated for entry in read]
    curve = [
        {"threshold": step / STEPS, **shares([e.reading.anger >= step / STEPS for e in read], truth)}
        for step in range(STEPS + 1)
    ]
    with (folder / "thresholds.csv").open("w", newline="", encoding="utf-8") as file:
        columns = csv.DictWriter(file, fieldnames=list(curve[0]))
        columns.writeheader()
        columns.writerows(curve)
    _draw(folder / "thresholds.svg", curve, found["threshold"])


def _draw(path: Path, curve: Sequence[dict[str, float | None]], chosen: float) -> None:
    plot = Plot(
        "thresholds",
        "Precision and recall by threshold",
        "What share of the messages called upset are, and what share of the upset ones is called so, at each threshold.",
        x=(0.0, 1.0),
        y=(0.0, 1.0),
    )
    plot.axes(("threshold of anger", "share"), (ticks(0.0, 1.0), ticks(0.0, 1.0)), (percent, percent))
    plot.upright(chosen, "the release's", down=FOOT)
    for name, kind in (("precision", "a"), ("recall", "b")):
        points = [(p["threshold"] or 0.0, y) for p in curve if (y := p[name]) is not None]
        plot.line(points, kind)
        if points:
            plot.mark(*min(points, key=lambda point: abs(point[0] - chosen)), name)
    path.write_text(plot.file(), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.evaluate_frustration")
    parser.add_argument("file", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--release")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--locale", default="en")
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args(arguments)

    def find() -> dict[str, Any]:
        settings = from_environment(given.home)
        rows = read_rows(given.file)  # a bad file is told before anything is loaded
        encoder = load_encoder(settings.encoder)
        kept = settings.cache / "embeddings" if settings.cache.is_dir() else None
        head, release_id = release_head(settings, given.release, CachedEncoder(encoder, kept))
        read = read_all(rows, head, encoder, given.locale)
        found = {**figures(read, head), "release_id": release_id}
        if given.report:
            write_report(given.report, read, found)
        return found

    return tell(find, as_json=given.as_json, lines=columns, expected=EXPECTED, failed="evaluation_failed")


if __name__ == "__main__":
    sys.exit(main())
