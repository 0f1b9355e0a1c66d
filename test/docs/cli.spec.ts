// Proves: docs/cli.md has a section for every command, with the usage that --help prints, and every exit code that there is.
import { readFileSync } from 'node:fs';
import { EXIT } from '../../apps/cli/src/command.js';
import { COMMANDS } from '../../apps/cli/src/commands.js';
import { plain, rowsOf } from './tables.js';

const PAGE = 'docs/cli.md';
const sections = readFileSync(PAGE, 'utf8').split(/^#+ /m).slice(1);
const documented = sections.filter((section) => section.startsWith('sluice '));

it('has a section for every command, and for nothing else', () => {
  const names = documented.map((section) => section.split('\n')[0]!.replace('sluice ', ''));
  expect(names.sort()).toEqual(Object.keys(COMMANDS).sort());
});

it.each(Object.entries(COMMANDS))('states the usage of %s, and says what it does', async (name, load) => {
  const { usage } = await load();
  const section = documented.find((text) => text.startsWith(`sluice ${name}\n`))!;
  const [, stated, prose] = /^```\n(.*)\n```\n([^]*)$/m.exec(section)!;
  expect(stated).toBe(`sluice ${name} ${usage}`.trimEnd());
  expect(prose!.trim().length).toBeGreaterThan(40);
});

it('lists the exit codes', () => {
  // 3 is that of bulk runs.
  const known = [...Object.values(EXIT), 3].sort((a, b) => a - b).map(String);
  expect(rowsOf(PAGE, 'What is written where').map((row) => plain(row['exit code']))).toEqual(known);
});
