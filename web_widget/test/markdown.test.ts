import assert from "node:assert/strict";
import { test } from "node:test";
import importedWords from "../fixtures/imported_words.json";
import { type Block, type Inline, inline, parseMarkdown, plain, safeHref } from "../src/shared/markdown";

const p = (...children: Inline[]): Block => ({ t: "p", children });
const text = (value: string): Inline => ({ t: "text", text: value });

/** Every link target in a tree. */
function targets(nodes: readonly (Block | Inline)[]): string[] {
  return JSON.stringify(nodes, (_key, value: unknown) => value)
    .split('"href":"')
    .slice(1)
    .map((rest) => rest.slice(0, rest.indexOf('"')));
}

test("paragraphs, breaks, strong, emphasis and code", () => {
  assert.deepEqual(parseMarkdown("One **two** *three* `four`\nfive\n\nsix"), [
    p(
      text("One "),
      { t: "strong", children: [text("two")] },
      text(" "),
      { t: "em", children: [text("three")] },
      text(" "),
      { t: "code", text: "four" },
      { t: "br" },
      text("five"),
    ),
    p(text("six")),
  ]);
});

test("lists keep their numbers and their continued lines", () => {
  assert.deepEqual(parseMarkdown("3. a\n4. b\n   more"), [
    { t: "list", ordered: true, start: 3, items: [[text("a")], [text("b"), { t: "br" }, text("more")]] },
  ]);
  assert.deepEqual(parseMarkdown("Intro\n- x\n- y"), [p(text("Intro")), { t: "list", ordered: false, start: 1, items: [[text("x")], [text("y")]] }]);
});

test("tables, also with fewer cells than columns", () => {
  assert.deepEqual(parseMarkdown("| A | B |\n|---|---|\n| 1 | **2** |\n| 3 |"), [
    {
      t: "table",
      head: [[text("A")], [text("B")]],
      rows: [
        [[text("1")], [{ t: "strong", children: [text("2")] }]],
        [[text("3")], []],
      ],
    },
  ]);
});

test("a fence that never closes and a quote", () => {
  assert.deepEqual(parseMarkdown("```\n<b>\n"), [{ t: "pre", text: "<b>\n" }]);
  assert.deepEqual(parseMarkdown("> a\n> b"), [{ t: "quote", children: [p(text("a"), { t: "br" }, text("b"))] }]);
});

test("underscores in words, lone stars and escapes stay as they are", () => {
  assert.deepEqual(inline("snake_case_name 2 * 3 * 4 \\*no\\*"), [text("snake_case_name 2 * 3 * 4 *no*")]);
});

test("links to safe targets only; others keep their words", () => {
  assert.deepEqual(inline("[shop](/orders?x=1#y)"), [{ t: "link", href: "/orders?x=1#y", children: [text("shop")] }]);
  assert.deepEqual(inline("[write](mailto:a@b.example)"), [{ t: "link", href: "mailto:a@b.example", children: [text("write")] }]);
  assert.deepEqual(inline("[click](javascript:alert(1))"), [text("click")]);
});

test("hostile targets are refused", () => {
  for (const target of [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\u0001javascript:alert(1)",
    "\u200bjavascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:https://x/1",
    "//evil.example/x",
    "/\\evil.example",
    "\\\\evil.example",
    "x:y",
    "",
    " ",
  ])
    assert.equal(safeHref(target), null, JSON.stringify(target));
  for (const target of ["https://a.example/b", "http://a.example", "/a/b", "a/b", "#c", "?q=1", "mailto:x@y.example"])
    assert.equal(safeHref(target), target);
});

test("markup in a message is text", () => {
  const hostile = '<img src=x onerror="alert(1)"><script>alert(2)</script> <a href="javascript:alert(3)">x</a>';
  assert.deepEqual(parseMarkdown(hostile), [p(text(hostile))]);
});

test("no input makes an unsafe link", () => {
  const parts = ["[", "]", "(", ")", "javascript:", "alert(1)", "https://", "a.example", "*", "**", "_", "`", "\n", " ", "<", ">", "\\", "data:", "|", "-|-", "x"];
  let seed = 7;
  const next = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % n;
  };
  for (let round = 0; round < 3_000; round += 1) {
    const input = Array.from({ length: 1 + next(24) }, () => parts[next(parts.length)] ?? "").join("");
    for (const target of [...targets(parseMarkdown(input)), ...targets(plain(input))])
      assert.match(target, /^(https?:\/\/|mailto:|[^:]*$)/, JSON.stringify(input));
  }
});

test("no words are lost to unclosed marks", () => {
  assert.deepEqual(inline("**bold *and [open](never"), [text("**bold *and [open](never")]);
});

test("long hostile input takes no long time", () => {
  const started = performance.now();
  for (const piece of ["*", "**", "_a", "[", "[](", "`", "> ", "](", "|", "<", "\\", "- ", "(", "h", "https://"]) parseMarkdown(piece.repeat(20_000));
  parseMarkdown(`${"|".repeat(10_000)}\n${"-|".repeat(10_000)}`);
  assert.ok(performance.now() - started < 4_000, `${performance.now() - started} ms`);
});

test("addresses in typed words become links without the sentence's punctuation", () => {
  assert.deepEqual(plain("see https://a.example/b(c), ok\nhttp://x.example."), [
    text("see "),
    { t: "link", href: "https://a.example/b(c)", children: [text("https://a.example/b(c)")] },
    text(", ok"),
    { t: "br" },
    { t: "link", href: "http://x.example", children: [text("http://x.example")] },
    text("."),
  ]);
  assert.deepEqual(plain("**not bold** <b>"), [text("**not bold** <b>")]);
});

/** What a reader sees of a tree, as words. */
function shown(nodes: readonly (Block | Inline)[]): string {
  return nodes
    .map((node) => {
      if (node.t === "br") return " ";
      if (node.t === "text" || node.t === "code") return node.text;
      // Nothing else is in a paragraph: a mark that was not meant would show as one of these.
      return node.t === "p" || node.t === "strong" || node.t === "em" || node.t === "link" ? shown(node.children) : `<${node.t}>`;
    })
    .join("");
}

test("answers made of pages show the pages' words, marks and all", () => {
  for (const { markdown, words } of importedWords) {
    assert.equal(shown(parseMarkdown(markdown)).replace(/\s+/g, " ").trim(), words, markdown);
  }
});
