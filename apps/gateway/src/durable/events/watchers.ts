/**
 * Callers of this gateway that wait for a durable prediction to move: told by the notices of the reply stream.
 *
 * Invariants: whoever watches is registered before the record could move (a submission) or reads the record after (all
 * others), so that no end is missed; every watch is ended by its owner.
 */
import { isTerminal, type Notice } from '#inference';

type Listener = (notice: Notice) => void;

export class Watchers {
  private readonly listeners = new Map<string, Set<Listener>>();

  /** To be called with every notice that comes. */
  readonly told = (notice: Notice): void => {
    for (const listener of [...(this.listeners.get(notice.id) ?? [])]) listener(notice);
  };

  /** Calls back at every transition, until the returned function is called. */
  watch(id: string, listener: Listener): () => void {
    const same = this.listeners.get(id);
    if (same) same.add(listener);
    else this.listeners.set(id, new Set([listener]));
    return () => {
      const set = this.listeners.get(id);
      set?.delete(listener);
      if (set?.size === 0) this.listeners.delete(id);
    };
  }

  /** Resolves when it has ended, when `ms` are over, or when the caller has gone; never rejects. */
  end(id: string, ms: number, gone: { onGone(listener: () => void): void }): { over: Promise<void>; stop(): void } {
    let stop: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      const unwatch = this.watch(id, ({ status }) => {
        if (isTerminal(status)) stop();
      });
      const timer = setTimeout(() => stop(), ms);
      stop = () => {
        clearTimeout(timer);
        unwatch();
        resolve();
      };
      gone.onGone(stop);
    });
    return { over, stop };
  }
}
