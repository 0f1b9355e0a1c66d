/**
 * What commands write: text for people, with tables, or JSON for programs.
 *
 * Invariant: what came from elsewhere (names, messages, answers) reaches the terminal without control characters, so
 * that nothing in it can move the cursor or hide a line.
 */

/** Control characters but the end of a line, and those that are invisible or turn the direction of writing. */
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export function printable(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** Two spaces of indent. What `printable` escapes stands in strings alone, where the escape means the same. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

/** To the byte as it came, and the end of the line where it lacks one. */
export function printRaw(text: string): void {
  if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** To standard error: how it goes, which is no part of the answer. */
export function tell(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** Columns under their names, as wide as what is in them; a row may be shorter. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [columns.map((name) => name.toUpperCase()), ...rows].map((row) => row.map(oneLine));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)));
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `name  value` lines, their values under each other; those without a value are left out. */
export function fields(entries: readonly (readonly [string, string | undefined])[]): string {
  const known = entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  const width = Math.max(0, ...known.map(([name]) => name.length));
  const indent = `\n${' '.repeat(width + 2)}`;
  return known.map(([name, value]) => `${name.padEnd(width)}  ${value.replaceAll('\n', indent)}`).join('\n');
}

function oneLine(text: string): string {
  return printable(text.replaceAll('\n', ' '));
}
