"""What programs of the bot's environment are given and leave: folders under HOME/run that nobody else may read."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson


def emptied(folder: Path) -> None:
    """Make the folder anew; what a program that was killed has left there goes. Raises `OSError`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line. Raises `OSError`."""
    with path.open("wb") as stream:
        for row in rows:
            stream.write(orjson.dumps(row) + b"\n")
