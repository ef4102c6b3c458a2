"""What an editor sees first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handoff.studio.live import differing, publishable
from handoff.studio.parts import Studio
from handoff.studio.plans import Plan


async def summarised(studio: Studio) -> dict[str, Any]:
    """`{live, articles, variants, changed, drafts, review, job, ready, canary, incidents, waiting, settings}`.

    `changed` counts what could be published now, `waiting` the plans that wait for somebody's yes; `ready` is the release
    of the last training, `{release_id, at}`, for as long as nobody has published, planned or tried it.
    """
    shelved = await studio.shelf.refreshed()
    live = await studio.live.now()
    changed = frozenset(shelved) if live is None else differing(live, shelved)
    kept = [entry.kept for entry in shelved.values()]
    plans = await studio.plans.all()
    return {
        "live": None
        if live is None
        else {
            "release_id": live.release_id,
            "revision": live.revision,
            "since": live.at,
            "by": live.by,
        },
        "articles": len(kept),
        "variants": sum(len(one.article.questions) for one in kept),
        "changed": len(publishable(changed, shelved)),
        "drafts": sum(one.status == "draft" for one in kept),
        "review": await studio.review.totals(),
        "job": await studio.jobs.under_way(),
        "ready": await _ready(studio, plans),
        "canary": await studio.canaries.current(),
        "incidents": len(await studio.incidents.open_now()),
        "waiting": sum(plan.state == "asked" for plan in plans),
        "settings": await studio.settings.values(),
    }


async def _ready(studio: Studio, plans: Sequence[Plan]) -> dict[str, Any] | None:
    trained = await studio.jobs.last_training()
    release_id = None if trained is None else trained["release_id"]
    planned = {
        plan.params.get("release_id")
        for plan in plans
        if plan.state in ("asked", "due") and plan.action == "publish_release"
    }
    if (
        trained is None
        or release_id is None
        or release_id in planned
        or not await studio.releases.never_live(release_id)
        or await studio.canaries.was_tried(release_id)
    ):
        return None
    return {"release_id": release_id, "at": trained["ended_at"]}
