import type { ComponentChildren, VNode } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { CloseIcon } from "../../shared/icons";
import { Button } from "./button";

interface Props {
  title: string;
  close: () => void;
  /** `drawer`: at the page's end, as high as the window. */
  kind?: "dialog" | "wide" | "drawer";
  children: ComponentChildren;
}

/** Modal: the page behind it is out of reach, Escape closes it, and the focus goes back to where it was. */
export function Dialog({ title, close, kind = "dialog", children }: Props): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} class={kind === "dialog" ? undefined : `dialog-${kind}`} aria-labelledby={id} onClose={close}>
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={close}>
          <CloseIcon />
        </button>
      </div>
      {children}
    </dialog>
  );
}

/** A question before something that cannot be taken back. */
export function Confirm({ title, button, danger = false, busy = false, confirm, close, children }: {
  title: string;
  button: string;
  danger?: boolean;
  busy?: boolean;
  confirm: () => void;
  close: () => void;
  children: ComponentChildren;
}): VNode {
  return (
    <Dialog title={title} close={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) confirm();
        }}
      >
        {children}
        <div class="buttons">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind={danger ? "danger" : "primary"} busy={busy}>
            {busy ? "One moment…" : button}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
