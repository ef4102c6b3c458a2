"""The two YAML shapes that are read and written: an article's front matter, and Rasa's NLU intents.

YAML is composed to nodes, never constructed: every scalar stays the text that was typed (`no` is a locale, not
False; `404` a title, not a number), each has its line, a key given twice is seen, and aliases cannot blow up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from kb_index.article import MAX_QUESTION, Article, ArticleError, clean_text

_FENCE: Final = "---"
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

# Text that every YAML reader takes for a string when it stands without quotes, in block style.
_PLAIN: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9 ,.?!'()/_-]*[A-Za-z0-9.?!')])?")
_WORDS_WITH_MEANING: Final = frozenset(("y", "n", "yes", "no", "true", "false", "on", "off", "null"))

OTHER_ENTRIES: Final = ("regex", "lookup", "synonym")
"""What an entry of Rasa's `nlu` may be beside an intent."""

_INTENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,99})?")
_BULLET: Final = re.compile(r"[-*+][ \t]+(.*)")


class YamlError(ValueError):
    """The text has not the expected shape. `line` counts from 1 within the whole file."""

    def __init__(self, line: int, message: str, code: str = "bad_yaml") -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    value: yaml.Node
    line: int


def read_front_matter(text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The fields of a Markdown article (its body is `answer`), and the line of each. Raises `YamlError`."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != _FENCE:
        raise YamlError(1, "An article begins with a line --- and its front matter (title: ...).")
    close = next((number for number, line in enumerate(lines[1:], start=1) if line.rstrip() == _FENCE), None)
    if close is None:
        raise YamlError(1, "The front matter has no end: a second line --- is missing.")
    root = _compose("\n".join(lines[1:close]) + "\n", offset=1)
    fields: dict[str, Any] = {}
    places: dict[str, int] = {"answer": close + 2}
    for entry in _entries(root, offset=1) if root is not None else ():
        if entry.key == "answer":
            raise YamlError(entry.line, "The answer is the text below the front matter, not a field in it.")
        fields[entry.key] = _plain_value(entry, offset=1)
        places[entry.key] = entry.line
    fields["answer"] = "\n".join(lines[close + 1 :])
    return fields, places


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a list in block style: its text, and its first and last line, counted from 0."""

    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """Where a field stands. `first` and `last` are lines from 0, of key and value together.

    `before` and `after` are what stands around its value on these lines; `items` are those of a list in block style;
    `flow` is a list in brackets.
    """

    first: int
    last: int
    before: str
    after: str
    items: tuple[Item, ...] | None
    flow: bool


@dataclass(frozen=True, slots=True)
class Places:
    """The fields of a front matter, and the line from 0 that ends it."""

    fields: dict[str, FieldPlace]
    close: int


def read_places(text: str) -> Places:
    """Where the fields of a Markdown article stand; `text` has `\\n` line ends. Raises `YamlError`."""
    _, starts = read_front_matter(text)
    close = starts["answer"] - 2
    lines = text.split("\n")
    root = _compose("\n".join(lines[1:close]) + "\n", offset=1)
    fields: dict[str, FieldPlace] = {}
    for entry in _entries(root, offset=1) if root is not None else ():
        node = entry.value
        begin, end = node.start_mark.line + 1, _last_line(node) + 1
        items = None
        if isinstance(node, yaml.SequenceNode) and not node.flow_style:
            items = tuple(
                Item(str(item.value), item.start_mark.line + 1, _last_line(item) + 1) for item in node.value
            )
            end = max((item.last for item in items), default=entry.line - 1)
        before = lines[begin][: node.start_mark.column]
        after = lines[end][node.end_mark.column :] if end == node.end_mark.line + 1 else ""
        fields[entry.key] = FieldPlace(
            entry.line - 1, end, before, after, items, isinstance(node, yaml.SequenceNode) and items is None
        )
    return Places(fields, close)


def _last_line(node: yaml.Node) -> int:
    """The line from 0 on which a value ends; that of a block ends where the next line begins."""
    line = int(node.end_mark.line)
    return line - 1 if node.end_mark.column == 0 and line > node.start_mark.line else line


def front_matter_text(article: Article) -> str:
    """The Markdown file of an article. Lists that are empty are left out, and bounds of validity that are not set."""
    lines = [_FENCE, f"id: {scalar(article.id)}", f"title: {scalar(article.title)}"]
    for name, entries in (("questions", article.questions), ("tags", article.tags)):
        if entries:
            lines.append(f"{name}:")
            lines += [f"  - {scalar(entry)}" for entry in entries]
    lines.append(f"locale: {scalar(article.locale)}")
    for name, time in (("valid_from", article.valid_from), ("valid_until", article.valid_until)):
        if time is not None:
            lines.append(f"{name}: {scalar(time)}")
    lines += [_FENCE, "", article.answer, ""]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something in a Rasa file that is no intent: a section such as `rules`, or an entry of `nlu` such as `regex`."""

    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Block:
    """One entry of `nlu` that gives examples. `examples`: (line from 1, cleaned text). `lines`: first and last of the entry."""

    intent: str
    examples: tuple[tuple[int, str], ...]
    lines: tuple[int, int]


def read_intents(
    text: str, *, leftovers: list[Leftover] | None = None
) -> tuple[dict[str, list[str]], list[YamlError]]:
    """Intent name -> examples, and every fault. Blocks of one intent are joined; repeated examples dropped.

    What a Rasa file may hold beside intents is a fault, unless a list of `leftovers` is given that takes it.
    """
    blocks, errors = read_blocks(text, leftovers=leftovers)
    intents: dict[str, dict[str, None]] = {}
    for block in blocks:
        known = intents.setdefault(block.intent, {})
        for _, example in block.examples:
            known.setdefault(example)
    return {name: list(examples) for name, examples in intents.items()}, errors


def read_blocks(text: str, *, leftovers: list[Leftover] | None = None) -> tuple[list[Block], list[YamlError]]:
    """The entries of `nlu` that give examples, in order, and every fault; `leftovers` as `read_intents` has it."""
    found: list[Block] = []
    errors: list[YamlError] = []
    try:
        blocks = _intent_blocks(text, leftovers)
    except YamlError as error:
        return [], [error]
    for block in blocks:
        try:
            read = _intent(block, errors, leftovers)
        except YamlError as error:
            errors.append(error)
            continue
        if read is not None:
            found.append(read)
    return found, errors


def intents_text(intents: Mapping[str, Sequence[str]]) -> str:
    """Rasa's NLU YAML for `intents`."""
    lines = ['version: "3.1"', "nlu:" if intents else "nlu: []"]
    for name, examples in intents.items():
        lines += [f"- intent: {name}", "  examples: |"]
        lines += [f"    - {example}" for example in examples]
    return "\n".join(lines) + "\n"


def _intent_blocks(text: str, leftovers: list[Leftover] | None) -> list[yaml.Node]:
    root = _compose(text, offset=0)
    if root is None:
        raise YamlError(1, "The file is empty; it needs a key nlu with a list of intents.")
    blocks: list[yaml.Node] | None = None
    for entry in _entries(root, offset=0):
        if entry.key == "nlu":
            if not isinstance(entry.value, yaml.SequenceNode):
                raise YamlError(entry.line, "nlu must be a list of intents.")
            blocks = list(entry.value.value)
        elif entry.key != "version" and leftovers is not None:
            leftovers.append(Leftover(entry.line, entry.key))
        elif entry.key != "version":
            raise YamlError(
                entry.line,
                f"The section {entry.key[:50]!r} is not read here, only nlu.",
                "unsupported_section",
            )
    if blocks is None and leftovers:
        return []
    if blocks is None:
        raise YamlError(1, "The key nlu with a list of intents is missing.")
    return blocks


def _intent(block: yaml.Node, errors: list[YamlError], leftovers: list[Leftover] | None) -> Block | None:
    """One entry of `nlu`. Faults of single examples go to `errors`, those of the whole entry are raised."""
    line = block.start_mark.line + 1
    entries = {entry.key: entry for entry in _entries(block, offset=0)}
    other = next((key for key in OTHER_ENTRIES if key in entries), None)
    if leftovers is not None and "intent" not in entries and other is not None:
        leftovers.append(Leftover(line, other))
        return None
    for key, entry in entries.items():
        if key not in ("intent", "examples"):
            raise YamlError(
                entry.line, f"{key[:50]!r} is not read here, only intents.", "unsupported_section"
            )
    named = entries.get("intent")
    if (
        named is None
        or not isinstance(named.value, yaml.ScalarNode)
        or not _INTENT.fullmatch(named.value.value)
    ):
        raise YamlError(
            line,
            "An entry of nlu needs an intent with a name of letters, digits, '_', '.' and '-'.",
            "bad_intent",
        )
    listed = entries.get("examples")
    if listed is None and leftovers is not None:
        return None  # an intent that is only named, as the domain names it
    if listed is None:
        raise YamlError(line, f"The intent {named.value.value} has no examples.", "missing_examples")
    examples: list[tuple[int, str]] = []
    for number, example in _examples(listed):
        try:
            cleaned = clean_text(example, "example", MAX_QUESTION, line_breaks=False)
        except ArticleError as error:
            errors.append(YamlError(number, error.message, error.code))
            continue
        if cleaned:
            examples.append((number, cleaned))
        else:
            errors.append(YamlError(number, "This example is empty.", "empty_entry"))
    if not examples:
        raise YamlError(listed.line, f"The intent {named.value.value} has no examples.", "missing_examples")
    last = max((number for number, _ in examples), default=listed.line)
    return Block(str(named.value.value), tuple(examples), (line, last))


def _examples(entry: _Entry) -> list[tuple[int, str]]:
    """Examples with their lines: Rasa's block of `- text` lines, or a YAML list of texts or `text:` mappings."""
    node = entry.value
    found: list[tuple[int, str]] = []
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            line = item.start_mark.line + 1
            if isinstance(item, yaml.MappingNode):
                texts = [e.value for e in _entries(item, offset=0) if e.key == "text"]
                item = texts[0] if texts else item  # noqa: PLW2901 - the text stands for its entry
            if not isinstance(item, yaml.ScalarNode):
                raise YamlError(line, "An example must be a text.", "bad_example")
            found.append((line, item.value))
        return found
    if not isinstance(node, yaml.ScalarNode):
        raise YamlError(entry.line, "examples must be a block of lines that begin with '- '.", "bad_example")
    # A block scalar's text begins on the line after its indicator.
    first = node.start_mark.line + (2 if node.style in ("|", ">") else 1)
    for number, line_text in enumerate(node.value.split("\n"), start=first):
        if not line_text.strip():
            continue
        bullet = _BULLET.fullmatch(line_text.strip())
        if bullet is None:
            raise YamlError(
                number, "Each example stands on a line of its own that begins with '- '.", "bad_example"
            )
        found.append((number, bullet[1]))
    return found


def _compose(text: str, *, offset: int) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(
            (mark.line if mark else 0) + 1 + offset,
            f"This is not valid YAML: {error.problem or error.context}",
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(1 + offset, f"This is not valid YAML: {error}") from error
    return root


def _entries(node: yaml.Node, *, offset: int) -> list[_Entry]:
    line = node.start_mark.line + 1 + offset
    if not isinstance(node, yaml.MappingNode):
        raise YamlError(line, "Here must stand `key: value` lines.")
    found: dict[str, _Entry] = {}
    for key, value in node.value:
        place = key.start_mark.line + 1 + offset
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError(place, "A key must be a word.")
        if key.value in found:
            raise YamlError(place, f"The key {key.value[:50]!r} is there twice.")
        found[key.value] = _Entry(key.value, value, place)
    return list(found.values())


def _plain_value(entry: _Entry, *, offset: int) -> str | list[str] | None:
    node = entry.value
    if isinstance(node, yaml.ScalarNode):
        # `questions:` with nothing behind it means that there are none.
        return None if node.value == "" else str(node.value)
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if not isinstance(item, yaml.ScalarNode):
                raise YamlError(
                    item.start_mark.line + 1 + offset,
                    f"Each entry of {entry.key} is one text; put quotes around one that holds ': '.",
                )
        return [str(item.value) for item in node.value]
    raise YamlError(entry.line, f"{entry.key} must be a text or a list of texts.")


def scalar(text: str) -> str:
    """`text` as YAML in block style, without quotes where no reader could take it for anything else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_WITH_MEANING:
        return text
    return json.dumps(text, ensure_ascii=False)
