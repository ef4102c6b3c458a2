"""One HTML page as questions and answers: FAQ structures one by one, or the page's main text under its title.

An FAQ is told by schema.org's FAQPage (JSON-LD or microdata), by `<details>`, by `<dl>` with questions, or by headings that are questions.
What a page says beside them stays one article of its own if it is more than an introduction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from handoff.content.html_faq import (
    Entry,
    from_json_ld,
    is_question,
    take_definitions,
    take_details,
    take_microdata,
)
from handoff.content.html_main import HEADINGS, level_of, main_text
from handoff.content.html_markdown import Element, several_to_markdown, tag_of, text_of
from handoff.content.html_tree import anchor_of, cut_title, own_address, parse_html, title_of
from kb_index.article import MAX_ANSWER

_INTRODUCTION: Final = 200
"""Characters: what stands beside questions without a heading of its own, and is shorter, only leads to them."""

_BOLD: Final = 7
"""The level of a question in bold, below every heading's."""
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page holds.

    `locale` is the page's own (`<html lang>`), None where it names none; `left_out` is text that only leads to the
    questions, and is in no entry.
    """

    entries: tuple[Entry, ...]
    locale: str | None
    left_out: str = ""


def read_page(data: bytes, *, address: str | None = None) -> Page:
    """The questions and answers of a page. `address` is where it stands on the web, for its relative links.

    Raises:
        PageError: `bad_encoding`, `too_large`, `too_deep`, `bad_html`.
    """
    root = parse_html(data)
    address = address or own_address(root)
    lang = (root.get("lang") or "").strip()
    faq = _unique(
        [
            *from_json_ld(root, address),
            *take_microdata(root, address),
            *take_details(root, address),
            *take_definitions(root, address),
        ]
    )
    main = main_text(root)
    places = _heading_places(root)
    title = title_of(root)
    asked, rest, rest_line = _split(main, title, places, address)
    faq = _unique([*faq, *asked])
    if not faq and rest and title:
        return Page(
            tuple(_whole(title, rest, rest_line, main, places=places, address=address)), _locale(lang)
        )
    leads = len(rest) < _INTRODUCTION and not re.search(r"^##", rest, re.MULTILINE)
    if faq and title and rest and not leads and not _said(rest, faq):
        faq.append(Entry(title, rest, rest_line))
        rest = ""
    return Page(tuple(faq), _locale(lang), rest if faq else "")


def _locale(lang: str) -> str | None:
    return lang if len(lang) <= 35 and _LOCALE.fullmatch(lang) else None


def _split(
    main: list[Element], title: str, places: dict[str, tuple[int, str]], address: str | None
) -> tuple[list[Entry], str, int]:
    """Headings that are questions, each with the text below it; the Markdown of all else; the line where that begins."""
    found: list[Entry] = []
    rest: list[Element] = []
    section: list[Element] = []
    heading: tuple[Element, int] | None = None

    def close() -> None:
        if heading is None:
            return
        answer = several_to_markdown(section, base=address)
        if answer:
            asked = text_of(heading[0])
            line, anchor = places.get(asked, (0, ""))
            found.append(Entry(cut_title(asked), answer, line, anchor))
        else:
            rest.append(heading[0])
        section.clear()

    for element in _with_bold_apart(main):
        level = level_of(element) or (_BOLD if _is_bold_question(element) else 0)
        if level and (heading is None or level <= heading[1] or is_question(text_of(element))):
            close()
            heading = (element, level) if is_question(text_of(element)) else None
            if heading is None:
                rest.append(element)
        else:
            (rest if heading is None else section).append(element)
    close()
    # The title is the article's, and need not stand in its answer.
    named = next((n for n, part in enumerate(rest) if level_of(part) == 1 and text_of(part) == title), None)
    if named is not None:
        del rest[named]
    line = next((places[text][0] for text in (title, *map(text_of, rest[:1])) if text in places), 0)
    return (
        found,
        several_to_markdown(_without_empty_ends(rest), base=address),
        line,
    )


def _with_bold_apart(main: list[Element]) -> Iterator[Element]:
    """`<p><b>A question?</b><br>The answer.</p>` as two paragraphs."""
    for element in main:
        bold = _bold_beginning(element)
        if bold is None or len(element) < 2 or tag_of(element[1]) not in ("br", "lb"):
            yield element
            continue
        head, told = deepcopy(element), deepcopy(element)
        del head[1:]
        head.tail = None
        told.text = told[1].tail
        del told[:2]
        yield head
        yield told


def _is_bold_question(element: Element) -> bool:
    """A paragraph that is one question in bold, in the place of a heading."""
    return _bold_beginning(element) is not None and len(element) == 1


def _bold_beginning(element: Element) -> Element | None:
    if tag_of(element) != "p" or len(element) == 0 or (element.text or "").strip():
        return None
    first = element[0]
    bold = tag_of(first) in ("strong", "b") or (tag_of(first) == "hi" and first.get("rend") == "#b")
    return first if bold and not (first.tail or "").strip() and text_of(first).endswith("?") else None


def _without_empty_ends(rest: list[Element]) -> list[Element]:
    """Without headings below which nothing is left, because their questions were taken."""
    kept: list[Element] = []
    below: int | None = None
    for part in reversed(rest):
        level = level_of(part)
        # None: nothing follows; 0: text; else the next heading's level.
        if not level or (below is not None and not 0 < below <= level):
            kept.append(part)
            below = level
    kept.reverse()
    return kept


def _heading_places(root: Element) -> dict[str, tuple[int, str]]:
    """Line and anchor of each heading by its words: trafilatura keeps neither."""
    found: dict[str, tuple[int, str]] = {}
    for heading in root.iter(*HEADINGS):
        found.setdefault(text_of(heading), (heading.sourceline or 0, anchor_of(heading)))
    return found


def _whole(
    title: str,
    text: str,
    line: int,
    main: list[Element],
    *,
    places: dict[str, tuple[int, str]],
    address: str | None,
) -> Iterator[Entry]:
    """The page as one article; one that is too long for an answer in the parts that its headings make."""
    if len(text) <= MAX_ANSWER:
        yield Entry(title, text, line)
        return
    levels = [level for level in map(level_of, main) if level > 1]
    cut = min(levels, default=0)
    heads = [position for position, element in enumerate(main) if cut and level_of(element) == cut]
    if not heads:
        yield Entry(title, text, line)
        return
    first = several_to_markdown([part for part in main[: heads[0]] if level_of(part) != 1], base=address)
    if first:
        yield Entry(title, first, line)
    for start, end in zip(heads, [*heads[1:], len(main)], strict=True):
        name = text_of(main[start])
        told = several_to_markdown(main[start + 1 : end], base=address)
        if told:
            place, anchor = places.get(name, (line, ""))
            yield Entry(cut_title(f"{title}: {name}"), told, place, anchor)


def _unique(entries: list[Entry]) -> list[Entry]:
    """Of the same question twice, as in a page and in its description for search engines, the first."""
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(entry.title.casefold().strip(" ?.!"), entry)
    return list(found.values())


def _said(rest: str, faq: list[Entry]) -> bool:
    """Whether the rest of the page is what the questions say already, told again in its text."""
    words = set(rest.casefold().split())
    told = {word for entry in faq for word in f"{entry.title} {entry.answer}".casefold().split()}
    return len(words - told) < 0.3 * len(words)
