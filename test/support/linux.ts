/** Runs `tests` on Linux, whose files or tools they are about; elsewhere one test says what was left out. */
export function onLinux(what: string, tests: () => void): void {
  if (process.platform === 'linux') describe(what, tests);
  else it(`leaves out: ${what} (this is not Linux)`, () => console.warn(`skipped: ${what}`));
}
