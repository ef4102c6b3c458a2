import asyncio
import os
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from handoff.supervisor.health import Health
from handoff.supervisor.keeper import Keeper, Part, Step, describe_exit
from tests.unit.handoff.supervisor.programs import Told, is_running, python

MakePart = Callable[..., Part]
MakeKeeper = Callable[..., Keeper]


async def running(keeper: Keeper, told: Told, *, until: Callable[[], bool]) -> asyncio.Task[int]:
    """The keeper's run, once what it tells meets `until`."""
    met = asyncio.Event()

    def look(*_: str) -> None:
        if until():
            met.set()

    told.on_say = told.on_line = look
    run = asyncio.create_task(keeper.run())
    waiting = asyncio.create_task(met.wait())
    await asyncio.wait({run, waiting}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert until(), (told.said, told.lines)
    return run


async def test_parts_start_in_order_and_all_end_at_a_signal(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    keeper = make_keeper(make_part("first"), make_part("second"))
    run = await running(keeper, told, until=lambda: {"first is ready", "second is ready"} <= set(told.said))
    pids = [int(told.lines_of(name)[0].split()[1]) for name in ("first", "second")]
    assert all(is_running(pid) for pid in pids)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(run, 20) == 0
    assert not any(is_running(pid) for pid in pids)
    assert told.said[-1] == "SIGTERM: stopping"


async def test_nothing_takes_processor_time_from_the_first_part_until_it_is_ready(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    order: list[str] = []
    keeper = make_keeper(make_part("first"), make_part("second"), steps=(step("train", "print('learnt')"),))
    told.on_line = lambda name, line: order.append(name)
    told.on_say = order.append
    run = asyncio.create_task(keeper.run())
    await wait_for(lambda: {"second is ready", "train"} <= set(order))
    assert order[:2] == ["first", "first is ready"]
    keeper.stop()
    assert await asyncio.wait_for(run, 20) == 0


async def test_a_first_part_that_falls_does_not_keep_the_next_waiting(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    keeper = make_keeper(make_part("broken", "raise SystemExit(1)"), make_part("second"))
    keeper.head_start = 3600
    run = await running(keeper, told, until=lambda: "second is ready" in told.said)
    keeper.stop()
    assert await asyncio.wait_for(run, 20) == 0


async def test_a_fallen_part_comes_back_alone(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    stays, falls = make_part("stays"), make_part("falls")
    keeper = make_keeper(stays, falls)
    run = await running(keeper, told, until=lambda: {"stays is ready", "falls is ready"} <= set(told.said))
    await asyncio.to_thread(fell, falls.health)
    run_again = asyncio.create_task(wait_for(lambda: "the falls is back" in told.said))
    await asyncio.wait_for(run_again, 20)
    assert len(told.lines_of("falls")) == 2
    assert len(told.lines_of("stays")) == 1
    assert any(line.startswith("the falls ended (exit code 7)") for line in told.said)
    keeper.stop()
    assert await asyncio.wait_for(run, 20) == 0


async def test_one_that_never_answers_ends_the_whole(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    keeper = make_keeper(
        make_part("broken", "raise SystemExit('bad setting')", gives_up_after=3), make_part("other")
    )
    assert await asyncio.wait_for(keeper.run(), 30) == 1
    assert told.lines_of("broken") == ["bad setting"] * 3
    assert "3 times without ever answering; giving up" in told.said[-1]


async def test_what_takes_a_while_to_find_is_told_after_what_is_known(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    told_first = threading.Event()

    def besides() -> list[str]:
        # Goes on only when the other lines are out.
        return ["found"] if told_first.wait(20) else ["too early"]

    part = replace(make_part("part"), besides=besides)
    keeping = make_keeper(part)
    run = asyncio.create_task(keeping.run())
    await asyncio.wait_for(wait_for(lambda: "part is ready" in told.said), 20)
    assert "found" not in told.said
    told_first.set()
    await asyncio.wait_for(wait_for(lambda: "found" in told.said), 20)
    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(run, 20) == 0


async def test_one_that_answered_once_is_never_given_up(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    part = make_part("part", gives_up_after=1)
    run = await running(make_keeper(part), told, until=lambda: "part is ready" in told.said)
    await asyncio.to_thread(fell, part.health)
    await asyncio.wait_for(wait_for(lambda: "the part is back" in told.said), 20)
    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(run, 20) == 0


async def test_an_interrupt_counts_though_the_shell_had_it_ignored(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        run = await running(make_keeper(make_part("part")), told, until=lambda: "part is ready" in told.said)
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGINT)
        assert await asyncio.wait_for(run, 20) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert told.said[-1] == "SIGINT: stopping"


async def test_a_second_signal_ends_what_will_not_stop(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    run = await running(
        make_keeper(make_part("part", code), grace=3600), told, until=lambda: bool(told.lines)
    )
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: "SIGTERM: stopping" in told.said)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(run, 20) == 0


async def test_steps_run_in_order_beside_the_parts(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    done: list[str] = []
    steps = (step("import", "print('72 articles')"), step("train", "print('learnt')"))
    keeper = make_keeper(make_part("part"), steps=steps, steps_done=lambda: done.append("done"))
    run = await running(keeper, told, until=lambda: bool(done or told.lines_of("train")))
    await wait_for(lambda: bool(done))
    assert [line for line in told.lines if line[0] != "part"] == [
        ("import", "72 articles"),
        ("train", "learnt"),
    ]
    assert not run.done()
    keeper.stop()
    assert await asyncio.wait_for(run, 20) == 0


async def test_a_failed_step_is_told_with_its_remedy_and_the_parts_go_on(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    done: list[str] = []
    steps = (step("import", "raise SystemExit(2)"), step("train", "print('never')"))
    keeper = make_keeper(make_part("part"), steps=steps, steps_done=lambda: done.append("done"))
    run = await running(keeper, told, until=lambda: any("By hand: do import" in line for line in told.said))
    await wait_for(lambda: "part is ready" in told.said)
    assert not done
    assert not told.lines_of("train")
    keeper.stop()
    assert await asyncio.wait_for(run, 20) == 0


async def test_a_step_in_progress_ends_with_the_rest(
    make_part: MakePart, make_keeper: MakeKeeper, told: Told
) -> None:
    done: list[str] = []
    endless = step("train", "import os, signal; print(os.getpid(), flush=True); signal.pause()")
    keeper = make_keeper(make_part("part"), steps=(endless,), steps_done=lambda: done.append("done"))
    run = await running(keeper, told, until=lambda: bool(told.lines_of("train")))
    keeper.stop()
    assert await asyncio.wait_for(run, 20) == 0
    assert not is_running(int(told.lines_of("train")[0]))
    assert not done


def test_exits_are_told_in_words() -> None:
    assert [describe_exit(code) for code in (0, 3, -9)] == ["exit code 0", "exit code 3", "killed by SIGKILL"]


def step(name: str, code: str) -> Step:
    return Step(name=name, argv=python(code), env=dict(os.environ), title=f"to {name}", hint=f"do {name}")


def fell(health: Health) -> None:
    """Ask a part to fall; it never answers that."""
    with suppress(urllib.error.URLError, ConnectionError):
        urllib.request.urlopen(f"http://{health.host}:{health.port}/fall", timeout=10)


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)
