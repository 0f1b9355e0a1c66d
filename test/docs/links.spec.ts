// Proves: every relative link in the project's pages leads to a file, and to a heading where it names one.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { anchorsOf, linksOf, pages } from './pages.js';
import { rowsOf } from './tables.js';

it.each(pages())('%s links only to what exists', (page) => {
  const broken = linksOf(page).filter((link) => {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
  expect(broken).toEqual([]);
});

it('has a page in the reading order for every page in docs', () => {
  const listed = linksOf('docs/README.md').map((link) => join('docs', link));
  const written = pages().filter((page) => /^docs\/(decisions\/)?[^/]+\.md$/.test(page) && page !== 'docs/README.md');
  expect([...listed].sort()).toEqual([...written].sort());
});

it('answers each question of the table "Where is …?" with exactly one file that exists', () => {
  const rows = rowsOf('README.md', 'Where is …?');
  expect(rows.length).toBeGreaterThan(15);
  for (const { file = '' } of rows) {
    const paths = [...file.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1]!);
    expect(paths).toHaveLength(1);
    expect(statSync(paths[0]!).isFile()).toBe(true);
  }
});

it('names in code only pages of docs that exist', () => {
  const named = sources().flatMap((file) => readFileSync(file, 'utf8').match(/docs\/[\w-]+\.md/g) ?? []);
  expect(named).toContain('docs/packages.md');
  expect([...new Set(named)].filter((page) => !existsSync(page))).toEqual([]);
});

function sources(): string[] {
  const found = ['apps', 'libs'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  return ['eslint.config.mjs', ...found.filter((file) => file.endsWith('.ts'))];
}
