"""The intents that ship with the bot: the only ones that a home may give examples for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import yaml

from handoff.settings import PROJECT_ROOT
from kb_index.formats import RowError

SHIPPED: Final = PROJECT_ROOT / "nlu_data" / "nlu"


def known_intents(folder: Path = SHIPPED) -> frozenset[str]:
    """Names of the intents in a folder of Rasa NLU files; sub-intents (`faq/price`) count by their full name."""
    names = set()
    for file in sorted(folder.glob("*.yml")):
        data = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        names |= {entry["intent"] for entry in data.get("nlu") or () if "intent" in entry}
    return frozenset(names)


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


def unknown_intents(path: Path, intents: Mapping[str, object], known: Iterable[str]) -> list[RowError]:
    """A row for each intent that no rule or story of the bot reacts to: its examples would teach nothing."""
    names = sorted(known)
    lines = _lines_of_intents(path) if intents else {}
    return [
        RowError(
            path.name,
            lines.get(name, 0),
            "unknown_intent",
            f"The bot has no intent {name!r}. Known: {', '.join(names)}. Questions with an answer of their own "
            "are articles.",
        )
        for name in intents
        if name not in names
    ]


def _lines_of_intents(path: Path) -> dict[str, int]:
    """The line on which each intent is first named; the file was parsed before, so it is well-formed."""
    lines: dict[str, int] = {}
    root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value != "nlu":
            continue
        for block in value.value:
            for name, intent in block.value:
                if name.value == "intent":
                    lines.setdefault(intent.value, intent.start_mark.line + 1)
    return lines
