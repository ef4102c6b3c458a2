"""How customers are addressed now: the live release's voice, or the installation's where that release has none."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kb_index.releases import ReleaseError, ReleaseStore
from kb_index.serving import ServingError, Voice, read_serving


class SiteVoice:
    """Asks the home's files, two small ones, at each call: what is live moves without a word to a relay."""

    def __init__(self, home: Path, otherwise: Voice) -> None:
        self._releases = home / "releases"
        self._otherwise = otherwise

    async def now(self) -> Voice:
        """The voice; that of the installation too where the files cannot be read."""
        return await asyncio.to_thread(self._now)

    def _now(self) -> Voice:
        if not self._releases.is_dir():
            return self._otherwise
        try:
            live = ReleaseStore(self._releases).current()
            return (live and read_serving(self._releases / live).voice) or self._otherwise
        except (ReleaseError, ServingError, OSError):
            return self._otherwise
