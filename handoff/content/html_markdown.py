"""A piece of a page as the Markdown that the widget shows: paragraphs, headings, lists, tables, quotes, code, links.

It takes HTML elements, and the elements that trafilatura makes of them. Scripts, forms and pictures are left out,
and links are kept where they lead somewhere from a chat: to http, https or mailto.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

Element = Any
"""An lxml element; lxml has no types of its own."""

DROPPED: Final = frozenset(
    (
        "script", "style", "noscript", "template", "iframe", "object", "embed", "applet", "svg", "math", "canvas",
        "input", "button", "select", "textarea", "audio", "video", "map", "title", "meta", "link", "nav",
        "img", "graphic", "dialog",
    )
)  # fmt: skip
"""Elements that say nothing to a reader of text."""

_BLOCKS: Final = frozenset(
    (
        "p", "div", "section", "article", "main", "header", "footer", "aside", "figure", "figcaption", "address",
        "form", "fieldset", "center", "body", "html", "details", "hgroup", "search", "ab", "td", "th", "cell", "dd",
        "li", "item",
    )
)  # fmt: skip
_HEADINGS: Final = {"h1": 2, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_LISTS: Final = ("ul", "ol", "menu", "dir", "list")
_ITEMS: Final = ("li", "item")
_CELLS: Final = ("td", "th", "cell")
_QUOTES: Final = ("blockquote", "quote")
_RULES: Final = ("hr",)
_STRONG: Final = ("strong", "b")
_EMPHASIS: Final = ("em", "i", "cite", "dfn", "var")
_CODE: Final = ("code", "kbd", "samp", "tt")
_BREAKS: Final = ("br", "lb")
_HAS_OWN_FORM: Final = frozenset(
    (*_HEADINGS, "summary", *_LISTS, *_QUOTES, *_RULES, "pre", "table", "dl", "dt")
)

_SPACES: Final = re.compile(r"[\s\u00a0]+")
_BRACKET: Final = "\x01"
"""Stands for an opening bracket of a page's words until all of its block is known."""
_INVISIBLE: Final = re.compile("[\x01\u00ad\u200b\u2060\ufeff]")
_MARKS: Final = re.compile(r"[*`]|(?<!\w)_|_(?!\w)|\\(?=[\\`*_{}\[\]()#+\-.!>~|<&]|$)")
_LINE_START: Final = re.compile(r"^(?=#{1,6}\s|>|[-+]\s|~~~)")
_NUMBER_START: Final = re.compile(r"^(\d{1,6})(?=[.)]\s)")
_BAD_IN_TARGET: Final = re.compile(
    r"[\s<>\"\\()\u0000-\u001f\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
_MAX_TARGET: Final = 1_000


def tag_of(element: Element) -> str:
    """The name of an element in lower case; empty for comments and processing instructions."""
    return element.tag.lower() if isinstance(element.tag, str) else ""


def text_of(element: Element) -> str:
    """All words of an element on one line."""
    words = []
    # Iterated, not `itertext`, which would hand over scripts and comments as text.
    for node, entering in _walk(element):
        if entering and node.text:
            words.append(node.text)
        if not entering and node is not element and node.tail:
            words.append(node.tail)
        if tag_of(node) in _BREAKS or tag_of(node) in _BLOCKS:
            words.append(" ")
    return _one_line("".join(words))


def _walk(element: Element) -> Iterator[tuple[Element, bool]]:
    """(element, True) on the way in, (element, False) on the way out; what is dropped only on the way out."""
    if tag_of(element) not in DROPPED and tag_of(element):
        yield element, True
        for child in element:
            yield from _walk(child)
    yield element, False


def to_markdown(element: Element, *, base: str | None = None) -> str:
    """The Markdown of what stands in `element`. `base` is the page's address, from which relative links are told."""
    return _Writer(base).inside(element)


def several_to_markdown(elements: list[Element], *, base: str | None = None) -> str:
    """The Markdown of `elements`, one after another. Text behind each (`tail`) belongs to it."""
    writer = _Writer(base)
    return "\n\n".join(writer.blocks(iter(elements)))


def safe_target(target: str, base: str | None) -> str | None:
    """Where a link leads, if it can be followed from a chat; None otherwise."""
    target = target.strip()
    if not target or target.startswith("#") or len(target) > _MAX_TARGET:
        return None
    try:
        whole = urljoin(base, target) if base else target
        scheme = urlsplit(whole).scheme.lower()
    except ValueError:
        return None
    if scheme not in ("http", "https", "mailto") or len(whole) > _MAX_TARGET:
        return None
    whole = whole.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
    return None if _BAD_IN_TARGET.search(whole) else whole


class _Writer:
    def __init__(self, base: str | None) -> None:
        self._base = base

    def inside(self, element: Element) -> str:
        parts = self.blocks(iter(element), first=element.text)
        return "\n\n".join(parts)

    def blocks(self, children: Iterator[Element], *, first: str | None = None) -> list[str]:
        """One text a block; runs of words between block elements become paragraphs."""
        found: list[str] = []
        run: list[str] = [_escaped(first)]

        def close() -> None:
            paragraph = _paragraph("".join(run))
            run.clear()
            if paragraph:
                found.append(paragraph)

        for child in children:
            name = tag_of(child)
            if not name or name in DROPPED:
                pass
            elif name in _BLOCKS or name in _HAS_OWN_FORM or _is_heading(child) or _holds_blocks(child):
                close()
                found += self._block(child, name)
            else:
                run.append(self._inline(child))
            run.append(_escaped(child.tail))
        close()
        return [_brackets(part) for part in found]

    def _block(self, element: Element, name: str) -> list[str]:
        if _is_heading(element):
            words = _one_line(self._words(element))
            level = _HEADINGS.get(element.get("rend", "h2") if name == "head" else name, 3)
            return [f"{'#' * level} {words}"] if words else []
        if name in ("summary", "dt"):
            words = _one_line(self._words(element))
            return [f"**{words}**"] if words else []
        if name in _LISTS:
            text = "\n".join(self._items(element, 0))
            return [text] if text else []
        if name in _QUOTES:
            text = self.inside(element)
            return ["\n".join(f"> {line}".rstrip() for line in text.split("\n"))] if text else []
        if name == "table":
            return self._table(element)
        if name == "pre" or (name == "code" and _holds_blocks(element)):
            return _fenced(element)
        if name in _RULES:
            return []
        return self.blocks(iter(element), first=element.text)

    def _words(self, element: Element) -> str:
        return _escaped(element.text) + "".join(
            self._inline(child) + _escaped(child.tail) for child in element
        )

    def _inline(self, element: Element, around: tuple[str, ...] = ()) -> str:
        name = tag_of(element)
        if not name or name in DROPPED:
            return ""
        if name in _BREAKS:
            return "\n"
        if name in _CODE:
            whole = "".join(element.itertext())
            before, after = (" " if end.isspace() else "" for end in (whole[:1], whole[-1:]))
            return f"{before}{_code(text_of(element))}{after}"
        mark = _mark(element, name)
        inner = (*around, mark) if mark else around
        text = _escaped(element.text) + "".join(
            self._inline(child, inner) + _escaped(child.tail) for child in element
        )
        if mark and mark not in around and _can_be_marked(text.strip(), mark):
            return _wrapped(text, mark)
        if name in ("a", "ref"):
            target = safe_target(element.get("href") or element.get("target") or "", self._base)
            if target is not None:
                return _wrapped(text, "[", f"]({target})", _label)
        return text

    def _items(self, element: Element, depth: int) -> Iterator[str]:
        """The lines of a list. Deeper ones are moved in by two, as far as the widget still takes them for items."""
        ordered = tag_of(element) == "ol" or element.get("rend") == "ol"
        number = 1
        indent = "  " * min(depth, 2)
        for child in element:
            name = tag_of(child)
            if name in _LISTS:
                yield from self._items(child, depth + 1)
            if name not in _ITEMS:
                continue
            nested = [inner for inner in child if tag_of(inner) in _LISTS]
            parts = self.blocks((inner for inner in child if tag_of(inner) not in _LISTS), first=child.text)
            parts += [_paragraph(_escaped(inner.tail)) for inner in nested if (inner.tail or "").strip()]
            lines = [line for part in parts for line in part.split("\n") if line.strip()]
            if lines:
                yield f"{indent}{f'{number}.' if ordered else '-'} {lines[0]}"
                yield from (f"{indent}  {line}" for line in lines[1:])
                number += 1
            for inner in nested:
                yield from self._items(inner, depth + 1)

    def _table(self, element: Element) -> list[str]:
        rows: list[list[str]] = []
        for row in element.iter("tr", "row"):
            cells = [cell for cell in row if tag_of(cell) in _CELLS]
            # A bar is escaped here; a break in a cell would end the row.
            texts = [_one_line(self.inside(cell).replace("\n", " ")).replace("|", r"\|") for cell in cells]
            if any(texts):
                rows.append(texts)
        if not rows:
            return []
        width = max(len(row) for row in rows)
        if width == 1:
            return ["\n".join(f"- {row[0]}" for row in rows)]
        padded = [[*row, *[""] * (width - len(row))] for row in rows]
        lines = [f"| {' | '.join(row)} |" for row in padded]
        return ["\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])]


def _is_heading(element: Element) -> bool:
    return tag_of(element) in _HEADINGS or (tag_of(element) == "head" and element.get("rend") is not None)


def _holds_blocks(element: Element) -> bool:
    """An inline element around blocks, as in `<a><div>`; and trafilatura's `code` around `code`."""
    name = tag_of(element)
    if name == "code":
        return element.find("code") is not None or "\n" in (element.text or "")
    return any(
        tag_of(inner) in _BLOCKS or tag_of(inner) in _HAS_OWN_FORM for inner in element.iterdescendants()
    )


def _mark(element: Element, name: str) -> str:
    if name in _STRONG or (name == "hi" and element.get("rend") == "#b"):
        return "**"
    if name in _EMPHASIS or (name == "hi" and element.get("rend") == "#i"):
        return "*"
    return ""


def _can_be_marked(text: str, mark: str) -> bool:
    """Whether the widget finds the end of a marked text: where its mark stands next, escaped or not."""
    if mark == "*":
        return "*" not in text
    return r"\*" not in text and "**" not in text and not text.startswith("*") and not text.endswith("*")


def _label(text: str) -> str:
    """The words of a link on one line; their own `](` would end them."""
    return text.replace("\n", " ").replace("](", "]\\(")


def _wrapped(
    text: str, before: str, after: str | None = None, change: Callable[[str], str] = lambda words: words
) -> str:
    """`text` between marks, which must touch words; spaces around go outside."""
    words = text.strip()
    if not words:
        return text
    start = text[: len(text) - len(text.lstrip())]
    end = text[len(text.rstrip()) :]
    return f"{start}{before}{change(words)}{before if after is None else after}{end}"


def _code(text: str) -> str:
    if not text:
        return ""
    ticks = "`"
    while ticks in text:
        ticks += "`"
    return (
        f"{ticks} {text} {ticks}" if text.startswith("`") or text.endswith("`") else f"{ticks}{text}{ticks}"
    )


def _fenced(element: Element) -> list[str]:
    text = "".join(element.itertext()).strip("\n")
    if not text.strip():
        return []
    fence = "~~~" if "```" in text else "```"
    if fence in text:
        text = text.replace(fence, "~ ~ ~")
    return [f"{fence}\n{text}\n{fence}"]


def _escaped(text: str | None) -> str:
    """Words of a page as Markdown that shows these words; white space is as good as one space."""
    if not text:
        return ""
    plain = _SPACES.sub(" ", _INVISIBLE.sub("", text))
    return _MARKS.sub(lambda match: "\\" + match[0], plain).replace("[", _BRACKET)


def _brackets(text: str) -> str:
    """A bracket of a page's words is escaped where a link follows, whose words would begin at it."""
    return text.replace(_BRACKET, "\\[" if "](" in text else "[")


def _paragraph(text: str) -> str:
    lines = [re.sub(r" {2,}", " ", line).strip() for line in text.strip().split("\n")]
    return "\n".join(_line_safe(line) for line in lines if line)


def _line_safe(line: str) -> str:
    """A line that would begin a heading, a quote or a list begins with a backslash instead."""
    return _NUMBER_START.sub(r"\1\\", _LINE_START.sub(r"\\", line))


def _one_line(text: str) -> str:
    return _SPACES.sub(" ", _INVISIBLE.sub("", text)).strip()
