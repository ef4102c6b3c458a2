"""A page's bytes as a tree of a bounded size, with its title and its address."""

from __future__ import annotations

import codecs
import re
from typing import Final

from lxml import html as lxml_html

from handoff.content.html_markdown import Element, tag_of, text_of
from kb_index.article import MAX_TITLE

MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 200
"""Elements within each other. The parser gives up at some 250; a page that people read has 40."""
MAX_ELEMENTS: Final = 100_000

_CHARSET: Final = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE
)
_MARKS_OF_ORDER: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WEB_ENCODINGS: Final = re.compile(
    r"utf-8|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp125\d|cp874|cp866|koi8-[ru]|mac-roman|gbk|gb2312|gb18030|big5|"
    r"euc_(jp|kr)|shift_jis|iso2022_jp"
)


class PageError(Exception):
    """A page cannot be read. `line` counts from 1; 0: the page as a whole."""

    def __init__(self, code: str, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line


def parse_html(data: bytes) -> Element:
    """The page's tree, of a bounded size. Raises `PageError`."""
    if len(data) > MAX_PAGE_BYTES:
        raise PageError("too_large", f"The page has {len(data):,} bytes; {MAX_PAGE_BYTES:,} are allowed.")
    text = _decoded(data)
    if "\x00" in text:
        raise PageError(
            "bad_character",
            "The page holds the character U+0000: it is no HTML.",
            text.count("\n", 0, text.index("\x00")) + 1,
        )
    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = lxml_html.document_fromstring(text.encode("utf-8"), parser=parser)
    except (ValueError, lxml_html.etree.LxmlError) as error:
        raise PageError("bad_html", "There is nothing in this page.") from error
    depth = 0
    for count, (event, element) in enumerate(lxml_html.etree.iterwalk(root, events=("start", "end"))):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise PageError(
                "too_deep",
                f"Elements stand more than {MAX_DEPTH} deep within each other.",
                element.sourceline or 0,
            )
        if count > 2 * MAX_ELEMENTS:
            raise PageError("too_large", f"The page has more than {MAX_ELEMENTS:,} elements.")
    for button in root.xpath(
        "//h1//button|//h2//button|//h3//button|//h4//button|//h5//button|//h6//button|//dt//button|//summary//button"
    ):
        # An accordion's heading is a button; buttons elsewhere say nothing.
        button.drop_tag()
    return root


def _decoded(data: bytes) -> str:
    name = next((name for mark, name in _MARKS_OF_ORDER if data.startswith(mark)), None)
    declared = _CHARSET.search(data, 0, 4096)
    if name is None and declared:
        name = declared[1].decode("ascii")
        if name.lower().startswith("utf-16"):
            name = "utf-8"  # whoever could read this in a tag read no UTF-16
    try:
        known = codecs.lookup(name or "utf-8").name
    except LookupError:
        known = ""
    if not _WEB_ENCODINGS.fullmatch(known):
        raise PageError(
            "bad_encoding",
            f"The page says that it is written in {name!r}, which is not known here. Save it as UTF-8.",
        )
    # As browsers do: a page that says Latin-1 means Windows' superset of it.
    known = {"iso8859-1": "cp1252", "ascii": "cp1252"}.get(known, known)
    try:
        return data.decode(known).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        said = (
            f"says that it is written in {name}, and is not"
            if name
            else "is not UTF-8 and does not say what else"
        )
        raise PageError(
            "bad_encoding",
            f"The page {said}: byte 0x{data[error.start]:02x} in line {line}. Save it as UTF-8.",
            line,
        ) from error


def own_address(root: Element) -> str | None:
    """The page's address as it tells it, where it does."""
    for path in ("//base/@href", "//link[@rel='canonical']/@href", "//meta[@property='og:url']/@content"):
        for found in root.xpath(path)[:1]:
            if re.match(r"https?://", found.strip(), re.IGNORECASE):
                return str(found.strip())
    return None


def title_of(root: Element) -> str:
    """The page's only `<h1>`, else the title that it gives itself, without the site's name; empty without any."""
    headings = [text for text in (text_of(heading) for heading in root.iter("h1")) if text]
    if len(headings) == 1:
        return cut_title(headings[0])
    for path in ("//meta[@property='og:title']/@content", "//title"):
        for found in root.xpath(path)[:1]:
            text = " ".join((found if isinstance(found, str) else "".join(found.itertext())).split())
            # "Returns | The Shop", "Returns - The Shop"
            first = re.split(r"\s+[|\u2013\u2014\u00b7-]\s+", text)[0].strip()
            if first:
                return cut_title(first)
    return cut_title(headings[0]) if headings else ""


def cut_title(title: str) -> str:
    """`title`, shortened at a word where it is too long for an article's."""
    if len(title) <= MAX_TITLE:
        return title
    return title[: MAX_TITLE - 1].rsplit(" ", 1)[0].rstrip() + "\u2026"


def anchor_of(element: Element) -> str:
    """The id by which a link reaches this element: its own, one within it, or that of what holds nothing else before it."""
    for near in (element, *element.iterdescendants()):
        found = near.get("id") or (near.get("name") if tag_of(near) == "a" else None)
        if found:
            return str(found)
    parent = element.getparent()
    if parent is not None and parent.get("id") and tag_of(parent) not in ("main", "body", "html"):
        return str(parent.get("id"))
    return ""
