"""A stop planted in a process of the product: it ends by SIGKILL right before or after a named step.

Python runs `sitecustomize` of its path before anything else, so the product's own program runs as it is. `HOME/stop` says
where, once: `before NAME` or `after NAME` of a file that is renamed to NAME, or `before SQL` of a statement that begins so.
"""

from __future__ import annotations

import os
from pathlib import Path

from handoff.settings import PROJECT_ROOT

_CODE = '''
import os, pathlib, signal

HOME = pathlib.Path({home!r})
FILE = HOME / "stop"
_replace = os.replace


def here(moment, name):
    """End this process where the test says so; the word is taken first, so that the next process goes on."""
    if not FILE.exists():
        return
    when, _, what = FILE.read_text().partition(" ")
    if when == moment and what in name:
        FILE.rename(HOME / "stopped")
        os.kill(os.getpid(), signal.SIGKILL)


def replace(source, target, **more):
    here("before", str(target))
    _replace(source, target, **more)
    here("after", str(target))


os.replace = replace


def watch_statements():
    import sqlalchemy.event
    from sqlalchemy.engine import Engine

    @sqlalchemy.event.listens_for(Engine, "before_cursor_execute")
    def executing(_connection, _cursor, statement, *_more):
        here("before", " ".join(statement.split()))

    @sqlalchemy.event.listens_for(Engine, "commit")
    def committing(_connection):
        here("before", "COMMIT")


if {statements!r}:
    watch_statements()
'''


def plant(folder: Path, home: Path, *, statements: bool = False) -> str:
    """Write the stop into `folder`; returns the PYTHONPATH of a process that is to meet it."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_CODE.format(home=str(home), statements=statements))
    return os.pathsep.join([str(folder), str(PROJECT_ROOT)])


def stop(home: Path, where: str) -> None:
    """Have the next process that comes there end."""
    (home / "stopped").unlink(missing_ok=True)
    (home / "stop").write_text(where)


def has_stopped(home: Path) -> bool:
    """Whether one came there."""
    return (home / "stopped").exists()
