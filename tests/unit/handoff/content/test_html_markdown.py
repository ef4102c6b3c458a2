"""Pieces of pages as Markdown; what these words look like in the widget is tested there."""

from __future__ import annotations

import json

import pytest
from lxml import html

from handoff.content.html_markdown import safe_target, text_of, to_markdown
from handoff.settings import PROJECT_ROOT


def markdown(text: str) -> str:
    return to_markdown(html.fragment_fromstring(text, create_parent="div"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<p>One  two\n three</p><p>Four</p>", "One two three\n\nFour"),
        ("plain <b>bold </b>and <i> slanted</i>.", "plain **bold** and *slanted*."),
        ("<b>a <strong>b</strong></b><b> </b>", "**a b**"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<h1>One</h1><h3>Two <a href='#x'></a></h3>", "## One\n\n### Two"),
        ("<ul><li>a<li><p>b</p><p>c</p><li></ul>", "- a\n- b\n  c"),
        ("<ol><li>a<ul><li>b<ul><li>c</ul></ul></li><li>d</ol>", "1. a\n  - b\n    - c\n2. d"),
        ("<ul><ul><li>odd</ul></ul>", "  - odd"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<pre>x = 1\n  y</pre>", "```\nx = 1\n  y\n```"),
        ("<pre>```</pre>", "~~~\n```\n~~~"),
        ("<code>a`b</code> and <kbd>Ctrl</kbd>", "``a`b`` and `Ctrl`"),
        ("<a href='https://x.example/a b'>to <b>x</b></a>", "[to **x**](https://x.example/a%20b)"),
        (
            "<a href='mailto:a@b.example'>write</a> <a href='tel:1'>call</a>",
            "[write](mailto:a@b.example) call",
        ),
        ("<a href='https://x.example'><div>block</div></a>", "block"),
        (
            "<table><tr><th>A<th>B<tr><td>1|2<td><p>3</p><p>4</p><tr><td>5</table>",
            "| A | B |\n| --- | --- |\n| 1\\|2 | 3 4 |\n| 5 |  |",
        ),
        ("<table><tr><td>one<tr><td>two</table>", "- one\n- two"),
        ("<dl><dt>T<dd>D</dl>", "**T**\n\nD"),
        ("<details><summary>S</summary>text</details>", "**S**\n\ntext"),
        ("a<!-- b --><script>c</script><img alt='d'>e<button>f</button>", "ae"),
        ("soft\u00adhy\u200bphen\u00a0space", "softhyphen space"),
    ],
)
def test_pieces(text: str, shown: str) -> None:
    assert markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2 * 3 * 4 and snake_case and _x_", "2 \\* 3 \\* 4 and snake_case and \\_x\\_"),
        ("# no heading", "\\# no heading"),
        ("- no item", "\\- no item"),
        ("1. no item<br>+ nor this", "1\\. no item\n\\+ nor this"),
        ("&gt; no quote", "\\> no quote"),
        ("[no](link)", "\\[no](link)"),
        ("[optional] and a]<span>(b)</span>", "\\[optional] and a](b)"),
        ("[optional] words", "[optional] words"),
        ("<b>a <i>b</i> c</b>", "**a *b* c**"),
        ("<a href='https://x.example'>a](b)</a>", "[a]\\(b)](https://x.example)"),
        ("C:\\<b>dir</b> a<code> b</code>", "C:\\\\**dir** a `b`"),
        ("[1] <a href='https://x.example'>x [2]</a>", "\\[1] [x \\[2]](https://x.example)"),
        ("<b>4 * 5</b> <i>a <b>b</b></i> <b>a <i>b</i></b>", "4 \\* 5 a **b** a *b*"),
        ("`no code`", "\\`no code\\`"),
        ("C:\\*.txt", "C:\\\\\\*.txt"),
        ("~~~", "\\~~~"),
        ("&lt;b&gt;", "<b>"),
    ],
)
def test_what_would_be_a_mark_is_shown_as_it_is(text: str, shown: str) -> None:
    assert markdown(text) == shown


def test_words_of_an_element_stand_on_one_line() -> None:
    element = html.fragment_fromstring("<h2>a<br>b <b>c</b><script>d</script> e<!-- f -->\n g</h2>")
    assert text_of(element) == "a b c e g"


@pytest.mark.parametrize(
    ("target", "base", "leads"),
    [
        ("HTTPS://x.example/a", None, "HTTPS://x.example/a"),
        (" /a ", "https://x.example/b/c", "https://x.example/a"),
        ("/a", None, None),
        ("JavaScript:alert(1)", "https://x.example", None),
        ("jav\u0000ascript:alert(1)", None, None),
        ("vbscript:x", None, None),
        ("file:///etc/passwd", None, None),
        ("https://x.example/\u202egnp.exe", None, None),
        ('https://x.example/"onload=x', None, None),
        ("http://[bad", None, None),
        ("https://x.example/" + "a" * 2000, None, None),
        ("#a", "https://x.example", None),
        ("", "https://x.example", None),
    ],
)
def test_targets(target: str, base: str | None, leads: str | None) -> None:
    assert safe_target(target, base) == leads


WORDS = json.loads(
    (PROJECT_ROOT / "web_widget" / "fixtures" / "imported_words.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("row", WORDS, ids=range(len(WORDS)))
def test_the_widget_reads_what_is_written(row: dict[str, str]) -> None:
    """Its own test (markdown.test.ts) says that it shows `words` for `markdown`."""
    assert to_markdown(html.fromstring(row["html"])) == row["markdown"]
