"""Questions and answers that a page marks as such: schema.org's FAQPage and Question, `<details>`, and `<dl>` with questions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from lxml import html as lxml_html

from handoff.content.html_markdown import Element, several_to_markdown, tag_of, text_of, to_markdown
from handoff.content.html_tree import PageError, anchor_of, cut_title, parse_html

_AROUND: Final = frozenset(("nav", "header", "footer", "aside", "dialog"))
_FAQ_TYPES: Final = frozenset(("FAQPage", "QAPage"))
_MAX_JSON_NODES: Final = 50_000

_QUESTION_END: Final = ("?", "\uff1f", "\u061f", "\u2e2e")
"""Of European, Chinese and Arabic script."""
_QUESTION_START: Final = re.compile(
    r"(how (to|do|does|can|long|much|many)|can i|do you|what (is|are|if))\b|\u00bf", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One question and answer of a page, not checked yet. `anchor` is the id it stands under; empty: the page."""

    title: str
    answer: str
    line: int
    anchor: str = ""


def from_json_ld(root: Element, address: str | None) -> Iterator[Entry]:
    for script in root.iter("script"):
        if (script.get("type") or "").split(";")[0].strip().lower() != "application/ld+json":
            continue
        try:
            data = json.loads(script.text or "")
        except (ValueError, RecursionError):
            continue  # what a search engine cannot read either; the page's own text is still read
        for question in _questions(data):
            name, answer = (
                question.get("name"),
                question.get("acceptedAnswer") or question.get("suggestedAnswer"),
            )
            answer = answer[0] if isinstance(answer, list) and answer else answer
            text = answer.get("text") if isinstance(answer, dict) else None
            if not isinstance(name, str) or not isinstance(text, str):
                continue
            title, told = _plain(name), _fragment(text, address)
            if title and told:
                anchor = str(question.get("@id") or question.get("url") or "").partition("#")[2]
                yield Entry(cut_title(title), told, script.sourceline or 0, anchor)


def _questions(data: object) -> Iterator[dict[str, Any]]:
    """The questions of every FAQ in a tree of JSON."""
    waiting: list[tuple[object, bool]] = [(data, False)]
    for _ in range(_MAX_JSON_NODES):
        if not waiting:
            return
        node, within = waiting.pop()
        if isinstance(node, list):
            waiting += [(entry, within) for entry in reversed(node)]
        elif isinstance(node, dict):
            kinds = node.get("@type")
            kinds = (
                set(kinds if isinstance(kinds, list) else [kinds])
                if isinstance(kinds, str | list) and _texts(kinds)
                else set()
            )
            if "Question" in kinds and within:
                yield node
                continue
            within = within or bool(kinds & _FAQ_TYPES)
            waiting += [
                (entry, within) for entry in reversed(node.values()) if isinstance(entry, dict | list)
            ]


def _texts(kinds: object) -> bool:
    return isinstance(kinds, str) or (
        isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds)
    )


def _plain(text: str) -> str:
    root = _parsed_fragment(text)
    return text_of(root) if root is not None else ""


def _fragment(text: str, address: str | None) -> str:
    root = _parsed_fragment(text)
    return to_markdown(root, base=address) if root is not None else ""


def _parsed_fragment(text: str) -> Element | None:
    if not text.strip() or "\x00" in text:
        return None
    if "<" not in text and "&" not in text:
        # Plain words, whose lines mean something.
        paragraphs = (part for part in re.split(r"\n\s*\n", text) if part.strip())
        root = lxml_html.Element("div")
        for part in paragraphs:
            paragraph = lxml_html.etree.SubElement(root, "p")
            first, *others = _xml_safe(part).split("\n")
            paragraph.text = first
            for line in others:
                lxml_html.etree.SubElement(paragraph, "br").tail = line
        return root
    try:
        # Parsed as a page of its own, with the same bounds.
        return parse_html(f'<meta charset="utf-8"><div>{text}</div>'.encode("utf-8", "replace"))
    except PageError:
        return None


def _xml_safe(text: str) -> str:
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", "", text)


def take_microdata(root: Element, address: str | None) -> list[Entry]:
    """schema.org's Question in the page's own elements; what was taken is removed from the page."""
    found = []
    for question in list(root.xpath("//*[contains(@itemtype, 'schema.org/Question')]")):
        names = question.xpath(".//*[@itemprop='name']")
        answers = question.xpath(".//*[@itemprop='acceptedAnswer' or @itemprop='suggestedAnswer']")
        if not names or not answers or question.getparent() is None:
            continue
        texts = answers[0].xpath(".//*[@itemprop='text']") or answers
        title, answer = text_of(names[0]), to_markdown(texts[0], base=address)
        if title and answer:
            found.append(Entry(cut_title(title), answer, question.sourceline or 0, anchor_of(question)))
            question.drop_tree()
    return found


def take_details(root: Element, address: str | None) -> list[Entry]:
    """`<details><summary>`; what was taken is removed from the page."""
    found = []
    for details in list(root.iter("details")):
        summary = details.find("summary")
        if summary is None or _is_around(details) or details.find(".//details") is not None:
            continue
        title = text_of(summary)
        inside = deepcopy(details)
        head = inside.find("summary")
        # What follows the summary without an element of its own is its tail.
        inside.text = (inside.text or "") + (head.tail or "")
        inside.remove(head)
        answer = to_markdown(inside, base=address)
        if title and answer:
            found.append(Entry(cut_title(title), answer, details.sourceline or 0, anchor_of(summary)))
            details.drop_tree()
    return found


def take_definitions(root: Element, address: str | None) -> list[Entry]:
    """`<dl>` whose terms are questions, at least half of them; it is removed from the page."""
    found = []
    for listed in list(root.iter("dl")):
        if _is_around(listed):
            continue
        pairs: list[tuple[Element, list[Element]]] = []
        for part in listed.iter("dt", "dd"):
            if tag_of(part) == "dt":
                pairs.append((part, []))
            elif pairs:
                pairs[-1][1].append(part)
        asked = sum(is_question(text_of(term)) for term, _ in pairs)
        if not pairs or 2 * asked < len(pairs):
            continue
        entries = []
        for term, told in pairs:
            title, answer = (
                text_of(term),
                several_to_markdown([_without_tail(part) for part in told], base=address),
            )
            if title and answer:
                entries.append(Entry(cut_title(title), answer, term.sourceline or 0, anchor_of(term)))
        if entries:
            found += entries
            listed.drop_tree()
    return found


def _without_tail(element: Element) -> Element:
    copy = deepcopy(element)
    copy.tail = None
    return copy


def _is_around(element: Element) -> bool:
    return any(tag_of(parent) in _AROUND for parent in element.iterancestors())


def is_question(text: str) -> bool:
    """Whether a heading asks something: by its mark, or by words that begin nothing else."""
    text = text.strip().rstrip(" .:\u2026")
    return text.endswith(_QUESTION_END) or _QUESTION_START.match(text) is not None
