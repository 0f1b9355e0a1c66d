/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import { CONTENDER_NAMES, type ContenderName } from './contenders/contender.js';
import { WORKLOAD_NAMES, type WorkloadName } from './workloads.js';

export interface BenchOptions {
  seconds: number;
  /** Of each service after its fresh start, under many callers: V8 needs some seconds of work before it is fast. */
  heatSeconds: number;
  /** Of the cell's own load. */
  warmupSeconds: number;
  rounds: number;
  workloads: WorkloadName[];
  /** Undefined: each workload's own. */
  callers: number[] | undefined;
  /** Open-loop arrival rates a second, as further cells of every workload. */
  rates: number[];
  contenders: ContenderName[];
  out: string;
  models: string;
  image: string | undefined;
}

export const USAGE = `npm run bench -- [options]
  --seconds N          measured seconds of a cell (8)
  --heat N             seconds of many callers after a service's start, not measured (4)
  --warmup N           seconds of the cell's own load after that, not measured (1)
  --rounds N           rounds; every round runs every contender once, and medians count (5)
  --workload NAME      json, image or all (all)
  --callers LIST       callers that wait for their answer, by comma (json: 1,64,256; image: 1,16)
  --rates LIST         further cells with Poisson arrivals at so many requests a second (none)
  --contenders LIST    of ${CONTENDER_NAMES.join(',')} (all)
  --models DIR         where resnet18/1 is (.sluice/bench-models)
  --image FILE         a JPEG to send (one is made)
  --out DIR            where results.json, .md and .svg go (docs/bench)
  --quick              one round of one second each: to see that it works, not to measure
  --help`;

/** Undefined when only the usage was asked for. @throws Error with what is wrong with the arguments. */
export function parseOptions(args: string[]): BenchOptions | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args,
    options: {
      seconds: text,
      heat: text,
      warmup: text,
      rounds: text,
      workload: { type: 'string', default: 'all' },
      callers: text,
      rates: text,
      contenders: text,
      models: { type: 'string', default: '.sluice/bench-models' },
      image: text,
      out: { type: 'string', default: 'docs/bench' },
      quick: flag,
      help: flag,
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  return {
    seconds: positive('--seconds', values.seconds ?? (quick ? '1' : '8')),
    heatSeconds: positive('--heat', values.heat ?? (quick ? '1' : '4')),
    warmupSeconds: positive('--warmup', values.warmup ?? '1'),
    rounds: positive('--rounds', values.rounds ?? (quick ? '1' : '5')),
    workloads: values.workload === 'all' ? [...WORKLOAD_NAMES] : oneOf('--workload', values.workload, WORKLOAD_NAMES),
    callers: values.callers === undefined ? undefined : numbers('--callers', values.callers),
    rates: values.rates === undefined ? [] : numbers('--rates', values.rates),
    contenders:
      values.contenders === undefined
        ? [...CONTENDER_NAMES]
        : oneOf('--contenders', values.contenders, CONTENDER_NAMES),
    out: values.out,
    models: values.models,
    image: values.image,
  };
}

/** @throws Error where the text is no number above 0. */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`${name} is "${text}"; a number above 0 was expected.`);
}

function numbers(name: string, list: string): number[] {
  return list.split(',').map((text) => positive(name, text));
}

function oneOf<Name extends string>(option: string, list: string, names: readonly Name[]): Name[] {
  return list.split(',').map((text) => {
    const name = names.find((known) => known === text.trim());
    if (name === undefined) throw new Error(`${option} has "${text}"; expected some of ${names.join(', ')}.`);
    return name;
  });
}
