/**
 * A small, safe Markdown: text in, a tree out. There is no way from the text to markup: pages build nodes
 * from the tree. Known: paragraphs, line breaks, headings, lists, tables, quotes, code, strong, emphasis, links.
 * Everything else, HTML included, stays the text that it is.
 */
export type Inline =
  | { t: "text"; text: string }
  | { t: "code"; text: string }
  | { t: "strong" | "em"; children: Inline[] }
  | { t: "link"; href: string; children: Inline[] }
  | { t: "br" };

export type Block =
  | { t: "p"; children: Inline[] }
  | { t: "h"; children: Inline[] }
  | { t: "pre"; text: string }
  | { t: "quote"; children: Block[] }
  | { t: "table"; head: Inline[][]; rows: Inline[][][] }
  | { t: "list"; ordered: boolean; start: number; items: Inline[][] };

/** Deeper nesting of emphasis or quotes is text: bounds the work on hostile input. */
const MAX_DEPTH = 6;

/**
 * A target that is safe to follow, or null: http, https, mailto, or relative to the page. A scheme is looked for
 * as browsers do it, after dropping control characters and spaces.
 */
export function safeHref(raw: string): string | null {
  const target = raw.replace(/[\u0000-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, "");
  if (target === "" || target.includes("\\")) return null;
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(target)?.[1]?.toLowerCase();
  if (scheme !== undefined) return scheme === "http" || scheme === "https" || scheme === "mailto" ? target : null;
  // `//host` would leave the page's origin while looking relative.
  if (target.startsWith("//")) return null;
  return target.split(/[/?#]/, 1)[0]?.includes(":") === true ? null : target;
}

const URL_IN_TEXT = /https?:\/\/[^\s<>"'`\\]+/y;

/** Plain words with their web addresses made links: for what people type. Line breaks stay. */
export function plain(text: string): Inline[] {
  const out: Inline[] = [];
  text.split("\n").forEach((line, i) => {
    if (i > 0) out.push({ t: "br" });
    let last = 0;
    for (const match of line.matchAll(/https?:\/\/[^\s<>"'`\\]+/g)) {
      const url = trimUrl(match[0]);
      if (match.index > last) out.push({ t: "text", text: line.slice(last, match.index) });
      out.push({ t: "link", href: url, children: [{ t: "text", text: url }] });
      last = match.index + url.length;
    }
    if (last < line.length) out.push({ t: "text", text: line.slice(last) });
  });
  return out;
}

/** Punctuation that ends the sentence, not the address. */
function trimUrl(url: string): string {
  let end = url.length;
  while (end > 0 && ".,;:!?)]}*_".includes(url.charAt(end - 1))) {
    if (url.charAt(end - 1) === ")" && url.slice(0, end).split("(").length >= url.slice(0, end).split(")").length) break;
    end -= 1;
  }
  return url.slice(0, end);
}

export function parseMarkdown(text: string): Block[] {
  return blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0);
}

const FENCE = /^\s{0,3}(```|~~~)/;
const HEADING = /^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$/;
const QUOTE = /^\s{0,3}> ?/;
const ITEM = /^\s{0,5}(?:([-*+])|(\d{1,6})[.)])\s+(.*)$/;

/** The line under a table's head: at least two columns, else it is a rule or a heading's underline. */
const RULER = /^\s*\|?(?:\s*:?-{1,200}:?\s*\|){1,50}(?:\s*:?-{1,200}:?\s*)?$/;

/** The cells of one table row; `\|` is a bar in a cell. */
function cells(line: string): string[] {
  const parts = line.trim().replace(/^\|/, "").split(/(?<!\\)\|/);
  if (parts.length > 1 && parts.at(-1)?.trim() === "") parts.pop();
  return parts.map((part) => part.replaceAll("\\|", "|").trim());
}

function blocks(lines: readonly string[], depth: number): Block[] {
  const out: Block[] = [];
  let i = 0;
  const at = (n: number): string => lines[n] ?? "";
  while (i < lines.length) {
    const line = at(i);
    if (line.trim() === "") {
      i += 1;
      continue;
    }
    const fence = FENCE.exec(line)?.[1];
    if (fence !== undefined) {
      const body: string[] = [];
      i += 1;
      while (i < lines.length && !at(i).trimStart().startsWith(fence)) body.push(at(i++));
      i += 1;
      out.push({ t: "pre", text: body.join("\n") });
      continue;
    }
    const heading = HEADING.exec(line)?.[1];
    if (heading !== undefined) {
      out.push({ t: "h", children: inline(heading) });
      i += 1;
      continue;
    }
    if (QUOTE.test(line) && depth < MAX_DEPTH) {
      const body: string[] = [];
      while (i < lines.length && QUOTE.test(at(i))) body.push(at(i++).replace(QUOTE, ""));
      out.push({ t: "quote", children: blocks(body, depth + 1) });
      continue;
    }
    const first = ITEM.exec(line);
    if (first !== null) {
      const ordered = first[2] !== undefined;
      const items: string[] = [];
      while (i < lines.length) {
        const item = ITEM.exec(at(i));
        if (item !== null && (item[2] !== undefined) === ordered) items.push(item[3] ?? "");
        else if (item === null && /^\s+\S/.test(at(i)) && items.length > 0) items.push(`${items.pop() ?? ""}\n${at(i).trim()}`);
        else break;
        i += 1;
      }
      out.push({ t: "list", ordered, start: Number(first[2] ?? 1), items: items.map((text) => inline(text)) });
      continue;
    }
    if (line.includes("|") && RULER.test(at(i + 1))) {
      const head = cells(line);
      const rows: Inline[][][] = [];
      for (i += 2; i < lines.length && at(i).includes("|"); i += 1) {
        const row = cells(at(i));
        rows.push(head.map((_, column) => inline(row[column] ?? "")));
      }
      out.push({ t: "table", head: head.map((cell) => inline(cell)), rows });
      continue;
    }
    const body: string[] = [];
    while (
      i < lines.length &&
      at(i).trim() !== "" &&
      !(body.length > 0 && at(i).includes("|") && RULER.test(at(i + 1))) &&
      !(body.length > 0 && (FENCE.test(at(i)) || HEADING.test(at(i)) || ITEM.test(at(i)) || QUOTE.test(at(i))))
    )
      body.push(at(i++));
    out.push({ t: "p", children: inline(body.join("\n")) });
  }
  return out;
}

/** One pass over a paragraph; closers are looked for once per opener kind, so the work stays near linear. */
export function inline(text: string, depth = 0, inLink = false): Inline[] {
  const out: Inline[] = [];
  let buffer = "";
  const flush = (): void => {
    if (buffer !== "") out.push({ t: "text", text: buffer });
    buffer = "";
  };
  /** Openers whose closer was already looked for in vain: do not look again from further on. */
  const hopeless = new Set<string>();
  const closer = (mark: string, from: number): number => {
    if (hopeless.has(mark)) return -1;
    const found = text.indexOf(mark, from);
    if (found < 0) hopeless.add(mark);
    return found;
  };
  let i = 0;
  while (i < text.length) {
    const c = text.charAt(i);
    if (c === "\\" && /[\\`*_{}[\]()#+\-.!>~|<&]/.test(text.charAt(i + 1))) {
      buffer += text.charAt(i + 1);
      i += 2;
      continue;
    }
    if (c === "\n") {
      buffer = buffer.replace(/ +$/, "");
      flush();
      out.push({ t: "br" });
      i += 1;
      continue;
    }
    if (c === "`") {
      const ticks = /^`+/.exec(text.slice(i, i + 8))?.[0] ?? "`";
      const end = closer(ticks, i + ticks.length);
      if (end > i + ticks.length) {
        flush();
        out.push({ t: "code", text: text.slice(i + ticks.length, end).trim() });
        i = end + ticks.length;
        continue;
      }
      buffer += ticks;
      i += ticks.length;
      continue;
    }
    if ((c === "*" || c === "_") && depth < MAX_DEPTH) {
      const mark = text.charAt(i + 1) === c ? c + c : c;
      const before = text.charAt(i - 1);
      const opens = !/\s/.test(text.charAt(i + mark.length) || " ") && (c === "*" || !/\w/.test(before));
      const end = opens ? closer(mark, i + mark.length + 1) : -1;
      const closes =
        end > 0 && !/\s/.test(text.charAt(end - 1)) && (c === "*" || !/\w/.test(text.charAt(end + mark.length)));
      if (closes) {
        flush();
        out.push({
          t: mark.length === 2 ? "strong" : "em",
          children: inline(text.slice(i + mark.length, end), depth + 1, inLink),
        });
        i = end + mark.length;
        continue;
      }
      buffer += mark;
      i += mark.length;
      continue;
    }
    if (c === "[" && !inLink) {
      const link = linkAt(text, i, closer);
      if (link !== null) {
        flush();
        const children = inline(link.label, depth + 1, true);
        if (link.href === null) out.push(...children);
        else out.push({ t: "link", href: link.href, children });
        i = link.end;
        continue;
      }
    }
    if (c === "h" && !inLink && !/\w/.test(text.charAt(i - 1))) {
      URL_IN_TEXT.lastIndex = i;
      const match = URL_IN_TEXT.exec(text)?.[0];
      if (match !== undefined) {
        const url = trimUrl(match);
        flush();
        out.push({ t: "link", href: url, children: [{ t: "text", text: url }] });
        i += url.length;
        continue;
      }
    }
    buffer += c;
    i += 1;
  }
  flush();
  return out;
}

interface LinkAt {
  label: string;
  /** null: not a target to follow; the label stays as words. */
  href: string | null;
  end: number;
}

function linkAt(text: string, at: number, closer: (mark: string, from: number) => number): LinkAt | null {
  const middle = closer("](", at + 1);
  if (middle < 0 || middle - at > 1_000) return null;
  let depth = 1;
  let end = middle + 2;
  for (; end < text.length && end - middle < 2_100; end += 1) {
    const c = text.charAt(end);
    if (c === "\n") return null;
    if (c === "(") depth += 1;
    if (c === ")" && --depth === 0) break;
  }
  if (depth !== 0) return null;
  const target = text.slice(middle + 2, end).trim();
  const bare = /^<?([^\s<>]*)>?(?:\s+["'(].*)?$/.exec(target)?.[1] ?? "";
  return { label: text.slice(at + 1, middle), href: safeHref(bare), end: end + 1 };
}
