"""All SQL about users, sessions, API tokens and failed log-ins. Times are epoch milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.accounts.errors import LastAdmin, NameTaken, UnknownToken
from handoff.accounts.model import ApiToken, Login, Role, User
from handoff.accounts.throttle import KNOWN_NETWORK_MS, WINDOW_MS, Count, Limit, wait_ms
from handoff.adapters.database import reading, writing
from handoff.adapters.schema import api_tokens, known_networks, login_failures, login_sessions, users
from handoff.adapters.upsert import Upsert

_SEE_NETWORK = Upsert(known_networks, key=["user_id", "network"], update=["seen_at"])


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a log-in is checked against. `known_network`: the user logged in from there lately."""

    user: User
    password_hash: str | None
    known_network: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """A log-in being checked: counted as failed from the start, taken back when it succeeds."""

    rows: tuple[int, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TooSoon:
    """The attempt was not begun; `retry_ms` milliseconds to go."""

    retry_ms: int


class AccountStore:
    """The tables of people."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    # --- users ------------------------------------------------------------------------------------------

    async def add_user(self, user: User, *, name_key: str, password_hash: str, at: int) -> None:
        """Store a new user. Raises `NameTaken`."""
        row = {
            "id": user.id,
            "name": user.name,
            "name_key": name_key,
            "role": user.role,
            "password_hash": password_hash,
            "must_change_password": user.must_change_password,
            "created_at": at,
        }
        async with writing(self._engine) as connection:
            try:
                await connection.execute(users.insert().values(row))
            except IntegrityError as error:
                raise NameTaken(f"There is a user named {user.name} already.", name=user.name) from error

    async def any_user(self) -> bool:
        """Whether anybody was ever added."""
        async with reading(self._engine) as connection:
            return (await connection.execute(sa.select(users.c.id).limit(1))).first() is not None

    async def list_users(self) -> list[User]:
        """Everybody, disabled users too, by name."""
        async with reading(self._engine) as connection:
            rows = (await connection.execute(sa.select(users).order_by(users.c.name_key))).all()
        return [_user(row) for row in rows]

    async def user_by_id(self, user_id: str) -> User | None:
        """The user with this id."""
        async with reading(self._engine) as connection:
            row = (await connection.execute(sa.select(users).where(users.c.id == user_id))).first()
        return None if row is None else _user(row)

    async def credentials(self, name_key: str, network: str, known_since: int) -> Credentials | None:
        """What to check a log-in against. One query, so that a name that exists takes no longer."""
        query = (
            sa.select(users, known_networks.c.seen_at)
            .select_from(
                users.outerjoin(
                    known_networks,
                    sa.and_(
                        known_networks.c.user_id == users.c.id,
                        known_networks.c.network == network,
                        known_networks.c.seen_at > known_since,
                    ),
                )
            )
            .where(users.c.name_key == name_key)
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        return Credentials(_user(row), row.password_hash, row.seen_at is not None)

    async def credentials_by_id(self, user_id: str) -> Credentials | None:
        """The stored hash of a user who is logged in."""
        async with reading(self._engine) as connection:
            row = (await connection.execute(sa.select(users).where(users.c.id == user_id))).first()
        return None if row is None else Credentials(_user(row), row.password_hash)

    async def set_password(
        self,
        user_id: str,
        password_hash: str,
        *,
        must_change: bool,
        replaces: str | None = None,
        keep_session: str | None = None,
        forgive: Sequence[str] = (),
    ) -> bool:
        """Store a new hash and end the user's sessions, except the one with digest `keep_session`.

        With `replaces` only if that hash is still the stored one. `forgive`: throttle keys to clear. With
        `must_change` the known networks are forgotten too: whoever knew the old password may have made them.
        Returns whether it was stored.
        """
        change = users.update().where(users.c.id == user_id)
        if replaces is not None:
            change = change.where(users.c.password_hash == replaces)
        ended = login_sessions.delete().where(login_sessions.c.user_id == user_id)
        if keep_session is not None:
            ended = ended.where(login_sessions.c.token_digest != keep_session)
        async with writing(self._engine) as connection:
            result = await connection.execute(
                change.values(password_hash=password_hash, must_change_password=must_change)
            )
            if result.rowcount == 0:
                return False
            await connection.execute(ended)
            await connection.execute(
                login_failures.delete().where(login_failures.c.throttle_key.in_(list(forgive)))
            )
            if must_change:
                await connection.execute(known_networks.delete().where(known_networks.c.user_id == user_id))
        return True

    async def rehash(self, user_id: str, *, old: str, new: str) -> None:
        """Replace a hash by one of the same password with current parameters, unless it changed meanwhile."""
        async with writing(self._engine) as connection:
            await connection.execute(
                users.update()
                .where(users.c.id == user_id, users.c.password_hash == old)
                .values(password_hash=new)
            )

    async def disable(self, user_id: str, at: int) -> None:
        """Disable a user and end every session and token. Raises `LastAdmin`."""
        async with writing(self._engine) as connection:
            role = await connection.scalar(sa.select(users.c.role).where(users.c.id == user_id))
            await connection.execute(
                users.update()
                .where(users.c.id == user_id, users.c.disabled_at.is_(None))
                .values(disabled_at=at)
            )
            admins = await connection.execute(
                sa.select(users.c.id).where(users.c.role == "admin", users.c.disabled_at.is_(None)).limit(1)
            )
            if role == "admin" and admins.first() is None:
                raise LastAdmin("This is the last administrator. Add another one first.")
            await connection.execute(login_sessions.delete().where(login_sessions.c.user_id == user_id))
            await connection.execute(
                api_tokens.update()
                .where(api_tokens.c.user_id == user_id, api_tokens.c.revoked_at.is_(None))
                .values(revoked_at=at)
            )

    # --- log-ins ----------------------------------------------------------------------------------------

    async def begin_attempt(self, limits: Sequence[Limit], now: int) -> Attempt | TooSoon:
        """Count an attempt as failed under every limit, or say how long to wait.

        Attempts that arrive together take turns, so that a burst cannot pass on one free failure: SQLite has
        one writer anyway, on PostgreSQL the table is locked. Rows older than the window are swept.
        """
        async with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(sa.text("LOCK TABLE login_failures IN EXCLUSIVE MODE"))
            await connection.execute(login_failures.delete().where(login_failures.c.at <= now - WINDOW_MS))
            rows: list[int] = []
            for limit in limits:
                inserted = await connection.execute(
                    login_failures.insert()
                    .values(throttle_key=limit.key, at=now)
                    .returning(login_failures.c.id)
                )
                rows.append(int(inserted.scalar_one()))
            wait = 0
            for limit in limits:
                count = await _count(connection, limit.key, rows)
                wait = max(wait, wait_ms(limit, count, now))
            if wait > 0:
                await connection.rollback()
                return TooSoon(wait)
        return Attempt(tuple(rows), tuple(limit.key for limit in limits))

    async def complete_login(
        self,
        checked: Credentials,
        attempt: Attempt,
        *,
        token_digest: str,
        csrf_token: str,
        network: str,
        now: int,
        expires_at: int,
    ) -> bool:
        """Store a session for credentials that proved right and forget the failures at that name.

        Failures of the network at other names stay. Expired sessions and networks are swept. Returns False, storing
        nothing, if the user was disabled or got another password while this one was being checked.
        """
        user = checked.user
        async with writing(self._engine) as connection:
            await connection.execute(
                login_failures.delete().where(
                    sa.or_(
                        login_failures.c.id.in_(attempt.rows),
                        login_failures.c.throttle_key == attempt.keys[0],
                    )
                )
            )
            row = (await connection.execute(sa.select(users).where(users.c.id == user.id))).one()
            if row.disabled_at is not None or row.password_hash != checked.password_hash:
                await connection.rollback()
                return False
            await connection.execute(login_sessions.delete().where(login_sessions.c.expires_at <= now))
            await connection.execute(
                login_sessions.insert().values(
                    token_digest=token_digest,
                    user_id=user.id,
                    csrf_token=csrf_token,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
            await _remember_network(connection, user.id, network, now)
        return True

    async def login(self, token_digest: str, now: int) -> Login | None:
        """The session with this digest, if it has not ended and its user may log in."""
        query = (
            sa.select(users, login_sessions.c.csrf_token, login_sessions.c.expires_at)
            .join_from(login_sessions, users, login_sessions.c.user_id == users.c.id)
            .where(
                login_sessions.c.token_digest == token_digest,
                login_sessions.c.expires_at > now,
                users.c.disabled_at.is_(None),
            )
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else Login(_user(row), row.csrf_token, row.expires_at)

    async def end_session(self, token_digest: str) -> None:
        """Log out. Ending a session that is not there is no error."""
        async with writing(self._engine) as connection:
            await connection.execute(
                login_sessions.delete().where(login_sessions.c.token_digest == token_digest)
            )

    # --- API tokens -------------------------------------------------------------------------------------

    async def add_token(self, token: ApiToken, token_digest: str) -> None:
        """Store a token by its digest."""
        async with writing(self._engine) as connection:
            await connection.execute(
                api_tokens.insert().values(
                    id=token.id,
                    token_digest=token_digest,
                    user_id=token.user_id,
                    label=token.label,
                    created_at=token.created_at,
                )
            )

    async def user_for_token(self, token_digest: str) -> User | None:
        """Who a token stands for, unless it was revoked or its user disabled."""
        query = (
            sa.select(users)
            .join_from(api_tokens, users, api_tokens.c.user_id == users.c.id)
            .where(
                api_tokens.c.token_digest == token_digest,
                api_tokens.c.revoked_at.is_(None),
                users.c.disabled_at.is_(None),
            )
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _user(row)

    async def list_tokens(self, user_id: str) -> list[ApiToken]:
        """A user's tokens, revoked ones too, oldest first."""
        query = (
            sa.select(api_tokens)
            .where(api_tokens.c.user_id == user_id)
            .order_by(api_tokens.c.created_at, api_tokens.c.id)
        )
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [ApiToken(r.id, r.user_id, r.label, r.created_at, r.revoked_at) for r in rows]

    async def revoke_token(self, token_id: str, at: int) -> None:
        """End a token. Revoking twice keeps the first time. Raises `UnknownToken`."""
        async with writing(self._engine) as connection:
            result = await connection.execute(
                api_tokens.update()
                .where(api_tokens.c.id == token_id)
                .values(revoked_at=sa.func.coalesce(api_tokens.c.revoked_at, at))
            )
            if result.rowcount == 0:
                raise UnknownToken(f"There is no API token {token_id}.")


async def _count(connection: AsyncConnection, key: str, own: Sequence[int]) -> Count:
    query = sa.select(sa.func.count(), sa.func.max(login_failures.c.at)).where(
        login_failures.c.throttle_key == key, login_failures.c.id.not_in(own)
    )
    failures, last_at = (await connection.execute(query)).one()
    return Count(failures, last_at or 0)


async def _remember_network(connection: AsyncConnection, user_id: str, network: str, now: int) -> None:
    await connection.execute(
        known_networks.delete().where(known_networks.c.seen_at <= now - KNOWN_NETWORK_MS)
    )
    await connection.execute(
        _SEE_NETWORK.on(connection), {"user_id": user_id, "network": network, "seen_at": now}
    )


def _user(row: Any) -> User:
    return User(
        id=row.id,
        name=row.name,
        role=cast("Role", row.role),
        must_change_password=row.must_change_password,
        disabled=row.disabled_at is not None,
    )
