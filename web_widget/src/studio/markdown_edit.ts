/** What the toolbar does to a text and its selection. Pure. */

export interface Edit {
  /** What to replace, and with what. */
  from: number;
  to: number;
  text: string;
  /** The selection afterwards, in the new text. */
  start: number;
  end: number;
}

export type Tool = "bold" | "italic" | "heading" | "bullets" | "numbers" | "link";

/** Marks around the selection, or taken off where they stand already. Without a selection, `sample` is put in and selected. */
function around(text: string, start: number, end: number, mark: string, sample: string): Edit {
  // Marks hold words, not the spaces beside them.
  while (start < end && /\s/.test(text.charAt(start))) start += 1;
  while (end > start && /\s/.test(text.charAt(end - 1))) end -= 1;
  const inner = text.slice(start, end);
  const n = mark.length;
  const alone = (i: number, c: string): boolean => text.charAt(i) !== c;
  if (text.slice(start - n, start) === mark && text.slice(end, end + n) === mark && (n > 1 || (alone(start - 2, mark) && alone(end + 1, mark))))
    return { from: start - n, to: end + n, text: inner, start: start - n, end: end - n };
  if (inner.length > 2 * n && inner.startsWith(mark) && inner.endsWith(mark) && (n > 1 || !inner.startsWith(mark + mark)))
    return { from: start, to: end, text: inner.slice(n, -n), start, end: end - 2 * n };
  const words = inner === "" ? sample : inner;
  return { from: start, to: end, text: `${mark}${words}${mark}`, start: start + n, end: start + n + words.length };
}

/** Each line of the selection begins with a mark, or no more, if all of them did. */
function lines(text: string, start: number, end: number, is: RegExp, mark: (i: number) => string, sample: string): Edit {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const stop = text.indexOf("\n", Math.max(start, end - 1));
  const to = stop < 0 ? text.length : stop;
  const block = text.slice(from, to);
  const rows = block.split("\n");
  if (block.trim() === "") {
    const out = `${mark(0)}${sample}`;
    return { from, to, text: out, start: from + mark(0).length, end: from + out.length };
  }
  const full = rows.filter((row) => row.trim() !== "");
  const off = full.every((row) => is.test(row));
  let n = 0;
  const out = rows
    .map((row) => {
      if (row.trim() === "") return row;
      const bare = row.replace(/^\s{0,3}(?:#{1,6}|[-*+]|\d{1,6}[.)])\s+/, "");
      return off ? bare : `${mark(n++)}${bare}`;
    })
    .join("\n");
  return { from, to, text: out, start: from, end: from + out.length };
}

export function applyTool(tool: Tool, text: string, start: number, end: number): Edit {
  switch (tool) {
    case "bold":
      return around(text, start, end, "**", "bold words");
    case "italic":
      return around(text, start, end, "*", "words in italics");
    case "heading":
      return lines(text, start, end, /^\s{0,3}#{1,6}\s/, () => "## ", "Heading");
    case "bullets":
      return lines(text, start, end, /^\s{0,3}[-*+]\s/, () => "- ", "First point");
    case "numbers":
      return lines(text, start, end, /^\s{0,3}\d{1,6}[.)]\s/, (i) => `${i + 1}. `, "First step");
    case "link": {
      const chosen = text.slice(start, end).trim();
      if (/^https?:\/\/\S+$/.test(chosen)) {
        const out = `[words](${chosen})`;
        return { from: start, to: end, text: out, start: start + 1, end: start + 6 };
      }
      const label = chosen === "" ? "words" : chosen;
      const out = `[${label}](https://)`;
      // The address is what is missing now.
      return { from: start, to: end, text: out, start: start + label.length + 3, end: start + out.length - 1 };
    }
  }
}
