/** The command line of the drill. */
import { parseArgs } from 'node:util';
import { KINDS, type Kind } from './chaos.js';

export interface DrillOptions {
  predictions: number;
  /** Submissions a second, when nobody refuses them. */
  rate: number;
  /** Submissions under way at once, at most. */
  concurrency: number;
  /** Milliseconds between two kills, on average. */
  killEveryMs: number;
  kinds: Kind[];
  /** Share of deliveries that the receiver fails. */
  failures: number;
  /** Whether anybody is told of the end. */
  webhooks: boolean;
  seed: number;
  /** Milliseconds that all submissions together, and then all that is still open, may take. */
  limitMs: number;
}

export const USAGE = `npm run drill -- [options]
  --predictions N   how many are submitted (1000)
  --rate N          submissions a second, at most (100)
  --concurrency N   submissions under way at once, at most (32)
  --kill-every S    seconds between two kills, on average; each kind at least once (3)
  --kill LIST       of ${KINDS.join(',')} (all)
  --failures P      percent of deliveries that the receiver fails, singly and in bursts (30)
  --without-webhooks  predictions alone, to see which half is at fault
  --seed N          of everything that is random; the system's own timing is not (drawn)
  --limit S         seconds for all submissions, and again for the end of all that is open (300)
  --help`;

/** Undefined when only the usage was asked for. @throws Error with what is wrong with the arguments. */
export function parseOptions(args: string[]): DrillOptions | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args,
    options: {
      predictions: text,
      rate: text,
      concurrency: text,
      'kill-every': text,
      kill: { type: 'string', default: KINDS.join(',') },
      failures: text,
      'without-webhooks': flag,
      seed: text,
      limit: text,
      help: flag,
    },
  });
  if (values.help) return undefined;
  const number = (name: Exclude<keyof typeof values, 'help' | 'without-webhooks' | 'kill'>, usual: number): number => {
    const given = values[name];
    const value = Number(given ?? usual);
    if (value >= 0 && Number.isFinite(value)) return value;
    throw new Error(`--${name} is "${given}"; a number was expected.`);
  };
  return {
    predictions: Math.max(1, Math.round(number('predictions', 1_000))),
    rate: Math.max(0.1, number('rate', 100)),
    concurrency: Math.max(1, Math.round(number('concurrency', 32))),
    killEveryMs: Math.max(0.1, number('kill-every', 3)) * 1_000,
    kinds: kindsOf(values.kill),
    failures: Math.min(0.9, number('failures', 30) / 100),
    webhooks: !values['without-webhooks'],
    seed: Math.round(number('seed', Date.now() % 1_000_000)),
    limitMs: number('limit', 300) * 1_000,
  };
}

function kindsOf(list: string): Kind[] {
  return list.split(',').map((name) => {
    const kind = KINDS.find((known) => known === name.trim());
    if (kind === undefined) throw new Error(`--kill has "${name}"; some of ${KINDS.join(', ')} were expected.`);
    return kind;
  });
}
