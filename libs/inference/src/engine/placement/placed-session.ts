/**
 * A session of which it is known where its nodes lie. With the CPU alone it is a plain session at no further cost.
 *
 * Else onnxruntime is first asked for a session without any node on the CPU, then for one with; in either case its
 * first runs are profiled until `place`, after which the same session goes on without. Two checks, as each is blind
 * where the other sees: the first looks at the main graph only, the profile at what a trial run executed.
 *
 * Invariant: no profile is left running or lying about after `place` or `release`.
 */
import type { ExecutorSettings } from '../../contract/executor-messages.js';
import type { Placement } from '../../contract/placement.js';
import { openSession, type Session } from '../session.js';
import { placementOf, refusalOf } from './placement.js';
import { TrialProfile } from './trial-profile.js';

interface Watch {
  profile: TrialProfile;
  cpuFree: boolean;
}

export class PlacedSession {
  private constructor(
    readonly session: Session,
    private readonly settings: ExecutorSettings,
    private watch?: Watch,
  ) {}

  /** @throws Error with a message for the operator. */
  static async open(path: string, settings: ExecutorSettings): Promise<PlacedSession> {
    if (settings.providers.every((provider) => provider === 'cpu')) {
      return new PlacedSession(await openSession(path, settings), settings);
    }
    // What else may be wrong with the model shows again when it is opened the second time.
    return PlacedSession.openWatched(path, settings, true).catch(() =>
      PlacedSession.openWatched(path, settings, false),
    );
  }

  /** Whether its runs are profiled until `place`. */
  get watched(): boolean {
    return this.watch !== undefined;
  }

  /**
   * Ends the profile and says where the nodes lie. `tried`: a whole run has succeeded since it was opened.
   * @throws Error with what to do when nodes lie on the CPU that must not.
   */
  async place(tried: boolean): Promise<Placement> {
    const placement = await this.placement(tried);
    const refusal = this.settings.cpuFallback ? undefined : refusalOf(placement, this.settings.providers);
    if (refusal !== undefined) throw new Error(refusal);
    return placement;
  }

  async release(): Promise<void> {
    await this.session.release();
    await this.watch?.profile.remove();
  }

  private static async openWatched(path: string, settings: ExecutorSettings, cpuFree: boolean): Promise<PlacedSession> {
    const profile = await TrialProfile.create();
    try {
      const session = await openSession(path, settings, { profilePrefix: profile.prefix, cpuFree });
      return new PlacedSession(session, settings, { profile, cpuFree });
    } catch (error) {
      await profile.remove();
      throw error;
    }
  }

  private async placement(tried: boolean): Promise<Placement> {
    if (!this.watch) return { kind: 'cpu' };
    const { profile, cpuFree } = this.watch;
    this.watch = undefined;
    try {
      this.session.endProfile();
      return tried ? placementOf(await profile.read()) : { kind: 'uncounted', cpuFree };
    } finally {
      await profile.remove();
    }
  }
}
