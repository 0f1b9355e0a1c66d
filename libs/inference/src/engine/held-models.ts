/**
 * The models that an executor holds, and who uses them at the moment.
 *
 * Invariants: a model that is taken away serves no new batch, and is released only when the last batch that had it is
 * over; a name has one model at a time.
 */
import type { Model, Runner } from './model.js';

interface Held {
  model: Model;
  runner: Pick<Runner, 'release'>;
  users: number;
  /** Set once it has been taken away. */
  unused?: () => void;
}

export class HeldModels {
  private readonly byKey = new Map<string, Held>();
  private readonly byModel = new Map<Model, Held>();

  /** In place of the one that has had this name, which is released. */
  async put(key: string, model: Model, runner: Pick<Runner, 'release'>): Promise<void> {
    const former = this.remove(key);
    const held = { model, runner, users: 0 };
    this.byKey.set(key, held);
    this.byModel.set(model, held);
    await former;
  }

  /** For one batch; to be followed by `done`. */
  use(key: string): Model | undefined {
    const held = this.byKey.get(key);
    if (held) held.users++;
    return held?.model;
  }

  done(model: Model): void {
    const held = this.byModel.get(model);
    if (held && --held.users === 0) held.unused?.();
  }

  /** Resolves when it is released, at once where there is none. */
  async remove(key: string): Promise<void> {
    const held = this.byKey.get(key);
    if (!held) return;
    this.byKey.delete(key);
    if (held.users > 0) await new Promise<void>((resolve) => (held.unused = resolve));
    this.byModel.delete(held.model);
    await held.runner.release(held.model.session);
  }
}
