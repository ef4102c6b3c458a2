"""`/api/v1/auth/*`: log in and out, who am I, change my password."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from handoff.accounts.errors import InvalidPassword, WrongPassword
from handoff.accounts.gate import SESSION_COOKIE, Gate
from handoff.accounts.model import MAX_PASSWORD, MIN_PASSWORD, Login
from handoff.accounts.service import Accounts
from handoff.domain.errors import BadFrame, BadJson, Forbidden, RateLimited, TooLarge, Unauthorized
from handoff.settings import Settings
from handoff.wire.answers import Session, refusals
from handoff.wire.bodies import single_names

# Over any password that can be right (128), and small enough that hashing a wrong one costs nothing extra.
_Name = Annotated[str, Field(max_length=1024)]
_Password = Annotated[SecretStr, Field(max_length=1024)]
# Told in /openapi.json and checked by `check_new_password`, whose refusal says more than a field's would.
_NewPassword = Annotated[
    _Password,
    Field(
        json_schema_extra={
            "minLength": MIN_PASSWORD,
            "maxLength": MAX_PASSWORD,
            "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
        }
    ),
]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, and errors do not repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class LoginBody(_Body):
    """`POST /api/v1/auth/login`."""

    name: _Name
    password: _Password


class PasswordBody(_Body):
    """`POST /api/v1/auth/password`."""

    current: _Password
    new: _NewPassword


def auth_routes(accounts: Accounts, settings: Settings) -> APIRouter:
    """The endpoints. Refusals leave them as `HandoffError`, for the app to answer in the one error shape."""
    router = APIRouter(prefix="/api/v1/auth", tags=["auth"], responses=refusals(TooLarge))
    gate = Gate(accounts, settings)

    @router.post(
        "/login",
        response_model=Session,
        dependencies=[Depends(single_names)],
        responses=refusals(BadJson, Unauthorized, Forbidden, BadFrame, RateLimited),
    )
    async def login(body: LoginBody, request: Request, response: Response) -> dict[str, Any]:
        """Open a session in this browser: `{agent, csrf, must_change_password}` and the cookie."""
        # Without this another site could log a browser in to an account of its own and read what is typed.
        gate.check_origin(request.headers)
        address = request.client.host if request.client is not None else ""
        token, opened = await accounts.login(body.name, body.password.get_secret_value(), address)
        response.set_cookie(
            SESSION_COOKIE,
            token,
            max_age=round(settings.session_hours * 3600),
            path="/",
            secure=settings.secure_cookies,
            httponly=True,
            samesite="strict",
        )
        response.headers["Cache-Control"] = "no-store"
        return _me(opened)

    @router.get("/me", response_model=Session, responses=refusals(Unauthorized, Forbidden))
    async def me(request: Request, response: Response) -> dict[str, Any]:
        """Who is logged in, in the shape of the log-in's answer."""
        caller = await gate.recognise(request.headers, request.cookies, unsafe=False)
        if caller.login is None:
            raise Unauthorized("This tells about a session; an API token has none.")
        response.headers["Cache-Control"] = "no-store"
        return _me(caller.login)

    @router.post("/logout", status_code=204, responses=refusals(Unauthorized, Forbidden))
    async def logout(request: Request, response: Response) -> None:
        """End the session and take the cookie back."""
        caller = await gate.recognise(request.headers, request.cookies, unsafe=True)
        if caller.session_token is None:
            raise Unauthorized("This ends a session; an API token has none.")
        await accounts.logout(caller.session_token)
        response.delete_cookie(
            SESSION_COOKIE, path="/", secure=settings.secure_cookies, httponly=True, samesite="strict"
        )

    @router.post(
        "/password",
        status_code=204,
        dependencies=[Depends(single_names)],
        responses=refusals(
            BadJson, Unauthorized, Forbidden, WrongPassword, BadFrame, InvalidPassword, RateLimited
        ),
    )
    async def password(body: PasswordBody, request: Request) -> None:
        """Change one's own password. The other sessions end, this one stays."""
        caller = await gate.recognise(request.headers, request.cookies, unsafe=True)
        if caller.session_token is None:
            raise Unauthorized("A password is changed in a session, not with an API token.")
        await accounts.change_password(
            caller.user,
            body.current.get_secret_value(),
            body.new.get_secret_value(),
            keep_session=caller.session_token,
        )

    return router


def _me(login: Login) -> dict[str, Any]:
    user = login.user
    return {
        "agent": {"id": user.id, "name": user.name, "role": user.role},
        "csrf": login.csrf_token,
        "must_change_password": user.must_change_password,
    }
