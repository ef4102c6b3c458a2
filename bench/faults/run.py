"""One run: people talk through proxies while things go wrong by a schedule; at the end every reader is drained."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import httpx

from bench.faults.checker import HIDDEN_FROM_CUSTOMERS
from bench.faults.clients import Agent, Customer, RecordedClient
from bench.faults.database import read_log
from bench.faults.history import History, Log, Reader
from bench.faults.processes import HOST, Postgres, Server
from bench.faults.proxy import Mischief, Proxy
from bench.faults.schedule import Fault, Kind, schedule
from bench.faults.talk import Talk
from bench.programs import BenchError
from bench.report import say
from handoff.bootstrap import make_accounts, open_database
from handoff.settings import Settings

OPEN_AT_ONCE: Final = 16
TELL_EVERY_S: Final = 10.0
QUIET_CHECK_S: Final = 0.5
DEAF_S: Final = (0.03, 0.2)
DOWN_S: Final = (0.0, 1.5)


@dataclass(slots=True)
class Parts:
    """What a run works on. `settings` are those of the relays; `log` is where the checker finds the database."""

    settings: Settings
    log: Path | str
    relays: Sequence[Server]
    bots: Sequence[Server] = ()
    redis: Server | None = None
    postgres: Postgres | None = None

    def can(self) -> frozenset[Kind]:
        """The kinds of faults that these parts allow."""
        kinds: set[Kind] = {"kill_relay", "kill_relay_unheard", "cut_all"}
        if self.bots:
            kinds.add("kill_bot")
        if self.redis is not None:
            kinds.add("kill_redis")
        if self.postgres is not None:
            kinds |= {"restart_fast", "restart_immediate"}
        return frozenset(kinds)

    async def start(self) -> None:
        """Start all of them, the first relay alone: it migrates the database."""
        for server in (self.redis, *self.bots):
            if server is not None:
                await server.start()
        first, *others = self.relays
        await first.start()
        await asyncio.gather(*(server.start() for server in others))

    async def stop(self) -> None:
        """Stop all of them."""
        servers = (*self.relays, *self.bots, self.redis)
        await asyncio.gather(*(server.stop() for server in servers if server is not None))

    @property
    def kills(self) -> int:
        """How often a program was killed."""
        return sum(server.kills for server in (*self.relays, *self.bots, self.redis) if server is not None)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is said by how many, and how much goes wrong. `limit_s` bounds the whole talking, `drain_s` the end."""

    words: int
    customers: int
    agents: int
    seed: int
    mischief: Mischief
    questions: Sequence[str]
    often: float = 1.0
    limit_s: float = 3600.0
    drain_s: float = 60.0


@dataclass(slots=True)
class Run:
    """What a run left behind."""

    history: History
    log: Log = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Of the proxies: `cuts`, `stalls`, `repeats`, `overtakes`, `connections`."""
    troubles: Counter[str] = field(default_factory=Counter)
    """Of the clients: refusals, goodbyes, reconnections."""
    given_up: list[str] = field(default_factory=list)
    """Conversations that could not be finished, and why."""
    done: Counter[str] = field(default_factory=Counter)
    """The scheduled faults that happened, by kind."""


async def run(parts: Parts, plan: Plan) -> Run:
    """The whole run; `parts` have been started. Raises `BenchError` when something never comes back."""
    proxies = [Proxy(r.port, plan.mischief, f"{plan.seed}:{n}") for n, r in enumerate(parts.relays)]
    for proxy in proxies:
        await proxy.start()
    result = Run(History())
    people: list[RecordedClient] = []
    try:
        talks = await _people(parts, plan, proxies, result.history)
        people = [*{id(agent): agent for talk in talks for agent in talk.agents}.values()]
        people += [talk.customer for talk in talks]
        for person in people:
            person.start()
        await _talk_under_fire(parts, plan, proxies, talks, result)
        result.log = await _drained(parts, plan, result)
    finally:
        for proxy in proxies:
            await proxy.stop()
            result.counts.update(proxy.counts)
        for person in people:
            await person.stop()
            result.troubles.update(person.troubles)
    return result


# --- the people ---------------------------------------------------------------------------------------------


async def _people(parts: Parts, plan: Plan, proxies: Sequence[Proxy], history: History) -> list[Talk]:
    sites = [f"ws://{HOST}:{proxy.port}" for proxy in proxies]
    agents = [
        Agent(sites, user_id, token, Random(f"agent:{plan.seed}:{number}"), history)
        for number, (user_id, token) in enumerate(await _accounts(parts, plan.agents))
    ]
    gate = asyncio.Semaphore(OPEN_AT_ONCE)
    async with httpx.AsyncClient(timeout=30.0, trust_env=False) as http:
        opened = await asyncio.gather(
            *(_open(http, gate, parts.relays[n % len(parts.relays)].port) for n in range(plan.customers))
        )
    talks = []
    for number, (conversation_id, token) in enumerate(opened):
        rng = Random(f"customer:{plan.seed}:{number}")
        # Two agents follow each conversation, and now and then both want it.
        followers = [agents[number % len(agents)], agents[(number + 1) % len(agents)]][: len(agents)]
        for agent in followers:
            agent.follow(conversation_id)
        customer = Customer(sites, conversation_id, token, rng, history)
        talks.append(Talk(customer, followers, plan.questions, Random(f"talk:{plan.seed}:{number}")))
    return talks


async def _open(http: httpx.AsyncClient, gate: asyncio.Semaphore, port: int) -> tuple[str, str]:
    async with gate:
        body = {"client_id": secrets.token_urlsafe(16)}
        answer = await http.post(f"http://{HOST}:{port}/api/v1/conversations", json=body)
    if not answer.is_success:
        raise BenchError(f"a conversation could not be opened: {answer.status_code} {answer.text[:200]}")
    return answer.json()["conversation_id"], answer.json()["token"]


async def _accounts(parts: Parts, count: int) -> list[tuple[str, str]]:
    engine = await open_database(parts.settings)
    try:
        accounts = make_accounts(engine, parts.settings)
        made = []
        for number in range(count):
            user, _ = await accounts.add_user(f"Agent {number}", "agent", secrets.token_urlsafe(16))
            token, _ = await accounts.add_token(user.name, "faults")
            made.append((user.id, token))
        return made
    finally:
        await engine.dispose()


# --- the talking and the faults -------------------------------------------------------------------------------


async def _talk_under_fire(
    parts: Parts, plan: Plan, proxies: Sequence[Proxy], talks: Sequence[Talk], result: Run
) -> None:
    share, extra = divmod(plan.words, len(talks))
    talking = [
        asyncio.create_task(talk.run(share + (number < extra)), name=talk.id)
        for number, talk in enumerate(talks)
    ]
    over = asyncio.Event()
    chaos = asyncio.create_task(_chaos(parts, plan, proxies, result, over))
    telling = asyncio.create_task(_tell(plan, result))
    try:
        await _until_all_is_said(talking, chaos, plan.limit_s)
        for task, ended in zip(talking, await asyncio.gather(*talking, return_exceptions=True), strict=True):
            if isinstance(ended, BaseException):
                result.given_up.append(f"{task.get_name()}: {ended!r}")
    finally:
        over.set()
        telling.cancel()
        await chaos
        for proxy in proxies:
            proxy.behave()


async def _until_all_is_said(
    talking: Sequence[asyncio.Task[None]], chaos: asyncio.Task[None], limit_s: float
) -> None:
    """Wait for every talk, and cancel those that take longer than `limit_s`. Raises what `chaos` raises."""
    end = asyncio.get_running_loop().time() + limit_s
    pending = set(talking)
    while pending:
        watched = pending if chaos.done() else {*pending, chaos}
        left_s = end - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait(watched, timeout=max(left_s, 0), return_when=asyncio.FIRST_COMPLETED)
        if chaos in done:
            chaos.result()
        if not done:
            for task in pending:
                task.cancel()
            return
        pending -= done


async def _chaos(
    parts: Parts, plan: Plan, proxies: Sequence[Proxy], result: Run, over: asyncio.Event
) -> None:
    """Make each fault happen when it is due; several may be going on at once, one at a time for each target."""
    rng = Random(f"chaos:{plan.seed}")
    locks: dict[str, asyncio.Lock] = {}
    going_on: list[asyncio.Task[None]] = []

    async def one(fault: Fault, work: Callable[[], Awaitable[None]], target: str) -> None:
        async with locks.setdefault(target, asyncio.Lock()):
            await work()
            result.done[fault.kind] += 1

    for fault in schedule(plan.seed, plan.words, parts.can(), often=plan.often):
        while len(result.history.acks) < fault.at and not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 0.02)
        if over.is_set():
            break
        target, work = _work(fault, parts, proxies, rng)
        going_on.append(asyncio.create_task(one(fault, work, target)))
    await asyncio.gather(*going_on)


def _work(
    fault: Fault, parts: Parts, proxies: Sequence[Proxy], rng: Random
) -> tuple[str, Callable[[], Awaitable[None]]]:
    deaf_s, down_s = rng.uniform(*DEAF_S), rng.uniform(*DOWN_S)
    relay = fault.target % len(parts.relays)

    async def kill(server: Server) -> None:
        await server.kill()
        await asyncio.sleep(down_s)
        await server.start()

    async def kill_unheard() -> None:
        proxies[relay].deafen()
        await asyncio.sleep(deaf_s)
        await parts.relays[relay].kill()
        proxies[relay].cut_all()
        await kill(parts.relays[relay])

    async def cut_all() -> None:
        proxies[relay].cut_all()

    async def restart(mode: str) -> None:
        assert parts.postgres is not None
        await parts.postgres.restart(mode)

    match fault.kind:
        case "kill_relay":
            return f"relay {relay}", lambda: kill(parts.relays[relay])
        case "kill_relay_unheard":
            return f"relay {relay}", kill_unheard
        case "kill_bot":
            bot = fault.target % len(parts.bots)
            return f"bot {bot}", lambda: kill(parts.bots[bot])
        case "kill_redis":
            redis = parts.redis
            assert redis is not None
            return "redis", lambda: kill(redis)
        case "restart_fast":
            return "postgres", lambda: restart("fast")
        case "restart_immediate":
            return "postgres", lambda: restart("immediate")
        case "cut_all":
            return f"proxy {relay}", cut_all


async def _tell(plan: Plan, result: Run) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        done = ", ".join(f"{kind} {count}" for kind, count in sorted(result.done.items()))
        say(
            f"{len(result.history.acks):,} acks of {plan.words:,} words and their commands; {done or 'no fault yet'}"
        )


# --- the end ------------------------------------------------------------------------------------------------


async def _drained(parts: Parts, plan: Plan, result: Run) -> Log:
    """Wait until every reader has the last event it may see, or for `drain_s`; the log as it then is."""
    end = asyncio.get_running_loop().time() + plan.drain_s
    while True:
        log = await read_log(parts.log)
        if all(_is_drained(reader, log) for reader in result.history.readers):
            # Timers may still append; a log that has not moved meanwhile is the end.
            again = await read_log(parts.log)
            if again == log:
                return log
        if asyncio.get_running_loop().time() > end:
            return log
        await asyncio.sleep(QUIET_CHECK_S)


def _is_drained(reader: Reader, log: Log) -> bool:
    hidden = HIDDEN_FROM_CUSTOMERS if reader.actor == "customer" else frozenset()
    shown = [event for event in log.get(reader.conversation_id, ()) if event.kind not in hidden]
    return not shown or (bool(reader.events) and reader.events[-1].seq >= shown[-1].seq)
