#!/usr/bin/env node
/** The command line: which command is meant, and what becomes of its failure. What a command does is in its own file. */
import { SluiceError } from '../../../libs/inference/src/errors.js';
import { CommandError, EXIT, UsageError } from './command.js';
import { COMMANDS } from './commands.js';
import { tell } from './terminal.js';

const DETAILS = 'sluice <command> --help says more of a command.\n';

async function main(args: string[]): Promise<number> {
  const wantsHelp = args.some((word) => word === '--help' || word === '-h');
  const name = [args.slice(0, 2).join(' '), args[0] ?? ''].find((words) => Object.hasOwn(COMMANDS, words));
  if (name === undefined || wantsHelp) {
    if (!wantsHelp && args.length > 0) tell(`${unknown(args)}\n`);
    (wantsHelp ? process.stdout : process.stderr).write(await usage(name ?? args[0]));
    return wantsHelp ? EXIT.done : EXIT.usage;
  }
  const command = await COMMANDS[name]!();
  if (!command.outlivesOutput) endWithOutput();
  try {
    return await command.run(args.slice(name.split(' ').length));
  } catch (error) {
    if (!isUsageError(error)) throw error;
    process.stderr.write(`${error.message}\n\n${await usage(name)}`);
    return EXIT.usage;
  }
}

function unknown([first, ...rest]: string[]): string {
  const isBegun = Object.keys(COMMANDS).some((name) => name.startsWith(`${first} `));
  if (isBegun && rest.length === 0) return `"${first}" is the first word of several commands.`;
  return `There is no command "${[first, ...rest].slice(0, 2).join(' ')}".`;
}

/** Of one command in full; of those that begin with a word, or of all, in a line each. */
async function usage(wanted: string | undefined): Promise<string> {
  const names = Object.keys(COMMANDS);
  const one = names.filter((name) => name === wanted);
  const some = names.filter((name) => name.startsWith(`${wanted} `));
  const isBrief = one.length === 0;
  const shown = isBrief ? (some.length > 0 ? some : names) : one;
  const blocks = await Promise.all(shown.map((name) => block(name, isBrief)));
  return `Usage:\n\n${blocks.join('\n')}${isBrief ? `\n${DETAILS}` : ''}`;
}

async function block(name: string, isBrief: boolean): Promise<string> {
  const { usage, help } = await COMMANDS[name]!();
  const lines = help.split('\n').slice(0, isBrief ? 1 : undefined);
  return `  ${`sluice ${name} ${usage}`.trimEnd()}\n${lines.map((line) => `    ${line}\n`).join('')}`;
}

/** Also what Node's parser of arguments throws. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS_');
}

/** Whoever reads it has seen enough, as `head` has: no stack for that. */
function endWithOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.outputGone);
  });
}

function messageOf(error: unknown): string {
  if (error instanceof SluiceError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  tell(messageOf(error));
  process.exitCode = error instanceof CommandError ? error.exitCode : EXIT.failed;
}
