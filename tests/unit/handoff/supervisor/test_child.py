import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handoff.supervisor.child import LONGEST_LINE, Child
from tests.unit.handoff.supervisor.programs import is_running, python


async def test_every_line_is_forwarded_before_the_exit_code_is_known() -> None:
    lines: list[str] = []
    code = (
        "import os; os.write(1, 'one\\nzwei \u2603\\n'.encode()); os.write(2, b'three\\r\\nend'); os._exit(3)"
    )
    child = await Child.start(python(code), os.environ, lines.append)
    assert await child.wait() == 3
    assert lines == ["one", "zwei \u2603", "three", "end"]


async def test_a_line_without_end_is_cut_so_that_memory_stays_bounded() -> None:
    lines: list[str] = []
    child = await Child.start(python(f"print('x' * {LONGEST_LINE * 5})"), os.environ, lines.append)
    assert await child.wait() == 0
    assert sum(len(line) for line in lines) == LONGEST_LINE * 5
    assert max(len(line) for line in lines) < LONGEST_LINE * 3


async def test_a_program_that_is_not_there_is_named() -> None:
    lines: list[str] = []
    child = await Child.start(("/nowhere/at-all",), os.environ, lines.append)
    assert await child.wait() == 1
    assert lines == ["/nowhere/at-all: No such file or directory"]


STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(grandchild.pid, flush=True)
signal.pause()
"""


async def test_what_does_not_stop_is_killed_with_its_own_children() -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    child = await Child.start(python(STUBBORN), os.environ, lines.put_nowait)
    grandchild = int(await lines.get())
    assert is_running(grandchild)
    await child.stop(grace=0.2)
    assert await child.wait() == -signal.SIGKILL
    await gone(grandchild)


LEAVES_ONE_BEHIND = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]).pid, flush=True)
"""


async def test_what_a_child_leaves_behind_ends_with_it() -> None:
    lines: list[str] = []
    child = await Child.start(python(LEAVES_ONE_BEHIND), os.environ, lines.append)
    async with asyncio.timeout(20):
        assert await child.wait() == 0
    await gone(int(lines[0]))


PARENT = """
import asyncio, os, sys
from handoff.supervisor.child import Child
async def main():
    child = await Child.start((sys.executable, "-c", sys.argv[1]), os.environ, lambda line: print(line, flush=True))
    await child.wait()
asyncio.run(main())
"""

DEAF = """
import os, signal
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
print(os.getpid(), flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_no_orphan_when_the_parent_is_killed_outright(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, DEAF], stdout=subprocess.PIPE, cwd=Path.cwd()
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.send_signal(number)
        parent.wait()
    asyncio.run(gone(pid))


async def gone(pid: int, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        await asyncio.sleep(0.01)


async def test_a_descriptor_that_is_kept_is_open_in_the_child_and_no_other_is() -> None:
    reading, writing = os.pipe()
    kept, kept_end = os.pipe()
    said: list[str] = []
    code = "import os, sys\nfor number in sys.argv[1:]:\n  try: os.fstat(int(number)); print('open')\n  except OSError: print('closed')"
    try:
        os.set_inheritable(reading, True)
        child = await Child.start(
            python(code, str(kept), str(reading)), dict(os.environ), said.append, keeps=(kept,)
        )
        assert await child.wait() == 0
    finally:
        for number in (reading, writing, kept, kept_end):
            os.close(number)
    assert said == ["open", "closed"]
