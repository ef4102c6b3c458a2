import type { ComponentChildren, VNode } from "preact";

export interface Column<Row> {
  name: string;
  cell: (row: Row) => ComponentChildren;
  /** Numbers stand at the end, figure below figure. */
  numeric?: boolean;
  /** Not on phones. */
  wide?: boolean;
}

/** Rows of things. The first column names the row; on a phone each row becomes a card. */
export function Table<Row>({ caption, columns, rows, id, current }: {
  /** Read by screen readers. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  id: (row: Row) => string;
  current?: (row: Row) => boolean;
}): VNode {
  const classes = (column: Column<Row>): string => `${column.numeric === true ? "num" : ""}${column.wide === true ? " wide-only" : ""}`.trim();
  return (
    <div class="table-room">
      <table class="table">
        <caption class="sr">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={classes(column)}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)} data-id={id(row)} class={current?.(row) === true ? "current" : undefined}>
              {columns.map((column, i) =>
                i === 0 ? (
                  <th key={column.name} scope="row" class={classes(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.name} class={classes(column)} data-name={column.name}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
