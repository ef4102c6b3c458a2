"""A conversation's token: opens that conversation, for its time, and nothing else."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from itsdangerous import URLSafeTimedSerializer

from handoff.api.tokens import ConversationTokens, identity_signature
from handoff.domain.errors import TokenExpired, Unauthorized

HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [1_790_000_000.0]
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: at[0])
    return at


@pytest.fixture
def tokens() -> ConversationTokens:
    return ConversationTokens("a secret", valid_s=24 * HOUR, renew_s=30 * DAY)


def test_it_opens_its_conversation(tokens: ConversationTokens) -> None:
    one, two = tokens.make("cnv_1"), tokens.make("cnv_2")
    assert (tokens.read(one), tokens.read(two)) == ("cnv_1", "cnv_2")
    assert one != two


def test_after_its_time_it_can_only_be_renewed(tokens: ConversationTokens, now: list[float]) -> None:
    token = tokens.make("cnv_1")
    now[0] += DAY
    assert tokens.read(token) == "cnv_1"
    now[0] += 1
    with pytest.raises(TokenExpired):
        tokens.read(token)
    assert tokens.read(token, renewing=True) == "cnv_1"
    now[0] += 30 * DAY - 1
    assert tokens.read(token, renewing=True) == "cnv_1"
    now[0] += 1
    with pytest.raises(TokenExpired):
        tokens.read(token, renewing=True)


@pytest.mark.parametrize("token", ["", "x", "cnv_1", "a.b.c", "é.ü", "\ud800", "." * 2000])
def test_what_never_was_a_token_opens_nothing(tokens: ConversationTokens, token: str) -> None:
    for renewing in (False, True):
        with pytest.raises(Unauthorized):
            tokens.read(token, renewing=renewing)


def test_a_changed_token_opens_nothing(tokens: ConversationTokens) -> None:
    token = tokens.make("cnv_1")
    for place in range(0, len(token) - 1, 5):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(Unauthorized):
            tokens.read(changed)


def test_a_token_of_another_secret_or_another_use_opens_nothing(tokens: ConversationTokens) -> None:
    other = ConversationTokens("another secret", 24 * HOUR, 30 * DAY)
    with pytest.raises(Unauthorized):
        tokens.read(other.make("cnv_1"))
    other_use = URLSafeTimedSerializer(
        "a secret", salt="something else", signer_kwargs={"digest_method": hashlib.sha256}
    )
    with pytest.raises(Unauthorized):
        tokens.read(str(other_use.dumps("cnv_1")))


def test_an_identity_is_the_hex_hmac_of_the_customer_s_id() -> None:
    expected = hmac.new(b"secret", "Jürgen".encode(), hashlib.sha256).hexdigest()
    assert identity_signature("secret", "Jürgen") == expected
    assert identity_signature("secret", "42") != identity_signature("other", "42")
