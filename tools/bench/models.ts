/**
 * Several models on one worker: what a flood on one costs the callers of another, and five models in memory for three.
 *
 *   npm run --silent build && node dist/tools/bench/models.js fairness [--seconds N] [--rounds N] [--callers N] [--rate N]
 *   npm run --silent build && node dist/tools/bench/models.js memory   [--seconds N] [--callers N]
 *
 * One Redis, one gateway and one worker of one executor, on models that are made here: matrix products, of known
 * size and cost. `fairness`: callers of a light model come at Poisson times, without and with a flood on a heavy one, in
 * turn; goal: p99 with at most p99 without plus two runs of the flood, one that runs and one of the light model's own
 * turn. `memory`: the budget is what three of five take; first one caller asks all five in turn, then each has callers
 * of its own; goal: everybody is answered.
 */
import { parseArgs } from 'node:util';
import { fairness } from './several-models/fairness.js';
import { memory } from './several-models/memory.js';
import { positive } from './options.js';
import { benchProgram } from './processes/program.js';
import { findRedis } from './processes/redis.js';

const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: text, rounds: text, callers: text, rate: text },
});
const { scratch, children, run } = await benchProgram('models');
await run(async () => {
  const base = {
    children,
    scratch,
    redis: await findRedis(),
    print: (line: string): void => void process.stdout.write(`${line}\n`),
    seconds: positive('--seconds', values.seconds ?? '20'),
  };
  const [what] = positionals;
  if (what === 'fairness') {
    await fairness({
      ...base,
      rounds: positive('--rounds', values.rounds ?? '3'),
      callers: positive('--callers', values.callers ?? '64'),
      rate: positive('--rate', values.rate ?? '20'),
    });
  } else if (what === 'memory') {
    await memory({ ...base, callers: positive('--callers', values.callers ?? '2') });
  } else throw new Error('Expected fairness or memory; see the head of tools/bench/models.ts.');
});
