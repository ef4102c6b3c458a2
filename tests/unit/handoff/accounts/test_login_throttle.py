"""The throttle through the service: what it stops, and what it must not stop."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.accounts.passwords import Passwords
from handoff.accounts.service import Accounts
from handoff.accounts.throttle import WINDOW_MS
from handoff.adapters.schema import login_failures
from handoff.domain.errors import HandoffError, RateLimited, Unauthorized
from tests.unit.handoff.accounts.conftest import HeldClock

PASSWORD = "correct horse battery"
WRONG = "wrong horse battery"
OFFICE = "203.0.113.7"


def _elsewhere(n: int) -> str:
    return f"198.51.100.{n}"


async def _answer(accounts: Accounts, name: str, password: str, address: str) -> str:
    try:
        await accounts.login(name, password, address)
    except HandoffError as error:
        return error.code
    return "in"


async def test_five_failures_at_a_name_are_free_then_one_waits(accounts: Accounts, clock: HeldClock) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    answers = [await _answer(accounts, "Ada", WRONG, _elsewhere(n)) for n in range(6)]
    assert answers == ["unauthorized"] * 5 + ["rate_limited"]
    with pytest.raises(RateLimited) as refused:
        await accounts.login("Ada", PASSWORD, OFFICE)
    assert refused.value.data == {"retry_ms": 2_000}
    clock.pass_ms(2_000)
    assert await _answer(accounts, "Ada", PASSWORD, OFFICE) == "in"


async def test_waits_grow_and_knocking_meanwhile_does_not_prolong_them(
    accounts: Accounts, clock: HeldClock
) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    for n in range(5):
        await _answer(accounts, "Ada", WRONG, _elsewhere(n))
    waits = []
    for n in range(5, 9):
        for _ in range(10):
            assert await _answer(accounts, "Ada", WRONG, OFFICE) == "rate_limited"
        with pytest.raises(RateLimited) as refused:
            await accounts.login("Ada", WRONG, OFFICE)
        waits.append(refused.value.data["retry_ms"])
        clock.pass_ms(waits[-1])
        assert await _answer(accounts, "Ada", WRONG, _elsewhere(n)) == "unauthorized"
    assert waits == [2_000, 4_000, 8_000, 16_000]


async def test_strangers_cannot_lock_out_somebody_who_comes_from_where_they_always_do(
    accounts: Accounts,
) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    await accounts.login("Ada", PASSWORD, OFFICE)
    for n in range(6):
        await _answer(accounts, "Ada", WRONG, _elsewhere(n))
    assert await _answer(accounts, "Ada", PASSWORD, "192.0.2.1") == "rate_limited"
    assert await _answer(accounts, "Ada", PASSWORD, OFFICE) == "in"


async def test_the_known_network_has_a_limit_too(accounts: Accounts) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    await accounts.login("Ada", PASSWORD, OFFICE)
    answers = [await _answer(accounts, "Ada", WRONG, OFFICE) for _ in range(6)]
    assert answers == ["unauthorized"] * 5 + ["rate_limited"]


async def test_a_network_is_forgotten_after_a_month_and_at_a_reset(
    accounts: Accounts, clock: HeldClock
) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    await accounts.login("Ada", PASSWORD, OFFICE)
    clock.pass_ms(31 * 24 * 3_600_000)
    for n in range(5):
        await _answer(accounts, "Ada", WRONG, _elsewhere(n))
    assert await _answer(accounts, "Ada", PASSWORD, OFFICE) == "rate_limited"
    clock.pass_ms(WINDOW_MS)
    await accounts.login("Ada", PASSWORD, OFFICE)
    one_time = await accounts.reset_password("Ada")
    for n in range(5):
        await _answer(accounts, "Ada", WRONG, _elsewhere(n))
    assert await _answer(accounts, "Ada", one_time, OFFICE) == "rate_limited"


async def test_one_address_gets_twenty_failures_over_all_names(accounts: Accounts, clock: HeldClock) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    answers = [await _answer(accounts, f"name {n}", WRONG, OFFICE) for n in range(21)]
    assert answers == ["unauthorized"] * 20 + ["rate_limited"]
    assert await _answer(accounts, "Ada", PASSWORD, OFFICE) == "rate_limited"
    assert await _answer(accounts, "Ada", PASSWORD, _elsewhere(1)) == "in"
    clock.pass_ms(2_000)
    assert await _answer(accounts, "Ada", PASSWORD, OFFICE) == "in"
    # A success of one's own does not wipe out what the address did to others: the 21st failure counts on.
    assert await _answer(accounts, "name 98", WRONG, OFFICE) == "unauthorized"
    assert await _answer(accounts, "name 99", WRONG, OFFICE) == "rate_limited"


async def test_a_success_gives_the_name_its_free_failures_back(accounts: Accounts) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    for _ in range(3):
        answers = [await _answer(accounts, "Ada", WRONG, OFFICE) for _ in range(4)]
        assert answers == ["unauthorized"] * 4
        assert await _answer(accounts, "Ada", PASSWORD, OFFICE) == "in"


async def test_attempts_that_arrive_together_do_not_share_one_free_failure(accounts: Accounts) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    answers = await asyncio.gather(*(_answer(accounts, "Ada", WRONG, _elsewhere(n)) for n in range(12)))
    assert sorted(answers) == ["rate_limited"] * 7 + ["unauthorized"] * 5


@pytest.mark.needs_postgres
async def test_nor_do_they_on_postgresql(
    postgres: AsyncEngine, clock: HeldClock, passwords: Passwords
) -> None:
    accounts = Accounts(postgres, clock, passwords=passwords)
    await test_attempts_that_arrive_together_do_not_share_one_free_failure(accounts)


async def test_unknown_wrong_and_disabled_look_the_same(
    accounts: Accounts, passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accounts.add_user("Boss", "admin", PASSWORD)
    await accounts.add_user("Ada", "agent", PASSWORD)
    await accounts.add_user("Gone", "agent", PASSWORD)
    await accounts.disable_user("Gone")
    checks = 0
    real = passwords.verify

    async def counting(stored: str | None, password: str) -> object:
        nonlocal checks
        checks += 1
        return await real(stored, password)

    monkeypatch.setattr(passwords, "verify", counting)
    seen = set()
    cases = [
        ("Ada", WRONG),
        ("Nobody", WRONG),
        ("Gone", WRONG),
        ("Gone", PASSWORD),
        ("\x00", WRONG),
        ("", ""),
    ]
    for done, (name, password) in enumerate(cases, start=1):
        with pytest.raises(Unauthorized) as refused:
            await accounts.login(name, password, OFFICE)
        seen.add((refused.value.code, refused.value.message, repr(refused.value.data)))
        assert checks == done
    assert len(seen) == 1


async def test_an_unknown_name_is_throttled_like_a_known_one(accounts: Accounts) -> None:
    answers = [await _answer(accounts, "Nobody", WRONG, _elsewhere(n)) for n in range(6)]
    assert answers == ["unauthorized"] * 5 + ["rate_limited"]


async def test_failures_outlive_a_restart_and_are_swept_in_time(
    engine: AsyncEngine, clock: HeldClock, passwords: Passwords
) -> None:
    for n in range(5):
        await _answer(Accounts(engine, clock, passwords=passwords), "Ada", WRONG, _elsewhere(n))
    again = Accounts(engine, clock, passwords=passwords)
    assert await _answer(again, "Ada", WRONG, OFFICE) == "rate_limited"
    clock.pass_ms(WINDOW_MS)
    await _answer(again, "Somebody", WRONG, OFFICE)
    async with engine.connect() as connection:
        rows = (await connection.execute(sa.select(login_failures))).all()
    assert {row.at for row in rows} == {clock.now}


async def test_guessing_the_current_password_in_a_stolen_session_is_throttled_too(
    accounts: Accounts, clock: HeldClock
) -> None:
    user, _ = await accounts.add_user("Ada", "agent", PASSWORD)
    for _ in range(5):
        with pytest.raises(HandoffError, match="current password is wrong"):
            await accounts.change_password(user, WRONG, "another long password")
    with pytest.raises(RateLimited):
        await accounts.change_password(user, PASSWORD, "another long password")
    clock.pass_ms(2_000)
    await accounts.change_password(user, PASSWORD, "another long password")
