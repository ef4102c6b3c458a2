"""What an editor sees first."""

from __future__ import annotations

from typing import Any

from handoff.studio.live import differing, publishable
from handoff.studio.parts import Studio


async def summarised(studio: Studio) -> dict[str, Any]:
    """`{live, articles, variants, changed, drafts, review, job, canary, incidents, waiting, settings}`.

    `changed` counts what could be published now, `waiting` the plans that wait for somebody's yes.
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
        "canary": await studio.canaries.current(),
        "incidents": len(await studio.incidents.open_now()),
        "waiting": sum(plan.state == "asked" for plan in plans),
        "settings": await studio.settings.values(),
    }
