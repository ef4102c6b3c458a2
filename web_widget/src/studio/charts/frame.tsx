/** What every chart has: a name, words for who cannot see it, a key of its colours, and the same in numbers. */
import type { ComponentChildren, VNode } from "preact";
import { useId } from "preact/hooks";

export interface Numbers {
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

/** Colours and strokes: `a` is what is shown, `b` what it is compared with, `limit` what was promised. */
export type Ink = "a" | "b" | "limit";

export interface KeyEntry {
  name: string;
  ink: Ink;
}

interface Props {
  title: string;
  /** One or two sentences that say what is seen in it. */
  says: string;
  width: number;
  height: number;
  /** How to read it, for everybody. */
  note?: string | undefined;
  legend?: readonly KeyEntry[];
  numbers?: Numbers;
  children: ComponentChildren;
}

export function Frame({ title, says, width, height, note, legend = [], numbers, children }: Props): VNode {
  const id = useId();
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-labelledby={`${id}-t ${id}-d`}>
        <title id={`${id}-t`}>{title}</title>
        <desc id={`${id}-d`}>{says}</desc>
        {children}
      </svg>
      {legend.length > 1 && (
        <ul class="chart-key" aria-hidden="true">
          {legend.map(({ name, ink }) => (
            <li key={name}>
              <svg viewBox="0 0 22 8" width="22" height="8">
                <path class={`ink-${ink}`} d="M1 4H21" />
              </svg>
              {name}
            </li>
          ))}
        </ul>
      )}
      {note !== undefined && <p class="chart-note">{note}</p>}
      {numbers !== undefined && numbers.rows.length > 0 && (
        <details class="chart-numbers">
          <summary>In numbers</summary>
          <div class="scroll" tabIndex={0} role="group" aria-label={`${title}, in numbers`}>
            <table>
              <thead>
                <tr>
                  {numbers.head.map((cell) => (
                    <th key={cell} scope="col">
                      {cell}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {numbers.rows.map((row, i) => (
                  <tr key={i}>
                    {row.map((cell, n) =>
                      n === 0 ? (
                        <th key={n} scope="row">
                          {cell}
                        </th>
                      ) : (
                        <td key={n}>{cell}</td>
                      ),
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </figure>
  );
}
