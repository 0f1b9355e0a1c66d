/**
 * What the drill itself knows: what was acknowledged, what was delivered, what was wrong. It is compared with what the
 * service says in the end.
 */
export interface Acknowledged {
  key: string;
  id: string;
  /** The class that the answer must have. */
  expected: number;
  at: number;
}

export interface Delivered {
  /** Every `webhook-id` that came for this prediction. */
  webhookIds: Set<string>;
  /** Status in the payload, as the last delivery had it. */
  status: string;
  attempts: number;
  /** Deliveries that were answered with success. */
  successes: number;
  firstSuccessAt: number | undefined;
}

export class Book {
  readonly acknowledged = new Map<string, Acknowledged>();
  readonly delivered = new Map<string, Delivered>();
  readonly givenUp: string[] = [];
  readonly violations: string[] = [];
  /** The longest time between two acknowledgements. */
  longestGapMs = 0;
  firstAt = 0;
  lastAt = 0;
  retries = 0;
  lostAnswers = 0;
  repeatedKeys = 0;
  readonly refusals = new Map<string, number>();
  private readonly byKey = new Map<string, string>();

  acknowledge(entry: Acknowledged): void {
    const known = this.byKey.get(entry.key);
    if (known !== undefined) {
      if (known !== entry.id) this.violation(`Idempotency-Key ${entry.key} gave ${known} and then ${entry.id}`);
      return;
    }
    this.byKey.set(entry.key, entry.id);
    const other = this.acknowledged.get(entry.id);
    if (other) this.violation(`${entry.id} was given to two keys: ${other.key} and ${entry.key}`);
    this.acknowledged.set(entry.id, entry);
    if (this.lastAt > 0) this.longestGapMs = Math.max(this.longestGapMs, entry.at - this.lastAt);
    this.firstAt ||= entry.at;
    this.lastAt = entry.at;
  }

  delivery(id: string, { webhookId, status, success }: { webhookId: string; status: string; success: boolean }): void {
    const entry = this.delivered.get(id) ?? {
      webhookIds: new Set<string>(),
      status,
      attempts: 0,
      successes: 0,
      firstSuccessAt: undefined,
    };
    this.delivered.set(id, entry);
    entry.webhookIds.add(webhookId);
    entry.status = status;
    entry.attempts++;
    if (success) {
      entry.successes++;
      entry.firstSuccessAt ??= Date.now();
    }
  }

  violation(what: string): void {
    this.violations.push(what);
  }

  refused(reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }

  /** Acknowledged, and not yet told by a webhook that was answered with success. */
  untold(): string[] {
    return [...this.acknowledged.keys()].filter((id) => !this.delivered.get(id)?.successes);
  }
}
