/** What every editor of one thing has: saving by the keyboard, the focus on what is wrong, and the page while it cannot be shown. */
import type { ComponentChildren, RefObject, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../ui/button";
import type { Loaded } from "../ui/load";
import { EmptyState, LoadFailed, PageHead, Spinner } from "../ui/parts";

/** Ctrl+S saves, but not through a dialog that is open. */
export function useSaveKey(save: () => Promise<void>): void {
  const latest = useRef(save);
  latest.current = save;
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "s") return;
      event.preventDefault();
      if (document.querySelector("dialog[open]") === null) void latest.current();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

/** What is wrong is shown where one can mend it: the first such field inside the returned element gets the focus. */
export function useFocusOnFault(wrong: object | null): RefObject<HTMLDivElement | null> {
  const room = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (wrong !== null) room.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrong]);
  return room;
}

export function SaveButton({ saving, save }: { saving: boolean; save: () => Promise<void> }): VNode {
  return (
    <Button kind="primary" busy={saving} onClick={() => void save()} title="Ctrl+S" aria-keyshortcuts="Control+S">
      {saving ? "Saving…" : "Save"}
    </Button>
  );
}

/** In the place of an editor whose thing is not there, or not yet. `name`: "article"; `children`: where to look for it. */
export function NotOpen({ load, name, children }: { load: Pick<Loaded<unknown>, "error" | "again">; name: string; children: ComponentChildren }): VNode {
  const missing = load.error?.code === "not_found";
  return (
    <>
      <PageHead title={missing ? `There is no such ${name}` : `${name.charAt(0).toUpperCase()}${name.slice(1)}`} />
      {load.error === null ? (
        <Spinner />
      ) : missing ? (
        <EmptyState title="It may have been deleted">
          <p>{children}</p>
        </EmptyState>
      ) : (
        <LoadFailed error={load.error} again={load.again} />
      )}
    </>
  );
}
