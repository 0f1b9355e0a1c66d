/** Test data that lies beside the project and not in it: pictures, models and golden answers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const DATA = join(process.cwd(), '..', 'shared', 'data');

export const dataIsHere = existsSync(DATA);

/** Runs `tests` where the data is; elsewhere one test says what was left out. */
export function withData(what: string, tests: () => void): void {
  if (dataIsHere) tests();
  else it(`leaves out: ${what} (the data folder is not beside the project)`, () => console.warn(`skipped: ${what}`));
}

export function dataPath(...parts: string[]): string {
  return join(DATA, ...parts);
}

export function readData(...parts: string[]): Buffer {
  return readFileSync(dataPath(...parts));
}
