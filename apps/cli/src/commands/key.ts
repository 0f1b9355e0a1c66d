/** `sluice key <owner> [--scope …]`: a new API key, shown once, and its line for the file that gateways read. */
import { parseArgs } from 'node:util';
import { isOwner, keyLine, newApiKey, parseScopes, SCOPES } from '#inference';
import { UsageError, type Command } from '../command.js';

export const keyCommand: Command = {
  usage: '<owner> [--scope predict,admin,worker]',
  help: [
    'Makes an API key for an owner and prints it, once, with its line for the file that SLUICE_API_KEYS names.',
    'Nothing is stored: the line holds a digest, and the key itself is nowhere but on your screen.',
    '  --scope <list>  what it is good for, by comma: predict (without this option), admin (models), worker (packages)',
  ].join('\n'),

  run(args) {
    const { positionals, values } = parseArgs({ args, allowPositionals: true, options: { scope: { type: 'string' } } });
    const [owner, ...rest] = positionals;
    if (owner === undefined || rest.length > 0) throw new UsageError('One owner was expected.');
    if (!isOwner(owner)) {
      throw new UsageError(
        `"${owner}" is no owner's name: a-z, 0-9, _ and -, at most 32, a letter or digit first, was expected.`,
      );
    }
    const scopes = values.scope === undefined ? [] : parseScopes(values.scope);
    if (!scopes) throw new UsageError(`"${values.scope}" is no scope: some of ${SCOPES.join(',')} were expected.`);
    const key = newApiKey();
    process.stdout.write(
      [
        `Key of ${owner}, shown this once; callers send it as "Authorization: Bearer <key>":`,
        '',
        `  ${key}`,
        '',
        'Line for the file that SLUICE_API_KEYS names; gateways read it again when it changes:',
        '',
        `  ${keyLine(owner, key, scopes)}`,
        '',
      ].join('\n'),
    );
    return Promise.resolve(0);
  },
};
