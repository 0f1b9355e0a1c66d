// Proves: the embedded example's command prints what its README says, and one bad picture does not end it.
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { blocksOf } from '../docs/pages.js';

const README = 'examples/node-embedded/README.md';

it('prints what its README shows', async () => {
  const [commands] = blocksOf(README, 'sh');
  const [printed] = blocksOf(README, 'text');
  const command = commands!.trim().split('\n').at(-1)!;
  const { stdout } = await promisify(execFile)('bash', ['-ec', command]);
  expect(stdout).toBe(printed);
});

it('goes on after a file that is no picture, and says so by its exit code', () => {
  const program = 'examples/node-embedded/classify.mjs';
  const { stdout, status } = spawnSync(
    process.execPath,
    [program, 'models/digits/1', README, 'examples/digits/seven.png'],
    { encoding: 'utf8' },
  );
  expect(stdout).toMatch(/README\.md: IMAGE_FORMAT_UNSUPPORTED: .*\nseven\.png: 7 /);
  expect(status).toBe(1);
});
