"""Keeps parts running: starts them in order, starts a fallen one again, tells when each is ready, stops them in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field

from handoff.supervisor.backoff import Backoff
from handoff.supervisor.child import Child
from handoff.supervisor.health import Health

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Part:
    """A program to keep running.

    `ready` is called with the seconds since the keeper's start at the first time that `health` answers, and gives the
    lines to print then. `besides` is called after it, off the event loop: lines that take a while to find. A part that falls `gives_up_after` times in a row before it was ever
    well ends the whole: it is not going to.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    health: Health
    ready: Callable[[float], Sequence[str]]
    besides: Callable[[], Sequence[str]] = tuple
    gives_up_after: int | None = None
    poll: float = 0.05
    """Seconds between two questions after its health while it starts."""
    keeps: tuple[int, ...] = ()
    """Descriptors that stay open in it."""


@dataclass(frozen=True)
class Step:
    """Something to run once beside the parts. `hint` says how to do it by hand, should it fail."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    title: str
    hint: str


@dataclass
class Keeper:
    """Runs parts until told to stop.

    `say` prints a line of the keeper's own; `forward(name, line)` one of a part's. `grace` is how many seconds each
    part has to stop in before it is killed.
    """

    parts: Sequence[Part]
    say: Callable[[str], None]
    forward: Callable[[str, str], None]
    steps: Sequence[Step] = ()
    steps_done: Callable[[], None] = lambda: None
    grace: float = 10.0
    head_start: float = 5.0
    """Seconds that a part may have for itself to become ready before the next one takes processor time from it."""
    backoff: Callable[[], Backoff] = Backoff
    _children: dict[str, Child] = field(init=False, default_factory=dict)
    _stopping: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _failed: bool = field(init=False, default=False)
    _started: float = field(init=False, default=0.0)

    async def run(self) -> int:
        """Run until SIGTERM, SIGINT or SIGHUP, or until a part gives up. Returns the exit code."""
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        # A SIGHUP that was ignored when we came stays so (nohup). A SIGINT does not: shells ignore it for every
        # command that a script starts in the background, and who sends it means it.
        ignored = {number for number in (signal.SIGHUP,) if signal.getsignal(number) is signal.SIG_IGN}
        heeded = [number for number in SIGNALS if number not in ignored]
        for number in heeded:
            loop.add_signal_handler(number, self._told_to_stop, number)
        starts = [asyncio.Event() for _ in self.parts]
        turns = zip(self.parts, starts, [None, *starts[:-1]], strict=True)
        work: list[Coroutine[None, None, None]] = [self._keep(*turn) for turn in turns]
        work.append(self._run_steps(starts[0] if starts else None))
        tasks = [asyncio.create_task(each) for each in work]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            watched: set[asyncio.Task[None] | asyncio.Task[bool]] = {stopping, *tasks}
            while not stopping.done():
                done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # a fault of our own must not pass for a quiet part
        finally:
            self._stopping.set()
            await self._stop_children()
            await asyncio.gather(*tasks, return_exceptions=True)
            for number in heeded:
                loop.remove_signal_handler(number)
        return 1 if self._failed else 0

    def stop(self) -> None:
        """Begin to stop; `run` returns when everything has."""
        self._stopping.set()

    def _told_to_stop(self, number: signal.Signals) -> None:
        if self._stopping.is_set():
            self.say(f"{number.name} again: ending everything at once")
            for child in self._children.values():
                child.kill()
            return
        self._stopping.set()
        self.say(f"{number.name}: stopping")

    async def _stop_children(self) -> None:
        # In the order of their start: the public door first, so that what it still holds can finish behind it.
        for name in [*(part.name for part in self.parts), *(step.name for step in self.steps)]:
            if name in self._children:
                await self._children[name].stop(self.grace)

    async def _keep(self, part: Part, settled: asyncio.Event, before: asyncio.Event | None) -> None:
        await self._head_start(before)
        loop = asyncio.get_running_loop()
        backoff = self.backoff()
        falls_unwell = 0
        was_well = False
        while not self._stopping.is_set():
            began = loop.time()
            child = await self._start(part.name, part.argv, part.env, part.keeps)
            watch = asyncio.create_task(self._tell_when_ready(part, settled, again=was_well))
            code = await child.wait()
            settled.set()
            del self._children[part.name]
            well_since = watch.result() if watch.done() else None
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            if self._stopping.is_set():
                return
            was_well = was_well or well_since is not None
            falls_unwell = 0 if was_well else falls_unwell + 1
            ended = f"the {part.name} ended ({describe_exit(code)}) after {loop.time() - began:.1f} s"
            if part.gives_up_after is not None and falls_unwell >= part.gives_up_after:
                self.say(
                    f"{ended}, {falls_unwell} times without ever answering; giving up. Its last words are above."
                )
                self._failed = True
                self._stopping.set()
                return
            delay = backoff.after(loop.time() - well_since if well_since is not None else 0.0)
            self.say(f"{ended}; starting it again in {delay:g} s")
            await self._pause(delay)

    async def _start(
        self, name: str, argv: Sequence[str], env: Mapping[str, str], keeps: Sequence[int] = ()
    ) -> Child:
        child = await Child.start(argv, env, lambda line: self.forward(name, line), keeps)
        self._children[name] = child
        if self._stopping.is_set():  # told to stop while it was being started
            child.ask_to_stop()
        return child

    async def _head_start(self, before: asyncio.Event | None) -> None:
        """Wait until the part before is ready or has fallen, for a while at most."""
        if before is None:
            return
        waits = [asyncio.create_task(event.wait()) for event in (before, self._stopping)]
        await asyncio.wait(waits, timeout=self.head_start, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _tell_when_ready(self, part: Part, settled: asyncio.Event, *, again: bool) -> float:
        """Wait until the part is well; returns that moment on the loop's clock."""
        loop = asyncio.get_running_loop()
        while not await part.health.is_well():  # noqa: ASYNC110 (another process: nothing wakes us)
            await asyncio.sleep(part.poll)
        moment = loop.time()
        settled.set()
        if again:
            self.say(f"the {part.name} is back")
        else:
            for line in part.ready(moment - self._started):
                self.say(line)
            for line in await asyncio.to_thread(part.besides):
                self.say(line)
        return moment

    async def _run_steps(self, before: asyncio.Event | None) -> None:
        await self._head_start(before)
        for step in self.steps:
            if self._stopping.is_set():
                return
            self.say(step.title)
            child = await self._start(step.name, step.argv, step.env)
            code = await child.wait()
            del self._children[step.name]
            if self._stopping.is_set():
                return
            if code != 0:
                self.say(
                    f"that did not work ({describe_exit(code)}; its words are above). By hand: {step.hint}"
                )
                return
        if self.steps:
            self.steps_done()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def describe_exit(code: int) -> str:
    """An exit code in words; -N is signal N."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
