import type { ComponentChildren, VNode } from "preact";
import { useId, useRef } from "preact/hooks";

/** Panels of which one is shown. Arrow keys move between the tabs, as WAI-ARIA's pattern says. */
export function Tabs<T extends string>({ label, value, tabs, choose, children }: {
  label: string;
  value: T;
  tabs: readonly { value: T; label: ComponentChildren }[];
  choose: (value: T) => void;
  /** The chosen panel's content. */
  children: ComponentChildren;
}): VNode {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent): void => {
    const here = tabs.findIndex((tab) => tab.value === value);
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    if (next === undefined) return;
    choose(next.value);
    list.current?.querySelector<HTMLElement>(`[data-value="${next.value}"]`)?.focus();
  };
  return (
    <>
      <div ref={list} class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.value}
            type="button"
            role="tab"
            id={`${id}-${tab.value}`}
            data-value={tab.value}
            aria-selected={tab.value === value}
            aria-controls={`${id}-panel`}
            tabIndex={tab.value === value ? 0 : -1}
            onClick={() => choose(tab.value)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div id={`${id}-panel`} class="tab-panel" role="tabpanel" aria-labelledby={`${id}-${value}`} tabIndex={-1}>
        {children}
      </div>
    </>
  );
}
