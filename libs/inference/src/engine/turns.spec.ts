/** Pieces of work come one after the other, and others get a word in between. */
import { Turns } from './turns.js';

function busy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

it('lets others in between pieces that together take long', async () => {
  const turns = new Turns();
  const told: string[] = [];
  setImmediate(() => told.push('other'));
  const pieces = ['a', 'b', 'c'].map((name) =>
    turns.use(() => {
      busy(9);
      told.push(name);
      return Promise.resolve();
    }),
  );
  await Promise.all(pieces);
  expect(told).toEqual(['a', 'other', 'b', 'c']);
});

it('goes on after a piece that fails', async () => {
  const turns = new Turns();
  const failed = turns.use(() => Promise.reject(new Error('no')));
  await expect(failed).rejects.toThrow('no');
  await expect(turns.use(() => Promise.resolve(1))).resolves.toBe(1);
});
