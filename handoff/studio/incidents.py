"""What is down: told before the answer to whoever asks about it, and at once to whoever is in a conversation now.

Open incidents stand in the live release's edition, where the bot reads them. Whom to tell of one is kept in the database
until all have been told: a relay that dies in the middle leaves it to the next, and nobody is told twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import studio_settings
from handoff.adapters.upsert import Upsert
from handoff.domain.commands import TellIncident
from handoff.domain.conversation import State
from handoff.domain.errors import HandoffError, NotFound, StorageUnavailable
from handoff.domain.events import SYSTEM
from handoff.ports import Clock, EventLog
from handoff.service.conversations import Conversations
from handoff.studio.errors import BadIncident
from handoff.studio.journal import Entry
from handoff.studio.live import LiveContent
from handoff.wire.times import rfc3339
from kb_index.editions import BadEdition, Incident, check_incident

AT_ONCE: Final = 100
"""Conversations told together."""
RETRY_S: Final = 2.0

_OPEN: Final[tuple[State, ...]] = ("bot", "waiting", "agent")
_TELLING: Final = "telling:"
_KEEP: Final = Upsert(studio_settings, key=["name"], update=["value", "updated_at", "updated_by"])
log = structlog.get_logger(__name__)


class Incidents:
    """Opens, changes and ends incidents. `start` goes on with what another process left undone."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        live: LiveContent,
        event_log: EventLog,
        conversations: Conversations,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._live = live
        self._log = event_log
        self._conversations = conversations
        self._clock = clock
        self._telling: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Tell whoever has not been told."""
        async with reading(self._engine) as connection:
            query = sa.select(studio_settings.c.name, studio_settings.c.value).where(
                studio_settings.c.name.startswith(_TELLING)
            )
            left = (await connection.execute(query)).all()
        for row in left:
            self._begin_to_tell(row.name, orjson.loads(row.value)["text"])

    async def stop(self) -> None:
        """End; what is not told yet is told at the next start."""
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def open_now(self) -> tuple[Incident, ...]:
        """The incidents that are open."""
        live = await self._live.now()
        return live.edition.incidents if live is not None and live.edition is not None else ()

    async def reach(self) -> int:
        """How many conversations are open now."""
        return len(await self._log.seqs_in_states(_OPEN))

    async def report(self, raw: Mapping[str, Any], *, tell_open: bool, by: str) -> Incident:
        """Open an incident. `raw` is as `kb_index.editions.check_incident` takes it, less `id`.

        Raises:
            BadIncident: a field is wrong.
            NothingLive, StorageUnavailable: nothing was changed.
        """
        incident = self._checked({**raw, "id": f"i{secrets.token_hex(5)}"})
        said = incident.text if tell_open else None
        entry = _entry(by, "opened_incident", incident.id, {"text": incident.text}, said)
        await self._live.set_incidents(lambda there: (*there, incident), entry)
        return incident

    async def change(self, incident_id: str, raw: Mapping[str, Any], *, tell_open: bool, by: str) -> Incident:
        """Change what an open incident says. Raises as `report`, and `NotFound`."""
        incident = self._checked({**raw, "id": incident_id})
        await self._find(incident_id)
        said = incident.text if tell_open else None
        entry = _entry(by, "changed_incident", incident_id, {"text": incident.text}, said)
        await self._live.set_incidents(
            lambda there: tuple(incident if one.id == incident_id else one for one in there), entry
        )
        return incident

    async def end(self, incident_id: str, *, text: str | None, by: str) -> None:
        """It works again. With `text`, open conversations are told so. Raises `NotFound`, or as `report`."""
        found = await self._find(incident_id)
        if text is not None:
            text = self._checked({**found.as_dict(), "text": text}).text
        entry = _entry(by, "ended_incident", incident_id, {"text": found.text, "said": text}, text)
        await self._live.set_incidents(
            lambda there: tuple(one for one in there if one.id != incident_id), entry
        )

    async def _find(self, incident_id: str) -> Incident:
        for incident in await self.open_now():
            if incident.id == incident_id:
                return incident
        raise NotFound("There is no such open incident.")

    def _checked(self, raw: Mapping[str, Any]) -> Incident:
        try:
            incident = check_incident({"since": rfc3339(self._clock.now_ms()), **raw})
        except BadEdition as error:
            raise BadIncident(str(error), field=error.field, fault=error.reason) from error
        if not incident.article_ids and not incident.phrases:
            raise BadIncident(
                "Nobody would be told: name articles, or say how customers ask about it.",
                field="phrases",
                fault="missing_phrases",
            )
        return incident

    async def tell(self, entry: Entry) -> None:
        """What belongs to an entry of the journal: open conversations are told."""
        text = entry.then.get("tell")
        if text is not None:
            await self._tell(entry.subject, text, entry.by)

    async def _tell(self, incident_id: str, text: str, by: str) -> None:
        # One for each text: the same said again reaches only whom it has not reached.
        digest = hashlib.blake2b(f"{incident_id}:{text}".encode(), digest_size=8).hexdigest()
        name = f"{_TELLING}{digest}"
        row = {
            "name": name,
            "value": orjson.dumps({"text": text}).decode(),
            "updated_at": self._clock.now_ms(),
            "updated_by": by,
        }
        async with writing(self._engine) as connection:
            await connection.execute(_KEEP.on(connection), [row])
        self._begin_to_tell(name, text)

    def _begin_to_tell(self, name: str, text: str) -> None:
        task = asyncio.create_task(self._tell_all(name, text), name="incident")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_all(self, name: str, text: str) -> None:
        while True:
            try:
                ids = sorted(await self._log.seqs_in_states(_OPEN))
                for start in range(0, len(ids), AT_ONCE):
                    some = ids[start : start + AT_ONCE]
                    await asyncio.gather(*(self._tell_one(conversation, name, text) for conversation in some))
                async with writing(self._engine) as connection:
                    await connection.execute(studio_settings.delete().where(studio_settings.c.name == name))
            except StorageUnavailable:
                log.warning("incident_not_told_yet")
                await asyncio.sleep(RETRY_S)
                continue
            log.info("incident_told", conversations=len(ids))
            return

    async def _tell_one(self, conversation_id: str, name: str, text: str) -> None:
        try:
            await self._conversations.execute(conversation_id, SYSTEM, TellIncident(text), name)
        except StorageUnavailable:
            raise
        except HandoffError as refusal:
            log.warning("incident_not_told", conversation=conversation_id, code=refusal.code)


def _entry(by: str, action: str, incident_id: str, data: dict[str, Any], tell: str | None) -> Entry:
    """What the journal holds of a change; where and when are filled in by who writes it."""
    return Entry(
        by, action, incident_id, "", None, "", data=data, then={} if tell is None else {"tell": tell}
    )
