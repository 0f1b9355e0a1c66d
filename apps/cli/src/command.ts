/** What a command is to main.ts: its lines of help, and what it does with the arguments after its name. */
export interface Command {
  /** After `sluice <name>`. */
  usage: string;
  /** A line or some, without their indent. */
  help: string;
  /** Settles with the exit code. @throws Error whose message is for the person at the terminal. */
  run(args: string[]): Promise<number>;
  /** Goes on when whoever read its output has left. */
  outlivesOutput?: true;
}

/** Exit codes of every command; docs/cli.md has them. Code 3 is `sluice batch run`'s own. */
export const EXIT = {
  done: 0,
  /** It was tried, and answered: no. */
  failed: 1,
  usage: 2,
  /** Nobody answered, or only that it is not possible now: the same command may work later. */
  notNow: 4,
  /** As shells tell it of SIGINT. */
  stopped: 130,
  /** As shells tell it of SIGPIPE. */
  outputGone: 141,
} as const;

/** Arguments that a command cannot make sense of: its usage follows the message, and the exit code is 2. */
export class UsageError extends Error {}

/** A failure with an exit code of its own; any other error is EXIT.failed. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}
