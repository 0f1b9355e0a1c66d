/** Reads the tables of a Markdown page, so that specs can compare them with the code. */
import { readFileSync } from 'node:fs';

export type Row = Record<string, string>;

/** The rows of all tables under the heading `section` (of any level), or of the whole page, by column name. */
export function rowsOf(page: string, section?: string): Row[] {
  const rows: Row[] = [];
  let inside = section === undefined;
  let columns: string[] | undefined;
  for (const line of readFileSync(page, 'utf8').split('\n')) {
    const heading = /^#+ (.*)$/.exec(line)?.[1];
    if (heading !== undefined && section !== undefined) inside = heading === section;
    if (!line.startsWith('|')) columns = undefined;
    else if (!columns) columns = cellsOf(line);
    else if (inside && !/^\|[\s:|-]+\|$/.test(line)) {
      const cells = cellsOf(line);
      rows.push(Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? ''])));
    }
  }
  return rows;
}

/** The only text in backticks of a cell, or the cell itself. */
export function plain(cell: string | undefined): string {
  return (cell ?? '').replace(/^`(.*)`$/, '$1');
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
