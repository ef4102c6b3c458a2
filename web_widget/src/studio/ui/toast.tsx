/** Outcomes, told where one looks and read out by screen readers. */
import type { VNode } from "preact";
import { useCallback, useRef, useState } from "preact/hooks";
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

export function Toasts({ toasts, drop }: { toasts: readonly Toast[]; drop: (id: number) => void }): VNode {
  return (
    <div class="toasts">
      <div role="status">
        {toasts
          .filter((toast) => !toast.bad)
          .map((toast) => (
            <Row key={toast.id} toast={toast} drop={drop} />
          ))}
      </div>
      <div role="alert">
        {toasts
          .filter((toast) => toast.bad)
          .map((toast) => (
            <Row key={toast.id} toast={toast} drop={drop} />
          ))}
      </div>
    </div>
  );
}
