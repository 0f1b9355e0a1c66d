/** What a command is to main.ts: its lines of help, and what it does with the arguments after its name. */
export interface Command {
  /** After `sluice <name>`. */
  usage: string;
  /** A line or some, without their indent. */
  help: string;
  /** Settles with the exit code. @throws Error whose message is for the person at the terminal. */
  run(args: string[]): Promise<number>;
}

/** Arguments that a command cannot make sense of: its usage follows the message, and the exit code is 2. */
export class UsageError extends Error {}
