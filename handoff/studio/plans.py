"""What is done later: once somebody else has agreed, or when its time has come.

A plan says exactly what its author saw: articles by their versions. What is written after it is not published by it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import plans
from handoff.domain.errors import Forbidden, HandoffError, NotFound, StorageUnavailable
from handoff.ports import Clock
from handoff.studio.audit import Audit
from handoff.studio.errors import PlanDecided
from handoff.wire.times import rfc3339

Action = Literal["publish_articles", "publish_release"]
State = Literal["asked", "due", "running", "done", "refused", "cancelled", "failed"]
Doing = Callable[[Action, Mapping[str, Any], str, str | None], Awaitable[None]]
"""Does what a plan says: its action and params, who asked for it, and why."""

POLL_S: Final = 1.0
LEASE_MS: Final = 60_000
"""A plan whose relay died is taken up again after this long; doing it twice changes nothing."""
SHOWN: Final = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """Something to be done. Times are epoch milliseconds; `problem` says why it failed or was refused."""

    id: str
    action: Action
    subject: str
    params: Mapping[str, Any]
    why: str | None
    asked_by: str
    asked_at: int
    due_at: int
    state: State
    decided_by: str | None
    decided_at: int | None
    ended_at: int | None
    problem: str | None

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        return {
            "id": self.id,
            "action": self.action,
            "subject": self.subject,
            "params": dict(self.params),
            "why": self.why,
            "by": self.asked_by,
            "at": rfc3339(self.asked_at),
            "due_at": rfc3339(self.due_at),
            "state": self.state,
            "decided_by": self.decided_by,
            "decided_at": None if self.decided_at is None else rfc3339(self.decided_at),
            "ended_at": None if self.ended_at is None else rfc3339(self.ended_at),
            "problem": self.problem,
        }


class Plans:
    """The plans of a workspace. `start` begins to do what is due."""

    def __init__(self, engine: AsyncEngine, clock: Clock, audit: Audit, do: Doing) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._doing = do
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for what is due."""
        self._keeper = asyncio.create_task(self._keep(), name="plans")

    async def stop(self) -> None:
        """End; what is under way is finished by whoever takes it up again."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper

    async def make(
        self,
        action: Action,
        subject: str,
        params: Mapping[str, Any],
        *,
        by: str,
        why: str | None,
        due_at: int | None,
        needs_approval: bool,
    ) -> Plan:
        """Store a plan. `due_at` None: as soon as it may be done."""
        now = self._clock.now_ms()
        plan_id = f"pln_{secrets.token_urlsafe(12)}"
        row = {
            "id": plan_id,
            "action": action,
            "subject": subject[:200],
            "params": orjson.dumps(dict(params)).decode(),
            "why": why,
            "asked_by": by,
            "asked_at": now,
            "due_at": now if due_at is None else due_at,
            "state": "asked" if needs_approval else "due",
        }
        async with writing(self._engine) as connection:
            await connection.execute(plans.insert().values(row))
            await self._audit.note_in(connection, by, "planned", subject, why=why, data={"action": action})
        return await self.get(plan_id)

    async def get(self, plan_id: str) -> Plan:
        """One plan. Raises `NotFound`."""
        async with reading(self._engine) as connection:
            row = (await connection.execute(sa.select(plans).where(plans.c.id == plan_id))).first()
        if row is None:
            raise NotFound("There is no such plan.")
        return _plan(row)

    async def all(self) -> list[Plan]:
        """Those to come first, then the newest that have ended, at most 200."""
        ended = plans.c.state.in_(("done", "refused", "cancelled", "failed"))
        query = sa.select(plans).order_by(ended, plans.c.asked_at.desc()).limit(SHOWN)
        async with reading(self._engine) as connection:
            return [_plan(row) for row in (await connection.execute(query)).all()]

    async def approve(self, plan_id: str, *, by: str) -> Plan:
        """Agree to what somebody else has asked for.

        Raises:
            NotFound: there is no such plan.
            Forbidden: it is one's own.
            PlanDecided: somebody has decided already.
        """
        plan = await self.get(plan_id)
        if plan.asked_by == by:
            raise Forbidden("A second pair of eyes is asked for: somebody else must agree.")
        return await self._decide(plan, "due", by, None)

    async def refuse(self, plan_id: str, *, by: str, why: str | None) -> Plan:
        """Say no; who asked for it may take it back. Raises `NotFound`, `PlanDecided`."""
        plan = await self.get(plan_id)
        return await self._decide(plan, "cancelled" if plan.asked_by == by else "refused", by, why)

    async def _decide(self, plan: Plan, state: State, by: str, why: str | None) -> Plan:
        now = self._clock.now_ms()
        # What waits for its time can still be taken back, and needs no second yes.
        open_states = ("asked",) if state == "due" else ("asked", "due")
        ended = {} if state == "due" else {"ended_at": now, "problem": why}
        change = (
            plans.update()
            .where(plans.c.id == plan.id, plans.c.state.in_(open_states))
            .values(state=state, decided_by=by, decided_at=now, **ended)
        )
        async with writing(self._engine) as connection:
            if (await connection.execute(change)).rowcount != 1:
                raise PlanDecided("This was decided already. Look at it again.")
            word = {"due": "agreed", "refused": "refused", "cancelled": "took_back"}[state]
            await self._audit.note_in(connection, by, word, plan.subject, why=why, data={"plan": plan.id})
        return await self.get(plan.id)

    async def _keep(self) -> None:
        while True:
            try:
                plan = await self._take()
                if plan is not None:
                    await self._do(plan)
                    continue
            except StorageUnavailable:
                log.warning("plans_wait_for_storage")
            await asyncio.sleep(POLL_S)

    async def _take(self) -> Plan | None:
        """The next plan that is due, leased to this process; or one whose process died."""
        now = self._clock.now_ms()
        is_due = sa.and_(plans.c.state == "due", plans.c.due_at <= now)
        is_left = sa.and_(plans.c.state == "running", plans.c.leased_until < now)
        query = sa.select(plans.c.id).where(sa.or_(is_due, is_left)).order_by(plans.c.due_at).limit(1)
        async with reading(self._engine) as connection:
            found = (await connection.execute(query)).scalar()
        if found is None:
            return None
        change = (
            plans.update()
            .where(plans.c.id == found, sa.or_(is_due, is_left))
            .values(state="running", leased_until=now + LEASE_MS)
        )
        async with writing(self._engine) as connection:
            taken = (await connection.execute(change)).rowcount
        return await self.get(found) if taken == 1 else None

    async def _do(self, plan: Plan) -> None:
        problem: str | None = None
        try:
            await self._doing(plan.action, plan.params, plan.asked_by, plan.why)
        except StorageUnavailable:
            raise  # taken up again when its lease has run out
        except HandoffError as refusal:
            problem = refusal.message[:500]
        values = {"state": "done" if problem is None else "failed", "problem": problem}
        change = plans.update().where(plans.c.id == plan.id).values(**values, ended_at=self._clock.now_ms())
        async with writing(self._engine) as connection:
            await connection.execute(change)
            if problem is not None:
                await self._audit.note_in(
                    connection,
                    plan.asked_by,
                    "plan_failed",
                    plan.subject,
                    why=problem,
                    data={"plan": plan.id},
                )
        log.info("plan_ended", plan=plan.id, action=plan.action, state=values["state"])


def _plan(row: sa.Row[Any]) -> Plan:
    return Plan(
        id=row.id,
        action=row.action,
        subject=row.subject,
        params=orjson.loads(row.params),
        why=row.why,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        due_at=row.due_at,
        state=row.state,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        ended_at=row.ended_at,
        problem=row.problem,
    )
