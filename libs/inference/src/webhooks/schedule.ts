/**
 * When a delivery is tried: the pauses before its attempts, written as `0,5s,5m,…`, each spread by jitter so that what
 * failed together does not come back together.
 */
export const DEFAULT_SCHEDULE = '0,5s,5m,30m,2h,5h,10h,14h,20h,24h';

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,9})(ms|s|m|h|d)?$/;
const MAX_STEPS = 32;
const MAX_STEP_MS = 30 * 86_400_000;
/** A pause is shortened or lengthened at random by up to this share. */
const JITTER = 0.2;
/** `Retry-After` is obeyed up to the longest pause, and up to this whatever the schedule. */
export const MAX_RETRY_AFTER_MS = 86_400_000;

/** Milliseconds before each attempt; undefined when the text is no such list. A unit may be missing from 0 alone. */
export function parseSchedule(text: string): number[] | undefined {
  const steps = text.split(',').map((step) => {
    const [, count, unit] = DURATION.exec(step.trim()) ?? [];
    if (count === undefined || (unit === undefined && Number(count) !== 0)) return Number.NaN;
    return Number(count) * UNITS[unit ?? 'ms']!;
  });
  const usable = steps.length <= MAX_STEPS && steps.every((ms) => ms >= 0 && ms <= MAX_STEP_MS);
  return usable ? steps : undefined;
}

export class RetrySchedule {
  private readonly longest: number;

  constructor(
    private readonly steps: readonly number[],
    private readonly random: () => number = Math.random,
  ) {
    this.longest = Math.max(...steps);
  }

  /** From the first attempt to the last, without jitter. */
  get totalMs(): number {
    return this.steps.reduce((sum, step) => sum + step, 0);
  }

  /** The shortest pause there is: how soon it is worth asking a receiver that fails. */
  get shortestMs(): number {
    return Math.min(...this.steps.filter((step) => step > 0), 5_000);
  }

  /** The pause after so many attempts; undefined when there is no other. What the receiver asked for is waited out. */
  after(attempts: number, retryAfterMs = 0): number | undefined {
    const step = this.steps[attempts];
    if (step === undefined) return undefined;
    const asked = Math.min(retryAfterMs, Math.max(this.longest, MAX_RETRY_AFTER_MS));
    return Math.max(Math.round(step * (1 + JITTER * (2 * this.random() - 1))), asked);
  }
}

/** `Retry-After` in milliseconds from now: seconds or a date. undefined when it is neither. */
export function retryAfterMs(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // Date.parse takes much that is no HTTP date, as "5.5".
  const at = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
