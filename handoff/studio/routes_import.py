"""`/api/v1/studio/import` and `/export`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from handoff.accounts.gate import Gate
from handoff.accounts.model import User
from handoff.content.errors import ContentMoved, ContentRefused, ExportRefused, ImportExpired
from handoff.content.project import project_zip
from handoff.content.store import Content
from handoff.domain.errors import BadFrame, BadJson, Forbidden, StorageUnavailable, TooLarge, Unauthorized
from handoff.domain.storage import why
from handoff.studio.articles import Status
from handoff.studio.guard import guard
from handoff.studio.parts import Studio
from handoff.wire.answers import refusals
from handoff.wire.bodies import single_names
from kb_index.formats import write_csv, write_jsonl

SKIPPED_AT_MOST: Final = 20_000

Format = Literal["jsonl", "csv", "markdown", "rasa"]
_MEDIA: Final = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


class PreviewQuery(BaseModel):
    """`POST /import/preview`: the file's name, and the locale of what names none."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(min_length=1, max_length=300)]
    locale: Annotated[str | None, Field(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = None


class ImportBody(BaseModel):
    """`POST /import`: `skip` are ids of articles that are left as they are; new ones get `status`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: Annotated[str, Field(max_length=64)]
    replace: bool = False
    skip: Annotated[list[Annotated[str, Field(max_length=110)]], Field(max_length=SKIPPED_AT_MOST)] = []
    status: Status = "ready"


def import_routes(studio: Studio, gate: Gate) -> APIRouter:
    """The endpoints."""
    router = APIRouter()
    may_edit = Depends(guard(gate, "edit_content"))

    @router.post(
        "/import/preview",
        responses=refusals(Unauthorized, Forbidden, BadFrame, TooLarge, StorageUnavailable),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def preview(
        request: Request, query: Annotated[PreviewQuery, Query()], _user: User = may_edit
    ) -> dict[str, Any]:
        """What importing this file would change, and its faults by row; nothing is changed yet."""
        data = await request.body()
        locale = query.locale or studio.locale
        try:
            token, made = await studio.imports.preview(data, query.name, locale=locale)
        except OSError as error:
            raise StorageUnavailable(f"The file could not be kept: {why(error)}.") from error
        return {"token": token, **made.shape()}

    @router.post(
        "/import",
        dependencies=[Depends(single_names)],
        responses=refusals(
            BadJson,
            Unauthorized,
            Forbidden,
            ImportExpired,
            ContentMoved,
            BadFrame,
            ContentRefused,
            StorageUnavailable,
        ),
    )
    async def apply(body: ImportBody, user: User = may_edit) -> dict[str, Any]:
        """Do what the preview shows, all of it or nothing. Customers get it once it is published."""
        done = await studio.imports.apply(
            body.token, replace=body.replace, skip_ids=body.skip, by=user.name, status=body.status
        )
        return {
            "added": done.added,
            "changed": done.changed,
            "unchanged": done.unchanged,
            "removed": done.removed,
            "intents": done.intents,
        }

    @router.get(
        "/export",
        response_class=Response,
        responses={
            200: {
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
            },
            **refusals(Unauthorized, Forbidden, BadFrame, ExportRefused, StorageUnavailable),
        },
    )
    async def export(
        format_: Annotated[Format, Query(alias="format")] = "jsonl", _user: User = may_edit
    ) -> Response:
        """The working copy as a file; `markdown` and `rasa` are zip files."""
        content = await studio.content.content()
        data = await asyncio.to_thread(_exported, content, format_, studio)
        ending = format_ if format_ in _MEDIA else "zip"
        return Response(
            data,
            media_type=_MEDIA.get(format_, "application/zip"),
            headers={"Content-Disposition": f'attachment; filename="baton-{format_}.{ending}"'},
        )

    return router


def _exported(content: Content, format_: Format, studio: Studio) -> bytes:
    if format_ in ("markdown", "rasa"):
        return project_zip(content, studio.sources, rasa=format_ == "rasa", locale=studio.locale)
    with TemporaryDirectory(prefix="baton-export-") as work:
        file = Path(work) / f"content.{format_}"
        (write_jsonl if format_ == "jsonl" else write_csv)(file, content.articles)
        return file.read_bytes()
