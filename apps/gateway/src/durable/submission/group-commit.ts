/**
 * Submissions that come at the same time share a write to Redis and, by version, a job: while one group is being
 * written the next one gathers, as a database gathers commits. One that comes alone goes at once.
 *
 * Invariants: a submission resolves after Redis has its record and, unless Redis failed just then, its job; one that
 * fails keeps no other from being written; a job is no larger than the batch that its model runs.
 */
import {
  MAX_JOB_PREDICTIONS,
  newId,
  type Ledger,
  type Logger,
  type Outbox,
  type Submission,
  type Submitted,
} from '#inference';

/** Larger groups would hold up what comes meanwhile for longer than they save. */
const MAX_GROUP = 128;
const MAX_GROUP_BYTES = 16 * 1024 * 1024;

interface Waiting {
  submission: Submission;
  maxBatchSize: number;
  resolve(submitted: Submitted): void;
  reject(error: unknown): void;
}

export interface GroupCommitOptions {
  ledger: Ledger;
  outbox: Outbox;
  log: Logger;
}

export class GroupCommit {
  private readonly waiting: Waiting[] = [];
  private writing = false;

  constructor(private readonly options: GroupCommitOptions) {}

  submit(submission: Submission, maxBatchSize: number): Promise<Submitted> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ submission, maxBatchSize, resolve, reject });
      if (!this.writing) this.next();
    });
  }

  private next(): void {
    this.writing = true;
    // What arrives in the same turn shares a group; waiting to its end costs nothing.
    setImmediate(() => {
      const jobs = byJob(this.take());
      const written = [...jobs].map(([job, group]) => this.write(job, group));
      void Promise.all(written).then(() => {
        this.writing = false;
        if (this.waiting.length > 0) this.next();
      });
    });
  }

  private take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { submission } of this.waiting) {
      bytes += submission.head.inputBytes;
      if (count > 0 && (bytes > MAX_GROUP_BYTES || count === MAX_GROUP)) break;
      count++;
    }
    return this.waiting.splice(0, count);
  }

  /** Resolves when the records are written; the job is added, and the submissions are answered, after that. */
  private async write(job: string, group: readonly Waiting[]): Promise<void> {
    const kept: { waiting: Waiting; submitted: Submitted & { kind: 'new' } }[] = [];
    await Promise.all(
      group.map(async (waiting) => {
        try {
          const submitted = await this.options.ledger.submit({ ...waiting.submission, job });
          if (submitted.kind === 'new') kept.push({ waiting, submitted });
          else waiting.resolve(submitted);
        } catch (error) {
          waiting.reject(error);
        }
      }),
    );
    void this.add(
      job,
      kept.flatMap(({ submitted }) => submitted.outbox),
    ).then(() => kept.forEach(({ waiting, submitted }) => waiting.resolve(submitted)));
  }

  /** What cannot be added now is in the outbox, which every gateway drains. */
  private async add(job: string, members: readonly string[]): Promise<void> {
    await this.options.outbox.dispatchShared(job, members).catch((error: unknown) => {
      this.options.log.warn({ reason: String(error) }, 'a job is left to the outbox');
    });
  }
}

/** Groups of one version, each no larger than a job may be, under the job's id. */
function byJob(all: readonly Waiting[]): Map<string, Waiting[]> {
  const jobs = new Map<string, Waiting[]>();
  const open = new Map<string, Waiting[]>();
  for (const waiting of all) {
    const { model, version } = waiting.submission.head;
    const key = `${model} ${version}`;
    const most = Math.min(MAX_JOB_PREDICTIONS, waiting.maxBatchSize);
    let group = open.get(key);
    if (!group || group.length >= most) {
      group = [];
      open.set(key, group);
      jobs.set(newId('k'), group);
    }
    group.push(waiting);
  }
  return jobs;
}
