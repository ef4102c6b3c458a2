"""`bench studio --n N --variants V`: what an editor waits for with N articles of V variants each, over HTTP on a relay alone.

The articles are imported by the studio's own way, while `/health/live` is asked all the time: its longest answer is how long
the import kept everybody else waiting. Then they are live, the relay is started anew, and after a first list (`first_ms`)
each round opens an article, saves it, and asks for a list, a search and the changes.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from bench import product
from bench.programs import BenchError
from bench.relay import STORE
from bench.report import machine, percentile, result, rounded, say
from handoff.bootstrap import make_accounts, open_database
from handoff.settings import Settings
from kb_index.article import Article
from kb_index.formats import write_jsonl
from kb_index.releases import ReleaseStore

ARTICLES: Final = 5_000
VARIANTS: Final = 10
ROUNDS: Final = 100
AT: Final = "2026-01-01T00:00:00.000Z"
_API: Final = "/api/v1/studio"
_THINGS: Final = (
    "tent",
    "parcel",
    "invoice",
    "voucher",
    "sleeping bag",
    "boot",
    "stove",
    "membership",
    "refund",
    "repair",
)
_DEEDS: Final = (
    "order",
    "return",
    "change",
    "cancel",
    "pay for",
    "insure",
    "exchange",
    "track",
    "store",
    "clean",
)
_FORMS: Final = (
    "how do I {}",
    "can I {}",
    "where can I {}",
    "what does it cost to {}",
    "am I allowed to {}",
    "help me {}",
)


def run(arguments: Sequence[str], home: Path | None) -> int:
    """The command `bench studio`. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="baton bench studio", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last, on one line")
    parser.add_argument("--n", type=int, default=ARTICLES, help=f"articles (default {ARTICLES:,})")
    parser.add_argument("--variants", type=int, default=VARIANTS, help=f"of each (default {VARIANTS})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of requests (default {ROUNDS})")
    given = parser.parse_args(arguments)
    if given.n < 1 or given.variants < 0 or given.rounds < 1:
        parser.error("--n and --rounds must be at least 1, and --variants at least 0")
    store = home if home is not None else STORE
    store.mkdir(parents=True, exist_ok=True)
    where = machine()
    with tempfile.TemporaryDirectory(prefix="studio-", dir=store) as folder:
        took = measured(
            Path(folder), made(given.n, given.variants), given.rounds, store / "logs" / "studio.log"
        )
    result(figures(took, given.n, given.variants, where), as_json=given.json)
    return 0


def made(many: int, variants: int) -> list[Article]:
    """Articles about things and what one does with them, each with a number of its own; the same every time."""
    return [
        Article(
            id=f"article-{number:05d}",
            title=_question(number, 0, "Number"),
            answer=f"{_question(number, 0, 'Of')}? You will find all about it on page {number}. " * 4,
            questions=tuple(_question(number, place, "no.") for place in range(1, variants + 1)),
            tags=(_THINGS[number % len(_THINGS)],),
        )
        for number in range(many)
    ]


def _question(number: int, place: int, mark: str) -> str:
    deed = f"{_DEEDS[number // len(_THINGS) % len(_DEEDS)]} a {_THINGS[number % len(_THINGS)]}"
    return f"{_FORMS[place % len(_FORMS)].format(deed)} {mark} {number} {place}"


Took = dict[str, list[float]]
"""Milliseconds by what was done."""


def measured(home: Path, articles: Sequence[Article], rounds: int, log: Path) -> Took:
    """Import, publish, and work with the articles in a new home. Raises `BenchError`."""
    token = asyncio.run(_editor(Settings(home=home, database_url=None)))
    file = home / "articles.jsonl"
    write_jsonl(file, articles)
    with _relay(home, log) as url:
        took = asyncio.run(_imported(url, token, file.read_bytes()))
    say(f"imported in {took['import_ms'][0]:.0f} ms, nobody waited longer than {max(took['hold_ms']):.0f} ms")
    _make_live(home, articles)
    with _relay(home, log) as url:
        return took | asyncio.run(_worked(url, token, [article.id for article in articles], rounds))


def figures(took: Took, many: int, variants: int, where: Mapping[str, Any]) -> dict[str, Any]:
    """p50 and p95 of what an editor does, in ms, and what an import costs."""
    done = {name: values for name, values in took.items() if not name.endswith("_ms")}
    return {
        "bench": "studio",
        "n": many,
        "variants": many * variants,
        **{f"{name}_p50_ms": rounded(percentile(values, 0.5)) for name, values in done.items()},
        **{f"{name}_p95_ms": rounded(percentile(values, 0.95)) for name, values in done.items()},
        "first_ms": rounded(took["first_ms"][0]),
        "import_ms": rounded(took["import_ms"][0]),
        "preview_ms": rounded(took["preview_ms"][0]),
        "longest_hold_ms": rounded(max(took["hold_ms"])),
        "idle_hold_ms": rounded(max(took["idle_ms"])),
        "rounds": len(next(iter(done.values()))),
        "machine": dict(where),
    }


async def _editor(settings: Settings) -> str:
    engine = await open_database(settings)
    try:
        accounts = make_accounts(engine, settings)
        await accounts.add_user("bench", "editor", secrets.token_urlsafe(24))
        token, _ = await accounts.add_token("bench", "bench")
        return token
    finally:
        await engine.dispose()


def _make_live(home: Path, articles: Sequence[Article]) -> None:
    """A release that holds the articles, without what a bot would answer by."""
    releases = ReleaseStore(home / "releases")
    building = releases.begin("bench")
    write_jsonl(building / "content.jsonl", articles)
    releases.commit(building, {"created_at": AT})
    releases.publish("bench", at=AT, by="bench")


@contextmanager
def _relay(home: Path, log: Path) -> Iterator[str]:
    program, url = product.relay(home, log)
    try:
        yield url
    finally:
        program.stop()


class _Line:
    """One kept connection of an editor. `ms` is what the last request took until its answer was read."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.ms = 0.0

    async def ask(self, method: str, path: str, body: object = None, **params: Any) -> Any:
        """The answer's JSON. Raises `BenchError` for a refusal."""
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        kind = {"Content-Type": "application/octet-stream" if isinstance(body, bytes) else "application/json"}
        began = time.perf_counter()
        async with self._session.request(method, path, data=data, params=params, headers=kind) as answer:
            content = await answer.read()
            self.ms = (time.perf_counter() - began) * 1000
            if answer.status >= 300:
                raise BenchError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return orjson.loads(content) if content else None


def _session(url: str, token: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        url,
        headers={"Authorization": f"Bearer {token}"},
        connector=aiohttp.TCPConnector(limit=1),
        timeout=aiohttp.ClientTimeout(total=300),
    )


async def _imported(url: str, token: str, file: bytes) -> Took:
    took: Took = {"idle_ms": [], "hold_ms": []}
    async with _session(url, token) as session, _session(url, token) as other:
        editor, customer = _Line(session), _Line(other)

        async def watch(into: list[float]) -> None:
            while True:
                await customer.ask("GET", "/health/live")
                into.append(customer.ms)
                await asyncio.sleep(0.002)

        for name in ("idle_ms", "hold_ms"):
            watching = asyncio.create_task(watch(took[name]))
            if name == "idle_ms":
                await asyncio.sleep(1.0)
            else:
                preview = await editor.ask("POST", f"{_API}/import/preview", file, name="articles.jsonl")
                took["preview_ms"] = [editor.ms]
                await editor.ask("POST", f"{_API}/import", {"token": preview["token"]})
                took["import_ms"] = [editor.ms]
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    return took


async def _worked(url: str, token: str, ids: Sequence[str], rounds: int) -> Took:
    took: Took = {name: [] for name in ("open", "save", "list", "search", "changes")}
    async with _session(url, token) as session:
        editor = _Line(session)
        await editor.ask("GET", f"{_API}/articles")
        took["first_ms"] = [editor.ms]
        for number in range(rounds):
            article_id = ids[number * 7919 % len(ids)]
            article = (await editor.ask("GET", f"{_API}/articles/{article_id}"))["article"]
            took["open"].append(editor.ms)
            fields = ("title", "questions", "tags", "locale", "status")
            body = {**{name: article[name] for name in fields}, "answer": f"Changed in round {number}."}
            await editor.ask(
                "PUT", f"{_API}/articles/{article_id}", {"base_version": article["version"], "article": body}
            )
            took["save"].append(editor.ms)
            await editor.ask("GET", f"{_API}/articles", offset=50 * number % len(ids))
            took["list"].append(editor.ms)
            await editor.ask("GET", f"{_API}/articles", q=f"{_DEEDS[number % len(_DEEDS)]} {number}")
            took["search"].append(editor.ms)
            await editor.ask("GET", f"{_API}/changes")
            took["changes"].append(editor.ms)
    return took
