"""The installation's own secrets: made once, kept readable by their owner alone."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Secrets:
    """`signing` signs conversations' tokens; `identity` is shared with the site to prove who its visitor is."""

    signing: str
    identity: str


def load_secrets(home: Path) -> Secrets:
    """The secrets in `home`, made when they are not there yet. Safe against two processes that start at once."""
    path = home / "secrets.json"
    if not path.exists():
        made = Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        draft = home / f".secrets-{os.getpid()}.json"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(made)), encoding="utf-8")
        try:
            # A link fails where the file exists: the first process wins and the second reads its secrets.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return Secrets(**json.loads(path.read_text(encoding="utf-8")))
