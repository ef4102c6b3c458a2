"""The built pages: widget, demo shop, console and studio, with the headers that keep them safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from handoff.domain.errors import NotFound

PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
# Any site may load the widget's script and its hashed parts.
SHARED_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class _HashedFiles(StaticFiles):
    """Files whose names change with their content: kept by browsers for a year."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(SHARED_HEADERS)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def install_pages(app: FastAPI, built: Path) -> None:
    """Serve `built` (web_widget/dist) at `/demo`, `/console`, `/studio`, `/widget.js` and `/assets`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def home() -> RedirectResponse:
        return RedirectResponse("/demo", 307)

    @router.get("/demo")
    async def demo() -> FileResponse:
        return _file(built / "demo.html", PAGE_HEADERS)

    @router.get("/console")
    async def console() -> FileResponse:
        return _file(built / "console.html", PAGE_HEADERS)

    @router.get("/studio")
    async def studio() -> FileResponse:
        return _file(built / "studio.html", PAGE_HEADERS)

    @router.get("/widget.js")
    async def widget() -> FileResponse:
        return _file(built / "widget.js", {**SHARED_HEADERS, "Cache-Control": "public, max-age=300"})

    app.include_router(router)
    app.mount("/assets", _HashedFiles(directory=built / "assets", check_dir=False))


def _file(path: Path, headers: dict[str, Any]) -> FileResponse:
    if not path.is_file():
        raise NotFound("The pages are not built. Run `npm ci && npm run build` in web_widget.")
    return FileResponse(path, headers=headers)
