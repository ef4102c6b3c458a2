"""Whether customers get what was published, asked of bots that may never say."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from handoff.domain.errors import StorageUnavailable
from handoff.studio import taking_up
from handoff.studio.live import Live
from handoff.studio.taking_up import TakingUp

LIVE = Live("r1", 7, "", "", {}, {})


class Scene:
    """What is live, and bots that take up what they are told of."""

    def __init__(self) -> None:
        self.live: Live | None = LIVE
        self.readable = True
        self.hangs = False
        self.asked: list[tuple[str, int]] = []

    async def now(self) -> Live | None:
        if not self.readable:
            raise StorageUnavailable("told so by the test")
        return self.live

    async def follow(self, release_id: str, revision: int) -> bool:
        self.asked.append((release_id, revision))
        if self.hangs:
            await asyncio.Event().wait()
        return True


async def test_bots_are_asked_for_what_is_live_now() -> None:
    scene = Scene()
    assert await TakingUp(cast("Any", scene), cast("Any", scene)).done()
    assert scene.asked == [("r1", 7)]


async def test_no_publication_fails_or_waits_for_ever_because_of_a_bot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(taking_up, "LIMIT_S", 0.02)
    scene = Scene()
    asking = TakingUp(cast("Any", scene), cast("Any", scene))
    scene.hangs = True
    assert not await asking.done()
    scene.readable = False
    assert not await asking.done()
    scene.readable, scene.live = True, None
    assert not await asking.done()
