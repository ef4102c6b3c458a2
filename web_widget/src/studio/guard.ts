/** Work that would be lost by going away: asked about before the page changes or closes. */
import { useEffect } from "preact/hooks";

type Guard = () => string | null;

const guards = new Set<Guard>();

/** What would be lost, in the words of whoever holds it; null: nothing. */
export function unsaved(): string | null {
  for (const guard of guards) {
    const words = guard();
    if (words !== null) return words;
  }
  return null;
}

/** `words` say what would be lost by leaving, for instance "The article has changes that are not saved."; null: nothing. */
export function useUnsaved(words: string | null): void {
  useEffect(() => {
    if (words === null) return;
    const guard: Guard = () => words;
    guards.add(guard);
    const closing = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", closing);
    return () => {
      guards.delete(guard);
      removeEventListener("beforeunload", closing);
    };
  }, [words]);
}
