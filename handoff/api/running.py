"""What the application stands on, without the application: commands that serve nothing need no web framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from handoff.accounts.service import Accounts
from handoff.api.tokens import ConversationTokens
from handoff.relay.parts import Relay
from handoff.studio.parts import Studio


@dataclass(frozen=True, slots=True)
class Running:
    """What the application needs beside the relay itself."""

    relay: Relay
    accounts: Accounts
    tokens: ConversationTokens
    identity_secret: str
    studio: Studio
    close: Callable[[], Awaitable[None]]
