/** `sluice model unload`: has workers drop a version. */
import type { Command } from '../command.js';
import { answer, GATEWAY_HELP, modelClient, versionWords } from '../model/model-command.js';

export const modelUnloadCommand: Command = {
  usage: '<model> <version> [--force] [--json]',
  help: [
    'Has workers drop a version from memory: it takes no new requests, and those that were accepted are answered first.',
    'Refused while a default, alias, split or shadow names it; --force takes those away as well.',
    GATEWAY_HELP,
  ].join('\n'),

  async run(args) {
    const { of, json, force } = versionWords(args);
    return answer(json, await modelClient().unload(of, force), `${of.name}:${of.version} is to be unloaded.`);
  },
};
