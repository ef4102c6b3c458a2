"""Imports in two steps: a preview that is kept for an hour, and its application by any process of the machine.

Previews lie in HOME/run/imports, one file each, named by a random token that only whoever asked for it was told.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final, Literal

import orjson

from handoff.content.errors import ImportExpired
from handoff.content.intents import teachable
from handoff.content.preview import Preview, apply_import, preview_from_json, preview_import, preview_to_json
from handoff.content.sources import Sources
from handoff.content.store import ContentStore, ImportResult
from handoff.ports import Clock

Status = Literal["ready", "draft"]

MAX_AGE_MS: Final = 60 * 60 * 1000
MAX_PREVIEWS: Final = 20

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class PreviewShelf:
    """The previews of one home on disk."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._folder = home / "run" / "imports"
        self._clock = clock

    def put(self, preview: Preview) -> str:
        """Keep a preview and return its token; the oldest go where there are too many. Raises `OSError`."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep(leave=MAX_PREVIEWS - 1)
        token = secrets.token_urlsafe(32)
        draft = self._folder / f".{token}"
        data = orjson.dumps(preview_to_json(preview))
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(data)
            # Aged by the relay's clock, whatever the file system thinks.
            at = self._clock.now_ms() / 1000
            os.utime(draft, (at, at))
            draft.replace(self._folder / token)
        finally:
            draft.unlink(missing_ok=True)
        return token

    def get(self, token: str) -> Preview:
        """Raises `ImportExpired`."""
        self._sweep(leave=MAX_PREVIEWS)
        # The token is part of a path: nothing but what `put` makes is looked for.
        if _TOKEN.fullmatch(token) is not None:
            try:
                return preview_from_json(orjson.loads((self._folder / token).read_bytes()))
            except (FileNotFoundError, ValueError, KeyError, TypeError):
                pass
        raise ImportExpired("This preview is not there any more. Choose the file again.")

    def drop(self, token: str) -> None:
        """Forget a preview."""
        if _TOKEN.fullmatch(token) is not None:
            (self._folder / token).unlink(missing_ok=True)

    def _sweep(self, *, leave: int) -> None:
        """Remove what is older than an hour, and the oldest beyond `leave`."""
        found: list[tuple[float, Path]] = []
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                try:
                    found.append((path.stat().st_mtime, path))
                except FileNotFoundError:
                    continue  # another process swept too
        found.sort(key=lambda each: (-each[0], each[1].name))
        oldest = (self._clock.now_ms() - MAX_AGE_MS) / 1000
        for position, (at, path) in enumerate(found):
            if at < oldest or position >= leave:
                path.unlink(missing_ok=True)


class Imports:
    """What the studio's import page does."""

    def __init__(self, store: ContentStore, home: Path, clock: Clock) -> None:
        self._store = store
        self._shelf = PreviewShelf(home, clock)
        self.sources = Sources(home)
        # One at a time: reading may take a core and a gigabyte.
        self._reading = asyncio.Semaphore(1)

    async def preview(
        self,
        source: Path | bytes,
        name: str,
        *,
        locale: str = "en",
        known: Iterable[str] | None = None,
    ) -> tuple[str, Preview]:
        """A preview and the token to apply it by. `name` is the file's, of which the last part counts."""
        name = os.path.basename(name.replace("\\", "/")).strip() or "import"  # noqa: PTH119 - no path of this machine
        async with self._reading:
            wanted = await teachable(self._store, known)
            made = await preview_import(self._store, source, name, locale=locale, known=wanted)
        return await asyncio.to_thread(self._shelf.put, made), made

    async def apply(
        self,
        token: str,
        *,
        replace: bool = False,
        skip_ids: Collection[str] = (),
        by: str,
        status: Status = "ready",
    ) -> ImportResult:
        """Do what the preview of `token` shows. The arguments are those of `apply_import`.

        Raises:
            ImportExpired, ContentRefused, ContentMoved: nothing was changed.
        """
        preview = await asyncio.to_thread(self._shelf.get, token)
        done = await apply_import(
            self._store,
            preview,
            replace=replace,
            skip_ids=skip_ids,
            sources=self.sources,
            by=by,
            status=status,
        )
        await asyncio.to_thread(self._shelf.drop, token)
        return done
