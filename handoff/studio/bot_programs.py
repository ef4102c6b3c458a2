"""How jobs call programs of the bot's environment: with a folder under HOME/run that nobody else may read, gone when they are."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from handoff.content.programs import ProgramCall
from handoff.settings import Settings

Work = Literal["judging", "grouping", "simulating"]


@asynccontextmanager
async def working_folder(settings: Settings, name: Work) -> AsyncIterator[Path]:
    """An empty folder of this name, removed afterwards; what a program that was killed has left there goes. Raises `OSError`."""
    folder = settings.home / "run" / name
    await asyncio.to_thread(_emptied, folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_folders(home: Path) -> None:
    """Remove what killed jobs have left: customers' words stand there."""
    for name in get_args(Work):
        shutil.rmtree(home / "run" / name, ignore_errors=True)


def bot_call(
    settings: Settings, program: str, arguments: tuple[str, ...], folder: Path, *, named: str
) -> ProgramCall:
    """`python -m bot.PROGRAM` on this home, answering as its bots do. `named` is what messages call it."""
    return ProgramCall(
        python=settings.bot_python,
        module=f"bot.{program}",
        arguments=("--home", str(settings.home), *arguments),
        log=settings.home / "run" / f"{program}.log",
        environment={
            "BATON_HOME": str(settings.home),
            "BATON_ENCODER": settings.encoder,
            "BATON_VOICE": settings.voice,
        },
        scratch=folder,
        named=named,
    )


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line. Raises `OSError`."""
    with path.open("wb") as stream:
        for row in rows:
            stream.write(orjson.dumps(row) + b"\n")


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
