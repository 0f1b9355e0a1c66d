/** What is decoded next when more waits than may be decoded at once. */
import { Permits } from './permits.js';

describe('permits', () => {
  it('let the smallest turn go first, and of one turn who came first', async () => {
    const permits = new Permits(1);
    const order: string[] = [];
    const task = (name: string) => () => {
      order.push(name);
      return Promise.resolve();
    };
    await Promise.all([
      permits.use(task('first')),
      permits.at(5).use(task('late 1')),
      permits.at(5).use(task('late 2')),
      permits.at(2).use(task('early')),
    ]);
    expect(order).toEqual(['first', 'early', 'late 1', 'late 2']);
  });

  it('tell whether nothing was under way for a while', async () => {
    const permits = new Permits(1);
    const quiet = permits.quietSince();
    expect(quiet()).toBe(true);
    const task = permits.use(() => new Promise<void>(setImmediate));
    const busy = permits.quietSince();
    await task;
    expect([quiet(), busy(), permits.quietSince()()]).toEqual([false, false, true]);
  });
});
