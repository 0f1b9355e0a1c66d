/**
 * What has failed of each version lately, as this gateway saw it: by code, how often and when last. What a caller's own
 * input was to blame for does not count.
 */
import type { ErrorCode, SluiceError } from '#inference';

const COUNTED = new Set<ErrorCode>([
  'MODEL_RUN_FAILED',
  'INPUT_POISONOUS',
  'PAYLOAD_LOST',
  'QUEUE_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'VERSION_REMOVED',
  'INTERNAL',
]);
const MAX_VERSIONS = 1_000;

export interface LastError {
  code: ErrorCode;
  count: number;
  /** Milliseconds since 1970. */
  last: number;
}

export class LastErrors {
  private readonly versions = new Map<string, Map<ErrorCode, LastError>>();

  note(key: string, { code }: SluiceError): void {
    if (!COUNTED.has(code)) return;
    const codes = this.versions.get(key) ?? new Map<ErrorCode, LastError>();
    // The version that was quiet for longest is forgotten first.
    this.versions.delete(key);
    this.versions.set(key, codes);
    if (this.versions.size > MAX_VERSIONS) this.versions.delete(this.versions.keys().next().value!);
    codes.set(code, { code, count: (codes.get(code)?.count ?? 0) + 1, last: Date.now() });
  }

  of(key: string): LastError[] {
    return [...(this.versions.get(key)?.values() ?? [])].sort((a, b) => b.last - a.last);
  }
}
