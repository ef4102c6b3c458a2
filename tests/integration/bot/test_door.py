"""The HTTP door: who may enter, what is refused, what else it answers."""

from __future__ import annotations

import pytest

from tests.integration.bot.running_bot import Bot

ERROR_KEYS = {"code", "message", "data"}


@pytest.mark.parametrize("header", [{}, {"X-Baton-Secret": "wrong"}, {"X-Baton-Secret": ""}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/bot/ready"),
        ("POST", "/bot/turns"),
        ("POST", "/bot/search"),
        ("POST", "/bot/explain"),
        ("POST", "/bot/embed"),
        ("POST", "/bot/releases/r1/load"),
        ("GET", "/anything"),
    ],
)
def test_without_the_secret_nothing_opens(bot: Bot, method: str, path: str, header: dict[str, str]) -> None:
    import httpx

    answer = httpx.request(method, f"http://127.0.0.1:{bot.address['port']}{path}", headers=header, json={})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"


def test_it_listens_on_the_loopback_alone(bot: Bot) -> None:
    assert bot.address["host"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"\xff\xfe", 400, "bad_json"),
        (b"[" * 50_000, 400, "bad_json"),
        (b"[]", 400, "bad_frame"),
        (b"{}", 400, "bad_frame"),
        (b'{"conversation_id": "c", "episode": 1, "turn": 1, "text": ""}', 400, "bad_frame"),
        (b'{"conversation_id": "c", "episode": 1, "turn": 0, "text": "x"}', 400, "bad_frame"),
        (b'{"conversation_id": "c", "episode": 1, "turn": "1", "text": "x"}', 400, "bad_frame"),
        (b" " * (256 * 1024 + 1), 413, "too_large"),
        (b'{"conversation_id": "c", "episode": 1, "turn": 1, "text": "x", "dialogue": 7}', 400, "bad_frame"),
        (
            b'{"conversation_id": "c", "episode": 1, "turn": 1, "text": "x", "dialogue": "eA=="}',
            400,
            "bad_frame",
        ),
    ],
)
def test_bad_bodies(bot: Bot, content: bytes, status: int, code: str) -> None:
    answer = bot.request("POST", "/bot/turns", content=content)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert set(answer.json()["error"]) == ERROR_KEYS


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/webhooks/rest/webhook"), ("PUT", "/bot/turns")]
)
def test_there_are_no_other_doors(bot: Bot, method: str, path: str) -> None:
    answer = bot.request(method, path)
    assert answer.status_code in (404, 405)
    assert answer.json()["error"]["code"] == "not_found"


def test_search(bot: Bot) -> None:
    results = bot.request("POST", "/bot/search", json={"q": "invoice", "locale": "en", "limit": 2}).json()[
        "results"
    ]
    assert [set(result) for result in results] == [{"article_id", "title", "snippet", "score"}] * 2
    assert results[0]["article_id"] == "invoice-copy"
    assert "**" not in results[0]["snippet"]


def test_explain(bot: Bot) -> None:
    found = bot.request("POST", "/bot/explain", json={"text": "where do I find my invoice?"}).json()
    assert found["decision"]["kind"] == "answer"
    assert found["candidates"][0]["article_id"] == "invoice-copy"
    assert found["matches"][0]["article_id"] == "invoice-copy"
    assert found["rule"] == "The confidence is at least the threshold."


def test_embed(bot: Bot) -> None:
    found = bot.request("POST", "/bot/embed", json={"texts": ["hello", "good day"]}).json()
    assert [len(vector) for vector in found["vectors"]] == [384, 384]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/bot/search", {}),
        ("/bot/search", {"q": "x", "limit": 0}),
        ("/bot/search", {"q": "x", "locale": 1}),
        ("/bot/explain", {"text": ""}),
        ("/bot/explain", {"text": "x", "locale": 1}),
        ("/bot/embed", {"texts": []}),
        ("/bot/embed", {"texts": ["x"] * 65}),
        ("/bot/embed", {"texts": [1]}),
    ],
)
def test_bad_questions(bot: Bot, path: str, body: dict[str, object]) -> None:
    answer = bot.request("POST", path, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_frame"
