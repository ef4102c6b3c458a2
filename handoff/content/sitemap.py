"""A sitemap.xml whose pages lie beside it as files. Nothing is fetched: addresses only say which file is which page."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

MAX_SITEMAP_BYTES: Final = 16 * 1024 * 1024
MAX_ADDRESSES: Final = 50_000
"""As many as the format allows in one file."""
_PAGE_ENDINGS: Final = (".html", ".htm", ".xhtml")


class SitemapError(Exception):
    """The file is no sitemap. `line` counts from 1; 0: the file as a whole."""

    def __init__(self, code: str, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Sitemap:
    """Addresses of pages, and of further sitemaps, in order."""

    pages: tuple[str, ...]
    sitemaps: tuple[str, ...]


def read_sitemap(data: bytes) -> Sitemap:
    """Raises `SitemapError`: `bad_xml`, `unsafe_xml`, `not_a_sitemap`, `too_large`."""
    if len(data) > MAX_SITEMAP_BYTES:
        raise SitemapError(
            "too_large", f"The sitemap has {len(data):,} bytes; {MAX_SITEMAP_BYTES:,} are allowed."
        )
    try:
        root = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise SitemapError(
            "unsafe_xml", "The file declares a document type or entities; a sitemap needs neither."
        ) from error
    except defusedxml.ElementTree.ParseError as error:
        raise SitemapError("bad_xml", f"This is not valid XML: {error}", error.position[0]) from error
    except (ValueError, LookupError) as error:
        raise SitemapError("bad_xml", "This XML is written in an encoding that is not known.") from error
    kind = _local(root.tag)
    if kind not in ("urlset", "sitemapindex"):
        raise SitemapError(
            "not_a_sitemap", f"The file begins with <{kind[:50]}>; a sitemap begins with <urlset>."
        )
    found = tuple(
        (loc.text or "").strip()
        for entry in root
        if _local(entry.tag) in ("url", "sitemap")
        for loc in entry
        if _local(loc.tag) == "loc" and (loc.text or "").strip()
    )
    if len(found) > MAX_ADDRESSES:
        raise SitemapError("too_large", f"The sitemap names more than {MAX_ADDRESSES:,} pages.")
    return Sitemap(found, ()) if kind == "urlset" else Sitemap((), found)


def file_of(address: str, names: Collection[str], folder: str) -> str | None:
    """The file beside a sitemap in `folder` (empty: at the top) that is the page at `address`; None if none is.

    `/help/returns` may lie there as `help/returns`, `.html` behind it or `index.html` in it, below a folder named
    as the host, as tools for copies of a site make them, or not; the site's folder may be deeper than the copy.
    """
    return next((name for name in _candidates(address, folder) if name in names), None)


def _candidates(address: str, folder: str) -> Iterator[str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    path = unquote(parts.path).strip("/")
    within = PurePosixPath(folder) if folder else PurePosixPath()
    steps = [step for step in path.split("/") if step not in ("", ".", "..")]
    for skipped in range(max(1, len(steps))):
        rest = "/".join(steps[skipped:])
        for above in ("", parts.netloc) if parts.netloc and skipped == 0 else ("",):
            base = within / above if above else within
            if not rest:
                yield (base / "index.html").as_posix()
                continue
            yield (base / rest).as_posix()
            for ending in _PAGE_ENDINGS:
                yield (base / f"{rest}{ending}").as_posix()
            yield (base / rest / "index.html").as_posix()


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
