/**
 * How many bytes durable predictions may take, with inputs, outputs and records: a share of Redis' maxmemory, read at the
 * start and once a minute. On the way it tells, once each, of settings of Redis under which accepted can be lost.
 *
 * Invariants: when Redis sets no maxmemory, the budget is the share of ASSUMED_BYTES; until it has answered there is none,
 * for a guess that is too small would have results evicted that there is room for.
 */
import type { GatewayContext } from '../context.js';
import { Rounds } from './rounds.js';

const ASSUMED_BYTES = 1024 ** 3;
const REFRESH_MS = 60_000;

export type BudgetContext = Pick<GatewayContext, 'redis' | 'config' | 'log'>;

export class StorageBudget {
  private maxmemory: number | undefined;
  private readonly told = new Set<string>();
  private readonly rounds: Rounds;

  constructor(private readonly context: BudgetContext) {
    this.rounds = new Rounds({
      run: () => this.read().then(() => REFRESH_MS),
      // That Redis is away is told by its connection.
      failed: (reason) => context.log.debug({ reason }, 'could not read the memory limit of Redis'),
    });
  }

  get bytes(): number {
    if (this.maxmemory === undefined) return Number.MAX_SAFE_INTEGER;
    return Math.floor((this.maxmemory || ASSUMED_BYTES) * this.context.config.storageShare);
  }

  start(): void {
    this.rounds.start();
  }

  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private async read(): Promise<void> {
    const { redis } = this.context;
    // INFO and not CONFIG GET, which hosted Redis and narrow ACLs forbid.
    const [memory, persistence] = await Promise.all([redis.info('memory'), redis.info('persistence')]);
    this.maxmemory = Number(field(memory, 'maxmemory') ?? 0);
    if (this.maxmemory === 0) {
      this.warn('Redis has no maxmemory: 1 GiB is assumed for what durable predictions may take. Set maxmemory.');
    }
    const policy = field(memory, 'maxmemory_policy');
    if (policy !== undefined && policy !== 'noeviction') {
      this.warn(`Redis may evict accepted predictions (maxmemory-policy ${policy}). Set it to noeviction.`);
    }
    if (field(persistence, 'aof_enabled') === '0') {
      this.warn('Redis keeps no append-only file: accepted predictions are lost if it crashes. Set appendonly yes.');
    }
  }

  private warn(sentence: string): void {
    if (this.told.has(sentence)) return;
    this.told.add(sentence);
    this.context.log.warn(sentence);
  }
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
