"""The relay's promises P1 to P10 as clients meet them. Each test fails without the promise it names."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

from bot.contract import TurnOutcome, TurnRequest
from handoff.ports import BotFailedError
from tests.integration.relay.gated_log import GatedLog, gated
from tests.integration.relay.harness import ScriptedBot, outcome, running_relay, until

# --- P1 -----------------------------------------------------------------------------------------------


async def test_p1_no_ack_and_no_event_before_the_commit_returns(tmp_path: Path) -> None:
    made: list[GatedLog] = []
    async with running_relay(tmp_path, wrap_log=gated(made)) as at:
        customer = await at.customer()
        made[0].gate.clear()
        before = made[0].at_gate
        saying = asyncio.create_task(customer.say("Is it stored?"))
        await until(lambda: made[0].at_gate > before)
        # The commit is held open: a round trip on the same socket shows that nothing was told.
        await customer.send("ping")
        await customer.frame("pong")
        assert not saying.done()
        assert not [e for e in customer.events if e["kind"] == "customer.said"]
        made[0].gate.set()
        assert (await saying)["type"] == "ack"
        await customer.event("customer.said")


async def test_p1_a_commit_that_fails_is_a_nack_and_leaves_nothing(tmp_path: Path) -> None:
    made: list[GatedLog] = []
    async with running_relay(tmp_path, wrap_log=gated(made)) as at:
        customer = await at.customer()
        client_id = secrets.token_urlsafe(18)
        made[0].fails = True
        refused = await customer.say("Is it stored?", client_id=client_id)
        assert refused["type"] == "nack"
        assert refused["error"]["code"] == "storage_unavailable"
        made[0].fails = False
        accepted = await customer.say("Is it stored?", client_id=client_id)
        assert (accepted["type"], accepted["events"]) == ("ack", 1)
        await customer.event("bot.replied")
        said = [e for e in customer.events if e["kind"] == "customer.said"]
        assert len(said) == 1


# --- P2 -----------------------------------------------------------------------------------------------


async def test_p2_one_client_id_is_one_command_also_after_a_restart(tmp_path: Path) -> None:
    client_id = secrets.token_urlsafe(18)
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        first = await customer.say("Once only", client_id=client_id)
        again = await customer.say("Once only", client_id=client_id)
        assert first["type"] == "ack"
        assert again == first
        other = await customer.say("Something else", client_id=client_id)
        assert other["error"]["code"] == "client_id_reused"
        await customer.event("bot.replied")
        token, conversation_id = customer.token, customer.conversation_id
    async with running_relay(tmp_path) as at:
        customer = type(customer)(at)
        customer.token, customer.conversation_id = token, conversation_id
        await customer.connect()
        assert await customer.say("Once only", client_id=client_id) == first
        await customer.event("bot.replied")
        assert [e["kind"] for e in customer.events].count("customer.said") == 1


async def test_p2_the_same_client_id_of_another_actor_is_another_command(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        agent = await at.agent()
        client_id = secrets.token_urlsafe(18)
        assert (await customer.command("request_human", client_id=client_id))["type"] == "ack"
        await agent.item(customer.conversation_id)
        claimed = await agent.command("claim", conversation_id=customer.conversation_id, client_id=client_id)
        assert claimed["type"] == "ack"
        await customer.event("agent.joined")


async def test_p2_a_refused_command_is_not_stored(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        client_id = secrets.token_urlsafe(18)
        refused = await customer.command("cancel_handoff", client_id=client_id)
        assert refused["error"]["code"] == "wrong_state"
        assert refused["error"]["data"]["state"] == "bot"
        await customer.command("request_human")
        assert (await customer.command("cancel_handoff", client_id=client_id))["type"] == "ack"


# --- P3 and P10 ---------------------------------------------------------------------------------------


async def test_p3_every_reader_sees_what_it_may_in_order_and_can_prove_it(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        agent = await at.agent()
        other_tab = type(customer)(at)
        other_tab.token = customer.token
        await other_tab.connect()
        await customer.say("Hello")
        await customer.event("bot.replied")
        await customer.command("request_human")
        conversation_id = customer.conversation_id
        await agent.take(conversation_id)
        for number in range(20):
            await agent.command("note", conversation_id=conversation_id, text=f"note {number}")
            await agent.command("say", conversation_id=conversation_id, text=f"line {number}")
            await customer.say(f"reply {number}")
        last = (await customer.say("the end"))["seq"]
        for reader in (customer, other_tab):
            await until(lambda reader=reader: reader.events and reader.events[-1]["seq"] == last)
            _assert_complete(reader.events)
            assert not [e for e in reader.events if e["kind"] == "agent.noted"]
        await until(lambda: agent.events(conversation_id)[-1]["seq"] == last)
        seen = agent.events(conversation_id)
        assert [e["seq"] for e in seen] == list(range(1, last + 1))
        _assert_complete(seen)


async def test_p3_resuming_sends_exactly_what_was_missed(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        await customer.say("First")
        reply = await customer.event("bot.replied")
        await customer.close()
        away = type(customer)(at)
        away.token = customer.token
        await away.connect(after=reply["seq"])
        await away.say("Second")
        await away.event("bot.replied")
        assert [e["seq"] for e in away.events] == [reply["seq"] + 1, reply["seq"] + 2]
        assert away.events[0]["prev"] == reply["seq"]


async def test_a_client_that_knows_more_than_the_log_is_told_to_forget(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        await customer.close()
        later = type(customer)(at)
        later.token = customer.token
        welcome = await later.connect(after=900)
        assert welcome["reset"] is True
        assert (await later.event("conversation.started"))["seq"] == 1


async def test_p10_an_agent_sees_everything_since_the_beginning(tmp_path: Path) -> None:
    async with running_relay(tmp_path, message_burst=10_000, message_rate=10_000) as at:
        customer = await at.customer()
        await customer.command("request_human")
        for number in range(620):
            await customer.say(f"line {number}")
        agent = await at.agent()
        conversation_id = customer.conversation_id
        await agent.send("subscribe", conversation_id=conversation_id, after=0)
        subscribed = await agent.frame("subscribed")
        await until(lambda: len(agent.events(conversation_id)) == subscribed["seq"])
        assert [e["seq"] for e in agent.events(conversation_id)] == list(range(1, 623))
        handoff = agent.events(conversation_id)[1]
        assert handoff["kind"] == "handoff.requested"
        assert handoff["data"]["reason"] == "asked"


# --- P5 and P6 ----------------------------------------------------------------------------------------


async def test_p5_a_person_who_took_over_is_not_talked_over(tmp_path: Path) -> None:
    release = asyncio.Event()
    bot = ScriptedBot()

    async def slow(request: TurnRequest) -> TurnOutcome:
        await release.wait()
        return outcome(request, "Too late to be said", kind="escalate", reason="low_confidence")

    bot.answer = slow
    async with running_relay(tmp_path, bot=bot) as at:
        customer = await at.customer()
        agent = await at.agent()
        await customer.say("A question")
        await until(lambda: bot.requests)
        await customer.command("request_human")
        conversation_id = customer.conversation_id
        await agent.take(conversation_id)
        release.set()
        discarded = await until(
            lambda: next(
                (e for e in agent.events(conversation_id) if e["kind"] == "bot.reply_discarded"), None
            )
        )
        assert discarded["data"] == {"turn": 2}
        kinds = [e["kind"] for e in agent.events(conversation_id)]
        assert "bot.replied" not in kinds
        assert kinds.count("handoff.requested") == 1
        # And while the person owns it, the bot is not asked at all.
        asked = len(bot.requests)
        await customer.say("For the person")
        await agent.command("say", conversation_id=conversation_id, text="I am here")
        await customer.event("agent.said")
        assert len(bot.requests) == asked


async def test_p5_an_agent_who_does_not_hold_it_keeps_their_text(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        holder, other = await at.agent("Ada"), await at.agent("Ben")
        await customer.command("request_human")
        await holder.take(customer.conversation_id)
        refused = await other.command("say", conversation_id=customer.conversation_id, text="Me too")
        assert refused["error"]["code"] == "not_holder"
        assert refused["error"]["data"]["holder"]["name"] == "Ada"
        await customer.say("Anybody?")
        assert not [e for e in customer.events if e["kind"] == "agent.said"]


async def test_p6_of_many_claims_at_once_exactly_one_wins(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        agents = [await at.agent(f"Agent {n}") for n in range(8)]
        await customer.command("request_human")
        for agent in agents:
            await agent.item(customer.conversation_id)
        results = await asyncio.gather(
            *(agent.command("claim", conversation_id=customer.conversation_id) for agent in agents)
        )
        winners = [agents[n] for n, r in enumerate(results) if r["type"] == "ack"]
        assert len(winners) == 1
        holder = (await customer.event("agent.joined"))["actor"]["name"]
        for result in results:
            if result["type"] == "nack":
                assert result["error"]["code"] == "already_claimed"
                assert result["error"]["data"]["holder"]["name"] == holder


# --- P7 -----------------------------------------------------------------------------------------------


async def test_p7_words_are_kept_while_nobody_can_answer(tmp_path: Path) -> None:
    bot = ScriptedBot()
    bot.is_ready = False
    async with running_relay(tmp_path, bot=bot) as at:
        customer = await at.customer()
        assert (await customer.say("Anybody there?"))["type"] == "ack"
        await customer.event("system.notice")
        token = customer.token
    async with running_relay(tmp_path) as at:
        customer = type(customer)(at)
        customer.token = token
        await customer.connect()
        reply = await customer.event("bot.replied")
        assert reply["data"]["text"] == "You said: Anybody there?"


# --- P9 -----------------------------------------------------------------------------------------------


async def test_p9_a_bot_that_hangs_in_mid_question_becomes_one_handoff(tmp_path: Path) -> None:
    bot = ScriptedBot()

    async def hang(request: TurnRequest) -> TurnOutcome:
        await asyncio.Event().wait()
        raise AssertionError(request)

    bot.answer = hang
    async with running_relay(tmp_path, bot=bot, turn_limit=0.5) as at:
        customer = await at.customer()
        agent = await at.agent()
        await customer.say("A question that hangs")
        handoff = await customer.event("handoff.requested")
        assert handoff["data"]["reason"] == "bot_error"
        item = await agent.item(customer.conversation_id)
        assert item["group"] == "bot_error"
        await customer.say("Still there?")
        assert [e["kind"] for e in customer.events].count("handoff.requested") == 1


async def test_p9_a_bot_that_fails_again_and_again_becomes_one_handoff(tmp_path: Path) -> None:
    bot = ScriptedBot()

    async def fail(request: TurnRequest) -> TurnOutcome:
        raise BotFailedError(f"turn {request.turn}")

    bot.answer = fail
    async with running_relay(tmp_path, bot=bot) as at:
        customer = await at.customer()
        await customer.say("A question that breaks it")
        assert (await customer.event("handoff.requested"))["data"]["reason"] == "bot_error"


async def test_p9_a_bot_that_warms_up_is_waited_for_and_the_customer_knows(tmp_path: Path) -> None:
    bot = ScriptedBot()
    bot.is_ready = False
    async with running_relay(tmp_path, bot=bot) as at:
        customer = await at.customer()
        await customer.say("First question")
        notice = await customer.event("system.notice")
        assert notice["data"]["code"] == "bot_warming"
        assert {c["id"] for c in notice["data"]["choices"]} == {"relay:wait", "human"}
        await customer.say("I'll wait", choice="relay:wait")
        bot.is_ready = True
        reply = await customer.event("bot.replied")
        assert reply["data"]["text"] == "You said: First question"
        assert [e["kind"] for e in customer.events].count("system.notice") == 1
        assert [r.text for r in bot.requests] == ["First question"]


async def test_p9_the_wait_for_a_warming_bot_ends_in_a_handoff(tmp_path: Path) -> None:
    bot = ScriptedBot()
    bot.is_ready = False
    async with running_relay(tmp_path, bot=bot, warm_limit=0.6) as at:
        customer = await at.customer()
        await customer.say("How long will it take?")
        assert (await customer.event("handoff.requested"))["data"]["reason"] == "bot_error"


async def test_p9_at_the_customers_word_the_wait_ends_at_once(tmp_path: Path) -> None:
    bot = ScriptedBot()
    bot.is_ready = False
    async with running_relay(tmp_path, bot=bot) as at:
        customer = await at.customer()
        await customer.say("How long will it take?")
        await customer.event("system.notice")
        await customer.say("Talk to a person", choice="human")
        assert (await customer.event("handoff.requested"))["data"]["reason"] == "asked"


async def test_p9_when_the_bot_is_back_before_a_claim_its_answer_is_offered(tmp_path: Path) -> None:
    bot = ScriptedBot()
    bot.is_ready = False
    async with running_relay(tmp_path, bot=bot, warm_limit=0.6) as at:
        customer = await at.customer()
        await customer.say("Where is it?")
        await customer.event("handoff.requested")
        bot.is_ready = True
        notice = await customer.event("system.notice", count=2)
        assert notice["data"]["code"] == "bot_back"
        await customer.say("Show me the answer", choice="relay:ask_bot")
        reply = await customer.event("bot.replied")
        assert reply["data"]["turn"] == 2
        assert reply["data"]["text"] == "You said: Where is it?"


def _assert_complete(events: list[dict[str, Any]]) -> None:
    """Each event names the one before it that this reader was shown: nothing missing, twice or overtaking."""
    previous = 0
    for event in events:
        assert event["prev"] == previous
        assert event["seq"] > previous
        previous = event["seq"]
