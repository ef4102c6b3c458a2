"""Every setting of the relay, from the environment (`BATON_*`), with its default and meaning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

WEBHOOK_SECRET_AT_LEAST = 16
PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Settings of one installation. A field `name` is read from the environment as `BATON_NAME`."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore", frozen=True)

    home: Path = Field(
        default=PROJECT_ROOT / ".baton", description="Folder that holds all state of this installation."
    )
    host: str = Field(default="127.0.0.1", description="Address the relay listens on.")
    port: int = Field(default=8420, ge=0, le=65535, description="Port the relay listens on.")
    database_url: str | None = Field(
        default=None,
        description="Database, `postgresql://user:password@host/name`; default SQLite in the home folder.",
    )
    redis_url: str | None = Field(
        default=None,
        description="Redis that carries hints between relays, `redis://host:6379/0`; one relay needs none.",
    )

    signing_secret: str | None = Field(
        default=None,
        min_length=32,
        description="Signs conversations' tokens; the same on every relay. Default: one made in the home folder.",
    )
    identity_secret: str | None = Field(
        default=None,
        min_length=32,
        description="Shared with the site to prove who its visitor is; as above.",
    )

    site_name: str = Field(
        default="Baton", max_length=80, description="The site's name, shown in the widget."
    )
    voice: Literal["formal", "casual"] = Field(
        default="casual",
        description="How the bot addresses customers, until an editor chooses in the studio.",
    )
    locale: str = Field(
        default="en", description="Locale of conversations and imported articles that name none."
    )
    low_confidence: Literal["handoff", "offer"] = Field(
        default="handoff",
        description="Below the threshold: hand over at once, or say so and offer a person first.",
    )
    encoder: str = Field(
        default="bundled", description="Sentence encoder: bundled, bundled-torch, a folder or a hub name."
    )
    fine_tune: Literal["auto", "off"] = Field(
        default="auto",
        description="Whether training fine-tunes the bundled encoder on the articles' questions where that helps.",
    )
    fine_tune_minutes: float = Field(
        default=15.0,
        gt=0.0,
        description="Minutes fine-tuning may take; past them the untuned encoder serves.",
    )

    bot_url: str = Field(
        default="http://127.0.0.1:8421",
        pattern=r"^\s*https?://[^\s,]+(\s*,\s*https?://[^\s,]+)*\s*$",
        description="Where the bot answers; several bots with commas between. Never reachable from outside.",
    )
    bot_secret: str = Field(
        default="", description="Shared secret of relay and bot; `serve` makes one at each start."
    )
    bot_python: Path = Field(
        default=PROJECT_ROOT / ".envs" / "bot" / "bin" / "python",
        description="Interpreter of the bot's environment.",
    )
    turn_limit: float = Field(
        default=5.0, gt=0, description="Seconds a turn may take, retries included (P9)."
    )
    warm_limit: float = Field(
        default=90.0, gt=0, description="Seconds a question waits for a bot that warms up or is down."
    )
    episode_idle: float = Field(
        default=1800.0, gt=0, description="Seconds without a word after which the bot closes."
    )
    agent_lease: float = Field(
        default=60.0, gt=0, description="Seconds without a socket after which an agent's chats return."
    )
    reopen_same_agent: float = Field(
        default=120.0,
        ge=0,
        description="Seconds after an agent's close in which a customer's words reach that agent first.",
    )

    handoff_limit: float = Field(
        default=600.0,
        ge=0,
        description="Seconds a customer waits for a person before `BATON_HANDOFF_EXPIRY` happens; 0: for ever.",
    )
    handoff_expiry: Literal["contact", "bot"] = Field(
        default="contact",
        description="When nobody came: ask for an address and keep the place in the queue, or go back to the bot.",
    )
    wake_agents_after: float = Field(
        default=30.0, gt=0, description="Seconds of waiting after which every agent online is called."
    )
    wake_supervisors_after: float = Field(
        default=120.0,
        gt=0,
        description="Seconds of waiting after which supervisors are called, and the webhook.",
    )
    webhook_url: str | None = Field(
        default=None, description="Where a long wait is told of by a signed POST; http or https."
    )
    webhook_secret: str = Field(
        default="",
        validate_default=True,
        description="Secret of the webhook's signatures, at least 16 characters; needed with `BATON_WEBHOOK_URL`.",
    )

    token_hours: float = Field(default=24.0, gt=0, description="Hours a conversation's token is valid.")
    token_renew_days: float = Field(
        default=30.0, gt=0, description="Days in which an expired token can be renewed."
    )
    allowed_origins: list[str] = Field(
        default_factory=list, description="Origins besides the relay's own from which agents may log in."
    )
    widget_origins: list[str] = Field(
        default_factory=lambda: ["*"], description="Origins whose pages may carry the widget; * is any."
    )
    session_hours: float = Field(default=12.0, gt=0, description="Hours an agent stays logged in.")
    secure_cookies: bool = Field(default=False, description="Send the session cookie over HTTPS only.")

    hello_limit: float = Field(default=10.0, gt=0, description="Seconds a socket has to say hello.")
    idle_limit: float = Field(
        default=300.0, gt=0, description="Seconds without any frame after which a socket is closed."
    )
    max_frame_bytes: int = Field(
        default=65_536, ge=1024, description="Largest frame or request body a client may send."
    )
    send_buffer: int = Field(
        default=1000, ge=10, description="Frames that may wait for a slow reader before it is dropped."
    )
    send_limit: float = Field(
        default=20.0,
        gt=0,
        description="Seconds a reader may take nothing of what is sent before it is dropped.",
    )
    message_rate: float = Field(
        default=20.0, gt=0, description="Frames a second one socket may send, sustained."
    )
    message_burst: int = Field(default=60, ge=1, description="Frames one socket may send at once.")

    sockets_per_address: int = Field(
        default=1000, ge=1, description="Sockets one address (or IPv6 /64) may have on one relay."
    )
    sockets_per_conversation: int = Field(
        default=20, ge=1, description="Sockets a conversation's customer may have on one relay."
    )
    openings_per_minute: int = Field(
        default=300, ge=1, description="Conversations one address may open in a minute on one relay."
    )
    trusted_proxies: list[str] = Field(
        default_factory=list,
        description="Addresses or networks of reverse proxies whose X-Forwarded-For and -Proto are believed.",
    )

    metrics_token: str = Field(
        default="",
        description="Token that /metrics asks for; without one only this machine may read it, past no proxy.",
    )
    disk_reserve_mb: int = Field(
        default=256, ge=0, description="Free megabytes under which the disk counts as nearly full."
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="Form of the relay's log lines on standard error."
    )

    @field_validator("webhook_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if not value:
            return None
        address = urlsplit(value)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("must be an address that begins with http:// or https://")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _signs_the_webhook(cls, value: str, others: ValidationInfo) -> str:
        if others.data.get("webhook_url") and len(value) < WEBHOOK_SECRET_AT_LEAST:
            raise ValueError(
                f"must have at least {WEBHOOK_SECRET_AT_LEAST} characters to sign the webhook with"
            )
        return value

    @property
    def bot_urls(self) -> list[str]:
        """Where each bot answers."""
        return [url.strip() for url in self.bot_url.split(",")]

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database in use."""
        if self.database_url is None:
            return f"sqlite+loop:///{self.home / 'baton.db'}"
        return re.sub(r"^postgres(ql)?://", "postgresql+asyncpg://", self.database_url)
