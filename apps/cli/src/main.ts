#!/usr/bin/env node
/** The command line: which commands there are, and which one is meant. What a command does is in its own file. */
import { UsageError, type Command } from './command.js';
import { batchRunCommand } from './commands/batch-run.js';
import { keyCommand } from './commands/key.js';
import { serveCommand } from './commands/serve.js';
import { webhookListenCommand } from './commands/webhook-listen.js';

/** By name, of one word or two. */
const COMMANDS: Record<string, Command> = {
  serve: serveCommand,
  key: keyCommand,
  'webhook listen': webhookListenCommand,
  'batch run': batchRunCommand,
};

async function main(args: string[]): Promise<number> {
  const wantsHelp = args.some((word) => word === '--help' || word === '-h');
  const name = [args.slice(0, 2).join(' '), args[0] ?? ''].find((words) => Object.hasOwn(COMMANDS, words));
  if (name === undefined || wantsHelp) {
    (wantsHelp ? process.stdout : process.stderr).write(usage(name));
    return wantsHelp ? 0 : 2;
  }
  try {
    return await COMMANDS[name]!.run(args.slice(name.split(' ').length));
  } catch (error) {
    if (!isUsageError(error)) throw error;
    process.stderr.write(`${error.message}\n\n${usage(name)}`);
    return 2;
  }
}

/** Of one command, or of all. */
function usage(wanted: string | undefined): string {
  const shown = Object.entries(COMMANDS).filter(([name]) => wanted === undefined || name === wanted);
  const blocks = shown.map(([name, { usage, help }]) => {
    const lines = help.split('\n').map((line) => `    ${line}\n`);
    return `  ${`sluice ${name} ${usage}`.trimEnd()}\n${lines.join('')}`;
  });
  return `Usage:\n\n${blocks.join('\n')}`;
}

/** Also what Node's parser of arguments throws. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS_');
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
