// Proves, small: whatever is killed -9 meanwhile, what was acknowledged ends once, is answered right and is told by webhook.
import { Child } from '../support/child.js';

const ARGUMENTS = ['--predictions', '300', '--rate', '15', '--kill-every', '3', '--limit', '100'];

it('a drill with kills of every kind finds nothing lost, nothing done twice and nothing left open', async () => {
  const drill = new Child('dist/tools/drill/main.js', {}, ARGUMENTS);
  const { code } = await drill.exited;
  expect({ code, log: code === 0 ? '' : drill.log.slice(-8_000) }).toEqual({ code: 0, log: '' });
  expect(drill.log).toMatch(/\| violations +\| 0 \|/);
}, 240_000);
