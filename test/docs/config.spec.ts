// Proves: docs/config.md lists every setting of every process with its default, and nothing else.
import { z } from 'zod';
import { SETTINGS } from '../../libs/inference/src/config.js';
import { plain, rowsOf } from './tables.js';

it.each(Object.entries(SETTINGS))('lists the settings of %s with their defaults', (process, settings) => {
  const defaults = z.object(settings).parse({}) as Record<string, string | number | string[] | undefined>;
  const expected = Object.keys(settings).map((name) => [name, (defaults[name] ?? 'unset').toString()]);
  const rows = rowsOf('docs/config.md', process);
  expect(rows.map((row) => [plain(row['setting']), plain(row['default'])])).toEqual(expected);
});

it('has a section for every process, and for no other', () => {
  const all = Object.values(SETTINGS).flatMap((settings) => Object.keys(settings));
  expect(rowsOf('docs/config.md').map((row) => plain(row['setting']))).toEqual(all);
});

it('says of every setting what it is and what it costs', () => {
  for (const row of rowsOf('docs/config.md')) expect(row['what, and what it costs']).toMatch(/.{8,}/);
});
