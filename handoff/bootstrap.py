"""The only file that picks adapters and puts the relay together."""

from __future__ import annotations

import secrets

from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.accounts.service import Accounts
from handoff.adapters.bot_http import HttpBot
from handoff.adapters.bot_pool import BotPool
from handoff.adapters.bot_workbench import BotWorkbench
from handoff.adapters.clock import SystemClock
from handoff.adapters.cursors_sql import SqlCursors
from handoff.adapters.database import open_engine
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.migrate import migrate
from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.adapters.reactions_sql import SqlReactions
from handoff.adapters.secrets_file import load_secrets
from handoff.adapters.webhook_http import HttpWebhook
from handoff.api.running import Running
from handoff.api.tokens import ConversationTokens
from handoff.content.imports import Imports
from handoff.content.intents import shipped_examples
from handoff.content.sources import Sources
from handoff.content.store import ContentStore
from handoff.content.voice import SiteVoice
from handoff.domain.rules import NOTICES, Rules, Rung
from handoff.ports import BotEngine, Clock, EventLog, PubSub, Webhook, Workbench
from handoff.relay.parts import Relay, SocketLimits
from handoff.relay.session import SessionLimits
from handoff.service.bot_watch import BotWatch
from handoff.service.conversations import Conversations
from handoff.service.due_rows import DueRows
from handoff.service.feed import Feed
from handoff.service.inbox import Inbox
from handoff.service.ladder import LEVELS, WEBHOOK_KINDS, Callers, WebhookCaller
from handoff.service.measured_bot import MeasuredBot
from handoff.service.metrics import Metrics
from handoff.service.presence import AgentPresence
from handoff.service.reactor import Reactor, TurnLimits
from handoff.service.readers import Readers
from handoff.service.timers import Timers
from handoff.service.waits import Waits
from handoff.settings import Settings
from handoff.studio.articles import ArticleDesk
from handoff.studio.audit import Audit
from handoff.studio.canary import Canaries
from handoff.studio.canary_store import CanaryStore
from handoff.studio.exam import Exam
from handoff.studio.incidents import Incidents
from handoff.studio.intents import IntentDesk
from handoff.studio.job_keeper import JobKeeper
from handoff.studio.job_store import JobStore
from handoff.studio.jobs import Jobs
from handoff.studio.journal import Journal
from handoff.studio.live import LiveContent
from handoff.studio.meanings import Meanings
from handoff.studio.parts import Studio
from handoff.studio.past_talk import PastTalk
from handoff.studio.plans import Plans
from handoff.studio.publishing import Publishing
from handoff.studio.releases import Releases
from handoff.studio.replaying import Replaying
from handoff.studio.review import Review
from handoff.studio.review_watch import ReviewWatch
from handoff.studio.settings import StudioSettings
from handoff.studio.settling import Settling
from handoff.studio.shelf import Shelf
from handoff.studio.speaking import Speaking
from handoff.studio.taking_up import TakingUp
from handoff.studio.trainings import sweep

REACTION_LEASE_S = 4.0
RUNG_LEASE_MS = 15_000
"""Three times what a webhook may take: rungs are not renewed."""


async def open_database(settings: Settings) -> AsyncEngine:
    """The installation's database, at its newest schema. Makes the home folder."""
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings.database)
    await migrate(engine)
    return engine


def make_accounts(engine: AsyncEngine, settings: Settings) -> Accounts:
    """People and their logins."""
    return Accounts(engine, SystemClock(), session_hours=settings.session_hours)


def make_content(engine: AsyncEngine) -> ContentStore:
    """Articles and intents."""
    return ContentStore(engine, SystemClock())


async def make_running(settings: Settings) -> Running:
    """A relay on the adapters that `settings` name, ready to be started."""
    engine = await open_database(settings)
    kept = load_secrets(settings.home)
    bots = [HttpBot(url, settings.bot_secret) for url in settings.bot_urls]
    clock = SystemClock()
    webhook = (
        HttpWebhook(settings.webhook_url, settings.webhook_secret, clock) if settings.webhook_url else None
    )
    worker = f"relay-{secrets.token_hex(8)}"
    relay = make_relay(
        settings,
        engine=engine,
        log=SqlEventLog(engine, worker, int(REACTION_LEASE_S * 1000)),
        bot=bots[0] if len(bots) == 1 else BotPool(bots),
        clock=clock,
        worker=worker,
        webhook=webhook,
    )

    async def close() -> None:
        for bot in bots:
            await bot.close()
        if webhook is not None:
            await webhook.close()
        await engine.dispose()

    tokens = ConversationTokens(
        settings.signing_secret or kept.signing,
        settings.token_hours * 3600,
        settings.token_renew_days * 24 * 3600,
    )
    return Running(
        relay,
        make_accounts(engine, settings),
        tokens,
        settings.identity_secret or kept.identity,
        make_studio(engine, settings, relay, BotWorkbench(bots)),
        close,
    )


def make_releases(engine: AsyncEngine, settings: Settings) -> Releases:
    """What goes live and back, for commands."""
    clock = SystemClock()
    journal = Journal(settings.home, Audit(engine, clock), settles=False)
    live = LiveContent(settings.home, Shelf(engine), ArticleDesk(engine, clock), clock, journal)
    return Releases(settings.home, live, journal)


def make_studio(engine: AsyncEngine, settings: Settings, relay: Relay, bench: Workbench) -> Studio:
    """What editors work with."""
    clock = relay.clock
    shelf = Shelf(engine)
    audit = Audit(engine, clock)
    desk = ArticleDesk(engine, clock)
    journal = Journal(settings.home, audit)
    live = LiveContent(settings.home, shelf, desk, clock, journal)
    job_store = JobStore(engine, clock)
    keeper = JobKeeper(job_store, settings, sweep)
    studio_settings = StudioSettings(engine, audit, clock)
    releases = Releases(settings.home, live, journal, bench)
    canaries = Canaries(
        store=CanaryStore(engine, clock),
        bench=bench,
        releases=releases,
        live=live,
        audit=audit,
        home=settings.home,
    )
    relay.reactor.try_out(canaries)
    content = ContentStore(engine, clock)
    taking_up = TakingUp(live, bench)
    publishing = Publishing(
        desk=desk,
        live=live,
        releases=releases,
        canaries=canaries,
        taking_up=taking_up,
        settings=studio_settings,
        clock=clock,
    )
    incidents = Incidents(
        engine,
        live=live,
        event_log=relay.log,
        conversations=relay.conversations,
        clock=clock,
    )
    for action in ("published_release", "promoted_canary"):
        journal.finish(action, publishing.keep_values)
    for action in ("opened_incident", "changed_incident", "ended_incident"):
        journal.finish(action, incidents.tell)
    plans = Plans(engine, clock, audit, publishing.do)
    publishing.plans(plans)
    jobs = Jobs(job_store, keeper, studio_settings, clock)
    voice = SiteVoice(settings.home, settings.voice)
    return Studio(
        clock=clock,
        audit=audit,
        articles=desk,
        shelf=shelf,
        live=live,
        bench=bench,
        incidents=incidents,
        journal=journal,
        intents=IntentDesk(engine, clock, audit, shipped_examples()),
        meanings=Meanings(bench),
        keeper=keeper,
        jobs=jobs,
        releases=releases,
        canaries=canaries,
        exam=Exam(engine, clock, settings.locale),
        settings=studio_settings,
        plans=plans,
        publishing=publishing,
        taking_up=taking_up,
        review=Review(engine, studio_settings, clock),
        settling=Settling(engine, desk, audit, clock),
        review_watch=ReviewWatch(engine, job_store, jobs, clock),
        past_talk=PastTalk(engine),
        replaying=Replaying(engine, bench),
        content=content,
        imports=Imports(content, settings.home, clock),
        sources=Sources(settings.home),
        voice=voice,
        speaking=Speaking(voice, relay.conversations.speak),
        locale=settings.locale,
    )


def make_relay(
    settings: Settings,
    *,
    engine: AsyncEngine,
    log: EventLog,
    bot: BotEngine,
    clock: Clock,
    worker: str,
    webhook: Webhook | None = None,
) -> Relay:
    """The parts of a relay around a log and a bot."""
    metrics = Metrics()
    bot = MeasuredBot(bot, metrics)
    pubsub = _make_pubsub(settings.redis_url, worker)
    feed = Feed(log)
    cursors = SqlCursors(engine)
    lease_ms = int(settings.agent_lease * 1000)
    rules = make_rules(settings)
    conversations = Conversations(log, feed, pubsub, clock, rules)
    conversations.when_committed(metrics.committed)
    queue = SqlReactions(engine)
    watch = BotWatch(bot)
    presence = AgentPresence(worker, cursors, pubsub, clock, lease_ms)
    inbox = Inbox(log, feed, pubsub, Waits(log, clock, presence.online))
    presence.listen(lambda _frame: inbox.agents_changed())
    readers = Readers(log, pubsub)
    inbox.listen(lambda change: readers.tell_places(change.places))
    return Relay(
        clock=clock,
        log=log,
        cursors=cursors,
        pubsub=pubsub,
        bot=bot,
        feed=feed,
        conversations=conversations,
        readers=readers,
        inbox=inbox,
        presence=presence,
        watch=watch,
        reactor=Reactor(
            worker=worker,
            queue=queue,
            conversations=conversations,
            log_=log,
            feed=feed,
            bot=bot,
            watch=watch,
            pubsub=pubsub,
            clock=clock,
            limits=TurnLimits(settings.turn_limit, settings.warm_limit, REACTION_LEASE_S),
        ),
        timers=Timers(
            log_=log, cursors=cursors, conversations=conversations, clock=clock, agent_lease_ms=lease_ms
        ),
        ladder=_make_ladder(engine, log, conversations, clock=clock, worker=worker, webhook=webhook),
        limits=SocketLimits(
            SessionLimits(settings.max_frame_bytes, settings.message_rate, settings.message_burst),
            hello_s=settings.hello_limit,
            idle_s=settings.idle_limit,
            send_s=settings.send_limit,
            send_buffer=settings.send_buffer,
        ),
        queue=queue,
        metrics=metrics,
    )


def _make_pubsub(redis_url: str | None, worker: str) -> PubSub:
    if not redis_url:
        return MemoryPubSub()
    from handoff.adapters.pubsub_redis import RedisPubSub  # noqa: PLC0415 - a twentieth of a start without Redis

    return RedisPubSub(redis_url, worker)


def make_rules(settings: Settings) -> Rules:
    """What the settings decide about conversations."""
    agents_ms, supervisors_ms = (
        int(after * 1000) for after in (settings.wake_agents_after, settings.wake_supervisors_after)
    )
    ladder = [Rung("wake_agents", agents_ms), Rung("wake_supervisors", supervisors_ms)]
    if settings.webhook_url:
        ladder.append(Rung("wake_webhook", supervisors_ms))
    return Rules(
        episode_idle_ms=int(settings.episode_idle * 1000),
        reopen_same_agent_ms=int(settings.reopen_same_agent * 1000),
        handoff_limit_ms=int(settings.handoff_limit * 1000) or None,
        handoff_expiry=settings.handoff_expiry,
        ladder=tuple(ladder),
        notices=NOTICES[settings.voice],
    )


def _make_ladder(
    engine: AsyncEngine,
    log: EventLog,
    conversations: Conversations,
    *,
    clock: Clock,
    worker: str,
    webhook: Webhook | None,
) -> tuple[DueRows, ...]:
    """Calls of people and of the webhook apart: a webhook that hangs delays nobody else."""
    people, web = SqlReactions(engine, LEVELS), SqlReactions(engine, WEBHOOK_KINDS)
    caller = WebhookCaller(worker=worker, queue=web, log_=log, clock=clock, webhook=webhook)
    return tuple(
        DueRows(name, worker=worker, queue=queue, clock=clock, lease_ms=RUNG_LEASE_MS, handle=handle)
        for name, queue, handle in (
            ("ladder", people, Callers(conversations).climb),
            ("webhooks", web, caller.climb),
        )
    )
