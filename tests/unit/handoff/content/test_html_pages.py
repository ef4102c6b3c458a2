"""Pages to questions and answers: each structure alone, what a page says beside them, and pages made to do harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.content.html_pages import read_page
from handoff.content.html_tree import MAX_DEPTH, MAX_PAGE_BYTES, PageError
from kb_index.article import MAX_ANSWER, ArticleError, check_article


def page(body: str, *, head: str = "<title>Help | Fell &amp; Tarn</title>", lang: str = "en") -> bytes:
    return (
        f'<!doctype html>\n<html lang="{lang}">\n<head>{head}</head>\n<body>\n{body}\n</body></html>'.encode()
    )


def told(data: bytes) -> list[tuple[str, str]]:
    return [(entry.title, entry.answer) for entry in read_page(data).entries]


MENU = '<header><nav><a href="/">Home</a> <a href="/shop">Shop</a></nav></header>'
FOOTER = (
    "<footer><p>Copyright. All rights reserved.</p><details><summary>Imprint</summary>Us.</details></footer>"
)


def test_a_page_without_questions_is_one_article_under_its_title() -> None:
    read = read_page(
        page(
            f"{MENU}<main><h1>Washing a jacket</h1><p>Close all <b>zips</b> and wash at 30 degrees.</p>"
            f"<h2>Drying</h2><p>Tumble dry on low heat.</p></main>{FOOTER}",
            lang="en-GB",
        )
    )
    assert read.locale == "en-GB"
    (entry,) = read.entries
    assert (entry.title, entry.line, entry.anchor) == ("Washing a jacket", 5, "")
    assert entry.answer == (
        "Close all **zips** and wash at 30 degrees.\n\n## Drying\n\nTumble dry on low heat."
    )


def test_headings_that_ask_are_questions_each_with_what_stands_below() -> None:
    read = read_page(
        page(
            f"""{MENU}<main><h1>Returns</h1><p>All about returns.</p>
<h2 id="how">How do I return an item?</h2><p>Print the label.</p><h3>The label</h3><p>It is in the parcel.</p>
<section id="cost"><h2><button>What does it cost?</button></h2><p>Nothing.</p></section>
<h2>Contact</h2><p>Write to us.</p></main>{FOOTER}"""
        )
    )
    assert [(e.title, e.answer, e.line, e.anchor) for e in read.entries] == [
        ("How do I return an item?", "Print the label.\n\n### The label\n\nIt is in the parcel.", 6, "how"),
        ("What does it cost?", "Nothing.", 7, "cost"),
        ("Returns", "All about returns.\n\n## Contact\n\nWrite to us.", 5, ""),
    ]
    assert read.left_out == ""


def test_a_few_words_that_lead_to_questions_are_named_and_in_no_article() -> None:
    read = read_page(
        page("<main><h1>Help</h1><p>Ask us anything.</p><h2>Who are you?</h2><p>A shop.</p></main>")
    )
    assert [e.title for e in read.entries] == ["Who are you?"]
    assert read.left_out == "Ask us anything."


def test_a_question_in_bold_stands_for_a_heading() -> None:
    body = "<h2>Orders</h2><p><b>Where is it?</b></p><p>On its way.</p><p>Soon.</p><p><strong>Not this</strong></p>"
    assert told(
        page(
            f"<main>{body}<p> <strong>Can I pay?</strong> </p><ul><li>Yes</ul>"
            "<p><b>How long?</b><br>Two days<br>or three.</p></main>"
        )
    ) == [
        ("Where is it?", "On its way.\n\nSoon.\n\n**Not this**"),
        ("Can I pay?", "- Yes"),
        ("How long?", "Two days\nor three."),
    ]


def test_microdata_is_read() -> None:
    body = (
        '<div itemscope itemtype="https://schema.org/FAQPage"><div id="w" itemprop="mainEntity" itemscope '
        'itemtype="https://schema.org/Question"><h3 itemprop="name">Is it waterproof</h3><div itemscope '
        'itemprop="acceptedAnswer" itemtype="https://schema.org/Answer"><div itemprop="text"><p>Yes, <b>it</b> is.</p>'
        '</div></div></div><div itemtype="https://schema.org/Question"><p>no answer</p></div></div>'
    )
    (entry,) = read_page(page(body)).entries
    assert (entry.title, entry.answer, entry.anchor) == ("Is it waterproof", "Yes, **it** is.", "w")


def test_what_a_page_says_beside_its_questions_is_an_article_if_it_is_more_than_an_introduction() -> None:
    long = "We mend tents, poles and zips in our own workshop, and say beforehand what it costs. " * 4
    found = told(
        page(f"<main><h1>Repairs</h1><p>{long}</p><h2>How long does it take?</h2><p>Two weeks.</p></main>")
    )
    assert [title for title, _ in found] == ["How long does it take?", "Repairs"]
    assert found[1][1] == long.strip()


def test_details_are_questions_and_those_of_the_footer_are_not() -> None:
    read = read_page(
        page(
            '<h1>FAQ</h1><details id="a"><summary>Where is my order?</summary>On its way.<p>Soon.</p></details>\n'
            '<details><summary id="pay"><h3>Payment by card</h3></summary><ul><li>Visa</ul></details>'
            f"<details><summary>Empty</summary></details>{FOOTER}"
        )
    )
    assert [(e.title, e.answer, e.line, e.anchor) for e in read.entries] == [
        ("Where is my order?", "On its way.\n\nSoon.", 5, "a"),
        ("Payment by card", "- Visa", 6, "pay"),
    ]


def test_a_definition_list_counts_where_it_asks() -> None:
    asked = '<dl><div><dt id="abroad">Do you ship abroad?</dt><dd>We do.</dd><dd>To all of Europe.</dd></div></dl>'
    data = page(f"<h1>Delivery</h1>{asked}<dl><dt>Weight</dt><dd>2 kg</dd></dl>")
    read = read_page(data)
    assert [(e.title, e.answer, e.anchor) for e in read.entries] == [
        ("Do you ship abroad?", "We do.\n\nTo all of Europe.", "abroad")
    ]


def json_ld(*questions: tuple[str, str], kind: object = "FAQPage") -> str:
    entries = [
        {"@type": "Question", "name": name, "acceptedAnswer": {"@type": "Answer", "text": text}}
        for name, text in questions
    ]
    graph = {"@context": "https://schema.org", "@graph": [{"@type": kind, "mainEntity": entries}]}
    return f'<script type="application/ld+json">{json.dumps(graph)}</script>'


def test_a_description_for_search_engines_is_read_and_the_same_on_the_page_is_not_read_again() -> None:
    body = "<h2>Is it free?</h2><p>Yes, it is.</p><h2>For how long?</h2><p>For 30 days.</p>"
    head = json_ld(
        ("Is it <b>free</b>?", "<p>Yes, <a href='https://x.example/a'>it</a> is.</p>"),
        kind=["WebPage", "FAQPage"],
    )
    found = told(page(body, head=f"<title>FAQ</title>{head}"))
    assert found == [
        ("Is it free?", "Yes, [it](https://x.example/a) is."),
        ("For how long?", "For 30 days."),
    ]
    assert (
        told(page("", head=json_ld(("A & B?", "Line 1\nLine 2\n\nNext"))))[0][1] == "Line 1\nLine 2\n\nNext"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        "null",
        '{"@type": 7}',
        '{"@type": ["FAQPage"], "mainEntity": {"@type": "Question", "name": 1}}',
        '{"@type": "FAQPage", "mainEntity": [{"@type": "Question", "name": "A?", "acceptedAnswer": "B"}]}',
        '{"@type": "Question", "name": "A?", "acceptedAnswer": {"text": "no FAQ around"}}',
    ],
)
def test_a_broken_description_hinders_nothing(text: str) -> None:
    head = f'<title>T</title><script type="application/ld+json">{text}</script>'
    assert told(page("<p>The text of the page.</p>", head=head)) == [("T", "The text of the page.")]


def test_a_page_that_is_too_long_for_an_answer_is_cut_at_its_headings() -> None:
    part = "<p>" + "Words of the guide. " * 700 + "</p>"
    found = told(page(f"<main><h1>Guide</h1><p>First.</p><h2>One</h2>{part}<h2>Two</h2>{part}</main>"))
    assert [title for title, _ in found] == ["Guide", "Guide: One", "Guide: Two"]
    assert all(len(answer) <= MAX_ANSWER for _, answer in found)


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>Returns | Shop</title>", "<p>Text.</p>", "Returns"),
        (
            "<title>Returns - Shop</title><meta property='og:title' content='Sending back'>",
            "<p>Text.</p>",
            "Sending back",
        ),
        ("<title>Two</title>", "<h1>One</h1><p>Text.</p><h1>Other</h1><p>More.</p>", "Two"),
        ("<title>" + "word " * 100 + "</title>", "<p>Text.</p>", ("word " * 39).strip() + "\u2026"),
    ],
)
def test_titles(head: str, body: str, title: str) -> None:
    assert told(page(body, head=head))[0][0] == title


def test_nothing_that_runs_comes_through() -> None:
    body = (
        "<h1>Safe?</h1><script>alert(1)</script><style>p{}</style><svg><script>alert(2)</script></svg>"
        '<p onclick="alert(3)">Click <a href="javascript:alert(4)">here</a>, <a href="java\nscript:alert(5)">or</a> '
        '<a href="data:text/html,x">there</a>, <a href="//evil.example/x">away</a>.</p>'
        "<iframe src='https://evil.example'>frame</iframe><form><input value='secret'><button>Send</button></form>"
    )
    ((_, answer),) = told(page(body))
    assert answer == "Click here, or there, away."


def test_relative_links_are_told_from_the_page_s_own_address() -> None:
    body = '<p>See <a href="label.html">the label</a>, <a href="/x?a=(1)">x</a>, <a href="#top">top</a>.</p>'
    assert "See the label, x, top." in told(page(body))[0][1]
    head = '<title>T</title><link rel="canonical" href="https://shop.example/help/returns">'
    ((_, answer),) = told(page(body, head=head))
    assert "[the label](https://shop.example/help/label.html)" in answer
    assert "[x](https://shop.example/x?a=%281%29)" in answer
    read = read_page(page(body), address="https://a.example/b/")
    assert "(https://a.example/b/label.html)" in read.entries[0].answer


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "iso-8859-1", "koi8-r"])
def test_encodings_are_those_that_the_page_says(encoding: str) -> None:
    words = "возврат" if encoding == "koi8-r" else "Größe 5 €" if encoding != "iso-8859-1" else "Größe"
    said = "" if encoding in ("utf-8-sig", "utf-16") else f'<meta charset="{encoding}">'
    data = f"<html><head>{said}<title>T</title></head><body><p>{words}</p></body></html>".encode(encoding)
    assert told(data) == [("T", words)]


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"<title>T</title>\n<p>Gr\xf6\xdfe", "bad_encoding", 2),
        (b'<meta charset="zip"><p>x', "bad_encoding", 0),
        (b'<meta charset="utf-7"><p>x', "bad_encoding", 0),
        (b'<meta charset="nonsense"><p>x', "bad_encoding", 0),
        (b"<p>a\n\n\x00", "bad_character", 3),
        (b"", "bad_html", 0),
        (b"<!-- nothing -->", "bad_html", 0),
        (b"<div>" * (MAX_DEPTH + 20) + b"x", "too_deep", 1),
        (b"<p>" + b"x" * MAX_PAGE_BYTES, "too_large", 0),
        (b"<p>a<br>" * 60_000, "too_large", 0),
    ],
    ids=lambda value: value[:20].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_pages_that_are_not_read_say_why(data: bytes, code: str, line: int) -> None:
    with pytest.raises(PageError) as refused:
        read_page(data)
    assert (refused.value.code, refused.value.line) == (code, line)


TAGS = st.sampled_from(
    ["p", "div", "h1", "h2", "ul", "ol", "li", "a", "b", "em", "table", "tr", "td", "th", "dl", "dt", "dd", "details",
     "summary", "pre", "code", "blockquote", "br", "script", "template", "head", "title", "svg", "button", "main"]
)  # fmt: skip
PIECES = st.one_of(
    TAGS.map(lambda tag: f"<{tag}>"),
    TAGS.map(lambda tag: f"</{tag}>"),
    st.text(st.sampled_from("ab?*_`[](){}|\\<>&;#-+1.\n\t \u00a0\u200b\u202e\u00e9"), max_size=8),
    st.sampled_from(
        ['<a href="javascript:x">', '<p id="x">', "&#8238;", "&nbsp;", "<!--", "-->", "<![CDATA[", "<?x"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_whatever_a_page_holds_it_is_read_or_refused(body: str) -> None:
    try:
        read = read_page(page(body))
    except PageError:
        return
    for entry in read.entries:
        assert "<script" not in entry.answer
        assert "javascript:" not in entry.answer.replace("](", "")
        try:
            check_article({"id": "x", "title": entry.title, "answer": entry.answer})
        except ArticleError as error:
            # Direction marks are for people to see and take out.
            assert error.code in ("bad_character", "too_long")  # noqa: PT017
