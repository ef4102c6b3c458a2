"""Values for a JSON schema, as Hypothesis strategies: the part of JSON Schema that pydantic writes, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import strategies as st

LONG: Final = 80
"""Texts are seldom longer: their limits are tried on purpose, at the limit."""

ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON value, and the numbers that only Python's JSON knows."""


def values_for(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that `schema` allows. `definitions` are the schemas that `$ref` names.

    Raises:
        ValueError: the schema says something that is not known here.
    """
    if "$ref" in schema:
        return values_for(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return st.one_of(*(values_for(option, definitions) for option in schema[union]))
    match schema.get("type"):
        case None:
            return ANYTHING
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum"), schema.get("maximum"))
        case "number":
            return st.floats(schema.get("minimum"), schema.get("maximum"), allow_nan=False)
        case "string":
            return _texts(schema)
        case "array":
            return st.lists(values_for(schema.get("items", {}), definitions), max_size=4)
        case "object":
            return _objects(schema, definitions)
        case other:
            raise ValueError(f"no values for the JSON schema type {other!r}")


def _texts(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"]).map(lambda text: text.removesuffix("\n"))
    least, most = schema.get("minLength", 0), schema.get("maxLength", 4 * LONG)
    usual = st.text(min_size=least, max_size=max(least, min(most, LONG)))
    # Every size near the limit, of the characters that take the most bytes.
    limit = st.integers(max(least, most - 1), most).map(lambda size: "\U0001f600" * size)
    return st.one_of(usual, usual, usual, limit) if most <= 4_000 else usual


def _objects(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: values_for(of, definitions) for name, of in schema.get("properties", {}).items()}
    if not fields:
        return st.dictionaries(st.text(max_size=12), ANYTHING, max_size=3)
    required = schema.get("required", ())
    return st.fixed_dictionaries(
        {name: values for name, values in fields.items() if name in required},
        optional={name: values for name, values in fields.items() if name not in required},
    )
