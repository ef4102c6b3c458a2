"""What a waiting customer is told of the wait: read from the database, and read again when it may have changed."""

from __future__ import annotations

from handoff.domain.waits import RECENT_MS
from handoff.service.waits import READ_AGAIN_MS, Place, Waits
from tests.unit.handoff.service.stage import Process, Stage


async def picked_up(stage: Stage, relay: Process, times: int) -> None:
    for _ in range(times):
        c = await relay.open()
        await relay.ask_for_a_person(c)
        stage.clock.pass_s(60)
        await relay.claim(c)


async def test_a_range_is_told_from_what_was_seen_lately_and_not_from_yesterday(
    stage: Stage, relay: Process
) -> None:
    waits = Waits(relay.log, stage.clock, lambda: 2)
    await waits.renew(somebody_was_taken=False)
    assert waits.place(1) == Place(1, None, 2)
    await picked_up(stage, relay, 6)
    await waits.renew(somebody_was_taken=True)
    assert waits.place(1) == Place(1, (60, 61), 2)
    assert waits.place(3) == Place(3, (180, 181), 2)
    stage.clock.pass_ms(RECENT_MS + READ_AGAIN_MS)
    await waits.renew(somebody_was_taken=False)
    assert waits.place(1) == Place(1, None, 2)


async def test_while_nobody_is_online_earlier_waits_say_nothing(stage: Stage, relay: Process) -> None:
    await picked_up(stage, relay, 6)
    waits = Waits(relay.log, stage.clock, lambda: 0)
    await waits.renew(somebody_was_taken=True)
    assert waits.place(1) == Place(1, None, 0)
