"""Settings that must fit each other, and what they make of the rules."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from handoff.bootstrap import make_rules
from handoff.domain.rules import Rung
from handoff.settings import WEBHOOK_SECRET_AT_LEAST, Settings

SECRET = "s" * WEBHOOK_SECRET_AT_LEAST


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example",
        "file:///etc/passwd",
        "//hooks.example",
        "hooks.example/x",
        "http://",
        "javascript:1",
    ],
)
def test_a_webhook_is_a_web_address(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(webhook_url=url, webhook_secret=SECRET)
    assert refused.value.errors()[0]["loc"] == ("webhook_url",)


@pytest.mark.parametrize("secret", ["", SECRET[1:]])
def test_a_webhook_needs_a_secret_to_sign_with(secret: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(webhook_url="https://hooks.example/baton", webhook_secret=secret)
    assert refused.value.errors()[0]["loc"] == ("webhook_secret",)
    assert Settings(webhook_secret=secret).webhook_url is None


def test_the_ladder_has_a_rung_for_the_webhook_where_there_is_one() -> None:
    people = (Rung("wake_agents", 30_000), Rung("wake_supervisors", 120_000))
    assert make_rules(Settings()).ladder == people
    told = make_rules(Settings(webhook_url="https://hooks.example/baton", webhook_secret=SECRET))
    assert told.ladder == (*people, Rung("wake_webhook", 120_000))


def test_a_limit_of_nothing_is_no_limit() -> None:
    assert make_rules(Settings()).handoff_limit_ms == 600_000
    assert make_rules(Settings(handoff_limit=0)).handoff_limit_ms is None
