/** Which articles are taken for which: a table whose cells are shaded by how often, and the words behind one cell. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { type Confusion, matrixOf, shade } from "../judge";
import { count } from "../words";

interface Props {
  confusions: readonly Confusion[];
  titleOf: (id: string | null) => string;
}

export function ConfusionMatrix({ confusions, titleOf }: Props): VNode {
  const [chosen, setChosen] = useState<Confusion | null>(null);
  const { rows, columns, cells, most } = matrixOf(confusions);
  const shown = chosen ?? confusions[0] ?? null;
  return (
    <div class="confusions">
      <div class="scroll" tabIndex={0} role="group" aria-label="Which articles are taken for which">
        <table class="matrix">
          <caption>Rows: the right article. Columns: the article that was found first instead. Choose a number to read the questions.</caption>
          <thead>
            <tr>
              <td />
              {columns.map((id) => (
                <th key={id} scope="col" dir="auto">
                  {titleOf(id)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((expected, i) => (
              <tr key={expected}>
                <th scope="row" dir="auto">
                  {titleOf(expected)}
                </th>
                {columns.map((best, n) => {
                  const cell = cells[i]?.[n] ?? null;
                  if (cell === null) return <td key={best} />;
                  return (
                    <td key={best} class={`heat-${shade(cell.n, most)}`}>
                      <button
                        type="button"
                        aria-pressed={shown === cell}
                        aria-label={`${titleOf(expected)}, taken for ${titleOf(best)}: ${count(cell.n, "question")}, ${cell.answered} answered`}
                        onClick={() => setChosen(cell)}
                      >
                        {cell.n}
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="confusion-words" role="status">
        {shown !== null && (
          <>
            <p>
              <strong dir="auto">{titleOf(shown.expected)}</strong> was taken for <strong dir="auto">{titleOf(shown.best)}</strong>{" "}
              {count(shown.n, "time")}; {shown.answered === 0 ? "none of these reached a customer" : `${shown.answered} of these would have been said`}.
            </p>
            <ul>
              {shown.examples.map((text) => (
                <li key={text} dir="auto">
                  “{text}”
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </div>
  );
}
