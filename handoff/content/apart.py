"""Reading in a process of its own, with bounds on time and memory: a page made to hang a parser hangs nobody else.

    python -m handoff.content.apart      is that process; it is told what to read on standard input

The first line there is JSON ({name, locale, known, path}), the file's bytes follow where it has no path. On standard
output comes what `source_to_json` makes of the result, on standard error a line with the name of each file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import orjson

from handoff.content.shielded import to_its_end
from handoff.content.source import Source, source_from_json, source_to_json
from handoff.settings import PROJECT_ROOT
from kb_index.formats import Parsed, RowError

TIME_LIMIT_S: Final = 300.0
"""By the clock; on a busy machine reading waits for those who answer customers."""
CPU_LIMIT_S: Final = 90
MEMORY_LIMIT: Final = 2 * 1024**3

_FILE: Final = "file "
_PASSED_ON: Final = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ")
"""Of the environment. The secrets of the installation stay where no page is read."""


async def read_apart(
    source: Path | bytes,
    name: str,
    *,
    locale: str = "en",
    known: Iterable[str] | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> Source:
    """`read_source` in a process of its own. What takes too long or too much memory is an error of the file.

    Cancelling it ends the process.
    """
    head: dict[str, Any] = {
        "name": name,
        "locale": locale,
        "known": None if known is None else sorted(known),
        "path": str(source.absolute()) if isinstance(source, Path) else None,  # noqa: ASYNC240 - the disk is not asked
    }
    given = orjson.dumps(head) + b"\n" + (b"" if isinstance(source, Path) else source)
    # A file and no pipe: what was said last is wanted when the process is killed.
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "handoff.content.apart"),
            cwd=PROJECT_ROOT,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(time_limit_s):
                answer, _ = await process.communicate(given)
        except TimeoutError:
            await to_its_end(_end(process))
        except BaseException:
            await to_its_end(_end(process))
            raise
        if process.returncode == 0:
            return source_from_json(await asyncio.to_thread(orjson.loads, answer))
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").split("\n")
    last = next((line.removeprefix(_FILE) for line in reversed(lines) if line.startswith(_FILE)), name)
    error = RowError(
        last,
        0,
        "too_heavy",
        "Reading was given up at this file: it takes more time or memory than any file made for people.",
    )
    return Source(kind="mixed", parsed=Parsed(errors=[error]))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _tell(name: str) -> None:
    shown = "".join(c if c.isprintable() else "?" for c in name[:500])
    sys.stderr.write(f"{_FILE}{shown}\n")
    sys.stderr.flush()


def main() -> int:
    """The process: reads as it is told, and answers."""
    from handoff.content.reading import read_source  # noqa: PLC0415 - parsers that whoever asks need not load

    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    head = json.loads(sys.stdin.buffer.readline())
    source = Path(head["path"]) if head["path"] is not None else sys.stdin.buffer.read()
    read = read_source(source, head["name"], locale=head["locale"], known=head["known"], on_file=_tell)
    sys.stdout.buffer.write(orjson.dumps(source_to_json(read)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
