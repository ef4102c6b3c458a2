"""The intents that ship with the bot: the only ones that a home may give examples for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol

import yaml

from handoff.settings import PROJECT_ROOT
from kb_index.formats import RowError


class HasIntents(Protocol):
    """A home's content."""

    async def own_intents(self) -> frozenset[str]:
        """Names of the intents that the site has made."""


SHIPPED: Final = PROJECT_ROOT / "nlu_data" / "nlu"


def known_intents(folder: Path = SHIPPED) -> frozenset[str]:
    """Names of the intents in a folder of Rasa NLU files; sub-intents (`faq/price`) count by their full name."""
    names = set()
    for file in sorted(folder.glob("*.yml")):
        data = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        names |= {entry["intent"] for entry in data.get("nlu") or () if "intent" in entry}
    return frozenset(names)


async def teachable(store: HasIntents, known: Iterable[str] | None = None) -> frozenset[str]:
    """The intents that a file may hold examples of: `known`, or with None the shipped ones and the home's own."""
    if known is not None:
        return frozenset(known)
    return await asyncio.to_thread(known_intents) | await store.own_intents()


def shipped_examples(folder: Path = SHIPPED) -> dict[str, tuple[str, ...]]:
    """The examples of each intent in a folder of Rasa NLU files, in Rasa's notation."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.yml")):
        data = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        for entry in data.get("nlu") or ():
            if "intent" in entry:
                lines = (line.removeprefix("- ").strip() for line in entry.get("examples", "").splitlines())
                found.setdefault(entry["intent"], []).extend(line for line in lines if line)
    return {name: tuple(texts) for name, texts in found.items()}


def unknown_intents(places: Mapping[str, tuple[str, int]], known: Iterable[str]) -> list[RowError]:
    """A row for each intent that no rule or story of the bot reacts to: its examples would teach nothing.
    `places` are file and line where each intent is first named.
    """
    names = sorted(known)
    return [
        RowError(
            file,
            line,
            "unknown_intent",
            f"The bot has no intent {name!r}. Known: {', '.join(names)}. Questions with an answer of their own "
            "are articles.",
        )
        for name, (file, line) in places.items()
        if name not in names
    ]
