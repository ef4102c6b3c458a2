"""Markdown articles and Rasa files rewritten where they changed and nowhere else: comments, order and style stay.

Whatever is written here is read again before it is handed over. Where a text cannot be changed in place so that it
says what it should, an article is written anew, and intents are added at the end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from kb_index.article import FIELDS, Article, ArticleError, check_article
from kb_index.yaml_text import (
    Block,
    FieldPlace,
    Item,
    Leftover,
    YamlError,
    front_matter_text,
    read_blocks,
    read_front_matter,
    read_places,
    scalar,
)

_FLOW: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_EXAMPLE_LINE: Final = re.compile(r"(\s*)([-*+][ \t]+).*")
_DEFAULT_INDENT: Final = "  "


def read_article(text: str, *, stem: str, locale: str) -> Article | None:
    """The article that a Markdown file holds, None if it holds none. `stem` is its id where it names none."""
    try:
        fields, _ = read_front_matter(text.removeprefix("\ufeff"))
        raw = {"id": stem, **fields}
        return check_article(raw if raw.get("locale") else {**raw, "locale": locale})
    except (YamlError, ArticleError):
        return None


def rewrite_article(text: str, article: Article, *, stem: str, locale: str) -> str:
    """`text`, changed only where it does not say what `article` says. `stem` and `locale` as for `read_article`."""
    there = read_article(text, stem=stem, locale=locale)
    if there == article:
        return text
    if there is not None:
        changed = _patched(text, there, article)
        if changed is not None and read_article(changed, stem=stem, locale=locale) == article:
            return changed
    return front_matter_text(article)


def rewrite_intents(text: str, wanted: Mapping[str, Sequence[str]]) -> str:
    """A Rasa file in which each intent of `wanted` has exactly these examples, over all its entries together.

    Other intents, and all that is no intent, stay as they are. Intents that the file does not hold are added at its
    end.
    """
    there = intents_of(text) or {}
    for name, examples in wanted.items():
        if there.get(name, []) != list(examples):
            text = _with_intent(text, name, list(examples))
    return text


def intents_of(text: str) -> dict[str, list[str]] | None:
    """The intents of a Rasa file, as an import has them; None if it is none or has faults."""
    blocks, errors = read_blocks(text.removeprefix("\ufeff"), leftovers=[])
    return None if errors else _joined(blocks)


# --- articles -----------------------------------------------------------------------------------------------


def _patched(text: str, there: Article, article: Article) -> str | None:
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    windows = "\r\n" in text
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    try:
        places = read_places("\n".join(lines))
    except YamlError:
        return None
    before, after = there.as_dict(), article.as_dict()
    head = lines[: places.close]
    # From the end to the beginning, so that the lines of what comes before stay where they are.
    changes = [name for name in FIELDS if name != "answer" and before.get(name) != after.get(name)]
    known = [name for name in changes if name in places.fields]
    for name in sorted(known, key=lambda name: places.fields[name].first, reverse=True):
        field = places.fields[name]
        head[field.first : field.last + 1] = _field_lines(name, after.get(name), lines, field)
    for name in changes:
        if name not in places.fields:
            head += _new_field(name, after.get(name))
    body = lines[places.close + 1 :]
    if before["answer"] != after["answer"]:
        body = [*_blank(body), *article.answer.split("\n"), *_blank(body[::-1])]
    whole = mark + "\n".join([*head, lines[places.close], *body])
    return whole.replace("\n", "\r\n") if windows else whole


def _blank(lines: Sequence[str]) -> list[str]:
    """The empty lines at the beginning of `lines`."""
    count = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    return list(lines[:count])


def _field_lines(name: str, value: Any, lines: Sequence[str], field: FieldPlace) -> list[str]:
    """The lines of a field with a new value, in the style that it has."""
    old = lines[field.first : field.last + 1]
    if value in (None, [], ""):
        return [line for line in old if line.lstrip().startswith("#")]
    if not isinstance(value, list):
        return [f"{field.before}{scalar(value)}{field.after}"]
    if field.items is None:
        if not field.flow:
            return _new_field(name, value)
        entries = ", ".join(v if _FLOW.fullmatch(v) else json.dumps(v, ensure_ascii=False) for v in value)
        return [f"{field.before}[{entries}]{field.after}"]
    return _list_lines(old, field.first, field.items, value)


def _list_lines(old: Sequence[str], first: int, items: Sequence[Item], wanted: Sequence[str]) -> list[str]:
    """A block list with other entries: lines that stay are not touched, and comments stay above their entry."""
    indent = old[items[0].first - first].partition("-")[0] if items else _DEFAULT_INDENT
    out = list(old[: (items[0].first if items else first + len(old)) - first])
    matcher = SequenceMatcher(a=[item.text for item in items], b=list(wanted), autojunk=False)
    end = items[-1].last if items else first + len(old) - 1

    def lines_of(number: int) -> Sequence[str]:
        after = items[number + 1].first if number + 1 < len(items) else end + 1
        return old[items[number].first - first : after - first]

    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "equal":
            for number in range(a0, a1):
                out += lines_of(number)
            continue
        for number in range(a0, a1):
            # What stands below an entry that goes belongs to the next one.
            out += old[items[number].last + 1 - first : items[number].first - first + len(lines_of(number))]
        out += [f"{indent}- {scalar(text)}" for text in wanted[b0:b1]]
    return [*out, *old[end + 1 - first :]]


def _new_field(name: str, value: Any) -> list[str]:
    if isinstance(value, list):
        return [f"{name}:", *(f"{_DEFAULT_INDENT}- {scalar(entry)}" for entry in value)] if value else []
    return [] if value is None else [f"{name}: {scalar(value)}"]


# --- intents ------------------------------------------------------------------------------------------------


def _joined(blocks: Sequence[Block]) -> dict[str, list[str]]:
    joined: dict[str, dict[str, None]] = {}
    for block in blocks:
        examples = joined.setdefault(block.intent, {})
        for _, example in block.examples:
            examples.setdefault(example)
    return {name: list(examples) for name, examples in joined.items()}


def _with_intent(text: str, name: str, wanted: list[str]) -> str:
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    windows = "\r\n" in text
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    leftovers: list[Leftover] = []
    blocks, errors = read_blocks(plain, leftovers=leftovers)
    if errors:
        raise YamlError(errors[0].line, errors[0].message)
    there = _joined(blocks)
    if there.get(name, []) == wanted:
        return text
    expected = {**there, name: wanted}
    own = [block for block in blocks if block.intent == name]
    changed = _patched_blocks(plain, own, wanted) if own and wanted else None
    if changed is None or intents_of(changed) != expected:
        changed = _appended(_without(plain, own), name, wanted)
        expected = {intent: examples for intent, examples in expected.items() if examples}
        if intents_of(changed) is None or dict(intents_of(changed) or {}) != expected:
            raise YamlError(1, f"The examples of {name} cannot be written into this file.")
    return mark + (changed.replace("\n", "\r\n") if windows else changed)


def _patched_blocks(text: str, own: Sequence[Block], wanted: list[str]) -> str | None:
    """The lines of examples changed one by one; None where an example is not one line of its own."""
    lines = text.split("\n")
    # An example that stands there twice counts once: where it stands first.
    seen: dict[str, int] = {}
    for block in own:
        for number, example in block.examples:
            seen.setdefault(example, number - 1)
    places = list(seen.values())
    if any(_EXAMPLE_LINE.fullmatch(lines[place]) is None for place in places) or len(set(places)) < len(
        places
    ):
        return None
    every = [number - 1 for block in own for number, _ in block.examples]
    insert: dict[int, list[str]] = {}
    gone: set[int] = set()
    matcher = SequenceMatcher(a=list(seen), b=wanted, autojunk=False)
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "equal":
            continue
        gone |= set(places[a0:a1])
        if b1 > b0:
            # Behind the example before, or before the first.
            near = places[a0 - 1] if a0 else places[0]
            match = _EXAMPLE_LINE.fullmatch(lines[near])
            assert match is not None
            listed = _is_yaml_list(lines, near)
            new = [f"{match[1]}{match[2]}{scalar(t) if listed else t}" for t in wanted[b0:b1]]
            insert.setdefault(near if a0 else places[0] - 1, []).extend(new)
    removed = {place for place in every if place in gone or _repeats(lines, place, seen, gone, own)}
    out: list[str] = []
    for number, line in enumerate(lines):
        if number not in removed:
            out.append(line)
        out += insert.get(number, [])
    return "\n".join(out)


def _repeats(
    lines: Sequence[str], place: int, seen: Mapping[str, int], gone: set[int], own: Sequence[Block]
) -> bool:
    """Whether the example at `place` says again what is taken out elsewhere."""
    example = next((e for block in own for number, e in block.examples if number - 1 == place), None)
    return example is not None and seen[example] in gone


def _is_yaml_list(lines: Sequence[str], place: int) -> bool:
    """Whether examples stand in a YAML list and not in a block of text: then they are written as YAML."""
    for line in reversed(lines[:place]):
        if re.fullmatch(r"\s*-?\s*examples\s*:\s*(#.*)?", line):
            return True
        if re.match(r"\s*-?\s*examples\s*:", line):
            return False
    return False


def _without(text: str, own: Sequence[Block]) -> str:
    """The file without some entries; comments above them stay."""
    lines = text.split("\n")
    for block in sorted(own, key=lambda block: block.lines[0], reverse=True):
        del lines[block.lines[0] - 1 : block.lines[1]]
    return "\n".join(lines)


def _appended(text: str, name: str, examples: Sequence[str]) -> str:
    """The entry of an intent at the end of `nlu`."""
    if not examples:
        return text
    lines = [re.sub(r"^nlu\s*:\s*\[\s*\]", "nlu:", line) for line in text.split("\n")]
    end, indent = _end_of_nlu(lines)
    if end is None:
        tail = [] if lines[-1:] == [""] else [""]
        lines = [*lines[:-1], "nlu:"] if not tail else [*lines, "nlu:"]
        end = len(lines)
    entry = [f"{indent}- intent: {name}", f"{indent}  examples: |", *(f"{indent}    - {e}" for e in examples)]
    gap = (
        [""]
        if end
        and any(not line.strip() for line in lines[:end])
        and lines[end - 1].strip() not in ("", "nlu:")
        else []
    )
    rest = lines[end:] or [""]
    return "\n".join([*lines[:end], *gap, *entry, *rest])


def _end_of_nlu(lines: Sequence[str]) -> tuple[int | None, str]:
    """(line behind the last entry of `nlu`, how far its entries are moved in)."""
    begin = next((n for n, line in enumerate(lines) if re.match(r"nlu\s*:\s*(#.*)?$", line)), None)
    if begin is None:
        return None, ""
    end = begin + 1
    indent = None
    for number in range(begin + 1, len(lines)):
        line = lines[number]
        if re.match(r"[^\s#-]", line):
            break
        if line.strip() and not line.lstrip().startswith("#"):
            if indent is None:
                indent = line[: len(line) - len(line.lstrip())]
            end = number + 1
    return end, indent or ""
