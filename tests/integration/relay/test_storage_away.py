"""A storage that is away: who is there stays, who comes waits, and everything goes on when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.domain.errors import StorageUnavailable
from handoff.ports import EventLog, Head
from tests.integration.relay.harness import Customer, running_relay, until


class HeadsAway:
    """The real log, of which no head can be read while it is `away`."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.away = False
        self.asked = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    async def head(self, conversation_id: str) -> Head | None:
        """As the log's, or refused."""
        self.asked += 1
        if self.away:
            raise StorageUnavailable("away, as the test says")
        return await self._log.head(conversation_id)


async def test_a_customer_who_comes_while_it_is_away_keeps_the_socket_and_is_greeted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.api.socket.STORAGE_PAUSE_S", 0.02)
    logs: list[HeadsAway] = []

    def wrap(log: EventLog) -> EventLog:
        logs.append(HeadsAway(log))
        return logs[0]  # type: ignore[return-value]

    async with running_relay(tmp_path, wrap_log=wrap) as at:
        known = await at.customer()
        logs[0].away, before = True, logs[0].asked
        coming = Customer(at)
        coming.token = known.token
        await coming.dial()
        await coming.send("hello", token=coming.token, after=0)
        # What it says before it is greeted waits behind the greeting.
        await coming.send("ping")
        await until(lambda: logs[0].asked >= before + 3)
        assert coming.frames == []
        logs[0].away = False
        await coming.frame("pong")
        assert [f["type"] for f in coming.frames].count("welcome") == 1
        assert coming.frames[0]["type"] == "welcome"
        assert (await coming.say("There you are"))["type"] == "ack"
        # One reader of each socket, however often the greeting was tried.
        assert len(at.relay.readers._readers[known.conversation_id]) == 2


async def test_a_refused_subscribe_names_its_conversation_and_leaves_no_reader(tmp_path: Path) -> None:
    logs: list[HeadsAway] = []

    def wrap(log: EventLog) -> EventLog:
        logs.append(HeadsAway(log))
        return logs[0]  # type: ignore[return-value]

    async with running_relay(tmp_path, wrap_log=wrap) as at:
        customer, agent = await at.customer(), await at.agent()
        logs[0].away = True
        await agent.send("subscribe", conversation_id=customer.conversation_id, after=0)
        refused = await agent.frame("error")
        assert refused["error"]["code"] == "storage_unavailable"
        assert refused["error"]["data"]["conversation_id"] == customer.conversation_id
        assert len(at.relay.readers._readers[customer.conversation_id]) == 1
        logs[0].away = False
        await agent.send("subscribe", conversation_id=customer.conversation_id, after=0)
        assert (await agent.frame("subscribed"))["conversation_id"] == customer.conversation_id
