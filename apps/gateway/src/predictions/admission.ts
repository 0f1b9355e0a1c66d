/**
 * How much this gateway holds at once: predictions and the bytes of their bodies. A permit is taken before the body
 * is read, or the request is refused at once; nothing queues for one.
 */
import { SluiceError } from '#inference';
import type { GatewayContext } from '../context.js';

/** Seconds over which the rate of answers is averaged for Retry-After. */
const RATE_WINDOW_S = 5;
const MAX_RETRY_AFTER_S = 60;

export class Admission {
  private predictions = 0;
  private bytes = 0;
  private rate = 0;
  private answered = 0;
  private measuredAt = Date.now();
  private readonly idle: (() => void)[] = [];

  constructor(private readonly context: GatewayContext) {}

  get inFlight(): number {
    return this.predictions;
  }

  get inFlightBytes(): number {
    return this.bytes;
  }

  /** Takes a permit and returns its release, which must be called exactly once. @throws CAPACITY_EXHAUSTED */
  take(bytes: number): () => void {
    const { maxInFlight, maxInFlightBytes } = this.context.config;
    if (this.predictions >= maxInFlight) throw this.full(`${maxInFlight} predictions are in flight`);
    if (this.bytes + bytes > maxInFlightBytes)
      throw this.full(`${this.bytes} of ${maxInFlightBytes} bytes are in flight`);
    this.predictions++;
    this.bytes += bytes;
    return () => {
      this.predictions--;
      this.bytes -= bytes;
      this.answered++;
      if (this.predictions === 0) this.idle.splice(0).forEach((resolve) => resolve());
    };
  }

  /** Resolves when nothing is in flight. */
  empty(): Promise<void> {
    return this.predictions === 0 ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
  }

  private full(what: string): SluiceError {
    const message = `This gateway is full: ${what}. Try again after the time in Retry-After, or add workers.`;
    return new SluiceError('CAPACITY_EXHAUSTED', message, { retryAfterSeconds: this.retryAfter() });
  }

  /** Seconds until what is in flight is answered at the rate of the last seconds. */
  private retryAfter(): number {
    const elapsed = (Date.now() - this.measuredAt) / 1_000;
    if (elapsed >= 1) {
      const weight = Math.min(1, elapsed / RATE_WINDOW_S);
      this.rate += weight * (this.answered / elapsed - this.rate);
      this.answered = 0;
      this.measuredAt = Date.now();
    }
    if (this.rate <= 0) return 1;
    return Math.min(MAX_RETRY_AFTER_S, Math.max(1, Math.ceil(this.predictions / this.rate)));
  }
}
