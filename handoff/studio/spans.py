"""Places in a text."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["email", "phone", "card", "iban", "link", "name", "address"]


class Span(NamedTuple):
    """Characters `start` up to, not including, `end` of a text, and what they are."""

    kind: Kind
    start: int
    end: int
