/** Workers hear of a wanted version, and not of every request for it. */
import { setImmediate as turn } from 'node:timers/promises';
import { Wanted } from './wanted.js';

let now = 0;
beforeEach(() => jest.spyOn(performance, 'now').mockImplementation(() => now));
afterEach(() => jest.restoreAllMocks());

it('tells of a version once a second, and of all of a turn at once', async () => {
  const told: (readonly string[])[] = [];
  const wanted = new Wanted({ want: (keys) => Promise.resolve(void told.push(keys)) });
  for (const key of ['m:1', 'm:1', 'm:2']) wanted.tell(key);
  await turn();
  now += 999;
  wanted.tell('m:1');
  await turn();
  expect(told).toEqual([['m:1', 'm:2']]);
  now += 1;
  wanted.tell('m:1');
  await turn();
  expect(told).toEqual([['m:1', 'm:2'], ['m:1']]);
});

it('tells again at the next request when it could not', async () => {
  let calls = 0;
  const wanted = new Wanted({ want: () => (calls++ === 0 ? Promise.reject(new Error('away')) : Promise.resolve()) });
  wanted.tell('m:1');
  await turn();
  wanted.tell('m:1');
  await turn();
  expect(calls).toBe(2);
});
