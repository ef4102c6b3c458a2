/** Outcomes, told where one looks and read out by screen readers. */
import { render, type VNode } from "preact";
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CloseIcon } from "../../shared/icons";

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const GONE_AFTER_MS = 6_000;

/** Good news leave by themselves; bad news stay until they are put away. */
export function useToasts(): { toasts: readonly Toast[]; tell: (text: string, bad?: boolean) => void; drop: (id: number) => void } {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const next = useRef(0);
  const drop = useCallback((id: number): void => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const tell = useCallback(
    (text: string, bad = false): void => {
      const id = (next.current += 1);
      setToasts((all) => [...all.filter((toast) => toast.text !== text).slice(-2), { id, text, bad }]);
      if (!bad) setTimeout(() => drop(id), GONE_AFTER_MS);
    },
    [drop],
  );
  return { toasts, tell, drop };
}

function Row({ toast, drop }: { toast: Toast; drop: (id: number) => void }): VNode {
  return (
    <div class={toast.bad ? "toast bad" : "toast"}>
      <p>{toast.text}</p>
      <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => drop(toast.id)}>
        <CloseIcon />
      </button>
    </div>
  );
}

function Rows({ toasts, drop }: { toasts: readonly Toast[]; drop: (id: number) => void }): VNode {
  const rows = (bad: boolean): VNode[] => toasts.filter((toast) => toast.bad === bad).map((toast) => <Row key={toast.id} toast={toast} drop={drop} />);
  return (
    <div class="toasts">
      <div role="status">{rows(false)}</div>
      <div role="alert">{rows(true)}</div>
    </div>
  );
}

/** While a modal dialog is open, nothing outside it can be seen well, read out or pressed: the toasts go into it. */
export function Toasts({ toasts, drop }: { toasts: readonly Toast[]; drop: (id: number) => void }): VNode {
  const home = useRef<HTMLDivElement>(null);
  const room = useRef<HTMLDivElement | null>(null);
  room.current ??= document.createElement("div");
  useLayoutEffect(() => {
    if (room.current !== null) render(<Rows toasts={toasts} drop={drop} />, room.current);
  }, [toasts, drop]);
  useLayoutEffect(() => {
    const place = (): void => {
      const to = [...document.querySelectorAll("dialog:modal")].at(-1) ?? home.current;
      if (to !== null && room.current !== null && room.current.parentNode !== to) to.append(room.current);
    };
    place();
    const watch = new MutationObserver(place);
    watch.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["open"] });
    return () => {
      watch.disconnect();
      if (room.current !== null) render(null, room.current);
    };
  }, []);
  return <div ref={home} />;
}
