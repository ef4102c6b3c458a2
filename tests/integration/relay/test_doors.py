"""A conversation's token opens that conversation alone; people may do what their role allows and no more."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from handoff.domain.errors import TokenExpired
from tests.integration.relay.harness import IDENTITY, Agent, Customer, RunningRelay, running_relay, until

GUESSES = 14
"""At most, in a quarter of an hour."""


async def test_every_door_refuses_another_conversations_token(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        mine, theirs = await at.customer(), await at.customer()
        await theirs.say("A secret of theirs")
        await theirs.event("bot.replied")
        bearer = {"Authorization": f"Bearer {mine.token}"}
        async with httpx.AsyncClient(base_url=at.url) as http:
            events = await http.get(f"/api/v1/conversations/{theirs.conversation_id}/events", headers=bearer)
            renewed = await http.post(f"/api/v1/conversations/{theirs.conversation_id}/token", headers=bearer)
            unknown = await http.get("/api/v1/conversations/cnv_unknown/events", headers=bearer)
            inbox = await http.get("/api/v1/inbox", headers=bearer)
            me = await http.get("/api/v1/auth/me", headers=bearer)
        for answer in (events, renewed, unknown):
            assert (answer.status_code, _code(answer)) == (404, "not_found")
        # Other people's and unknown ones cannot be told apart.
        assert events.json() == unknown.json()
        for answer in (inbox, me):
            assert (answer.status_code, _code(answer)) == (401, "unauthorized")
        # The sockets: the token names the conversation, so there is nothing else to open with it.
        again = Customer(at)
        again.token = mine.token
        assert (await again.connect())["conversation_id"] == mine.conversation_id
        await again.raw(
            json.dumps(
                {
                    "type": "say",
                    "client_id": secrets.token_urlsafe(18),
                    "text": "to another",
                    "conversation_id": theirs.conversation_id,
                }
            )
        )
        refused = await again.frame("nack")
        assert refused["error"]["code"] == "bad_frame"
        agent_socket = Agent(at, mine.token, "nobody")
        await agent_socket.dial()
        await agent_socket.send("hello", token=mine.token)
        assert (await agent_socket.frame("error"))["error"]["code"] == "unauthorized"
        await agent_socket.closed()
        assert not [f for f in (*again.frames, *agent_socket.frames) if "A secret" in json.dumps(f)]


@pytest.mark.parametrize("token", ["x", "a.b.c", "", "ImNudl8xIg.aaaa.bbbb"])
async def test_a_wrong_token_opens_nothing(tmp_path: Path, token: str) -> None:
    async with running_relay(tmp_path) as at:
        customer = Customer(at)
        customer.token = token
        error = await customer.connect()
        assert error["type"] == "error"
        assert error["error"]["code"] == ("unauthorized" if token else "bad_frame")
        if token:
            await customer.closed()


async def test_an_expired_token_says_so_and_can_be_renewed(tmp_path: Path) -> None:
    async with running_relay(tmp_path, token_hours=1e-7) as at:
        customer = Customer(at)
        await customer.open()
        await until(lambda: _expired(at, customer.token))
        error = await customer.connect()
        assert error["error"]["code"] == "token_expired"
        async with httpx.AsyncClient(base_url=at.url) as http:
            renewed = await http.post(
                f"/api/v1/conversations/{customer.conversation_id}/token",
                headers={"Authorization": f"Bearer {customer.token}"},
            )
        assert renewed.status_code == 200
        assert renewed.json()["token"] != customer.token


async def test_a_repeated_opening_is_one_conversation_and_another_is_refused(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        body = {"client_id": secrets.token_urlsafe(18), "locale": "en"}
        first = await http.post("/api/v1/conversations", json=body)
        again = await http.post("/api/v1/conversations", json=body)
        other = await http.post("/api/v1/conversations", json={**body, "locale": "de"})
        assert first.status_code == 201
        assert again.json()["conversation_id"] == first.json()["conversation_id"]
        assert (other.status_code, _code(other)) == (409, "client_id_reused")


async def test_an_identity_needs_the_sites_signature(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        good = hmac.new(IDENTITY.encode(), b"customer-7", hashlib.sha256).hexdigest()
        signed = await http.post("/api/v1/conversations", json=_opening(id="customer-7", signature=good))
        forged = await http.post("/api/v1/conversations", json=_opening(id="customer-8", signature=good))
        unsigned = await http.post("/api/v1/conversations", json=_opening(id="customer-9"))
        assert signed.status_code == 201
        assert (forged.status_code, _code(forged)) == (401, "unauthorized")
        assert unsigned.status_code == 201
        agent = await at.agent()
        for answer, verified in ((signed, True), (unsigned, False)):
            customer = Customer(at)
            customer.token, customer.conversation_id = (
                answer.json()["token"],
                answer.json()["conversation_id"],
            )
            await customer.connect()
            await customer.command("request_human")
            assert (await agent.item(customer.conversation_id))["customer"]["verified"] is verified


async def test_customers_never_receive_notes_evidence_or_scores(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer, agent = await at.customer(), await at.agent()
        await customer.say("A question")
        await customer.command("request_human")
        conversation_id = customer.conversation_id
        await agent.take(conversation_id)
        await agent.command("note", conversation_id=conversation_id, text="A private note")
        await agent.command(
            "return_to_bot", conversation_id=conversation_id, outcome="settled", note="For the bot"
        )
        await customer.event("conversation.returned_to_bot")
        async with httpx.AsyncClient(base_url=at.url) as http:
            listed = await http.get(
                f"/api/v1/conversations/{conversation_id}/events",
                headers={"Authorization": f"Bearer {customer.token}"},
            )
        assert [e["seq"] for e in listed.json()["events"]] == [e["seq"] for e in customer.events]
        everything = json.dumps(customer.frames) + listed.text
        for secret in (
            "private note",
            "For the bot",
            "settled",
            "evidence",
            "confidence",
            "threshold",
            "summary",
        ):
            assert secret not in everything
        handoff = next(e for e in agent.events(conversation_id) if e["kind"] == "handoff.requested")
        assert handoff["data"]["evidence"]["passages"][0]["article_id"] == "returns"


async def test_an_editor_reads_and_does_not_take_part(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer, editor = await at.customer(), await at.agent("Edna", role="editor")
        await customer.command("request_human")
        await editor.item(customer.conversation_id)
        for type_, fields in (("claim", {}), ("say", {"text": "Hi"}), ("close", {"after": 9})):
            refused = await editor.command(type_, conversation_id=customer.conversation_id, **fields)
            assert refused["error"]["code"] == "forbidden"


async def test_a_takeover_is_a_supervisors(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        customer = await at.customer()
        holder, other = await at.agent("Ada"), await at.agent("Ben")
        lead = await at.agent("Sue", role="supervisor")
        await customer.command("request_human")
        conversation_id = customer.conversation_id
        await holder.take(conversation_id)
        refused = await other.command("claim", conversation_id=conversation_id, takeover=True)
        assert refused["error"]["code"] == "forbidden"
        assert (await lead.command("claim", conversation_id=conversation_id, takeover=True))["events"] == 2
        lost = await holder.command("say", conversation_id=conversation_id, text="Still me?")
        assert lost["error"]["code"] == "not_holder"


async def test_logging_in_needs_the_password_and_its_csrf_token(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        await at.accounts.add_user("Ada", "agent", "a-long-enough-password")
        async with httpx.AsyncClient(base_url=at.url) as http:
            wrong = await http.post("/api/v1/auth/login", json={"name": "Ada", "password": "wrong"})
            assert (wrong.status_code, _code(wrong)) == (401, "unauthorized")
            login = {"name": "Ada", "password": "a-long-enough-password"}
            right = await http.post("/api/v1/auth/login", json=login)
            assert right.status_code == 200
            cookie = right.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            bare = await http.post("/api/v1/auth/logout")
            assert (bare.status_code, _code(bare)) == (403, "forbidden")
            assert (await http.get("/api/v1/auth/me")).status_code == 200
            headers = {"Cookie": f"baton_session={right.cookies['baton_session']}"}
            # A page of another site carries the cookie's browser, not the origin.
            for origin, allowed in ((at.url, True), ("https://evil.example", False)):
                agent = Agent(at, "", "")
                await agent.dial(additional_headers=headers, origin=websockets.Origin(origin))
                await agent.send("hello")
                if allowed:
                    assert (await agent.frame("welcome"))["agent"]["name"] == "Ada"
                else:
                    assert (await agent.frame("error"))["error"]["code"] == "forbidden"
            csrf = {"X-Baton-CSRF": right.json()["csrf"]}
            assert (await http.post("/api/v1/auth/logout", headers=csrf)).status_code == 204
            assert (await http.get("/api/v1/auth/me")).status_code == 401


async def test_a_one_time_password_opens_nothing_but_its_change(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at:
        _, once = await at.accounts.add_user("Ada", "agent")
        async with httpx.AsyncClient(base_url=at.url) as http:
            login = await http.post("/api/v1/auth/login", json={"name": "Ada", "password": once})
            assert login.json()["must_change_password"] is True
            refused = await http.get("/api/v1/inbox")
            assert (refused.status_code, _code(refused)) == (403, "forbidden")
            assert refused.json()["error"]["data"]["must_change_password"] is True
            headers = {"Cookie": f"baton_session={login.cookies['baton_session']}"}
            agent = Agent(at, "", "")
            await agent.dial(additional_headers=headers, origin=websockets.Origin(at.url))
            await agent.send("hello")
            assert (await agent.frame("error"))["error"]["code"] == "forbidden"
            changed = await http.post(
                "/api/v1/auth/password",
                json={"current": once, "new": "my-own-long-password"},
                headers={"X-Baton-CSRF": login.json()["csrf"]},
            )
            assert changed.status_code == 204
            assert (await http.get("/api/v1/inbox")).status_code == 200


async def test_guessing_passwords_is_slowed_down(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        await at.accounts.add_user("Ada", "agent", "a-long-enough-password")
        answers: list[httpx.Response] = []
        # The wait doubles from guess to guess: a machine that takes longer than the first waits meets a later one.
        while len(answers) < GUESSES and not (answers and _code(answers[-1]) == "rate_limited"):
            guess = {"name": "Ada", "password": f"guess {len(answers)}"}
            answers.append(await http.post("/api/v1/auth/login", json=guess, timeout=60.0))
        assert _code(answers[0]) == "unauthorized"
        assert _code(answers[-1]) == "rate_limited"
        assert answers[-1].json()["error"]["data"]["retry_ms"] > 0


async def test_a_user_who_is_shut_out_loses_the_open_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.api.agent_socket.CHECK_CREDENTIALS_S", 0.05)
    async with running_relay(tmp_path) as at:
        agent = await at.agent()
        await at.accounts.disable_user("Ada")
        assert (await agent.frame("error"))["error"]["code"] == "revoked"
        await agent.closed()


def _code(answer: httpx.Response) -> str:
    code: str = answer.json()["error"]["code"]
    return code


def _opening(**customer: Any) -> dict[str, Any]:
    return {"client_id": secrets.token_urlsafe(18), "customer": customer}


def _expired(at: RunningRelay, token: str) -> bool:
    try:
        at.running.tokens.read(token)
    except TokenExpired:
        return True
    return False
