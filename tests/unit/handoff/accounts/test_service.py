from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.accounts.errors import (
    InvalidName,
    InvalidPassword,
    InvalidRole,
    LastAdmin,
    NameTaken,
    UnknownToken,
    UnknownUser,
    WrongPassword,
)
from handoff.accounts.passwords import Passwords
from handoff.accounts.service import Accounts
from handoff.adapters.schema import api_tokens, login_sessions, users
from handoff.domain.errors import Forbidden, StorageUnavailable, Unauthorized
from tests.unit.handoff.accounts.conftest import CHEAP, HeldClock

PASSWORD = "correct horse battery"
HERE = "203.0.113.7"


async def _everything_stored(engine: AsyncEngine) -> str:
    async with engine.connect() as connection:
        rows = [(await connection.execute(sa.select(t))).all() for t in (users, login_sessions, api_tokens)]
    return repr(rows)


# --- people ---------------------------------------------------------------------------------------------


async def test_a_user_without_a_password_gets_one_for_the_first_time(accounts: Accounts) -> None:
    user, one_time = await accounts.add_user(" Ada ", "agent")
    assert (user.name, user.role, user.must_change_password, user.disabled) == ("Ada", "agent", True, False)
    assert one_time is not None
    _, login = await accounts.login("ada", one_time, HERE)
    assert login.user == user


async def test_a_user_with_a_password_keeps_it(accounts: Accounts) -> None:
    user, one_time = await accounts.add_user("Ada", "agent", PASSWORD)
    assert one_time is None
    assert not user.must_change_password


@pytest.mark.parametrize("again", ["Ada", "ADA", " ada "])
async def test_a_name_is_given_once_whatever_its_case(accounts: Accounts, again: str) -> None:
    await accounts.add_user("Ada", "agent")
    with pytest.raises(NameTaken):
        await accounts.add_user(again, "admin")
    assert [user.name for user in await accounts.list_users()] == ["Ada"]


async def test_what_cannot_be_stored_is_refused(accounts: Accounts) -> None:
    with pytest.raises(InvalidName):
        await accounts.add_user("", "agent")
    with pytest.raises(InvalidRole) as refused:
        await accounts.add_user("Ada", "root")
    assert refused.value.data["roles"] == ["agent", "supervisor", "editor", "admin"]
    with pytest.raises(InvalidPassword):
        await accounts.add_user("Ada", "agent", "short")
    assert await accounts.list_users() == []


async def test_the_first_administrator_is_made_once(accounts: Accounts) -> None:
    password = await accounts.ensure_first_admin()
    assert password is not None
    assert await accounts.ensure_first_admin() is None
    _, login = await accounts.login("admin", password, HERE)
    assert (login.user.role, login.user.must_change_password) == ("admin", True)


async def test_no_administrator_is_made_where_somebody_is(accounts: Accounts) -> None:
    await accounts.add_user("Ada", "agent")
    assert await accounts.ensure_first_admin() is None


async def test_disabling_ends_every_session_and_token(accounts: Accounts) -> None:
    await accounts.add_user("Boss", "admin", PASSWORD)
    user, _ = await accounts.add_user("Ada", "agent", PASSWORD)
    session, _ = await accounts.login("Ada", PASSWORD, HERE)
    token, _ = await accounts.add_token("Ada", "script")
    assert (await accounts.disable_user("ada")) == replace(user, disabled=True)
    assert await accounts.login_for(session) is None
    assert await accounts.user_for_token(token) is None
    with pytest.raises(Unauthorized):
        await accounts.login("Ada", PASSWORD, HERE)
    with pytest.raises(Forbidden):
        await accounts.add_token("Ada", "another")
    seen = await accounts.user(user.id)
    assert seen is not None
    assert seen.disabled


async def test_the_last_administrator_stays(accounts: Accounts) -> None:
    await accounts.add_user("Boss", "admin", PASSWORD)
    session, _ = await accounts.login("Boss", PASSWORD, HERE)
    with pytest.raises(LastAdmin):
        await accounts.disable_user("Boss")
    assert await accounts.login_for(session) is not None
    await accounts.add_user("Second", "admin")
    await accounts.disable_user("Boss")
    with pytest.raises(LastAdmin):
        await accounts.disable_user("Second")


async def test_unknown_people_are_named(accounts: Accounts) -> None:
    for call in (accounts.disable_user, accounts.reset_password, accounts.list_tokens):
        with pytest.raises(UnknownUser, match="Nobody"):
            await call("Nobody")
    assert await accounts.user("usr_none") is None


# --- sessions -------------------------------------------------------------------------------------------


async def test_a_session_lasts_as_long_as_it_says(accounts: Accounts, clock: HeldClock) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    session, login = await accounts.login("Ada", PASSWORD, HERE)
    assert login.expires_at == clock.now + 12 * 3_600_000
    assert await accounts.login_for(session) == login
    clock.now = login.expires_at
    assert await accounts.login_for(session) is None


async def test_logging_in_sweeps_sessions_that_ended(
    accounts: Accounts, clock: HeldClock, engine: AsyncEngine
) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    await accounts.login("Ada", PASSWORD, HERE)
    clock.pass_ms(13 * 3_600_000)
    await accounts.login("Ada", PASSWORD, HERE)
    async with engine.connect() as connection:
        assert len((await connection.execute(sa.select(login_sessions))).all()) == 1


async def test_logging_out_ends_this_session_alone(accounts: Accounts) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    one, _ = await accounts.login("Ada", PASSWORD, HERE)
    other, _ = await accounts.login("Ada", PASSWORD, HERE)
    await accounts.logout(one)
    assert await accounts.login_for(one) is None
    assert await accounts.login_for(other) is not None


async def test_no_secret_is_stored(accounts: Accounts, engine: AsyncEngine) -> None:
    _, one_time = await accounts.add_user("Ada", "agent")
    assert one_time is not None
    session, _ = await accounts.login("Ada", one_time, HERE)
    token, _ = await accounts.add_token("Ada", "script")
    assert session.startswith("bts_")
    assert token.startswith("bta_")
    stored = await _everything_stored(engine)
    for secret in (one_time, session, token, session[4:], token[4:]):
        assert secret not in stored


async def test_a_session_is_no_api_token_and_the_other_way_round(accounts: Accounts) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    session, _ = await accounts.login("Ada", PASSWORD, HERE)
    token, _ = await accounts.add_token("Ada", "script")
    assert await accounts.user_for_token(session) is None
    assert await accounts.login_for(token) is None
    for forged in ("", "bts_", session[:-1], session + "x", "bts_\ud800"):
        assert await accounts.login_for(forged) is None


async def test_a_hash_of_older_parameters_is_renewed_at_log_in(
    engine: AsyncEngine, clock: HeldClock, accounts: Accounts
) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    dearer = Accounts(engine, clock, passwords=Passwords(replace(CHEAP, time_cost=2)))
    await dearer.login("Ada", PASSWORD, HERE)
    async with engine.connect() as connection:
        stored = (await connection.execute(sa.select(users.c.password_hash))).scalar_one()
    assert "t=2" in stored
    await dearer.login("Ada", PASSWORD, HERE)


async def test_nobody_logs_in_who_is_disabled_while_the_password_is_checked(
    accounts: Accounts, passwords: Passwords, monkeypatch: pytest.MonkeyPatch, engine: AsyncEngine
) -> None:
    await accounts.add_user("Boss", "admin", PASSWORD)
    await accounts.add_user("Ada", "agent", PASSWORD)
    real = passwords.verify

    async def meanwhile(stored: str | None, password: str) -> object:
        await accounts.disable_user("Ada")
        return await real(stored, password)

    monkeypatch.setattr(passwords, "verify", meanwhile)
    with pytest.raises(Unauthorized):
        await accounts.login("Ada", PASSWORD, HERE)
    async with engine.connect() as connection:
        assert (await connection.execute(sa.select(login_sessions))).all() == []


# --- passwords ------------------------------------------------------------------------------------------


async def test_changing_a_password_ends_the_other_sessions(accounts: Accounts) -> None:
    user, one_time = await accounts.add_user("Ada", "agent")
    assert one_time is not None
    here, _ = await accounts.login("Ada", one_time, HERE)
    elsewhere, _ = await accounts.login("Ada", one_time, HERE)
    await accounts.change_password(user, one_time, PASSWORD, keep_session=here)
    kept = await accounts.login_for(here)
    assert kept is not None
    assert not kept.user.must_change_password
    assert await accounts.login_for(elsewhere) is None
    with pytest.raises(Unauthorized):
        await accounts.login("Ada", one_time, HERE)
    await accounts.login("Ada", PASSWORD, HERE)


async def test_a_password_is_not_changed_without_the_current_one_or_against_the_rules(
    accounts: Accounts,
) -> None:
    user, _ = await accounts.add_user("Ada", "agent", PASSWORD)
    with pytest.raises(WrongPassword):
        await accounts.change_password(user, "not this one, no", "another long password")
    for new in ("short", PASSWORD):
        with pytest.raises(InvalidPassword):
            await accounts.change_password(user, PASSWORD, new)
    await accounts.login("Ada", PASSWORD, HERE)


async def test_a_reset_ends_all_sessions_and_asks_for_a_change(accounts: Accounts) -> None:
    await accounts.add_user("Ada", "agent", PASSWORD)
    session, _ = await accounts.login("Ada", PASSWORD, HERE)
    token, _ = await accounts.add_token("Ada", "script")
    one_time = await accounts.reset_password("Ada")
    assert await accounts.login_for(session) is None
    assert await accounts.user_for_token(token) is not None
    _, login = await accounts.login("Ada", one_time, HERE)
    assert login.user.must_change_password


# --- API tokens -----------------------------------------------------------------------------------------


async def test_a_token_acts_as_its_user_until_it_is_revoked(accounts: Accounts, clock: HeldClock) -> None:
    user, _ = await accounts.add_user("Ada", "agent", PASSWORD)
    token, record = await accounts.add_token("ADA", " load test ")
    assert (record.user_id, record.label, record.revoked_at) == (user.id, "load test", None)
    assert await accounts.user_for_token(token) == user
    other, _ = await accounts.add_token("Ada", "other")
    await accounts.revoke_token(record.id)
    revoked_at = clock.now
    assert await accounts.user_for_token(token) is None
    assert await accounts.user_for_token(other) == user
    clock.pass_ms(1_000)
    await accounts.revoke_token(record.id)
    assert (await accounts.list_tokens("Ada"))[0].revoked_at in (None, revoked_at)
    assert {t.revoked_at for t in await accounts.list_tokens("Ada")} == {None, revoked_at}


async def test_a_token_that_is_not_there_cannot_be_revoked(accounts: Accounts) -> None:
    with pytest.raises(UnknownToken):
        await accounts.revoke_token("tok_none")


async def test_a_database_that_fails_is_said_to_be_unavailable(
    accounts: Accounts, engine: AsyncEngine
) -> None:
    async with engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE users RENAME TO elsewhere"))
    with pytest.raises(StorageUnavailable):
        await accounts.login("Ada", PASSWORD, HERE)
    with pytest.raises(StorageUnavailable):
        await accounts.add_user("Ada", "agent", PASSWORD)
