/**
 * What a model takes in memory: the bytes by which the process grows while it is opened, and in its first runs, in which
 * onnxruntime lays out its work space.
 *
 * Decoded pictures are larger than many a model, so nothing is said of a time in which one was decoded; and what is no
 * longer used is collected before and after a load, for a package was read whole just before.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Model } from './model.js';
import type { Permits } from './permits.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** The measure of a smaller package says more of everything else; and two hundred of them are to start in seconds. */
const WORTH_MEASURING = 1024 * 1024;
/** Runs of a model in which it may still grow. */
const FIRST_RUNS = 3;

export class Growth {
  private readonly runs = new WeakMap<Model, number>();

  constructor(private readonly decodes: Permits) {}

  /** To be called when the session is about to be opened; what it answers, when all is done. */
  startOfLoad(packageBytes: number): () => number | undefined {
    if (packageBytes < WORTH_MEASURING) return () => undefined;
    collect();
    const grown = this.start();
    return () => {
      collect();
      return grown();
    };
  }

  /** Says nothing of a run that is not among the first of its model. */
  startOfRun(model: Model): () => number | undefined {
    const runs = this.runs.get(model) ?? 0;
    if (runs >= FIRST_RUNS) return () => undefined;
    this.runs.set(model, runs + 1);
    return this.start();
  }

  /** Bytes since, or undefined when they may be somebody else's. */
  private start(): () => number | undefined {
    const quiet = this.decodes.quietSince();
    const before = process.memoryUsage.rss();
    return () => (quiet() ? Math.max(0, process.memoryUsage.rss() - before) : undefined);
  }
}
