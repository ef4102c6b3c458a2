import assert from "node:assert/strict";
import { test } from "node:test";
import { diffLists, diffWords, type Part } from "../src/studio/diff";

const shown = (parts: readonly Part[]): string => parts.map(({ t, text }) => (t === "same" ? text : t === "gone" ? `[-${text}-]` : `[+${text}+]`)).join("");
const before = (parts: readonly Part[]): string => parts.filter(({ t }) => t !== "new").map(({ text }) => text).join("");
const after = (parts: readonly Part[]): string => parts.filter(({ t }) => t !== "gone").map(({ text }) => text).join("");

test("words that changed, and nothing around them", () => {
  assert.equal(shown(diffWords("We ship within two days.", "We ship within three days.")), "We ship within [-two-][+three+] days.");
  assert.equal(shown(diffWords("one two", "one two three")), "one two[+ three+]");
  assert.equal(shown(diffWords("same", "same")), "same");
  assert.deepEqual(diffWords("", ""), []);
  assert.equal(shown(diffWords("", "new")), "[+new+]");
  assert.equal(shown(diffWords("old", "")), "[-old-]");
});

test("two changed words beside each other read as one change", () => {
  assert.equal(shown(diffWords("a brown fox ran", "a red dog ran")), "a [-brown fox-][+red dog+] ran");
});

test("a line break is no space between two changes", () => {
  assert.equal(shown(diffWords("one\ntwo", "three\nfour")), "[-one-][+three+]\n[-two-][+four+]");
});

test("words of any script are words", () => {
  assert.equal(shown(diffWords("يمكنك إرجاع المنتج", "يمكنك تبديل المنتج")), "يمكنك [-إرجاع-][+تبديل+] المنتج");
  assert.equal(shown(diffWords("für Größe", "für Größen")), "für [-Größe-][+Größen+]");
});

test("whatever the texts, the parts make up both of them", () => {
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 16807) % 2147483647) % n;
  const words = ["a", "b ", " ", "\n", "c.", "**d**", "ß", "  ", "- "];
  const text = (): string => Array.from({ length: random(40) }, () => words[random(words.length)]).join("");
  for (let i = 0; i < 400; i += 1) {
    const [old, now] = [text(), text()];
    const parts = diffWords(old, now);
    assert.equal(before(parts), old);
    assert.equal(after(parts), now);
    parts.forEach((part, at) => assert.notEqual(part.t, parts[at - 1]?.t ?? "", "neighbours of a kind are joined"));
  }
});

test("texts as long as they may be, wholly different, still come to an end", () => {
  const many = (word: string): string => Array.from({ length: 7_000 }, (_, i) => `${word}${i}`).join(" ");
  const [old, now] = [many("x"), many("y")];
  const parts = diffWords(old, now);
  assert.equal(before(parts), old);
  assert.equal(after(parts), now);
});

test("lists differ by what they hold, not by order", () => {
  assert.deepEqual(diffLists(["a", "b", "c"], ["c", "d", "a"]), { gone: ["b"], added: ["d"], kept: 2 });
  assert.deepEqual(diffLists(["a", "b"], ["b", "a"]), { gone: [], added: [], kept: 2 });
});
