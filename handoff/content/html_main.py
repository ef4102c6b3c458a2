"""The main text of a page, without menus, banners and footers, as a flat list of headings and blocks.

trafilatura tells text from what stands around it, on pages of some length. Of short ones, which help pages often
are, it keeps bare words; where it loses headings or most of what the page marks as its main part, the page's own
marks are followed instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Final

from lxml import html as lxml_html

from handoff.content.html_markdown import DROPPED, Element, tag_of, text_of

HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")

_AROUND: Final = (
    "//nav|//header|//footer|//aside|//dialog|//*[@role='navigation' or @role='banner' or @role='contentinfo' or "
    "@role='complementary' or @role='search' or @role='dialog']"
)
_AROUND_BY_NAME: Final = re.compile(
    r"(breadcrumbs?|cookie(s|-[a-z-]+)?|share|sharing|social|newsletter|related|sidebar|pagination|skip-link|menu)",
    re.IGNORECASE,
)
_WRAPPERS: Final = frozenset(
    (
        "div",
        "section",
        "article",
        "main",
        "body",
        "html",
        "form",
        "center",
        "fieldset",
        "hgroup",
        "span",
        "a",
        "figure",
    )
)
_BLOCKS: Final = frozenset(
    (
        *HEADINGS, "p", "ul", "ol", "menu", "table", "pre", "blockquote", "dl", "details", "div", "section", "article",
        "main", "form", "center", "fieldset", "hgroup", "figure", "address", "hr",
    )
)  # fmt: skip
_KEPT_AT_LEAST: Final = 0.6
"""Of the words of a part that the page marks as its main one."""


def main_text(root: Element) -> list[Element]:
    """Headings and blocks of the main text in order: HTML elements, or those that trafilatura makes."""
    part, marked = _main_part(root)
    own = list(_flat(deepcopy(part)))
    found = _by_trafilatura(part)
    return own if _has_lost(found, own, marked=marked) else found


def level_of(element: Element) -> int:
    """1 to 6 of a heading, 0 of anything else."""
    name = tag_of(element)
    if name == "head":
        name = element.get("rend") or ""
    return int(name[1]) if name in HEADINGS else 0


def _main_part(root: Element) -> tuple[Element, bool]:
    """A copy of what the page marks as its main part, or else of its body; and whether it marks one."""
    copy = deepcopy(root)
    for around in copy.xpath(_AROUND):
        _drop(around)
    for element in list(copy.iter("div", "ul", "ol", "section", "p")):
        names = f"{element.get('class') or ''} {element.get('id') or ''}".split()
        if any(_AROUND_BY_NAME.fullmatch(name) for name in names):
            _drop(element)
    for path in ("//main", "//*[@role='main']", "//article"):
        parts = copy.xpath(path)
        if len(parts) == 1:
            return parts[0], True
    body = copy.find("body")
    return (copy if body is None else body), False


def _drop(element: Element) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _by_trafilatura(part: Element) -> list[Element]:
    import trafilatura  # noqa: PLC0415 - a third of a second that only pages need

    whole = lxml_html.document_fromstring("<html><body></body></html>")
    copy = deepcopy(part)
    copy.tail = None
    if tag_of(copy) in ("body", "html"):
        copy.tag = "div"
    whole.find("body").append(copy)
    found = trafilatura.bare_extraction(
        whole,
        favor_recall=True,
        include_comments=False,
        include_formatting=True,
        include_images=False,
        include_links=True,
        include_tables=True,
        with_metadata=False,
    )
    return list(found.body) if found is not None and found.body is not None else []


def _has_lost(found: list[Element], own: list[Element], *, marked: bool) -> bool:
    if len(found) <= 1:
        return True
    heads = {text_of(element) for element in found if level_of(element)}
    if marked:
        words = sum(len(text_of(element)) for element in own)
        kept = sum(len(text_of(element)) for element in found)
        return kept < _KEPT_AT_LEAST * words or any(
            level_of(element) > 1 and text_of(element) not in heads for element in own
        )
    return not heads and any(level_of(element) > 1 for element in own)


def _flat(element: Element) -> Iterator[Element]:
    """Headings and blocks within wrappers, in order, without tails; loose words become paragraphs."""
    run = lxml_html.Element("p")
    run.text = element.text
    for child in list(element):
        tail, child.tail = child.tail, None
        name = tag_of(child)
        if name in DROPPED or not name:
            pass
        elif name in _WRAPPERS and any(tag_of(inner) in _BLOCKS for inner in child.iterdescendants()):
            yield from _closed(run)
            run = lxml_html.Element("p")
            yield from _flat(child)
        elif name in _BLOCKS:
            yield from _closed(run)
            run = lxml_html.Element("p")
            yield child
        else:
            run.append(child)
        if len(run):
            run[-1].tail = (run[-1].tail or "") + (tail or "")
        else:
            run.text = (run.text or "") + (tail or "")
    yield from _closed(run)


def _closed(run: Element) -> Iterator[Element]:
    if text_of(run):
        yield run
