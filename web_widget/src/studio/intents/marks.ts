/** Marked words: an editor sees words and chips, files have `[word](entity)`. Pure. */

export interface Mark {
  start: number;
  end: number;
  entity: string;
}

/** What is written in a line, and which parts of it are marked, in order. */
export interface Line {
  text: string;
  marks: readonly Mark[];
}

const MARK = /\[([^[\]]+)\]\(([^()\s]+)\)/g;

export function parseLine(example: string): Line {
  const marks: Mark[] = [];
  let text = "";
  let done = 0;
  for (const match of example.matchAll(MARK)) {
    const [whole, word = "", entity = ""] = match;
    text += example.slice(done, match.index);
    marks.push({ start: text.length, end: text.length + word.length, entity });
    text += word;
    done = match.index + whole.length;
  }
  return { text: text + example.slice(done), marks };
}

/** Brackets that an editor types are no marks. */
function plain(text: string): string {
  return text.replaceAll("](", "] (").replaceAll("][", "] [").replaceAll("]{", "] {");
}

export function formatLine({ text, marks }: Line): string {
  let out = "";
  let done = 0;
  for (const { start, end, entity } of marks) {
    const word = text.slice(start, end).replaceAll(/[[\]]/g, " ").trim();
    out += plain(text.slice(done, start));
    out += word === "" ? text.slice(start, end) : `[${word}](${entity})`;
    done = end;
  }
  return out + plain(text.slice(done));
}

/** The line after its text was changed: marks move with their words, and one whose word was changed goes. */
export function retyped(line: Line, text: string): Line {
  const before = line.text;
  let head = 0;
  while (head < before.length && head < text.length && before[head] === text[head]) head += 1;
  let tail = 0;
  while (tail < before.length - head && tail < text.length - head && before[before.length - 1 - tail] === text[text.length - 1 - tail]) tail += 1;
  const moved = text.length - before.length;
  const marks = line.marks.flatMap((mark) => {
    if (mark.end <= head) return [mark];
    if (mark.start >= before.length - tail) return [{ ...mark, start: mark.start + moved, end: mark.end + moved }];
    return [];
  });
  return { text, marks };
}

/** Whole words around a selection: who selects "ent" in "tent" means "tent". null: no word was selected. */
export function wordsAt(text: string, from: number, to: number): { start: number; end: number } | null {
  let start = from;
  let end = to;
  while (start < end && /\s/.test(text.charAt(start))) start += 1;
  while (end > start && /\s/.test(text.charAt(end - 1))) end -= 1;
  if (start >= end) return null;
  const within = (at: number): boolean => /[\p{L}\p{N}_]/u.test(text.charAt(at));
  while (start > 0 && within(start) && within(start - 1)) start -= 1;
  while (end < text.length && within(end - 1) && within(end)) end += 1;
  return { start, end };
}

/** The line with a part marked; marks that it touches go. */
export function marked(line: Line, start: number, end: number, entity: string): Line {
  const others = line.marks.filter((mark) => mark.end <= start || mark.start >= end);
  return { ...line, marks: [...others, { start, end, entity }].sort((a, b) => a.start - b.start) };
}

export function unmarked(line: Line, start: number): Line {
  return { ...line, marks: line.marks.filter((mark) => mark.start !== start) };
}

/** A name for a thing from the words for it: "Kind of product" -> `kind_of_product`. */
export function nameFor(words: string, taken: readonly string[]): string {
  const bare = words
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^[^a-z]+|_+$/g, "")
    .slice(0, 40);
  const slug = bare === "" ? "entity" : bare;
  let name = slug;
  for (let n = 2; taken.includes(name); n += 1) name = `${slug}_${n}`;
  return name;
}

/** Words of an entity as an editor writes them: one a line, others for it behind "=". */
export function wordsText(words: readonly { value: string; synonyms: readonly string[] }[]): string {
  return words.map(({ value, synonyms }) => (synonyms.length === 0 ? value : `${value} = ${synonyms.join(", ")}`)).join("\n");
}

export function wordsFrom(text: string): { value: string; synonyms: string[] }[] {
  return text.split("\n").flatMap((line) => {
    const [value = "", others = ""] = line.split(/=(.*)/s, 2);
    const synonyms = others
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== "");
    return value.trim() === "" ? [] : [{ value: value.trim(), synonyms }];
  });
}
