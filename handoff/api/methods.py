"""Which methods a path has, for the `Allow` of a 405: each route knows only its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route, compile_path


class Methods:
    """The methods of an application's paths, gathered when they are first asked for."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._gathered: list[tuple[re.Pattern[str], str]] | None = None

    def of(self, path: str) -> str | None:
        """The methods as `Allow` names them; None where no route has this path."""
        if self._gathered is None:
            self._gathered = _gathered(self._app)
        return next((allowed for pattern, allowed in self._gathered if pattern.match(path)), None)


def _gathered(app: FastAPI) -> list[tuple[re.Pattern[str], str]]:
    found: dict[str, set[str]] = {}
    for path, methods in _routes(app.routes, ""):
        found.setdefault(path, set()).update(methods)
    # What names itself is meant before what would take it for a parameter.
    ordered = sorted(found.items(), key=lambda entry: entry[0].count("{"))
    return [(compile_path(path)[0], ", ".join(sorted(methods))) for path, methods in ordered]


def _routes(routes: Any, prefix: str) -> Iterator[tuple[str, set[str]]]:
    for route in routes:
        if isinstance(route, APIRoute | Route):
            yield prefix + route.path, set(route.methods or ())
            continue
        # A router within a router: its routes know nothing of what they are included under.
        inner = getattr(getattr(route, "original_router", None), "routes", ())
        yield from _routes(inner, prefix + getattr(getattr(route, "include_context", None), "prefix", ""))
