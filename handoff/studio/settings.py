"""What editors decide for the whole site: how many wrong answers are allowed, how the bot speaks, what a minute costs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import studio_settings
from handoff.adapters.upsert import Upsert
from handoff.ports import Clock
from handoff.studio.audit import Audit
from handoff.studio.errors import BadSetting
from kb_index.serving import VOICES


@dataclass(frozen=True, slots=True)
class Range:
    """A number's default and bounds, both allowed."""

    default: float
    least: float
    most: float


RANGES: Final[Mapping[str, Range]] = {
    # Share of wrong answers among all answers, and of questions that no article answers: what the next training aims at.
    "risk": Range(0.02, 0.001, 0.5),
    "unanswerable_share": Range(0.1, 0.0, 0.9),
    # How upset a customer must be, from 0 to 1, before a person is called.
    "frustration": Range(0.7, 0.3, 0.95),
    # What an agent's minute costs, in the site's currency, and the minutes that a handoff takes.
    "minute_cost": Range(0.8, 0.0, 1_000.0),
    "handoff_minutes": Range(6.0, 0.1, 240.0),
}

SWITCHES: Final[Mapping[str, bool]] = {
    # Whether what goes live needs the yes of somebody else.
    "approval": False,
}

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    # How customers are addressed. None until somebody has chosen: as the installation's settings say.
    "voice": VOICES,
}

CODES: Final[Mapping[str, str]] = {
    # What costs are in: a code of ISO 4217.
    "currency": "EUR",
}

DEFAULTS: Final[Mapping[str, Any]] = {
    **{name: range_.default for name, range_ in RANGES.items()},
    **SWITCHES,
    **dict.fromkeys(CHOICES),
    **CODES,
}

_CODE: Final = re.compile(r"[A-Z]{3}")
_PUT: Final = Upsert(studio_settings, key=["name"], update=["value", "updated_at", "updated_by"])


class StudioSettings:
    """The settings in the database, each with its default where nobody has set it."""

    def __init__(self, engine: AsyncEngine, audit: Audit, clock: Clock) -> None:
        self._engine = engine
        self._audit = audit
        self._clock = clock

    async def values(self) -> dict[str, Any]:
        """All of them."""
        async with reading(self._engine) as connection:
            rows = (await connection.execute(sa.select(studio_settings))).all()
        stored = {row.name: orjson.loads(row.value) for row in rows if row.name in DEFAULTS}
        return {name: stored.get(name, default) for name, default in DEFAULTS.items()}

    async def change(self, changes: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Set some, all of them or none, and return all. Raises `BadSetting`."""
        check_values(changes)
        before = await self.values()
        changed = {name: value for name, value in changes.items() if value != before[name]}
        if changed:
            now = self._clock.now_ms()
            async with writing(self._engine) as connection:
                for name, value in changed.items():
                    row = {
                        "name": name,
                        "value": orjson.dumps(float(value) if name in RANGES else value).decode(),
                        "updated_at": now,
                        "updated_by": by,
                    }
                    await connection.execute(_PUT.on(connection), row)
                told = {name: {"from": before[name], "to": value} for name, value in changed.items()}
                await self._audit.note_in(connection, by, "changed_settings", ", ".join(changed), data=told)
        return await self.values()


def check_values(changes: Mapping[str, Any]) -> None:
    """Refuse values that cannot be. Raises `BadSetting`."""
    for name, value in changes.items():
        _check(name, value)


def _check(name: str, value: Any) -> None:
    if name in SWITCHES:
        if not isinstance(value, bool):
            raise BadSetting(f"{name} is true or false.", field=name)
        return
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise BadSetting(
                f"{name} is one of: {', '.join(CHOICES[name])}.", field=name, known=list(CHOICES[name])
            )
        return
    if name in CODES:
        if not isinstance(value, str) or _CODE.fullmatch(value) is None:
            raise BadSetting(f"{name} is a code of three letters, such as {CODES[name]}.", field=name)
        return
    range_ = RANGES.get(name)
    if range_ is None:
        raise BadSetting(f"There is no setting {name[:40]!r}.", field=name[:40], known=list(DEFAULTS))
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not range_.least <= value <= range_.most:
        raise BadSetting(
            f"{name} is a number from {range_.least:g} to {range_.most:g}.",
            field=name,
            least=range_.least,
            most=range_.most,
        )
