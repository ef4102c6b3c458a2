"""How imported files were written: HOME/sources keeps the text of Markdown articles and Rasa files.

The content itself is in the database, and what is kept here never counts as content: an export writes an article
or an intent in the form that it came in, and what the database says otherwise is changed in it. Without these files
an export has the same content in plain form.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from handoff.content.source import Source

ARTICLES: Final = "kb_index/articles"
RASA: Final = "nlu_data"

_FOLDER: Final = "sources"
_INDEX: Final = "index.json"
_PLACES: Final = ("nlu", "rules", "stories")
_SECTION: Final = re.compile(r"^(nlu|rules|stories)\s*:", re.MULTILINE)
_LONGEST: Final = 200
"""Bytes of one part of a path that every file system takes."""


class Sources:
    """The texts of one home. Names are relative to a project: `kb_index/articles/pay.md`, `nlu_data/nlu/talk.yml`."""

    def __init__(self, home: Path) -> None:
        self._root = home / _FOLDER

    def record(self, source: Source) -> None:
        """Keep the texts that an import brought. A whole Rasa project takes the place of the one before.

        Raises:
            OSError: they cannot be written; the content is imported all the same.
        """
        index = self._index()
        rasa = {name for name in index if not name.endswith(".md")}
        incoming: dict[str, str] = {}
        ids: dict[str, str] = {}
        by_file = {origin.file: article_id for article_id, origin in source.origins.items()}
        for file, text in source.texts.items():
            if file.lower().endswith(".md"):
                name = _article_name(file)
                if name is not None and file in by_file:
                    incoming[name] = text
                    ids[name] = by_file[file]
                continue
            name = _rasa_name(file, text)
            # A file of intents alone, as another home exports it, is no project; it may renew one of its files.
            if name is not None and (source.kind == "rasa" or name in rasa):
                incoming[name] = text
                ids[name] = ""
        gone = rasa - incoming.keys() if source.kind == "rasa" else set()
        renewed = set(ids.values()) - {""}
        gone |= {name for name, article_id in index.items() if article_id in renewed and name not in incoming}
        for name, text in incoming.items():
            _put(self._root / name, text)
        kept = {name: article_id for name, article_id in {**index, **ids}.items() if name not in gone}
        if kept != index:
            _put(self._root / _INDEX, json.dumps(kept, ensure_ascii=False, indent=0, sort_keys=True))
        for name in gone:
            (self._root / name).unlink(missing_ok=True)

    def articles(self) -> Mapping[str, tuple[str, str]]:
        """Article id -> (name, text), as they were when they were imported last."""
        return {
            article_id: (name, text)
            for name, article_id in self._index().items()
            if article_id and (text := self._text(name)) is not None
        }

    def rasa(self) -> Mapping[str, str]:
        """Name -> text of the Rasa files of the project that was imported last; empty if none was."""
        return {
            name: text
            for name, article_id in self._index().items()
            if not article_id and (text := self._text(name)) is not None
        }

    def _index(self) -> dict[str, str]:
        """Name -> id of its article, or an empty text for a Rasa file. What is damaged is as good as nothing."""
        try:
            found = json.loads((self._root / _INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {
            name: article_id
            for name, article_id in found.items()
            if isinstance(article_id, str) and _is_safe(name)
        }

    def _text(self, name: str) -> str | None:
        try:
            return (self._root / name).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None


def shipped_rasa(project: Path) -> dict[str, str]:
    """Name -> text of the Rasa files that trainings are made with."""
    return {
        file.relative_to(project).as_posix(): file.read_bytes().decode("utf-8")
        for place in _PLACES
        for file in sorted((project / RASA / place).glob("*.yml"))
    }


def is_rasa(text: str) -> bool:
    """Whether a YAML file holds Rasa's training data."""
    return _SECTION.search(text) is not None


def _article_name(file: str) -> str | None:
    parts = PurePosixPath(file).parts
    if "articles" in parts[:-1]:
        # Of an export or a checkout, the folders above are not the article's.
        parts = parts[parts.index("articles") + 1 :]
    name = PurePosixPath(ARTICLES, *parts).as_posix()
    return name if _is_safe(name) else None


def _rasa_name(file: str, text: str) -> str | None:
    parts = PurePosixPath(file).parts
    found = _SECTION.search(text)
    if found is None:
        return None
    start = next((n for n, part in enumerate(parts[:-1]) if part in (RASA, "data")), None)
    if start is not None:
        parts = parts[start:]
    elif parts[0] in _PLACES:
        parts = (RASA, *parts)
    else:
        parts = (RASA, found[1], parts[-1])
    name = "/".join(parts)
    return name if _is_safe(name) else None


def _is_safe(name: str) -> bool:
    return all(
        part not in ("", ".", "..")
        and "\\" not in part
        and part.isprintable()
        and len(part.encode()) <= _LONGEST
        for part in name.split("/")
    )


def _put(path: Path, text: str) -> None:
    """Replace a file at once; that it survives a power cut is not worth a wait for each of thousands."""
    data = text.encode("utf-8")
    try:
        if path.read_bytes() == data:
            return
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.parent / f".{secrets.token_hex(8)}.partial"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
