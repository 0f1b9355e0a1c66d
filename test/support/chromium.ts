/**
 * A real Chromium for tests, as Debian's package installs it: headless, without a sandbox (a container's root cannot
 * have one) and without its own traffic.
 */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Runs `tests` where Chromium is installed; elsewhere one test says what was left out. */
export function withChromium(what: string, tests: () => void): void {
  if (existsSync(PROGRAM)) tests();
  else it(`leaves out: ${what} (there is no ${PROGRAM})`, () => console.warn(`skipped: ${what}`));
}

export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, headless: true, args: FLAGS });
}
