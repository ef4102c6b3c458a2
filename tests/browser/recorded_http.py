"""The recorded relay's HTTP: the built pages under the same policy as the real ones, and the few calls they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from tests.browser.recorded_talk import Json

if TYPE_CHECKING:
    from tests.browser.recorded_relay import RecordedRelay

DIST = Path(__file__).resolve().parents[2] / "web_widget" / "dist"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def make_app(relay: RecordedRelay) -> FastAPI:
    """Everything that the pages ask for."""
    app = FastAPI()
    _add_pages(app, relay)

    @app.get("/api/v1/site")
    async def site() -> Json:
        return {
            "name": "Fellgate",
            "voice": "casual",
            "locale": "en-GB",
            "greeting": relay.greeting,
            "low_confidence": "handoff",
        }

    @app.post("/api/v1/conversations", status_code=201)
    async def started(request: Request) -> Json:
        body = await request.json()
        talk_id = f"c-{body['client_id'][:12]}"
        if talk_id not in relay.talks:
            talk = relay.talk(talk_id=talk_id)
            relay.record(talk, "conversation.started", "customer", {"locale": "en", "page": body["page"]})
        return {"conversation_id": talk_id, "token": f"t:{talk_id}", "seq": 1}

    @app.post("/api/v1/auth/login")
    async def login(request: Request) -> Response:
        body = await request.json()
        if body["password"] != "right":
            error = {"code": "unauthorized", "message": "Name or password is wrong.", "data": {}}
            return JSONResponse({"error": error}, 401)
        relay.logged_in = True
        return JSONResponse(relay.me())

    @app.get("/api/v1/auth/me")
    async def me() -> Response:
        if not relay.logged_in:
            error = {"code": "unauthorized", "message": "Please log in.", "data": {}}
            return JSONResponse({"error": error}, 401)
        return JSONResponse(relay.me())

    @app.post("/api/v1/auth/password", status_code=204)
    async def password() -> None:
        relay.must_change = False

    @app.post("/api/v1/auth/logout", status_code=204)
    async def logout() -> None:
        relay.logged_in = False

    @app.websocket("/ws/customer")
    async def customer(socket: WebSocket) -> None:
        await relay.serve_customer(socket)

    @app.websocket("/ws/agent")
    async def agent(socket: WebSocket) -> None:
        await relay.serve_agent(socket)

    return app


def _add_pages(app: FastAPI, relay: RecordedRelay) -> None:
    def page(name: str) -> Response:
        return FileResponse(DIST / name, headers={"Content-Security-Policy": POLICY})

    @app.get("/demo")
    async def demo() -> Response:
        html = (DIST / "demo.html").read_text()
        html = html.replace('data-locale="en-GB"', f'data-locale="{relay.demo_locale}"')
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    @app.get("/console")
    async def console() -> Response:
        return page("console.html")

    @app.get("/widget.js")
    async def loader() -> Response:
        return FileResponse(DIST / "widget.js", media_type="text/javascript")

    @app.get("/assets/{name}")
    async def asset(name: str) -> Response:
        return FileResponse(DIST / "assets" / Path(name).name)
