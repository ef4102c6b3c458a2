/** What past conversations would have come to under other values. Pure. */
import { number } from "./figures";

export interface Tally {
  answered: number;
  clarified: number;
  unsure: number;
  handed_over: number;
  other: number;
  /** Of agents. */
  hours: number;
  /** Conversations whose customer needed a person and gets none in time. */
  missed: number;
  /** Answers that customers turned down when they were given. */
  disliked: number;
}

export interface Simulation {
  before: Tally;
  after: Tally;
  days: number;
  conversations: number;
  turns: number;
  values: { risk?: number; frustration?: number };
  days_seen: { day: string; before: Partial<Tally>; after: Partial<Tally> }[];
  changes: { conversation_id: string; turn: number }[];
}

export interface TallyRow {
  name: keyof Tally;
  label: string;
  before: string;
  after: string;
  /** `+3`, `-0.5`; empty where nothing changes. */
  change: string;
  lean: "better" | "worse" | "same";
}

const ROWS: readonly { name: keyof Tally; label: string; good: "more" | "less" | null }[] = [
  { name: "answered", label: "Answered by the bot", good: null },
  { name: "clarified", label: "Asked back, with two articles to choose from", good: null },
  { name: "unsure", label: "Said that it does not know", good: null },
  { name: "handed_over", label: "Handed to a person", good: null },
  { name: "hours", label: "Hours of agents", good: "less" },
  { name: "missed", label: "Customers who needed a person and got none in time", good: "less" },
  { name: "disliked", label: "Answers that customers turned down", good: "less" },
];

export function tallyRows(before: Tally, after: Tally): TallyRow[] {
  return ROWS.map(({ name, label, good }) => {
    const more = Math.round((after[name] - before[name]) * 100) / 100;
    const lean = more === 0 || good === null ? "same" : more > 0 === (good === "more") ? "better" : "worse";
    return {
      name,
      label,
      before: told(before[name]),
      after: told(after[name]),
      change: more === 0 ? "" : `${more > 0 ? "+" : "−"}${told(Math.abs(more))}`,
      lean,
    };
  });
}

const HUNDREDTHS = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

function told(value: number): string {
  return HUNDREDTHS.format(value);
}

/** The result in one sentence. */
export function simulationSays({ before, after, days }: Simulation): string {
  const parts = [
    differs(after.answered - before.answered, "the bot would have answered", "question", "questions"),
    differs(after.handed_over - before.handed_over, "people would have got", "conversation", "conversations"),
  ].filter((part) => part !== null);
  const missed = after.missed - before.missed;
  if (missed > 0) parts.push(`${number(missed)} ${missed === 1 ? "customer" : "customers"} more who needed a person would have got none in time`);
  const said = parts.length === 0 ? "as many questions answered, and as many conversations for people" : parts.join(", and ");
  return `In these ${days} days: ${said}.`;
}

function differs(by: number, what: string, one: string, many: string): string | null {
  if (by === 0) return null;
  const n = Math.abs(by);
  return `${what} ${number(n)} ${n === 1 ? one : many} ${by > 0 ? "more" : "fewer"}`;
}
