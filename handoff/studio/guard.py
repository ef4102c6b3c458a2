"""Who may use the studio, as dependencies of its routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request

from handoff.accounts.gate import UNSAFE_METHODS, Gate
from handoff.accounts.model import Right, User
from handoff.domain.errors import Forbidden

Guard = Callable[[Request], Awaitable[User]]

_WORDS = {"edit_content": "change content", "release": "train and publish"}


def guard(gate: Gate, right: Right) -> Guard:
    """A dependency that gives the user behind a request. It raises `Unauthorized`, or `Forbidden` without `right`."""

    async def user(request: Request) -> User:
        unsafe = request.method in UNSAFE_METHODS
        found = await gate.authenticate(request.headers, request.cookies, unsafe=unsafe)
        if not found.may(right):
            raise Forbidden(f"This account may not {_WORDS.get(right, right)}. Ask an administrator.")
        return found

    return user
