"""The bot's own words in the site's voice and the customer's language.

`bot/texts/<language>.yml` holds them; a language without a file falls back to English. Every voice has every text,
which `load` checks, so that a missing one is found at start and not in front of a customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from kb_index.languages import language_of
from kb_index.serving import VOICES, Voice

FALLBACK: Final = "en"
TEXTS: Final = Path(__file__).parent / "texts"
_MARKS: Final = "?. \u061f\uff1f\u3002"
"""What a title may end in that must not stand in the middle of a sentence, in any script."""

UNCOVERED: Final = "uncovered"
"""The file that says in many languages that the articles do not cover the customer's; all others are languages."""


class VoiceError(ValueError):
    """A text file is incomplete. The message names what is missing."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words of one language in one voice."""

    texts: Mapping[str, str]
    labels: Mapping[str, str]
    problems: Mapping[str, str]

    def say(self, key: str, **values: Any) -> str:
        """The text `key` with its placeholders filled. Raises `KeyError` for an unknown text or placeholder."""
        return self.texts[key].format(**values)

    def problem(self, key: str, title: str | None) -> str:
        """How to name a problem; `title` is the closest article's, None when nothing came close."""
        if title is None and f"{key}_plain" in self.problems:
            key = f"{key}_plain"
        elif title is None and key == "about":
            key = "plain"
        elif title is None and key == "topic":
            key = "this"
        return self.problems[key].format(title=(title or "").lstrip("\u00bf ").rstrip(_MARKS))


class Wording:
    """All languages in one voice."""

    def __init__(
        self, voice: Voice, languages: Mapping[str, Phrases], uncovered: Mapping[str, str] | None = None
    ) -> None:
        self.voice: Final = voice
        self._languages = languages
        self._uncovered = uncovered or {}

    @property
    def languages(self) -> Mapping[str, Phrases]:
        """The words of each language that has a file, by its code."""
        return self._languages

    def for_locale(self, locale: str) -> Phrases:
        """The words for a BCP 47 tag such as `en-GB`; English where the language has none."""
        return self._languages.get(language_of(locale)) or self._languages[FALLBACK]

    def uncovered(self, language: str | None, locale: str) -> str:
        """That no article covers `language`: said in it where there is a text, else in that of the page's locale."""
        own = None if language is None else self._uncovered.get(language)
        return own or self.for_locale(locale).say("utter_escalate_language")


def load(voice: str, folder: Path = TEXTS) -> Wording:
    """Read every language of `folder` in one voice.

    Raises:
        VoiceError: the voice is unknown, or a language lacks a text that another has.
    """
    if voice not in VOICES:
        raise VoiceError(f"voice must be one of {', '.join(VOICES)}, not {voice!r}")
    languages: dict[str, Phrases] = {}
    uncovered: dict[str, str] = {}
    for path in sorted(folder.glob("*.yml")):
        if path.stem == UNCOVERED:
            uncovered = yaml.safe_load(path.read_text(encoding="utf-8"))
            continue
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        languages[path.stem] = Phrases(raw["texts"][voice], raw["labels"][voice], raw["problems"][voice])
    if FALLBACK not in languages:
        raise VoiceError(f"{FALLBACK}.yml is missing")
    wanted = languages[FALLBACK]
    for language, phrases in languages.items():
        for part in ("texts", "labels", "problems"):
            missing = sorted(set(getattr(wanted, part)) - set(getattr(phrases, part)))
            if missing:
                raise VoiceError(f"{language}.yml lacks {part}.{voice}: {', '.join(missing)}")
    return Wording("formal" if voice == "formal" else "casual", languages, uncovered)
