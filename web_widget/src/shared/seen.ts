/** How far each kind of actor has read, as `welcome` and `subscribed` tell it: `{customer: 4, agent: 6}`. */
export function seenBy(seen: unknown, actor: "customer" | "agent"): number {
  const value = typeof seen === "object" && seen !== null ? (seen as Record<string, unknown>)[actor] : null;
  return typeof value === "number" ? value : 0;
}
