"""The head that the project's own conversations give with an encoder: fitted once, then kept in the home's cache.

Fitting with its nested figures takes half a minute and depends on nothing that an editor changes, so a training after the
first takes what the first one made. The cache's key holds the data, the encoder and the code that fits.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from bot.lexicon import read_lexicons
from bot.mood.head import MoodHead, MoodHeadError
from bot.mood.labelled import read_labelled_turns
from bot.mood.training import fit_mood
from kb_index.encoder import Encoder

DATA: Final = Path(__file__).parents[2] / "nlu_data" / "frustration"
LEXICONS: Final = "lexicon"
HEAD: Final = "head.json"
FIGURES: Final = "figures.json"
OTHER_CODE: Final = ("frustration.py", "lexicon.py")


def shipped_head(encoder: Encoder, cache: Path, data: Path = DATA) -> tuple[MoodHead | None, dict[str, Any]]:
    """The head and its figures, see `fit_mood`; `cache` is a folder that may be emptied at any time.

    Raises:
        LabelledDataError, LexiconError: a data file is wrong.
        EncoderError: the encoder gave unusable vectors.
    """
    folder = cache / "mood" / _key(encoder, data)
    try:
        figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
        return MoodHead.load(folder / HEAD, dimension=encoder.dimension), figures
    except (OSError, ValueError, MoodHeadError):
        pass  # not there, or not whole: made again
    turns = read_labelled_turns(data)
    texts = list(dict.fromkeys(turn.text for turn in turns))
    vectors = dict(zip(texts, encoder.encode(texts), strict=True)) if texts else {}
    head, figures = fit_mood(turns, vectors, read_lexicons(data / LEXICONS), encoder=encoder.fingerprint)
    if head is not None:
        folder.mkdir(parents=True, exist_ok=True)
        head.save(folder / HEAD)
        (folder / FIGURES).write_text(json.dumps(figures), encoding="utf-8")
    return head, figures


def _key(encoder: Encoder, data: Path) -> str:
    digest = hashlib.sha256(encoder.fingerprint.encode())
    code = sorted(Path(__file__).parent.glob("*.py"))
    files = sorted(path for path in data.rglob("*") if path.suffix in (".jsonl", ".yml"))
    for path in (*code, *(Path(__file__).parents[1] / name for name in OTHER_CODE), *files):
        digest.update(f"\0{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]
