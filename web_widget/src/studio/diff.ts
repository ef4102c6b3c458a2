/** What differs between two texts, word by word, and between two lists. Pure. */

export interface Part {
  t: "same" | "gone" | "new";
  text: string;
}

/** Cells of the table that finds the longest common run; beyond it, coarser pieces are compared. */
const MAX_CELLS = 4_000_000;

const WORDS = /\s+|[\p{L}\p{N}\p{M}_]+|[^\s\p{L}\p{N}\p{M}_]/gu;
const LINES = /[^\n]*\n|[^\n]+$/g;

/** null: too much to compare in pieces so fine. */
function compare(a: readonly string[], b: readonly string[]): Part[] | null {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const n = a.length - head - tail;
  const m = b.length - head - tail;
  const parts: Part[] = [];
  if (head > 0) parts.push({ t: "same", text: a.slice(0, head).join("") });
  if (n > 0 && m > 0) {
    if (n * m > MAX_CELLS) return null;
    // longest[i * (m + 1) + j]: the longest common subsequence of what follows i and j.
    const width = m + 1;
    const longest = new Uint16Array((n + 1) * width);
    for (let i = n - 1; i >= 0; i -= 1)
      for (let j = m - 1; j >= 0; j -= 1)
        longest[i * width + j] =
          a[head + i] === b[head + j]
            ? (longest[(i + 1) * width + j + 1] ?? 0) + 1
            : Math.max(longest[(i + 1) * width + j] ?? 0, longest[i * width + j + 1] ?? 0);
    let i = 0;
    let j = 0;
    while (i < n || j < m) {
      const left = a[head + i] ?? "";
      const right = b[head + j] ?? "";
      if (i < n && j < m && left === right) {
        parts.push({ t: "same", text: left });
        i += 1;
        j += 1;
      } else if (j >= m || (i < n && (longest[(i + 1) * width + j] ?? 0) >= (longest[i * width + j + 1] ?? 0))) {
        parts.push({ t: "gone", text: left });
        i += 1;
      } else {
        parts.push({ t: "new", text: right });
        j += 1;
      }
    }
  } else if (n > 0) parts.push({ t: "gone", text: a.slice(head, head + n).join("") });
  else if (m > 0) parts.push({ t: "new", text: b.slice(head, head + m).join("") });
  if (tail > 0) parts.push({ t: "same", text: a.slice(a.length - tail).join("") });
  return parts;
}

/** Neighbours of a kind joined, and a lone space between two changes made part of them: it reads as one change. */
function joined(parts: readonly Part[]): Part[] {
  const out: Part[] = [];
  let gone = "";
  let added = "";
  const flush = (): void => {
    if (gone !== "") out.push({ t: "gone", text: gone });
    if (added !== "") out.push({ t: "new", text: added });
    gone = "";
    added = "";
  };
  parts.forEach((part, i) => {
    const next = parts[i + 1];
    if (part.t === "gone") gone += part.text;
    else if (part.t === "new") added += part.text;
    else if (gone !== "" && added !== "" && /^[ \t]+$/.test(part.text) && next !== undefined && next.t !== "same") {
      gone += part.text;
      added += part.text;
    } else {
      flush();
      const last = out.at(-1);
      if (last?.t === "same") last.text += part.text;
      else out.push({ ...part });
    }
  });
  flush();
  return out;
}

/** The parts in reading order: all but `new` make up `before`, all but `gone` make up `after`. */
export function diffWords(before: string, after: string): Part[] {
  if (before === after) return before === "" ? [] : [{ t: "same", text: before }];
  const parts =
    compare(before.match(WORDS) ?? [], after.match(WORDS) ?? []) ??
    compare(before.match(LINES) ?? [], after.match(LINES) ?? []) ?? [
      { t: "gone", text: before },
      { t: "new", text: after },
    ];
  return joined(parts);
}

export interface ListDiff {
  gone: string[];
  added: string[];
  /** How many stand in both. */
  kept: number;
}

/** Order does not count: nothing is learnt from it. */
export function diffLists(before: readonly string[], after: readonly string[]): ListDiff {
  const old = new Set(before);
  const now = new Set(after);
  const gone = [...old].filter((text) => !now.has(text));
  const added = [...now].filter((text) => !old.has(text));
  return { gone, added, kept: old.size - gone.length };
}
