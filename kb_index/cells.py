r"""Lists in one CSV cell: entries stand between `|`; a literal `|` is written `\|`.

A backslash means itself everywhere but right before a `|`, where it is doubled, so that `C:\temp` needs no
escape and what people typed by hand is read as they meant it. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_BAR: Final = re.compile(r"(\\*)\|")
_TAIL: Final = re.compile(r"\\+$")


def join_cell(entries: Iterable[str]) -> str:
    """The cell that `split_cell` reads back to `entries` (each trimmed and not empty)."""
    written = [_BAR.sub(lambda match: match[1] * 2 + r"\|", entry) for entry in entries]
    # A separator follows every entry but the last: backslashes at its end would else escape it.
    return "|".join([_TAIL.sub(lambda match: match[0] * 2, entry) for entry in written[:-1]] + written[-1:])


def split_cell(cell: str) -> list[str]:
    """The entries of a cell, trimmed; a blank cell has none. Blank entries stay, for the check to refuse."""
    if not cell.strip():
        return []
    entries = [""]
    end = 0
    for match in _BAR.finditer(cell):
        slashes = len(match[1])
        entries[-1] += cell[end : match.start()] + "\\" * (slashes // 2)
        if slashes % 2:
            entries[-1] += "|"
        else:
            entries.append("")
        end = match.end()
    entries[-1] += cell[end:]
    return [entry.strip() for entry in entries]
