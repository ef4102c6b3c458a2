"""Bodies of HTTP requests: what JSON readers let pass that is refused here, and how a body read by hand is documented."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from pydantic import BaseModel
from starlette.requests import Request

from handoff.domain.errors import BadJson


async def single_names(request: Request) -> None:
    """Refuse a body in which an object names a field twice, or with a number that JSON does not have.

    Readers disagree on which of two values counts, so that what a proxy has checked may not be what is stored. A
    route depends on this beside reading the body; what is no JSON at all is left to that reading.

    Raises:
        BadJson: such a body.
    """
    try:
        json.loads(await request.body(), object_pairs_hook=_each_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadJson("An object names a field twice. Name each field once.")


def _no_number(_text: str) -> NoReturn:
    raise BadJson("NaN and Infinity are not JSON. Send finite numbers.")


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI's `requestBody` for a body of `model` that a route reads itself.

    References are written out: inside of an OpenAPI document they would point past the model's own definitions.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def written_out(part: Any) -> Any:
        if isinstance(part, list):
            return [written_out(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return written_out(definitions[part["$ref"].rpartition("/")[2]])
        return {name: written_out(value) for name, value in part.items()}

    return {"required": True, "content": {"application/json": {"schema": written_out(schema)}}}
