"""Jobs are taken once, in order, one of a kind at a time, whoever looks; and a job whose process is gone is taken again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from handoff.content.programs import Progress
from handoff.domain.errors import NotFound
from handoff.studio.errors import JobQueueFull
from handoff.studio.job_store import LOST_AFTER_MS, QUEUED_AT_MOST, Job, JobStore
from tests.contract.databases import Database
from tests.contract.held_clock import HeldClock


@pytest.fixture
def store(database: Database, clock: HeldClock) -> JobStore:
    return JobStore(database.engine(), clock)


@pytest.fixture
def other(database: Database, clock: HeldClock) -> JobStore:
    """The same as another relay has it."""
    return JobStore(database.engine(), clock)


async def added(store: JobStore, kind: Any = "train", **params: Any) -> Job:
    return await store.add(kind, params, asked_by="Ada")


async def taken(store: JobStore) -> Job:
    job, given_up = await store.take()
    assert job is not None
    assert given_up == []
    return job


def worker_of(job: Job) -> str:
    assert job.worker is not None
    return job.worker


async def test_a_job_is_what_was_asked_for(store: JobStore, clock: HeldClock) -> None:
    job = await added(store, note="Ünïcode", risk=0.02)
    assert (job.state, job.kind, job.asked_by, job.asked_at) == ("queued", "train", "Ada", clock.now_ms())
    assert (job.params, job.result, job.attempts) == ({"note": "Ünïcode", "risk": 0.02}, {}, 0)
    assert await store.newest() == [job]
    with pytest.raises(NotFound):
        await store.get("nope")


async def test_jobs_of_one_kind_are_done_one_after_the_other_in_the_order_asked(store: JobStore) -> None:
    first, second, group = await added(store), await added(store), await added(store, "group")
    running = sorted([await taken(store), await taken(store)], key=lambda job: job.kind, reverse=True)
    assert [job.id for job in running] == [first.id, group.id]
    assert await store.take() == (None, [])
    assert await store.finish(first.id, worker_of(running[0]), "done", {"release_id": "r1"})
    assert (await taken(store)).id == second.id
    assert (await store.get(first.id)).result == {"release_id": "r1"}
    last = await store.last_done("train")
    assert last is not None
    assert last.id == first.id


async def test_relays_that_look_at_the_same_moment_never_take_one_twice(
    store: JobStore, other: JobStore
) -> None:
    for _ in range(3):
        await added(store)
    found = await asyncio.gather(*(each.take() for each in (store, other) * 6))
    assert [job.attempts for job, _ in found if job is not None] == [1]


async def test_a_job_without_a_beat_is_taken_again_and_its_old_process_is_told(
    store: JobStore, other: JobStore, clock: HeldClock
) -> None:
    job = await added(store)
    old = worker_of(await taken(store))
    await store.beat(job.id, old, Progress("encode", 3, 9, "articles"), {"release_id": "r1"})
    clock.pass_ms(LOST_AFTER_MS - 1)
    assert await other.take() == (None, [])
    clock.pass_ms(1)
    again = await taken(other)
    assert (again.id, again.attempts, again.result) == (job.id, 2, {"release_id": "r1"})
    assert worker_of(again) != old
    orders = await store.orders(job.id, old)
    assert not orders.mine
    assert not (await store.beat(job.id, old, Progress("encode", 4, 9, ""), {})).mine
    assert not await store.finish(job.id, old, "done", {"release_id": "r0"})
    assert (await store.get(job.id)).state == "running"


async def test_after_the_third_time_it_has_failed_and_the_next_one_is_begun(
    store: JobStore, clock: HeldClock
) -> None:
    job, waiting = await added(store), await added(store)
    for _ in range(3):
        await store.gone(worker_of(await taken(store)))
    begun, given_up = await store.take()
    assert begun is None
    assert [each.id for each in given_up] == [job.id]
    failed = await store.get(job.id)
    assert (failed.state, failed.result["error"]["code"], failed.ended_at) == (
        "failed",
        "job_lost",
        clock.now_ms(),
    )
    assert (await taken(store)).id == waiting.id


async def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_told(store: JobStore) -> None:
    running, waiting = await added(store), await added(store)
    worker = worker_of(await taken(store))
    assert (await store.cancel(waiting.id)).state == "cancelled"
    assert (await store.cancel(running.id)).state == "running"
    assert (await store.orders(running.id, worker)).cancel
    assert await store.finish(running.id, worker, "cancelled", {})
    # What has ended stays as it is.
    assert (await store.cancel(running.id)).state == "cancelled"
    assert await store.take() == (None, [])
    with pytest.raises(NotFound):
        await store.cancel("nope")


async def test_a_cancelled_job_whose_process_is_gone_is_cancelled_and_not_begun_again(
    store: JobStore,
) -> None:
    job = await added(store)
    worker = worker_of(await taken(store))
    await store.cancel(job.id)
    await store.gone(worker)
    begun, given_up = await store.take()
    assert begun is None
    assert [each.id for each in given_up] == [job.id]
    assert (await store.get(job.id)).state == "cancelled"


async def test_a_job_that_is_put_back_waits_in_its_place_and_the_attempt_does_not_count(
    store: JobStore,
) -> None:
    first, _ = await added(store), await added(store)
    worker = worker_of(await taken(store))
    await store.put_back(first.id, worker, {"release_id": "r1"})
    again = await taken(store)
    assert (again.id, again.attempts, again.result) == (first.id, 1, {"release_id": "r1"})


async def test_a_queue_has_an_end(store: JobStore) -> None:
    for _ in range(QUEUED_AT_MOST):
        await added(store)
    with pytest.raises(JobQueueFull):
        await added(store)
    await added(store, "group")


async def test_what_is_shown_first_is_the_training_that_runs(store: JobStore) -> None:
    assert await store.under_way() is None
    group = await added(store, "group")
    await taken(store)
    shown = await store.under_way()
    assert shown is not None
    assert shown.id == group.id
    train = await added(store)
    shown = await store.under_way()
    assert shown is not None
    assert shown.id == train.id


async def test_words_and_numbers_beyond_their_columns_are_cut(store: JobStore) -> None:
    job = await added(store)
    worker = worker_of(await taken(store))
    await store.beat(job.id, worker, Progress("s" * 99, 2**40, -3, "m" * 999), {})
    found = await store.get(job.id)
    assert (len(found.stage), found.done, found.total, len(found.message)) == (40, 2**31 - 1, 0, 500)
