import type { ComponentChildren, VNode } from "preact";
import { useId } from "preact/hooks";

/** A control with its label, what helps to fill it in, and what is wrong with it. */
export function Field({ label, hint, error, class: more = "", children }: {
  label: ComponentChildren;
  hint?: ComponentChildren;
  error?: string | null;
  class?: string;
  /** Gets the id that the label points to, and that of the words about it. */
  children: (ids: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ComponentChildren;
}): VNode {
  const id = useId();
  const wrong = error != null && error !== "";
  const told = hint !== undefined || wrong;
  return (
    <div class={`field ${more}`}>
      <label for={id}>{label}</label>
      {children({ id, ...(told ? { "aria-describedby": `${id}-told` } : {}), ...(wrong ? { "aria-invalid": true as const } : {}) })}
      {told && (
        <p id={`${id}-told`} class={wrong ? "field-told wrong" : "field-told"}>
          {wrong ? error : hint}
        </p>
      )}
    </div>
  );
}

/** Some of a few: `aria-pressed` buttons in a row. */
export function Chips<T extends string>({ label, value, options, choose }: {
  label: string;
  value: T;
  options: readonly { value: T; label: string; n?: number }[];
  choose: (value: T) => void;
}): VNode {
  return (
    <div class="chips" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option.value} type="button" class="pick" aria-pressed={option.value === value} onClick={() => choose(option.value)}>
          {option.label}
          {option.n !== undefined && <span class="tally"> {option.n}</span>}
        </button>
      ))}
    </div>
  );
}
