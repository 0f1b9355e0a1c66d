/**
 * A place in the cluster: a program that is started again there after each kill.
 *
 * Invariant: only a kill of ours ends it; an end of any other kind is told, and the place is filled again.
 */
import type { Child } from '../bench/processes/children.js';

export interface PlaceOptions {
  name: string;
  start: () => Child;
  /** It ended although nobody had killed it. */
  onUnasked: (reason: string) => void;
}

export class Place {
  readonly name: string;
  private child: Child | undefined;
  private isClosed = false;

  constructor(private readonly options: PlaceOptions) {
    this.name = options.name;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Nothing where it is up already. */
  up(): void {
    if (this.child || this.isClosed) return;
    const child = this.options.start();
    this.child = child;
    void child.exited.then(() => {
      if (this.child !== child) return;
      this.child = undefined;
      this.options.onUnasked(child.failure().message);
      this.up();
    });
  }

  /** SIGKILL; settles when it is gone. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    child?.kill();
    await child?.exited;
  }

  /** In order, and for good. */
  async close(): Promise<void> {
    this.isClosed = true;
    const { child } = this;
    this.child = undefined;
    await child?.stop();
  }
}
