"""Who makes a request: the session cookie with its CSRF token, or an API token; and from which origin."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from handoff.accounts.model import Login, User
from handoff.accounts.service import Accounts
from handoff.domain.errors import Forbidden, Unauthorized
from handoff.settings import Settings

SESSION_COOKIE: Final = "baton_session"
CSRF_HEADER: Final = "X-Baton-CSRF"
UNSAFE_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was recognised. `login` and `session_token` are set when it was by the cookie."""

    user: User
    login: Login | None = None
    session_token: str | None = None


class Gate:
    """Recognises callers of HTTP endpoints and of `/ws/agent`."""

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self._accounts = accounts
        self._settings = settings

    async def authenticate(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], *, unsafe: bool
    ) -> User:
        """The user behind a request, ready to work. `headers` must ignore case, as Starlette's do.

        `unsafe`: the request changes something, so that a cookie needs the CSRF header and a fitting Origin.

        Raises:
            Unauthorized: nobody, or a session or token that ended.
            Forbidden: CSRF header or Origin do not fit, or the one-time password is still to be changed
                (`data.must_change_password`).
        """
        caller = await self.recognise(headers, cookies, unsafe=unsafe)
        if caller.login is not None:
            require_own_password(caller.user)
        return caller.user

    async def recognise(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], *, unsafe: bool
    ) -> Caller:
        """Like `authenticate`, but lets in a user whose one-time password is still to be changed.

        A request with an Authorization header is judged by that alone: no page of another site can send it,
        so that it needs no CSRF token, and a wrong one is not excused by a good cookie.
        """
        authorization = headers.get("authorization")
        if authorization is not None:
            return Caller(await self.user_for_authorization(authorization))
        token = cookies.get(SESSION_COOKIE, "")
        login = await self._accounts.login_for(token)
        if login is None:
            raise Unauthorized("Log in first.")
        if unsafe:
            self.check_origin(headers)
            sent = headers.get(CSRF_HEADER.lower(), "")
            if not hmac.compare_digest(sent.encode(), login.csrf_token.encode()):
                raise Forbidden(f"The {CSRF_HEADER} header is missing or wrong.")
        return Caller(login.user, login, token)

    async def user_for_authorization(self, authorization: str) -> User:
        """The user of an `Authorization: Bearer bta_...` header. Raises `Unauthorized`."""
        scheme, _, token = authorization.partition(" ")
        user = await self._accounts.user_for_token(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise Unauthorized("The API token is not valid.")
        return user

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Refuse a request that a page of another site sent. Programs send no Origin and pass.

        Raises `Forbidden`.
        """
        origin = headers.get("origin")
        if origin is not None and not origin_allowed(origin, headers.get("host"), self._settings):
            raise Forbidden("Requests from this origin are not allowed.")


def require_own_password(user: User) -> None:
    """Refuse a user who still has a one-time password. Raises `Forbidden`."""
    if user.must_change_password:
        raise Forbidden("Change the one-time password first.", must_change_password=True)


def origin_allowed(origin: str | None, host: str | None, settings: Settings) -> bool:
    """Whether a page of `origin` may act for a logged-in agent.

    True for the origin whose host and port are those of the request's own Host header, and for those in
    `settings.allowed_origins`. No Origin, `null` and anything that is not http(s) are refused. The scheme
    of the own host is not compared: behind a proxy that ends TLS the relay does not know it.
    """
    parsed = _origin(origin)
    if parsed is None:
        return False
    if parsed in (_origin(allowed.rstrip("/")) for allowed in settings.allowed_origins):
        return True
    scheme, name, port = parsed
    return host is not None and _origin(f"{scheme}://{host}") == (scheme, name, port)


def _origin(text: str | None) -> tuple[str, str, int] | None:
    """`(scheme, host, port)` of `https://host[:port]`, or None if it is anything else."""
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme]
