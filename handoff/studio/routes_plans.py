"""`/api/v1/studio/plans`: what waits for somebody's yes, or for its time."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.domain.errors import BadFrame, BadJson, Forbidden, NotFound, StorageUnavailable, Unauthorized
from handoff.studio.articles import MAX_NOTE
from handoff.studio.errors import PlanDecided
from handoff.studio.guard import guard
from handoff.studio.parts import Studio
from handoff.studio.plans import Plan
from handoff.wire.answers import refusals
from handoff.wire.bodies import single_names

DECIDING: Final = refusals(
    BadJson, Unauthorized, Forbidden, NotFound, BadFrame, PlanDecided, StorageUnavailable
)


class DecisionBody(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    why: Annotated[str | None, Field(max_length=MAX_NOTE)] = None


def plan_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints."""
    router = APIRouter()
    may_edit, may_release = Depends(guard(gate, "edit_content")), Depends(guard(gate, "release"))
    checked = Depends(single_names)

    @router.get("/plans", responses=refusals(Unauthorized, Forbidden))
    async def plans(user: User = may_edit) -> dict[str, Any]:
        """What is to come first, then what has ended, the newest first."""
        return {"plans": [_shown(plan, user) for plan in await studio.plans.all()]}

    @router.post("/plans/{plan_id}/approve", dependencies=[checked], responses=DECIDING)
    async def approve(plan_id: str, _body: DecisionBody, user: User = may_release) -> dict[str, Any]:
        """Agree to what somebody else has asked for; it is done at once, or when its time has come."""
        return {"plan": _shown(await studio.plans.approve(plan_id, by=user.name), user)}

    @router.post("/plans/{plan_id}/refuse", dependencies=[checked], responses=DECIDING)
    async def refuse(plan_id: str, body: DecisionBody, user: User = may_release) -> dict[str, Any]:
        """Say no to it; one's own is taken back."""
        return {"plan": _shown(await studio.plans.refuse(plan_id, by=user.name, why=body.why), user)}

    return router


def _shown(plan: Plan, user: User) -> dict[str, Any]:
    return {
        **plan.as_dict(),
        "can_approve": plan.state == "asked" and plan.asked_by != user.name and user.may("release"),
        "can_refuse": plan.state in ("asked", "due") and user.may("release"),
    }
