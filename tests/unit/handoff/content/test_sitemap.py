from __future__ import annotations

import pytest

from handoff.content.sitemap import SitemapError, file_of, read_sitemap

SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE urlset [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><urlset><url><loc>&c;</loc></url></urlset>'
)
FILE = '<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset><url><loc>&a;</loc></url></urlset>'


def test_addresses_come_in_order() -> None:
    data = (
        f'<?xml version="1.0" encoding="UTF-8"?><urlset {SPACE}><url><loc> https://x.example/b </loc>'
        "<lastmod>2026-01-01</lastmod></url><url><loc>https://x.example/a</loc></url><url/></urlset>"
    )
    assert read_sitemap(data.encode()).pages == ("https://x.example/b", "https://x.example/a")
    index = f"<sitemapindex {SPACE}><sitemap><loc>https://x.example/one.xml</loc></sitemap></sitemapindex>"
    assert read_sitemap(index.encode()).sitemaps == ("https://x.example/one.xml",)


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (BOMB.encode(), "unsafe_xml", 0),
        (FILE.encode(), "unsafe_xml", 0),
        (b"<urlset>\n<url>", "bad_xml", 2),
        (b"", "bad_xml", 1),
        (b"<rss></rss>", "not_a_sitemap", 0),
        (b'<?xml version="1.0" encoding="nonsense"?><urlset/>', "bad_xml", 0),
        (b"<urlset>" + b"<url><loc>u</loc></url>" * 50_001 + b"</urlset>", "too_large", 0),
    ],
    ids=["bomb", "file", "cut", "empty", "rss", "encoding", "long"],
)
def test_what_is_no_sitemap_says_why(data: bytes, code: str, line: int) -> None:
    with pytest.raises(SitemapError) as refused:
        read_sitemap(data)
    assert (refused.value.code, refused.value.line) == (code, line)


@pytest.mark.parametrize(
    ("address", "folder", "file"),
    [
        ("https://x.example/help/returns", "", "help/returns.html"),
        ("https://x.example/help/", "", "help/index.html"),
        ("https://x.example/", "", "index.html"),
        ("https://x.example/help/pay.htm", "", "help/pay.htm"),
        ("https://x.example/site/help/returns/", "", "help/returns.html"),
        ("https://x.example/a", "copy", "copy/x.example/a.html"),
        ("https://x.example/r%C3%BCck", "", "rück.html"),
        ("https://x.example/bare", "", "bare"),
        ("https://x.example/../../etc/passwd", "", None),
        ("https://x.example/none", "", None),
        ("http://[bad", "", None),
    ],
)
def test_the_file_of_an_address(address: str, folder: str, file: str | None) -> None:
    names = {
        "help/returns.html", "help/index.html", "index.html", "help/pay.htm", "copy/x.example/a.html", "rück.html",
        "bare",
    }  # fmt: skip
    assert file_of(address, names, folder) == file
