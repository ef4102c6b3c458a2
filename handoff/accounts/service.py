"""What can be done with accounts: add people, log in and out, change passwords, use API tokens."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.accounts import throttle
from handoff.accounts.errors import InvalidPassword, InvalidRole, NameTaken, UnknownUser, WrongPassword
from handoff.accounts.model import (
    ROLES,
    ApiToken,
    Login,
    User,
    check_label,
    check_new_password,
    clean_name,
    name_key,
)
from handoff.accounts.passwords import Passwords, one_time_password
from handoff.accounts.store import AccountStore, TooSoon
from handoff.domain.errors import Forbidden, HandoffError, RateLimited, Unauthorized
from handoff.ports import Clock

SESSION_PREFIX: Final = "bts_"
TOKEN_PREFIX: Final = "bta_"  # noqa: S105 - what API tokens begin with, not one of them
_FIRST_ADMIN: Final = "admin"
_HOUR_MS: Final = 3_600_000


class Accounts:
    """Every operation on accounts. Tokens and passwords leave it once, when made; digests alone are stored."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        *,
        session_hours: float = 12.0,
        passwords: Passwords | None = None,
    ) -> None:
        self._store = AccountStore(engine)
        self._clock = clock
        self._session_ms = round(session_hours * _HOUR_MS)
        self._passwords = passwords or Passwords()

    # --- people -----------------------------------------------------------------------------------------

    async def add_user(self, name: str, role: str, password: str | None = None) -> tuple[User, str | None]:
        """Add a user. Without a password a readable one-time password is made and returned.

        Raises:
            InvalidName, InvalidRole, InvalidPassword, NameTaken
        """
        cleaned = clean_name(name)
        if role not in ROLES:
            raise InvalidRole(f"There is no role {role!r}. Roles: {', '.join(ROLES)}.", roles=list(ROLES))
        one_time = None
        if password is None:
            password = one_time = one_time_password()
        check_new_password(password, cleaned)
        user = User(
            id=f"usr_{secrets.token_hex(12)}",
            name=cleaned,
            role=role,
            must_change_password=one_time is not None,
            disabled=False,
        )
        await self._store.add_user(
            user,
            name_key=name_key(cleaned),
            password_hash=await self._passwords.hash(password),
            at=self._clock.now_ms(),
        )
        return user, one_time

    async def ensure_first_admin(self) -> str | None:
        """Add the user `admin` if nobody was ever added; returns the one-time password, else None."""
        if await self._store.any_user():
            return None
        try:
            return (await self.add_user(_FIRST_ADMIN, "admin"))[1]
        except NameTaken:
            # Another process of this installation started at the same moment and printed its password.
            return None

    async def list_users(self) -> list[User]:
        """Everybody by name, disabled users too."""
        return await self._store.list_users()

    async def user(self, user_id: str) -> User | None:
        """The user with this id, to look again at somebody whose socket is open."""
        return await self._store.user_by_id(user_id)

    async def disable_user(self, user_name: str) -> User:
        """Keep a user from logging in and end all sessions and tokens.

        Raises:
            UnknownUser, LastAdmin
        """
        user = await self._named(user_name)
        await self._store.disable(user.id, self._clock.now_ms())
        return replace(user, disabled=True)

    async def reset_password(self, user_name: str) -> str:
        """Give a user a new one-time password and end all sessions. API tokens stay: they are revoked apart.

        The count of failures at the name is cleared, so that the new password works at once.
        Raises `UnknownUser`.
        """
        user = await self._named(user_name)
        password = one_time_password()
        await self._store.set_password(
            user.id,
            await self._passwords.hash(password),
            must_change=True,
            forgive=[throttle.by_name(name_key(user.name)).key],
        )
        return password

    # --- log-ins ----------------------------------------------------------------------------------------

    async def login(self, name: str, password: str, address: str) -> tuple[str, Login]:
        """Check a name and password and open a session; returns its token, which is stored nowhere.

        An unknown name, a wrong password and a disabled user get the same answer after the same work.

        Raises:
            Unauthorized: name or password are wrong.
            RateLimited: too many failures at this name or from this address; `data.retry_ms`.
        """
        now = self._clock.now_ms()
        network = throttle.network_of(address)
        key = _login_key(name)
        found = await self._store.credentials(key, network, now - throttle.KNOWN_NETWORK_MS)
        scope = (
            throttle.by_owner(found.user.id, network)
            if found is not None and found.known_network
            else throttle.by_name(key)
        )
        attempt = await self._store.begin_attempt([scope, throttle.by_network(network)], now)
        if isinstance(attempt, TooSoon):
            raise _too_many(attempt)
        verification = await self._passwords.verify(None if found is None else found.password_hash, password)
        if found is None or found.password_hash is None or not verification.matches or found.user.disabled:
            raise _refused()
        token = SESSION_PREFIX + secrets.token_urlsafe(32)
        login = Login(found.user, secrets.token_urlsafe(32), now + self._session_ms)
        stored = await self._store.complete_login(
            found,
            attempt,
            token_digest=digest(token),
            csrf_token=login.csrf_token,
            network=network,
            now=now,
            expires_at=login.expires_at,
        )
        if not stored:
            raise _refused()
        if verification.outdated:
            await self._store.rehash(
                found.user.id, old=found.password_hash, new=await self._passwords.hash(password)
            )
        return token, login

    async def login_for(self, session_token: str) -> Login | None:
        """The session a cookie stands for, or None if it ended."""
        if not session_token.startswith(SESSION_PREFIX):
            return None
        return await self._store.login(digest(session_token), self._clock.now_ms())

    async def logout(self, session_token: str) -> None:
        """End a session."""
        await self._store.end_session(digest(session_token))

    async def change_password(
        self, user: User, current: str, new: str, *, keep_session: str | None = None
    ) -> None:
        """Change a user's own password; the other sessions end, `keep_session` (its token) stays.

        Raises:
            WrongPassword: `current` is wrong.
            InvalidPassword: `new` breaks the rules, or is the current one.
            RateLimited: `current` was wrong too often.
        """
        check_new_password(new, user.name)
        if new == current:
            raise InvalidPassword("The new password must differ from the current one.")
        limit = throttle.by_change(user.id)
        attempt = await self._store.begin_attempt([limit], self._clock.now_ms())
        if isinstance(attempt, TooSoon):
            raise _too_many(attempt)
        stored = await self._store.credentials_by_id(user.id)
        old = None if stored is None else stored.password_hash
        if not (await self._passwords.verify(old, current)).matches:
            raise WrongPassword("The current password is wrong.")
        changed = await self._store.set_password(
            user.id,
            await self._passwords.hash(new),
            must_change=False,
            replaces=old,
            keep_session=None if keep_session is None else digest(keep_session),
            forgive=attempt.keys,
        )
        if not changed:
            raise WrongPassword("The password was changed elsewhere meanwhile.")

    # --- API tokens -------------------------------------------------------------------------------------

    async def add_token(self, user_name: str, label: str) -> tuple[str, ApiToken]:
        """Make an API token that acts as a user; returns it once, with its record.

        Raises:
            UnknownUser, InvalidName, Forbidden: the user is disabled.
        """
        user = await self._named(user_name)
        if user.disabled:
            raise Forbidden(f"{user.name} is disabled.")
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        record = ApiToken(f"tok_{secrets.token_hex(12)}", user.id, check_label(label), self._clock.now_ms())
        await self._store.add_token(record, digest(token))
        return token, record

    async def user_for_token(self, token: str) -> User | None:
        """Who an API token acts as, or None. A one-time password waiting to be changed does not bind it."""
        if not token.startswith(TOKEN_PREFIX):
            return None
        return await self._store.user_for_token(digest(token))

    async def list_tokens(self, user_name: str) -> list[ApiToken]:
        """A user's tokens, revoked ones too. Raises `UnknownUser`."""
        return await self._store.list_tokens((await self._named(user_name)).id)

    async def revoke_token(self, token_id: str) -> None:
        """End a token by its record's id. Raises `UnknownToken`."""
        await self._store.revoke_token(token_id, self._clock.now_ms())

    async def _named(self, user_name: str) -> User:
        found = await self._store.credentials(_login_key(user_name), "", 0)
        if found is None:
            raise UnknownUser(f"There is no user named {user_name}.")
        return found.user


def digest(token: str) -> str:
    """What is stored of a token. Plain SHA-256: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _login_key(name: str) -> str:
    """The key of a name as typed; one that nobody can have gets a key that no user has."""
    try:
        return name_key(clean_name(name))
    except HandoffError:
        return "\n" + digest(name)


def _refused() -> Unauthorized:
    return Unauthorized("The name or the password is wrong.")


def _too_many(wait: TooSoon) -> RateLimited:
    return RateLimited("Too many failed attempts. Try again later.", retry_ms=wait.retry_ms)
