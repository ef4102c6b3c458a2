"""What a benchmark leaves behind when it is stopped: nothing."""

import signal
import subprocess
import sys
from pathlib import Path

STANDIN = """
import asyncio, sys, types
from pathlib import Path

def run(arguments, home):
    async def measure():
        try:
            print("measuring", flush=True)
            await asyncio.Event().wait()
        finally:
            (home / "stopped").touch()
    asyncio.run(measure())

sys.modules["bench.faults"] = types.SimpleNamespace(run=run)
from bench.__main__ import main
sys.exit(main(["faults", "--home", sys.argv[1]]))
"""


def test_a_benchmark_that_is_told_to_end_stops_what_it_started(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STANDIN, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"measuring\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert (tmp_path / "stopped").exists()
