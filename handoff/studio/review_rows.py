"""What rows of the review inbox have in common."""

from __future__ import annotations

import re
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.adapters.schema import asked

# A bound 0 would not be known for the index's own.
IS_OPEN: Final = sa.and_(asked.c.reasons > sa.literal_column("0"), asked.c.settled_at.is_(None))
"""Questions to be dealt with, as the index `ix_asked_open` has them."""

LIKE: Final = "like "
"""How `settled_by` begins where no person settled a question but its likeness to another, whose key follows."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOCK: Final = 0x7265766965
"""The advisory lock of PostgreSQL that stands for the review inbox: "revie" in ASCII."""


async def alone(connection: AsyncConnection) -> None:
    """Let nobody else group or settle until the transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def is_id(text: str) -> bool:
    """Whether there can be a group or a conversation with this id; databases take offence at some others."""
    return _ID.fullmatch(text) is not None
