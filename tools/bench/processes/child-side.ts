/** What a program started by `Children` has in common with the others: its settings, its words to the parent, its end. */

/** The one argument of this process. Both ends are the same build, hence no schema. */
export function childSettings(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

export function tellParent(message: object): void {
  process.send?.(message);
}

/** A program that serves until it is told to stop, or until nobody is left to tell it. */
export function endWithParent(): void {
  process.on('disconnect', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(0));
  // A terminal's Ctrl-C reaches all; the parent decides who ends when.
  process.on('SIGINT', () => undefined);
}
