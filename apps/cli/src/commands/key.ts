/** `sluice key <owner>`: a new API key, shown once, and its line for the file that gateways read. */
import { parseArgs } from 'node:util';
import { isOwner, keyLine, newApiKey } from '#inference';
import { UsageError, type Command } from '../command.js';

export const keyCommand: Command = {
  usage: '<owner>',
  help: [
    'Makes an API key for an owner and prints it, once, with its line for the file that SLUICE_API_KEYS names.',
    'Nothing is stored: the line holds a digest, and the key itself is nowhere but on your screen.',
  ].join('\n'),

  run(args) {
    const { positionals } = parseArgs({ args, allowPositionals: true, options: {} });
    const [owner, ...rest] = positionals;
    if (owner === undefined || rest.length > 0) throw new UsageError('One owner was expected.');
    if (!isOwner(owner)) {
      throw new UsageError(
        `"${owner}" is no owner's name: a-z, 0-9, _ and -, at most 32, a letter or digit first, was expected.`,
      );
    }
    const key = newApiKey();
    process.stdout.write(
      [
        `Key of ${owner}, shown this once; callers send it as "Authorization: Bearer <key>":`,
        '',
        `  ${key}`,
        '',
        'Line for the file that SLUICE_API_KEYS names; gateways read it again when it changes:',
        '',
        `  ${keyLine(owner, key)}`,
        '',
      ].join('\n'),
    );
    return Promise.resolve(0);
  },
};
