/** Which processors are an executor's, by what the kernel says of the worker. */
import { allowedProcessors, processorsOf } from './processors.js';

const status = (list: string) => () =>
  `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${list}\nMems_allowed:\t1\n`;

describe('processors of executors', () => {
  it.each([
    ['0', [0]],
    ['0-3', [0, 1, 2, 3]],
    ['2,5-6,9', [2, 5, 6, 9]],
  ])('are of those that the worker may use: %s', (list, processors) => {
    expect(allowedProcessors(status(list))).toEqual(processors);
  });

  it('are not known where the system does not say', () => {
    const missing = (): never => {
      throw new Error('ENOENT');
    };
    expect([allowedProcessors(missing), allowedProcessors(() => 'Name:\tnode\n')]).toEqual([[], []]);
  });

  it('are as many as it has threads, its neighbours have others, and the first come again when all are taken', () => {
    const allowed = [2, 3, 6, 7];
    expect([0, 1, 2].map((place) => processorsOf(place, 2, allowed))).toEqual([
      [2, 3],
      [6, 7],
      [2, 3],
    ]);
    expect(processorsOf(1, 8, allowed)).toEqual(allowed);
  });
});
