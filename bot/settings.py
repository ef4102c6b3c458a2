"""Settings of the bot's processes, from the environment that the supervisor gives them, and names in a home."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from bot.answering import LowConfidence
from kb_index.serving import VOICES

MODEL_FILE: Final = "model.tar.gz"
INDEX_FOLDER: Final = "index"
MOOD_FILE: Final = "frustration.json"
REPORT_FILE: Final = "report.json"
ENCODER_FOLDER: Final = "encoder"
"""In a release: the fine-tuned encoder, where there is one."""
CONTENT_FILE: Final = "content.jsonl"
INTENTS_FILE: Final = "intents.yml"
RULES_FILE: Final = "rules.json"

ENCODER: Final = "bundled"


class SettingsError(ValueError):
    """A setting has an impossible value. The message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`secret` opens the HTTP door; empty only for commands that open none. `voice` is that of releases that bring none."""

    home: Path
    encoder: str = ENCODER
    voice: str = "casual"
    low_confidence: LowConfidence = "handoff"
    fine_tune: bool = True
    fine_tune_minutes: float = 20.0
    secret: str = ""

    @property
    def releases(self) -> Path:
        """Folder of all releases."""
        return self.home / "releases"

    @property
    def editions(self) -> Path:
        """Folder of the releases' editions."""
        return self.home / "editions"

    @property
    def cache(self) -> Path:
        """What can be computed again: embeddings, Rasa's fingerprints."""
        return self.home / "cache"

    @property
    def dialogues(self) -> Path:
        """The bot's dialogue states."""
        return self.home / "dialogues.db"


def from_environment(home: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read BATON_ENCODER, BATON_VOICE, BATON_LOW_CONFIDENCE, BATON_FINE_TUNE(_MINUTES) and BATON_BOT_SECRET.

    Raises:
        SettingsError: a value that nothing can be done with.
    """
    low_confidence = environment.get("BATON_LOW_CONFIDENCE") or "handoff"
    if low_confidence not in get_args(LowConfidence):
        raise SettingsError(f"BATON_LOW_CONFIDENCE must be handoff or offer, not {low_confidence!r}")
    voice = environment.get("BATON_VOICE") or "casual"
    if voice not in VOICES:
        raise SettingsError(f"BATON_VOICE must be {' or '.join(VOICES)}, not {voice!r}")
    fine_tune = environment.get("BATON_FINE_TUNE") or "auto"
    if fine_tune not in ("auto", "off"):
        raise SettingsError(f"BATON_FINE_TUNE must be auto or off, not {fine_tune!r}")
    minutes = environment.get("BATON_FINE_TUNE_MINUTES") or "20"
    try:
        fine_tune_minutes = float(minutes)
    except ValueError:
        fine_tune_minutes = 0.0
    if not 0.0 < fine_tune_minutes < float("inf"):
        raise SettingsError(f"BATON_FINE_TUNE_MINUTES must be a number above 0, not {minutes!r}")
    return Settings(
        home=home,
        encoder=environment.get("BATON_ENCODER") or ENCODER,
        voice=voice,
        low_confidence="offer" if low_confidence == "offer" else "handoff",
        fine_tune=fine_tune == "auto",
        fine_tune_minutes=fine_tune_minutes,
        secret=environment.get("BATON_BOT_SECRET", ""),
    )
