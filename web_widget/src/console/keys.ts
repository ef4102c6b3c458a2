/** Single keys and what they do, when nobody is writing. */
export const KEYS = [
  { key: "j", does: "Next chat" },
  { key: "k", does: "Previous chat" },
  { key: "Enter", does: "Open the chat" },
  { key: "c", does: "Claim" },
  { key: "r", does: "Reply" },
  { key: "n", does: "Private note" },
  { key: "b", does: "Return to the bot" },
  { key: "e", does: "Close the conversation" },
  { key: "Esc", does: "Leave the field, back to the list" },
  { key: "?", does: "This help" },
] as const;

export type Action = "next" | "previous" | "claim" | "reply" | "note" | "return" | "close" | "help" | "leave";

const ACTIONS: Record<string, Action> = {
  j: "next",
  k: "previous",
  c: "claim",
  r: "reply",
  n: "note",
  b: "return",
  e: "close",
  "?": "help",
};

interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** What a key press means; null: nothing of ours. `writing`: the focus is in a field. */
export function actionFor(press: Press, writing: boolean, enabled: boolean): Action | null {
  if (press.ctrlKey || press.metaKey || press.altKey) return null;
  if (press.key === "Escape") return writing ? "leave" : null;
  if (writing || !enabled) return null;
  return ACTIONS[press.key] ?? null;
}
