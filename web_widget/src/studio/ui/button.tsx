import type { ButtonHTMLAttributes, ComponentChildren, VNode } from "preact";

interface Props extends Omit<ButtonHTMLAttributes, "class" | "icon"> {
  kind?: "plain" | "primary" | "ghost" | "danger" | "link";
  small?: boolean;
  /** Something runs because of it: it stays where it is and takes no second press. */
  busy?: boolean;
  class?: string;
  children: ComponentChildren;
}

export function Button({ kind = "plain", small = false, busy = false, type = "button", class: more = "", onClick, children, ...rest }: Props): VNode {
  const classes = [kind === "plain" ? "" : kind, small ? "small" : "", busy ? "busy" : "", more].filter((name) => name !== "").join(" ");
  return (
    <button
      {...rest}
      type={type}
      class={classes}
      // Disabled, it would lose the focus and with it the place of whoever works by keyboard.
      aria-disabled={busy ? true : undefined}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {children}
    </button>
  );
}
