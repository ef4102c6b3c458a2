"""How large a body may be: articles and files of editors are larger than anything a customer sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from starlette.requests import Request

from handoff.accounts.gate import Gate
from handoff.domain.errors import HandoffError

ARTICLE_BYTES: Final = 24 * 1024 * 1024
"""The largest article in the longest way to write it: 5,000 questions of 1,000 characters, escaped."""
FILE_BYTES: Final = 32 * 1024 * 1024
"""A file to import."""

_STUDIO: Final = "/api/v1/studio/"
_IMPORT: Final = "/api/v1/studio/import"


def body_allowance(gate: Gate) -> Callable[[MutableMapping[str, Any]], Awaitable[int]]:
    """How many bytes a request's body may have beyond the common limit: 0 unless an editor sends it to the studio."""

    async def allowance(scope: MutableMapping[str, Any]) -> int:
        path = scope["path"]
        if not path.startswith(_STUDIO):
            return 0
        request = Request(scope)
        try:
            user = await gate.authenticate(request.headers, request.cookies, unsafe=True)
        except HandoffError:
            return 0
        if not user.may("edit_content"):
            return 0
        return FILE_BYTES if path.startswith(_IMPORT) else ARTICLE_BYTES

    return allowance
