"""Intents and entities as an editor's page has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handoff.content.intent_rows import IntentVersion, KeptEntity, KeptIntent
from handoff.wire.times import rfc3339


def whole_intent(kept: KeptIntent, shipped: Sequence[str]) -> dict[str, Any]:
    """An intent for an editor; `shipped` are examples that stay as they are. `does` null: it is in the program."""
    return {
        "name": kept.name,
        "description": kept.description,
        "shipped": kept.does is None,
        "shipped_examples": list(shipped),
        "examples": list(kept.examples),
        "does": None if kept.does is None else kept.does.as_dict(),
        "version": kept.version,
        "updated_at": rfc3339(kept.updated_at) if kept.updated_at else None,
        "updated_by": kept.updated_by,
    }


def whole_entity(kept: KeptEntity) -> dict[str, Any]:
    """An entity for an editor."""
    shape = {"words": [], "prefix": "", "least": 0, "most": 0} | kept.entity.as_dict()
    return {
        **shape,
        "version": kept.version,
        "updated_at": rfc3339(kept.updated_at),
        "updated_by": kept.updated_by,
    }


def version_line(line: IntentVersion) -> dict[str, Any]:
    """A line of an intent's history; `at` null: as it came with the bot."""
    return {
        "version": line.version,
        "at": rfc3339(line.at) if line.at else None,
        "by": line.by if line.at else "",
        "action": line.action,
        "note": None,
    }
