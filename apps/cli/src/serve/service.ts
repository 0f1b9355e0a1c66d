/** What `serve` keeps running: something that can be started again and again, and one run of it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Where it never came to a run. */
  reason?: string;
}

export interface Running {
  readonly exited: Promise<Exit>;
  /** Orderly and bounded; settles when the process is gone. */
  stop(): Promise<void>;
  /** At once. */
  kill(): void;
}

export interface Service {
  readonly name: string;
  /** Rejects where it cannot be started, having left nothing behind; aborting the signal ends a start under way. */
  start(signal: AbortSignal): Promise<Running>;
}

export function describeExit({ code, signal, reason }: Exit): string {
  return reason ?? (signal === null ? `exit code ${code}` : `signal ${signal}`);
}
