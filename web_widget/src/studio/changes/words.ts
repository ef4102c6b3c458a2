/** What became of a wish to publish, in words. Pure. */
import { momentWords } from "../dates";
import type { Plan } from "../protocol";

function planWords(plan: Plan): string {
  return plan.state === "asked"
    ? "Asked: somebody else must agree before customers get it."
    : `Planned: customers get it from ${momentWords(plan.due_at)} on.`;
}

/** Planned, or done: `what` says so without a full stop, `it` stands for that in the sentence about customers. */
export function publishedWords(what: string, answer: { live?: boolean; plan?: Plan }, it = "it"): string {
  if (answer.plan !== undefined) return planWords(answer.plan);
  return answer.live === true ? `${what}. Customers get ${it} now.` : `${what}; the bot takes ${it} up in a moment.`;
}
