"""The tables of docs/ that stand in the code already, written between their markers.

    python -m tests.architecture.generate_docs      from the project's folder, in the relay's environment

A page says `<!-- generated: NAME -->`, then the table, then `<!-- end -->`. test_docs.py fails while page and
code differ.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from handoff.cli.app import app
from handoff.domain import events as e
from handoff.domain.conversation import State
from handoff.domain.rules import SCALES
from handoff.domain.table import STATES, TABLE, Transition, refusal_for, row_for
from handoff.service.metrics import Metrics
from handoff.settings import PROJECT_ROOT, Settings
from handoff.wire import frames as f
from tests.architecture.documented_errors import error_rows

DOCS: Final = PROJECT_ROOT / "docs"
PAGES: Final = ("protocol.md", "settings.md", "running.md")
MARKED: Final = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


# --- states ---------------------------------------------------------------------------------------------------


def _kinds(row: Transition) -> str:
    return ", ".join(f"`{event.KIND}`" for event in row.events) or "none"


def _states(row: Transition) -> str:
    return ", ".join("-" if state == "none" else state for state in row.from_states)


def transitions() -> str:
    """What changes the state."""
    rows = [
        (_states(row), row.by.words, row.to, _kinds(row), row.note) for row in TABLE if row.to is not None
    ]
    return table(("from", "by", "to", "events, in one append", ""), rows)


def steady() -> str:
    """What is taken and changes no state."""
    rows = [(_states(row), row.by.words, _kinds(row), row.note) for row in TABLE if row.to is None]
    return table(("in", "by", "events", ""), rows)


def cells() -> str:
    """Every pair of a trigger and a state: where it leads, or what it is told."""
    triggers = list(dict.fromkeys(row.by for row in TABLE))
    states = [state for state in STATES if state != "none"]
    rows = [(trigger.words, *(_cell(state, trigger) for state in states)) for trigger in triggers]
    return table(("", *states), rows[1:])


def _cell(state: State, trigger: Any) -> str:
    if state not in trigger.possible_in:
        return "-"
    row = row_for(state, trigger)
    if row is not None:
        return f"→ {row.to}" if row.to is not None else "taken"
    refusal = refusal_for(state, trigger)
    return "nothing" if refusal is None else f"`{refusal}`"


# --- events ---------------------------------------------------------------------------------------------------


def events() -> str:
    """Every kind of event, its fields, and what customers are not shown."""
    rows = []
    for kind, cls in e.PAYLOADS.items():
        omitted = e.CUSTOMER_OMITS.get(kind, frozenset())
        fields = [_event_field(field) for field in dataclasses.fields(cls)]
        hidden = "the whole event" if kind in e.HIDDEN_FROM_CUSTOMER else ", ".join(sorted(omitted)) or "-"
        rows.append((f"`{kind}`", ", ".join(fields) or "none", hidden))
    return table(("kind", "data", "not shown to customers"), rows)


def _event_field(field: dataclasses.Field[Any]) -> str:
    return f"`{field.name}{'?' if field.default is None else ''}`"


# --- frames ---------------------------------------------------------------------------------------------------


def customer_frames() -> str:
    """Everything a customer's socket may send."""
    return _frames(get_args(f.CustomerFrame))


def agent_frames() -> str:
    """Everything an agent's socket may send."""
    return _frames(get_args(f.AgentFrame))


def _frames(classes: Sequence[type[BaseModel]]) -> str:
    rows = []
    for cls in classes:
        frame = get_args(cls.model_fields["type"].annotation)[0]
        shown = list(_field_rows(cls))
        for index, line in enumerate(shown or [("no fields", "", "")]):
            rows.append((f"`{frame}`" if index == 0 else "", *line))
    return table(("type", "field", "value", "left out"), rows)


def opening() -> str:
    """The body that opens a conversation."""
    return table(("field", "value", "left out"), _field_rows(f.OpenConversation))


def _field_rows(cls: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    schema = cls.model_json_schema()
    for name, field in cls.model_fields.items():
        if name == "type":
            continue
        absent = "refused" if field.is_required() else _default(field.default)
        inner = _model_in(field.annotation)
        if inner is None:
            yield f"`{prefix}{name}`", _patterned(field) or _value(schema["properties"][name]), absent
        else:
            yield f"`{prefix}{name}`", "an object", absent
            yield from _field_rows(inner, f"{prefix}{name}.")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _default(value: object) -> str:
    if value is None or value == "":
        return "not set" if value is None else "empty"
    return str(value).lower()


def _value(schema: dict[str, Any]) -> str:
    """What a field may hold, in words."""
    known = next(part for part in schema.get("anyOf", [schema]) if part.get("type") != "null")
    if "enum" in known:
        return " · ".join(f"`{value}`" for value in known["enum"])
    kind = known.get("type")
    if kind == "string":
        return f"text, {known.get('minLength', 0)} to {known['maxLength']:,} characters"
    if kind == "integer":
        return f"a whole number, {known['minimum']:,} to {known['maximum']:,}"
    if kind == "object":
        return f"an object of at most {known['maxProperties']} plain values"
    return {"boolean": "true or false"}.get(str(kind), "any value")


def _patterned(field: FieldInfo) -> str | None:
    """The words for a field with a pattern of its own; a schema does not always show it."""
    told = f"{field.annotation!r} {field.metadata!r}"
    for pattern, words in f.PATTERN_WORDS.items():
        if repr(pattern) in told:
            return words
    return None


def scales() -> str:
    """What each metric can be rated."""
    return table(
        ("metric", "score"), [(f"`{m}`", f"{least} to {most}") for m, (least, most) in SCALES.items()]
    )


# --- errors, settings, the command line -----------------------------------------------------------------------


def errors() -> str:
    """Every code of the protocol, what it means and what to do about it."""
    return table(("code", "HTTP", "meaning", "what a client does"), error_rows())


def settings() -> str:
    """Every setting with its variable and default."""
    rows = []
    for name, field in Settings.model_fields.items():
        value = field.get_default(call_default_factory=True)
        rows.append((f"`{name}`", f"`BATON_{name.upper()}`", _shown(value), field.description or ""))
    return table(("setting", "variable", "default", "meaning"), rows)


def _shown(value: object) -> str:
    if isinstance(value, Path):
        return f"`{value.relative_to(PROJECT_ROOT)}` beside the `baton` script"
    if value is None or value in ("", []):
        return "not set"
    if isinstance(value, list):
        return " ".join(f"`{item}`" for item in value)
    return f"`{str(value).lower() if isinstance(value, bool) else f'{value:g}' if isinstance(value, float) else value}`"


def metrics() -> str:
    """Every figure at /metrics."""
    rows = []
    for family in Metrics().registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append((f"`{name}`", family.type, family.documentation))
    return table(("metric", "kind", "meaning"), rows)


def commands() -> str:
    """Every command with its arguments and options."""
    rows = []
    for path, command in leaf_commands():
        words = [path, *(_argument(p) for p in command.params if p.param_type_name == "argument")]
        options = [_option(p) for p in named_options(command)]
        rows.append((f"`baton {' '.join(words)}`", (command.help or "").strip(), "<br>".join(options) or "-"))
    return table(("command", "what it does", "options"), rows)


def leaf_commands(command: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each command that does something, with the words that name it."""
    command = command or typer.main.get_command(app)
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
    else:
        for name, each in inner.items():
            yield from leaf_commands(each, f"{path} {name}".strip())


def named_options(command: Any) -> list[Any]:
    """The options of a command, but for --help."""
    return [p for p in command.params if p.param_type_name == "option" and p.name != "help"]


def _argument(argument: Any) -> str:
    name: str = argument.name.upper()
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str:
    default = option.default if isinstance(option.default, str | int | float) else None
    shown = (
        f" (default {default})" if default is not None and not option.is_flag and not option.required else ""
    )
    return f"`{option.opts[0]}`: {(option.help or '').rstrip('.')}{shown}"


# --- the pages ------------------------------------------------------------------------------------------------

TABLES: Final[dict[str, Callable[[], str]]] = {
    make.__name__: make
    for make in (
        transitions,
        steady,
        cells,
        events,
        customer_frames,
        agent_frames,
        opening,
        scales,
        errors,
        settings,
        metrics,
        commands,
    )
}


def with_tables(page: str) -> str:
    """The page with every table as the code has it now. Raises KeyError for a marker that names none."""
    return MARKED.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[4]}", page)


def main() -> None:
    """Write the pages anew."""
    for name in PAGES:
        path = DOCS / name
        path.write_text(with_tables(path.read_text()))


if __name__ == "__main__":
    main()
